"""Decisions of an evaluation as classes: what was wanted, what was given, how surely.

A class is called what its value is in JSON, a text by itself: True is "true", a member
of an enum its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from ...errors import ConfigError, DataError, did_you_mean
from ...ground import strictjson
from ...ground.plain import plain
from ...ground.shapes import is_mapping, is_sequence
from ...lm.scoring.decision import Decision, decisions_in
from ...reading.cells import is_nothing
from ...run.scoring.choices import values_in
from ...signature.field import FieldSpec
from ...signature.signature import Signature, spec_of, values_of
from ...trace import NodeRun
from ..label_types import readings
from ..row_result import RowResult
from .cuts import Rating, checked_cuts, class_at, cut_names

_MOST_CLASSES: Final = 1000


class Answer(NamedTuple):
    """One answer to one row.

    Args:
        row: The row's number; answers to one row, and to a copy of it, are one
            observation.
        wanted: The class of the label.
        given: The class that was given; None for an unusable reply, or None itself. Of
            a decision that was held back, where None is given, the one decided.
        decided: How probable each class was, where the program says so.
    """

    row: int
    wanted: str
    given: str | None
    decided: Decision | None = None


@dataclass(frozen=True)
class Answers:
    """The answers of an evaluation that can be counted.

    Args:
        output: The output field.
        of: The answers, in the order of the rows, repeat after repeat.
        classes: All classes: those of the type in its order, or those met, sorted.
        failed: Rows that could not be scored; they are left out.
        unlabelled: Rows without a label; they are left out.
        foreign: Labels that are no class of the type; every answer to them is wrong.
        ordered: Whether the classes stand in an order that means something.
    """

    output: str
    of: tuple[Answer, ...]
    classes: tuple[str, ...]
    failed: int = 0
    unlabelled: int = 0
    foreign: tuple[str, ...] = ()
    ordered: bool = True


def decided_in(nodes: Iterable[NodeRun], field: str) -> Decision | None:
    """How an output was decided, as the last node that says so.

    A decision of that name comes first; where there is none, the one output of the run
    that was decided at all.

    >>> facts = {"output": "team", "choice": "a", "probabilities": {"a": 0.75}}
    >>> facts |= {"entropy": 0.5, "margin": 0.5, "unsure": False}
    >>> node = NodeRun("ask", "module", {}, {"team": "a"}, facts=facts)
    >>> decided_in([node], "team").probabilities["a"], decided_in([], "team")
    (0.75, None)
    """
    said = [pair for node in nodes for pair in decisions_in(node.facts).items()]
    found = [one for name, one in said if name == field]
    if not found and len({name for name, _ in said}) == 1:
        found = [one for _, one in said]
    return found[-1] if found else None


def class_of(value: Any) -> str:
    """What the class of a value is called.

    >>> class_of(True), class_of("spam"), class_of(3)
    ('true', 'spam', '3')
    """
    return strictjson.as_text(plain(value, repr))


def wanted_of(spec: FieldSpec | None, label: Any) -> str:
    """The class of a label, read as the output's type reads it."""
    if spec is not None:
        label = next(readings(spec, label), label)
    return class_of(label)


def classes_of(spec: FieldSpec | None) -> tuple[str, ...]:
    """The classes that a type has, in its order; none where they are not few."""
    return () if spec is None else tuple(map(class_of, values_in(spec)))


