"""Rules of decisions, fitted to what was seen: no text is written, no model is asked.

Where a program decides by probabilities, what each row would score by another choice is
found by running it with that choice. The log-probabilities are those of the first run,
and a request that was made is never paid for twice: so only what lies behind a decision
in the program costs anything, and only for choices that were not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...modules.deciding.classify import Classify
from ...modules.deciding.rule import numbers_of
from ...pipeline.data.rows import Example
from ...pipeline.ground.options import Count, settings
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.decision import Decision, decisions_in
from ...pipeline.measure.decisions.answers import wanted_of
from ...pipeline.measure.row_result import RowResult
from ...pipeline.run.scoring.choices import choices_in
from ...pipeline.signature.field import FieldSpec
from ..search.candidate import Candidate
from ..search.task import Task
from ..statistics.cases import Case, Output
from ..statistics.fitting import Fitted, fitted, temperature_of
from .proposer import Parents, Proposer


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
        if next(_places(task, now), None) is None:
            task.fits.unfound = _why_none(task, now)
            return []
        start = await task.observe(now, rows, "evaluate")
        gains = dict.fromkeys((row.digest for row in rows), 0.0)
        told: list[str] = []
        for place in _places(task, now):
            seen = await task.observe(now, rows, "evaluate")
            known = _known(place, rows, seen)
            if not known:
                continue
            await self._try(task, place, now, known)
            cases = [place.case(task, now, row, made) for row, made in known]
            found = _fitted(place.output, cases)
            if found.rule == place.output.rule:
                continue
            for (row, _), gain in zip(known, found.gains, strict=bool(found.gains)):
                gains[row.digest] += gain
            values = {place.key: place.having(task, now, found.rule.data())}
            now = now.but(values, "")
            told.append(f"{place.path} decides {place.name} by {_words(found)}")
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
        place: _Place,
        now: Candidate,
        known: Sequence[tuple[Example, Decision]],
    ) -> None:
        """Run each row with each of its most probable choices that it did not take."""
        cells = [
            (place.always(task, now, choice), row)
            for row, decision in known
            for choice in self._worth_trying(place, row, decision)
            if choice != decision.choice
        ]
        await task.observe_cells(cells, "evaluate")

    def _worth_trying(
        self, place: _Place, row: Example, decision: Decision
    ) -> list[str]:
        """The most probable choices, the labelled one, and what is given else."""
        made = decision.probabilities
        ranked = sorted(made, key=lambda choice: -made[choice])[: self.alternatives]
        for one in (place.label(row), place.output.rule.otherwise):
            if one is not None and one in made and one not in ranked:
                ranked.append(one)
        return ranked


@dataclass(frozen=True)
class _Place:
    """An output of a `Classify` in a program.

    Args:
        path: The module's.
        name: The output's.
        output: What is decided, and by which rule.
        field: The type of the output, which reads labels.
    """

    path: str
    name: str
    output: Output
    field: FieldSpec

    @property
    def key(self) -> str:
        """The parameter that holds the rule."""
        return f"{self.path}/rule"

    def having(
        self, task: Task, now: Candidate, rule: Mapping[str, JSON]
    ) -> dict[str, Any]:
        """The module's rules, with another one for this output."""
        held: Mapping[str, Any] = now.apply(task.program).parameters[self.key]
        return {**held, self.name: dict(rule)}

    def always(self, task: Task, now: Candidate, choice: str) -> Candidate:
        """The candidate that takes a choice whatever is asked; for its cells alone."""
        weights = {name: float(name == choice) for name in self.output.choices}
        own = self.output.rule
        rule = own.having(weights=weights, cut=None, take="mode", cuts=None)
        values = {self.key: self.having(task, now, rule.data())}
        return now.but(values, f"{self.path} always says {choice}")

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
        return Case(decision, scores, self.label(row))

    def label(self, row: Example) -> str | None:
        """The choice that a row is labelled with, or None where nobody knows."""
        if self.name not in row.labels:
            return None
        wanted = wanted_of(self.field, row.labels[self.name])
        return wanted if wanted in self.output.choices else None


def _places(task: Task, now: Candidate) -> Iterator[_Place]:
    """Every output whose rule may be fitted, in the order of the program.

    A threshold below which decisions are unsure is of the rule that it was found for,
    and that one stays.
    """
    program = now.apply(task.program)
    for path, module in program.deciders.items():
        if not isinstance(module, Classify) or f"{path}/rule" in task.keeping.frozen:
            continue
        asked: Any = module.uses.running["module"]
        for name, values in choices_in(asked, "a decision").items():
            rule = module.rules[name]
            if rule.unsure_below is not None:
                continue
            output = Output((*values,), rule, numbers_of(values))
            yield _Place(path, name, output, module.spec.outputs[name])


def _why_none(task: Task, now: Candidate) -> str:
    """Why no rule was found, in words."""
    if not task.program.deciders:
        return (
            "no module decides by probabilities, but for those of steps: write "
            "weft.Classify(module) and call it in the program"
        )
    if not [*_places(task, now)]:
        return "no rule may be fitted: each is kept, or has an unsure_below of its own"
    return (
        "no rule of a decision gained more than its standard error on "
        f"{len(task.rows)} rows, held out in turn"
    )


def _known(
    place: _Place, rows: Sequence[Example], seen: Sequence[RowResult]
) -> list[tuple[Example, Decision]]:
    """Rows with their decision; none at all where a row decides several times.

    What such a row scores hangs on all of its decisions together.
    """
    found: list[tuple[Example, Decision]] = []
    for row, result in zip(rows, seen, strict=True):
        nodes = [node for node in result.trace.nodes if node.path == place.path]
        made = [decisions_in(node.facts) for node in nodes]
        decided = [one[place.name] for one in made if place.name in one]
        if len(decided) > 1:
            return []
        found += [(row, decision) for decision in decided]
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
