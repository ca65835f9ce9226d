"""Rules of decisions, fitted to what was seen: no text is written, no model is asked.

Where a program decides by probabilities, what each row would score by another choice is
found by running it with that choice. The log-probabilities are those of the first run,
and a request that was made is never paid for twice: so only what lies behind a decision
in the program costs anything, and only for choices that were not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...modules.deciding.rule import numbers_of
from ...pipeline.data.rows import Example
from ...pipeline.ground.options import Count, settings
from ...pipeline.ground.words import counted
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.decision import Decision, decisions_in
from ...pipeline.measure.row_result import RowResult
from ..propose.proposer import Parents, Proposer
from ..search.candidate import Candidate
from ..search.task import Task
from ..statistics.cases import Case, Output
from ..statistics.fitting import Fitted, fitted, temperature_of
from .places import NONE, Place, nodes_at, places


@settings
class FitRules(Proposer):
    """Thresholds, cut points, class weights and temperatures of every `Classify`.

    They are fitted one output after the other, on select rows, to the score of the
    whole program; a temperature to the log loss of labels.

    Args:
        alternatives: How many of a row's most probable choices are tried, beside its
            label.
    """

    alternatives: Count = 4

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """The most promising parent with fitted rules; none where nothing is gained."""
        del n
        now, rows = parents[0], task.rows
        if next(_fittings(task, now), None) is None:
            task.fits.unfound = _why_none(task, now)
            return []
        start = await task.observe(now, rows, "evaluate")
        gains = dict.fromkeys((row.digest for row in rows), 0.0)
        told: list[str] = []
        for one in _fittings(task, now):
            seen = await task.observe(now, rows, "evaluate")
            known = _known(one.place, rows, seen)
            if not known:
                continue
            await self._try(task, one, now, known)
            cases = [one.case(task, now, row, made) for row, made in known]
            found = _fitted(one.output, cases)
            if found.rule == one.output.rule:
                continue
            for (row, _), gain in zip(known, found.gains, strict=bool(found.gains)):
                gains[row.digest] += gain
            now = now.but(one.having(task, now, found.rule.data()), "")
            where = f"{one.place.path} decides {one.place.name}"
            told.append(f"{where} by {_words(found)}")
        if not told:
            task.fits.unfound = _why_none(task, now)
            return []
        made = parents[0].but(
            {k: v for k, v in now.values.items() if v != parents[0].values.get(k)},
            "; ".join(told),
        )
        if any(gains.values()):
            for row, was in zip(rows, start, strict=True):
                if was.score is not None:
                    held = was.score.value + gains[row.digest]
                    task.fits.held[made.id, row.digest] = held
        return [made]

    async def _try(
        self,
        task: Task,
        one: _Fitting,
        now: Candidate,
        known: Sequence[tuple[Example, Decision]],
    ) -> None:
        """Run each row with each of its most probable choices that it did not take."""
        cells = [
            (one.always(task, now, choice), row)
            for row, decision in known
            for choice in self._worth_trying(one, row, decision)
            if choice != decision.choice
        ]
        await task.observe_cells(cells, "evaluate")

    def _worth_trying(
        self, fitting: _Fitting, row: Example, decision: Decision
    ) -> list[str]:
        """The most probable choices, the labelled one, and what is given else."""
        made = decision.probabilities
        ranked = sorted(made, key=lambda choice: -made[choice])[: self.alternatives]
        own = fitting.place
        for one in (own.label(row), own.rule.otherwise):
            if one is not None and one in made and one not in ranked:
                ranked.append(one)
        return ranked


@dataclass(frozen=True)
class _Fitting:
    """An output whose rule is fitted.

    Args:
        place: Where it is decided.
    """

    place: Place

    @cached_property
    def output(self) -> Output:
        """What is decided, and by which rule."""
        held = self.place.choices
        return Output((*held,), self.place.rule, numbers_of(held))

    def having(
        self, task: Task, now: Candidate, rule: Mapping[str, JSON]
    ) -> dict[str, Any]:
        """The parameter that holds the module's rules, with another one for this."""
        return self.place.having(task, now, "rule", rule)

    def always(self, task: Task, now: Candidate, choice: str) -> Candidate:
        """The candidate that takes a choice whatever is asked; for its cells alone."""
        weights = {name: float(name == choice) for name in self.output.choices}
        own = self.output.rule
        rule = own.having(weights=weights, cut=None, take="mode", cuts=None)
        values = self.having(task, now, rule.data())
        return now.but(values, f"{self.place.path} always says {choice}")

    def case(
        self, task: Task, now: Candidate, row: Example, decision: Decision
    ) -> Case:
        """A row with what each choice that was tried scores."""
        scores: dict[str, float] = {}
        for choice in self.output.choices:
            taken = choice == decision.choice
            who = now if taken else self.always(task, now, choice)
            result = task.result(who, row)
            if result is not None and result.score is not None:
                scores[choice] = result.score.value
        return Case(decision, scores, self.place.label(row))


def _fittings(task: Task, now: Candidate) -> Iterator[_Fitting]:
    """Every output whose rule may be fitted, in the order of the program."""
    yield from map(_Fitting, places(task, now, "rule"))


def _why_none(task: Task, now: Candidate) -> str:
    """Why no rule was found, in words."""
    if not task.program.deciders:
        return NONE
    if not [*_fittings(task, now)]:
        return "no rule may be fitted: each is kept, or has an unsure_below of its own"
    return (
        "no rule of a decision gained more than its standard error on "
        f"{counted(len(task.rows), 'row')}, held out in turn"
    )


def _known(
    place: Place, rows: Sequence[Example], seen: Sequence[RowResult]
) -> list[tuple[Example, Decision]]:
    """Rows with their decision; none at all where a row decides several times."""
    found: list[tuple[Example, Decision]] = []
    for row, node in nodes_at(place.path, rows, seen):
        made = decisions_in(node.facts)
        found += [(row, made[place.name])] if place.name in made else []
    return found


def _fitted(output: Output, cases: Sequence[Case]) -> Fitted:
    """The temperature of the labels, then what is taken of the probabilities."""
    found = Fitted(output.rule)
    prompts = {case.decision.prompt for case in cases}
    own, prompt = output.rule, next(iter(prompts))
    if own.prior_of in ("", prompt) and len(prompts) == 1:
        made = temperature_of(output, cases)
        if made != own.temperature:
            of = prompt if own.prior is None else own.prior_of
            found = Fitted(own.having(temperature=made, prior_of=of))
    warm = Output(output.choices, found.rule, output.numbers)
    taken = fitted(warm, cases)
    return found if taken.rule == warm.rule else taken


def _words(found: Fitted) -> str:
    """The numbers of a rule, and what they gain on rows held out."""
    data = {
        k: v for k, v in found.rule.data().items() if k not in ("prior", "prior_of")
    }
    said = ", ".join(f"{name} {value}" for name, value in data.items())
    gain = f" ({100 * found.gain:+.1f} points on rows held out)" if found.gains else ""
    return f"{said}{gain}"