def answers_in(
    rows: Sequence[RowResult], rating: Rating, *, typed: bool = False
) -> Answers:
    """The decisions of an evaluation.

    Of a label that is a list, the class that was given counts where it is among them,
    else the first one.

    Args:
        rows: All rows, repeat after repeat.
        rating: What is compared with what.
        typed: Whether the output's type must say what the classes are.

    Raises:
        ConfigError: No output has few values, or there is none of that name.
        DataError: No row has the label, or none could be scored.
    """
    scored = [row for row in rows if row.score is not None]
    if not scored:
        raise DataError("no row of this evaluation could be scored")
    cuts = checked_cuts(rating.cuts)
    name = rating.output if rating.output is not None else _decision(scored)
    wanted = rating.label or name
    spec = _spec(scored, name)
    if typed and not classes_of(spec):
        raise ConfigError(f"the type of {name!r} names no classes")
    made: list[Answer] = []
    numbers: dict[str, int] = {}
    unlabelled = 0
    for row in rows:
        if row.score is None:
            continue
        gold = row.example.labels.get(wanted)
        if gold is None or (spec is not None and is_nothing(spec, gold)):
            unlabelled += 1
            continue
        value = None if row.model_failed else _given(row.prediction, name)
        found = None if row.model_failed else decided_in(row.trace.nodes, name)
        given = None if value is None else named(None, value, cuts)
        if value is None and found is not None and found.unsure:
            given = found.choice  # it was decided, and held back
        several = [*gold] if is_sequence(gold) and gold else [gold]
        gold_class = _meant([named(spec, one, cuts) for one in several], given)
        number = numbers.setdefault(row.example.digest, len(numbers))
        made.append(Answer(number, gold_class, given, None if given is None else found))
    if not made:
        held = dict.fromkeys(n for row in scored for n in row.example.labels)
        raise DataError(
            f"no row has a label {wanted!r}",
            hint=did_you_mean(wanted, held) or "Write classification(..., label=...)",
        )
    met = {c for one in made for c in (one.wanted, one.given) if c is not None}
    if len(met) > _MOST_CLASSES:
        raise ConfigError(
            f"{name!r} has {len(met)} different values, and is no choice",
            hint="Name an output that is a bool, a Literal or an enum: output=...",
        )
    known = tuple(cut_names(cuts)) if cuts else classes_of(spec)
    others = sorted(met - {*known}, key=_in_order)
    failed = len(rows) - len(scored)
    foreign = tuple(others) if known else ()
    ordered = not foreign if known else all(_in_order(one)[0] == 0 for one in others)
    told = failed, unlabelled, foreign, ordered
    return Answers(name, tuple(made), (*known, *others), *told)


def named(spec: FieldSpec | None, value: Any, cuts: Sequence[float]) -> str:
    """The class of a value or a label, which may be that of a number between cuts."""
    if not cuts:
        return wanted_of(spec, value)
    meant = value if spec is None else next(readings(spec, value), value)
    return class_at(cuts, meant)


def _meant(accepted: Sequence[str], given: str | None) -> str:
    """Of several classes that are right the one that was given, or the first."""
    return given if given is not None and given in accepted else accepted[0]


def _in_order(name: str) -> tuple[int, float, str]:
    """Numbers by their value, and before texts."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


def _decision(rows: Sequence[RowResult]) -> str:
    """The one output with few values.

    Raises:
        ConfigError: There is none, or there are several.
    """
    seen = next((r.prediction for r in rows if not r.model_failed), None)
    if isinstance(seen, Signature):
        outputs = spec_of(type(seen)).outputs
        found = [name for name, field in outputs.items() if classes_of(field)]
        told = ", ".join(outputs)
    elif is_mapping(seen):
        found, told = [], ", ".join(map(str, seen))
    else:
        labels = dict.fromkeys(name for row in rows for name in row.example.labels)
        found, told = [*labels], ", ".join(labels)
    if len(found) == 1:
        return found[0]
    raise ConfigError(
        f"which output is the decision is not known, of {told or 'none'}",
        hint=f"Write classification(evaluation, output={(found or ['label'])[0]!r})",
    )


def _spec(rows: Sequence[RowResult], name: str) -> FieldSpec | None:
    """The type of an output, as predictions tell it.

    Raises:
        ConfigError: They have other fields.
    """
    for row in rows:
        seen = row.prediction
        if row.model_failed or seen is None:
            continue
        if isinstance(seen, Signature):
            outputs = spec_of(type(seen)).outputs
            if name not in outputs:
                raise ConfigError(
                    f"the program has no output {name!r}",
                    hint=did_you_mean(name, outputs),
                )
            return outputs[name]
        value = _given(seen, name)
        if isinstance(value, bool | Enum):
            return FieldSpec(name, "output", type(value))
        return None
    return None


def _given(prediction: Any, name: str) -> Any:
    """The value of an output: a field, an item, or the whole result.

    Raises:
        ConfigError: A mapping has no such key.
    """
    if isinstance(prediction, Signature):
        return values_of(prediction).get(name)
    if is_mapping(prediction):
        if name not in prediction:
            raise ConfigError(
                f"the program's result has no {name!r}",
                hint=did_you_mean(name, [str(key) for key in prediction]),
            )
        return prediction[name]
    return getattr(prediction, name, prediction)
