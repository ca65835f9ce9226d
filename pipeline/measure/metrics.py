"""Metrics: how good a prediction is, as a number in [0, 1].

Any callable of an example and a prediction is a metric (see `score`). The ones built
here compare one output field with the label of the same name, say in words what was
wanted, and have stable names, such as "f1(answer)", that artifacts record. They are
the exact match and token F1 of SQuAD (Rajpurkar et al. 2016), the numeric match of
GSM8K (Cobbe et al. 2021), and set F1.

A list as the label means "any of these", but for `match_set`, where it is the set.
None as the label means that the right answer is None.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, cast

from ..data.example import Example, row_name
from ..errors import ConfigError, DataError, MetricError, did_you_mean
from ..ground.options import checked
from ..ground.plain import plain
from ..ground.words import brief
from ..reading.cells import is_nothing
from ..signature.field import FieldSpec
from ..signature.signature import Signature, spec_of, values_of
from ..signature.types import type_name
from . import matching, squad
from .label_types import readings
from .score import Metric, Score, metric_name, to_score

_PLAIN = (str, bytes, int, float, list, set, frozenset, Enum, Decimal, date)
_SHOWN = 200


@dataclass(frozen=True)
class FieldMetric:
    """Compares one output field with a label, that of the same name as a rule.

    Args:
        name: As it stands in reports and artifacts.
        field: The output field and the label.
        likeness: Share in [0, 1] of a gold and a predicted value; neither is None.
        accepted: The answers that a label accepts; the best one counts.
        label: The label, where it is called otherwise than the field.
        spec: The output's type, for predictions that do not tell it.
    """

    name: str
    field: str
    likeness: Callable[[Any, Any], float]
    accepted: Callable[[Any], list[Any]]
    label: str = ""
    spec: FieldSpec | None = None

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.field)
        if not isinstance(cast(object, self.field), str):
            raise ConfigError(
                f"{self.field!r} is no name of an output field",
                hint='Write exact("answer"), or fields("answer", "source") for several',
            )

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction.

        Raises:
            DataError: The row has no such label, or one that cannot be compared.
            MetricError: The prediction has no such field.
        """
        spec = self._spec_of(prediction)
        gold = self._known(example, spec)
        got = self.predicted(prediction, gold, example)
        try:
            plain(got)
        except ValueError as error:
            return Score(0.0, f"{_wrong(gold, got)}: {error}")
        try:
            answers = self.accepted(gold)
            value = max(self._like(answer, got) for answer in answers)
            if spec is not None and value < 1:
                read = (made for answer in answers for made in readings(spec, answer))
                value = max(value, *(self._like(made, got) for made in read), 0.0)
        except ValueError as error:
            raise DataError(f"{self.name} on {row_name(example)}: {error}") from None
        return Score(value, "" if value == 1 else _wrong(gold, got))

    def knowing(self, outputs: Mapping[str, FieldSpec]) -> FieldMetric:
        """The metric that knows its output's type, where a program tells it."""
        if self.label != self.field:
            return self
        return replace(self, spec=outputs.get(self.field, outputs.get("")))

    def _like(self, gold: Any, got: Any) -> float:
        if gold is None or got is None:
            return float(gold is got)
        return self.likeness(gold, got)

    def check(self, example: Example) -> None:
        """Refuse a row without the label, as far as the output's type is known.

        Raises:
            DataError: It has none, or none that the output could be.
        """
        self._known(example, self.spec)

    def _spec_of(self, prediction: Any) -> FieldSpec | None:
        """The output's type, as the prediction tells it or the program did."""
        if self.label == self.field and isinstance(prediction, Signature):
            return spec_of(type(prediction)).outputs.get(self.field)
        return self.spec

    def _known(self, example: Example, spec: FieldSpec | None) -> Any:
        """The label, which an output of that type could be."""
        gold = self.gold(example)
        if spec is not None and is_nothing(spec, gold):
            raise DataError(
                f"{self.name}: the label {self.label!r} of {row_name(example)} is "
                f"{gold!r}, and the output is {spec.wanted}",
                hint="Leave out rows whose label is not known, or let the output be "
                f"None: {self.field}: {type_name(spec.annotation)} | None",
            )
        return gold

    def gold(self, example: Example) -> Any:
        """The label that this metric compares with.

        Raises:
            DataError: The row has none.
        """
        if not isinstance(cast(object, example), Example):
            raise DataError(
                f"{self.name} compares with a weft.Example, and {example!r} is none",
                hint='Write weft.read_rows([{...}], ["question"])[0], with the inputs',
            )
        if self.label not in example.labels:
            raise DataError(
                f"{self.name}: {row_name(example)} has no label {self.label!r}",
                hint=_other_label(self.label, example),
            )
        return example.labels[self.label]

    def predicted(self, prediction: Any, gold: Any, example: Example) -> Any:
        """The field of a signature, mapping or object; a plain value is itself.

        Raises:
            MetricError: The prediction has other fields.
        """
        if _is_plain(prediction):
            return prediction
        if isinstance(prediction, Signature):
            held = values_of(prediction)
        elif isinstance(prediction, Mapping):
            held = dict(cast(Mapping[str, Any], prediction))
            if self.field not in held and _members(gold).keys() & held.keys():
                return held  # the program's result is one structured value
        elif hasattr(prediction, self.field):
            return getattr(prediction, self.field)
        elif isinstance(gold, Mapping | type(prediction)):
            return prediction  # likewise
        else:
            held = _members(prediction)
            if not held:
                return prediction
        if self.field not in held:
            raise MetricError(
                f"{self.name} on {row_name(example)}: the prediction has no field "
                f"{self.field!r}",
                hint=did_you_mean(self.field, held) or "It is empty",
            )
        return held[self.field]


