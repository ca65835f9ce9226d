"""Labelling rows that have no labels: what patterns are sure of becomes their demos."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from ...pipeline import seam
from ...pipeline.errors import ConfigError
from ...pipeline.ground.frozen import unchanging
from ...pipeline.ground.options import checked
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.decision import Decision
from ...pipeline.parameters import Demo
from ...pipeline.run.bridge import waits_for
from ...pipeline.run.rows import map_rows
from ...pipeline.run.scoring.choices import choices_in
from ...pipeline.trace import Run
from .calibrate import acalibrate
from .classify import Classify
from .labelled import Rows, rows_of
from .pattern_vote import PatternVote

T = TypeVar("T", bound="Classify[..., Any] | PatternVote[..., Any]")
_MOST_GROWN: Final = 30.0
_NEAR: Final = 1e-9


@unchanging
@dataclass(frozen=True, slots=True)
class Generation:
    """One round of labelling.

    Args:
        number: 1 for the first.
        asked: How many rows were asked: those without a label yet.
        above: How many of them were decided as surely as was wanted, by choice.
        added: How many of these became demos: as many of each choice.
    """

    number: int
    asked: int
    above: Mapping[str, int]
    added: int


@dataclass(frozen=True)
class SelfLabelled(Generic[T]):
    """What came of labelling rows without labels.

    Args:
        program: What decides, with the labelled rows as demos.
        rows: The rows that got a label, with it, in the order in which they got it.
        confidence: How probable each label was, in their order.
        generations: The rounds.
    """

    program: T
    rows: tuple[Mapping[str, Any], ...]
    confidence: tuple[float, ...]
    generations: tuple[Generation, ...]


async def alabel_unlabelled(
    target: T,
    rows: Rows,
    *,
    threshold: float = 0.9,
    generations: int = 3,
    per_label: int = 2,
    growth: float = 2.0,
    concurrency: int = 8,
) -> SelfLabelled[T]:
    """As `label_unlabelled`, without blocking the event loop."""
    _check(target, threshold, generations, per_label, growth)
    first = _patterns(target)[0]
    output, spec = first.output(), target.spec
    choices = choices_in(first.part, "label_unlabelled")[output]
    known = [
        {n: row[n] for n in spec.inputs if n in row}
        for row in rows_of(rows, "label_unlabelled")
    ]
    given = [spec.dump_inputs(target.bind((), row)) for row in known]
    program, told = target, list[Generation]()
    labels: dict[int, tuple[str, float]] = {}

    for number in range(1, generations + 1):
        rest = [at for at in range(len(known)) if at not in labels]
        if not rest:
            break
        # A bound keeps a large growth from overflowing.
        grown = min(math.log(growth) * (number - 1), _MOST_GROWN)
        wanted = int(per_label * math.exp(grown) + _NEAR) - len(labels) // len(choices)
        if wanted < 1:
            continue  # a small growth makes no room for another demo yet
        asked = [known[at] for at in rest]
        decided = await _decided(program, output, asked, concurrency)
        sure = _sure(dict(zip(rest, decided, strict=True)), choices, threshold)
        each = min(wanted, *map(len, sure.values()))
        # By rank: the surest of every label, then the next.
        new = [sure[name][rank] for rank in range(each) for name in choices]
        labels |= {at: (one.choice, one.probabilities[one.choice]) for at, one in new}
        above = {name: len(some) for name, some in sure.items()}
        told.append(Generation(number, len(rest), above, len(new)))
        if not new:
            break
        demos = [
            _demo(given[at], output, choices[label])
            for at, (label, _) in labels.items()
        ]
        program = await _showing(target, demos, known, concurrency)
    made = [{**known[at], output: choices[label]} for at, (label, _) in labels.items()]
    return SelfLabelled(
        program, (*made,), tuple(p for _, p in labels.values()), (*told,)
    )


@checked
@waits_for(alabel_unlabelled)
def label_unlabelled() -> None:
    """Label rows that have no labels, in generations, and show the surest as demos.

    iPET (Schick & Schuetze 2021, EACL, arXiv 2001.07676, section 3.4). In each
    generation the rows without a label are decided. Of those whose choice is at least
    as probable as `threshold`, and not `unsure`, the surest become demos of every
    pattern, as many of each choice, so that the next generation is asked with more. It
    ends early where some choice has no sure row left. No label is read.

    The paper trains a model for each pattern and generation, and at the end a
    classifier on soft labels; here nothing is trained, and the vote labels for all. A
    prior is estimated anew, over the rows given, wherever there was one. What a model
    is sure of may be wrong, and demos repeat it: rows with labels say whether it helps.

    Args:
        target: A `PatternVote`, or a `Classify` of one output.
        rows: Inputs by name; other fields of a row are not looked at.
        threshold: The least probability of a choice; above 0, at most 1.
        generations: How many rounds at most.
        per_label: How many demos of each choice the first round may add.
        growth: How many times as many there may be after each further one; a round
            that may add none asks nothing.
        concurrency: How many rows are asked at once.

    Returns:
        The program with its demos, the rows that got labels, and what each round did.

    Raises:
        ConfigError: It decides nothing, a number is out of its range, or there are no
            rows.
        CallError: A row lacks an input.
        ModelError: A call failed, or does not fit the budget (`BudgetExceeded`).

    >>> import weft
    >>> def said(request: weft.Request) -> weft.Response:
    ...     true = -0.01 if "sun" in request.messages[-1].text else -5.0
    ...     top = (("true", true), ("false", -0.01 - 5.0 - true))
    ...     return weft.Response("true", logprobs=(weft.TokenLogprob(*top[0], top),))
    >>> glad = weft.Classify(weft.Predict("text -> glad: bool"))
    >>> rows = [{"text": f"{what} {n}"} for n in range(4) for what in ("sun", "rain")]
    >>> with weft.use(lm=weft.FunctionLM(said), cache=None):
    ...     made = weft.label_unlabelled(glad, rows, generations=2, per_label=1)
    >>> [(row["text"], row["glad"]) for row in made.rows][:2]
    [('sun 0', True), ('rain 0', False)]
    >>> [one.added for one in made.generations]
    [2, 2]
    """
    seam.refuse_traced("rows cannot be labelled", "Label them outside of programs")


def _patterns(target: Any) -> list[Classify[..., Any]]:
    return [target] if isinstance(target, Classify) else target.patterns


async def _decided(
    program: Any, output: str, rows: Sequence[Mapping[str, Any]], concurrency: int
) -> list[Decision]:
    """How each row is decided."""

    async def one(position: int, row: Mapping[str, Any]) -> Decision:
        del position
        run: Run[Any] = await program.arun(**row)
        node = next(node for node in run.trace.nodes if node.path == program.name)
        return node.decision(output)

    return await map_rows(one, rows, concurrency=concurrency)


def _sure(
    decided: Mapping[int, Decision], choices: Mapping[str, JSON], threshold: float
) -> dict[str, list[tuple[int, Decision]]]:
    """The rows that are sure enough by choice, the surest first."""
    made: dict[str, list[tuple[int, Decision]]] = {name: [] for name in choices}
    for at, one in decided.items():
        if one.probabilities[one.choice] >= threshold and not one.unsure:
            made[one.choice].append((at, one))
    for name, some in made.items():
        some.sort(key=lambda pair: (-pair[1].probabilities[name], pair[0]))
    return made


def _demo(inputs: Mapping[str, JSON], output: str, value: JSON) -> Demo:
    return Demo({**inputs, output: value}, by="bootstrap")


async def _showing(
    target: Any,
    demos: Sequence[Demo],
    rows: Sequence[Mapping[str, Any]],
    concurrency: int,
) -> Any:
    """The target as it was, with more demos in every pattern, and new priors."""
    made: list[Classify[..., Any]] = []
    for pattern in _patterns(target):
        [(path, part)] = pattern.modules.items()
        own = part.parameters.demos
        shown = pattern.with_modules({path: part.with_(demos=[*own, *demos])})
        if pattern.prior is not None:
            shown = await acalibrate(shown, rows, concurrency=concurrency)
        made.append(shown)
    return made[0] if isinstance(target, Classify) else target.with_patterns(made)


def _check(
    target: object, threshold: object, generations: object, each: object, growth: object
) -> None:
    if not isinstance(target, Classify | PatternVote):
        raise ConfigError(
            f"rows are labelled by a weft.PatternVote, and {target!r:.200} is none",
            hint="Write weft.PatternVote([weft.Classify(one), weft.Classify(two)])",
        )
    numbers = {
        "threshold": (threshold, "a number above 0, at most 1", 0.0, 1.0),
        "growth": (growth, "a number from 1 on", 1 - 1e-9, 1e6),
        "generations": (generations, "a whole number from 1 on", 0, 1000),
        "per_label": (each, "a whole number from 1 on", 0, 10_000),
    }
    for name, (value, wanted, low, high) in numbers.items():
        kinds: Any = int if isinstance(low, int) else int | float
        good = isinstance(value, kinds) and not isinstance(value, bool)
        if not good or not low < cast(float, value) <= high:
            raise ConfigError(
                f"label_unlabelled: {name}={value!r} is out of range",
                hint=f"Give {wanted}",
            )