@dataclass(frozen=True)
class FieldsMetric:
    """The mean of several metrics, each with its own feedback."""

    parts: Mapping[str, Metric]

    @property
    def name(self) -> str:
        """As it stands in reports and artifacts."""
        return f"fields({', '.join(map(metric_name, self.parts.values()))})"

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction.

        Raises:
            MetricError: A part returned no score, or is async.
        """
        total, feedback = 0.0, list[str]()
        by = dict[str, list[str]]()
        for field, metric in self.parts.items():
            raw = metric(example, prediction)
            if inspect.iscoroutine(raw):
                raw.close()
            if inspect.isawaitable(raw):
                raise MetricError(
                    f"{self.name}: {metric_name(metric)} is async",
                    hint="Await its parts in an async function of your own",
                )
            score = to_score(raw)
            total += score.value
            if score.feedback:
                feedback.append(f"{field}: {score.feedback}")
            for path, said in score.by.items():
                by.setdefault(path, []).append(f"{field}: {said}")
        named = {path: "; ".join(said) for path, said in by.items()}
        return Score(total / len(self.parts), "; ".join(feedback), named)


@checked
def exact(field: str, *, normalize: squad.Form | None = None) -> FieldMetric:
    """1 where the value is the label.

    Spaces around and between words do not count, nor how Unicode composes a letter;
    case and punctuation do.

    Args:
        field: The output field and the label.
        normalize: What is made of both texts instead, before they are compared to the
            letter: `squad`, or a function of your own, such as `str.casefold`.

    >>> row = Example("r1", {}, {"answer": ["NYC", "New York"]})
    >>> exact("answer")(row, "New York").value, exact("answer")(row, "new york.").value
    (1.0, 0.0)
    >>> exact("answer", normalize=squad.squad)(row, "new york.").value
    1.0
    """
    if normalize is None:
        return FieldMetric(f"exact({field})", field, matching.same, _any_or_whole)
    form = _form(normalize)
    name = f"exact({field}, normalize={metric_name(form)})"
    like = functools.partial(squad.same_in, form)
    return FieldMetric(name, field, like, _any_or_whole)


@checked
def f1(field: str) -> FieldMetric:
    """Token F1 of SQuAD, in any language (see `matching.token_f1`).

    >>> f1("answer")(Example("r1", {}, {"answer": "in 1889"}), "1889")
    Score(value=0.6666666666666666, feedback="wanted 'in 1889', got '1889'")
    """
    return FieldMetric(f"f1({field})", field, matching.token_f1, any_of)


@checked
def contains(
    field: str, *, within: str | None = None, normalize: squad.Form | None = None
) -> FieldMetric:
    """1 where the label's text stands in the prediction, as words of its own.

    Args:
        field: The label, and the output field that it is looked for in.
        within: The output field, where it is another one, such as retrieved passages.
        normalize: What is made of both texts, such as `squad`. They are then compared
            token by token, and each item of a list by itself.

    >>> row = Example("r1", {}, {"answer": "Eiffel Tower"})
    >>> found = contains("answer", within="passages", normalize=squad.squad)
    >>> found(row, {"passages": ["Lyon.", "The Eiffel Tower, Paris"]}).value
    1.0
    """
    parts, like = [field], matching.holds
    if within is not None:
        parts.append(f"within={within}")
    if normalize is not None:
        form = _form(normalize)
        parts.append(f"normalize={metric_name(form)}")
        like = functools.partial(squad.holds_in, form)
    name = f"contains({', '.join(parts)})"
    return FieldMetric(name, field if within is None else within, like, any_of, field)


@checked
def choice(field: str) -> FieldMetric:
    """1 where the label of a closed set was named, whatever its case and spaces."""
    return FieldMetric(f"choice({field})", field, matching.same_choice, any_of)


@checked
def set_match(field: str) -> FieldMetric:
    """F1 over sets of items; a text is cut at commas, semicolons and lines."""
    return FieldMetric(f"set_match({field})", field, matching.set_f1, _whole)


@checked
def numeric(field: str, tolerance: float = 1e-6) -> FieldMetric:
    """1 where the last number in the prediction is that of the label.

    Args:
        field: The output field and the label.
        tolerance: The largest absolute difference that counts as equal.

    Raises:
        ConfigError: The tolerance is no number from 0 on.

    >>> row = Example("r1", {}, {"answer": 1234.5})
    >>> numeric("answer")(row, "The total is $1,234.50.").value
    1.0
    """
    known = isinstance(cast(object, tolerance), int | float)
    if not known or isinstance(tolerance, bool) or not 0 <= tolerance < math.inf:
        raise ConfigError(
            f"tolerance={tolerance!r} is no difference",
            hint="Give a number from 0 on, such as 0.01",
        )

    def likeness(gold: Any, got: Any) -> float:
        wanted, given = matching.read_number(gold), matching.read_number(got)
        if wanted is None:
            raise ValueError(f"the label {gold!r} holds no number")
        return float(given is not None and matching.near(wanted, given, tolerance))

    extra = "" if tolerance == 1e-6 else f", tolerance={tolerance:g}"
    return FieldMetric(f"numeric({field}{extra})", field, likeness, any_of)


def fields(first: str | Mapping[str, Metric], *names: str) -> FieldsMetric:
    """The mean over several fields: names, compared exactly, or a metric for each.

    Raises:
        MetricError: There is no field, or a mapping is followed by names.

    >>> fields("team", "urgency").name
    'fields(exact(team), exact(urgency))'
    >>> fields({"answer": f1("answer"), "year": numeric("year")}).name
    'fields(f1(answer), numeric(year))'
    """
    if isinstance(first, str):
        return FieldsMetric({name: exact(name) for name in (first, *names)})
    if names or not first:
        raise MetricError(
            "fields() takes names, or one mapping from field to metric",
            hint='Write fields("team", "urgency") or fields({"answer": f1("answer")})',
        )
    return FieldsMetric(dict(first))


def _form(normalize: Any) -> Any:
    if callable(normalize):
        return normalize
    raise ConfigError(
        f"normalize={normalize!r} is no function of a text",
        hint="Write normalize=weft.metrics.squad, or a function such as str.casefold",
    )


def _whole(gold: Any) -> list[Any]:
    return [gold]


def any_of(gold: Any) -> list[Any]:
    """Any item of a list; an empty list accepts "no answer", as in SQuAD 2.0."""
    if isinstance(gold, list | tuple):
        return list(cast(Sequence[Any], gold)) or ["", None]
    return [gold]


def _any_or_whole(gold: Any) -> list[Any]:
    return [gold, *any_of(gold)]


def _is_plain(value: object) -> bool:
    # A named tuple is an object with fields, a tuple is not.
    return value is None or type(value) is tuple or isinstance(value, _PLAIN)


def _members(value: Any) -> dict[str, Any]:
    """The fields of a dataclass or a model; none for a value such as a path."""
    try:
        form = plain(value)
    except ValueError:
        return {}
    return cast(dict[str, Any], form) if isinstance(form, dict) else {}


def _other_label(field: str, example: Example) -> str:
    """The remedy for a label that is not there: either side may be misspelt."""
    if field in ("id", "meta", "split"):
        return f"{field!r} of a row says what row it is: give the label another name"
    if not example.labels:
        return "Add what the program should answer to the row"
    held = ", ".join(map(repr, example.labels))
    guess = did_you_mean(field, example.labels)
    named = f"{guess} " if guess.startswith("Did") else ""
    return f"{named}The row has {held}: metric, rows and output need one name"


def _wrong(gold: Any, got: Any) -> str:
    return f"wanted {brief(repr(gold), _SHOWN)}, got {brief(repr(got), _SHOWN)}"
