"""What a metric is, how it is applied, and how it is checked before anything is paid.

A metric is a callable of an example and a prediction. It returns a number in [0, 1], a
bool, or a `Score` with feedback in words; it may be async. Higher is better.

The self-check exists because a metric that is broken, constant or upside down looks
exactly like a hard task: everything runs, and the whole budget is gone.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import numbers
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, cast

from ..data.example import Example, json_form, row_name
from ..errors import DataError, MetricError, WeftError
from ..ground import strictjson
from ..ground.options import explained
from ..run.bridge import WouldWait, in_thread
from ..signature.signature import Signature, dump_values, spec_of
from .metric_check import misread, refuse_judge

_RULE = "Return a number in [0, 1], a bool, or weft.Score(value, feedback)"
_SLACK = 1e-9
_CHECKED = 20
_POOL = 1_000


@explained("Write weft.Score(0.5, 'what to do better')")
@dataclass(frozen=True)
class Score:
    """How good a prediction is, and why.

    Args:
        value: In [0, 1]; higher is better.
        feedback: What to do better, in words; optimizers that reflect read it.

    Raises:
        MetricError: The value is no number in [0, 1].

    >>> Score(1)
    Score(value=1.0, feedback='')
    """

    value: float
    feedback: str = ""

    def __post_init__(self) -> None:
        if not isinstance(cast(object, self.feedback), str):
            raise MetricError(f"feedback {self.feedback!r} is no text", hint=_RULE)
        object.__setattr__(self, "value", _share(self.value))

    def __float__(self) -> float:
        return self.value


_JUDGES = weakref.WeakSet[Any]()
"""Functions that are known to ask a model by a plain call."""

RawScore = float | Score
Metric = Callable[[Example, Any], RawScore | Awaitable[RawScore]]


def metric_name(metric: Metric) -> str:
    """The name a metric has in reports and artifacts.

    It is the metric's own `name`, the function's name, or the name of its class.

    >>> def shorter(example, prediction): ...
    >>> metric_name(shorter), metric_name(functools.partial(shorter, None))
    ('shorter', 'shorter')
    """
    if isinstance(metric, functools.partial):
        return metric_name(cast(Metric, metric.func))
    for attribute in ("name", "__name__"):
        name = getattr(metric, attribute, None)
        if isinstance(name, str) and name:
            return name
    return type(metric).__name__


def require_callable(metric: object) -> None:
    """Refuse what cannot be called with an example and a prediction.

    Raises:
        MetricError: It is no function, or takes other arguments.

    >>> require_callable(lambda example, prediction, trace=None: 1.0)
    >>> require_callable("exact")
    Traceback (most recent call last):
    weft.pipeline.errors.MetricError: 'exact' is no metric. Give a function of ...
    """
    hint = "Give a function of (example, prediction), such as "
    hint += 'weft.metrics.exact("answer")'
    if not callable(metric):
        raise MetricError(f"{metric!r} is no metric", hint=hint)
    refuse_judge(metric)
    try:
        shape = inspect.signature(metric)
    except ValueError:
        return  # written in C, or says nothing of itself
    try:
        shape.bind(None, None)
    except TypeError as error:
        name = metric_name(cast(Metric, metric))
        raise MetricError(
            f"{name!r} cannot be called with an example and a prediction: {error}",
            hint=hint,
        ) from None


def to_score(raw: object) -> Score:
    """What a metric returned as a `Score`.

    Raises:
        MetricError: It is no score: None, a text, NaN, or a number outside [0, 1].

    >>> to_score(True)
    Score(value=1.0, feedback='')
    >>> to_score(None)
    Traceback (most recent call last):
    weft.pipeline.errors.MetricError: None is no score. Return a number in [0, 1], ...
    """
    return raw if isinstance(raw, Score) else Score(_share(raw))


async def apply_metric(metric: Metric, example: Example, prediction: Any) -> Score:
    """Score one prediction.

    An error of weft's own passes as it is, so that a judge's rate limit stays
    retryable and a spent budget stops the run. It is the judge's, not the program's:
    none of them may be turned into a zero.

    Raises:
        MetricError: The metric raised, or returned no score; names metric and row.
        WeftError: A label is missing, or a model that the metric asks failed.
    """
    try:
        raw = await called(metric, example, prediction)
    except WeftError as error:
        if isinstance(error, DataError) and isinstance(error, AttributeError):
            # A field that the row lacks: the row says so, and knows no metric.
            where = _where(metric, example)
            raise DataError(f"{where}: {error.message}", hint=error.hint) from error
        raise
    except (Exception, asyncio.CancelledError) as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # it is the run that is cancelled
            raise
        where = _where(metric, example)
        raise MetricError(
            f"{where} raised {type(error).__name__}: {error}",
            hint=misread(error, prediction),
        ) from error
    try:
        return to_score(raw)
    except MetricError as error:
        where = _where(metric, example)
        raise MetricError(f"{where}: {error.message}", hint=error.hint) from None


def _where(metric: Metric, example: Example) -> str:
    return f"the metric {metric_name(metric)!r} on {row_name(example)}"


async def called(metric: Metric, example: Example, prediction: Any) -> object:
    """What a metric gives. One that asks a model by a plain call waits in a thread.

    A metric is a few microseconds of arithmetic as a rule, which a thread would only
    slow down; so it is found out to be a judge by its first call to a model.
    """
    plain = isinstance(metric, FunctionType)
    if not (plain and metric in _JUDGES):
        try:
            raw: object = metric(example, prediction)
        except WouldWait:
            if plain:
                _JUDGES.add(metric)
        else:
            if isinstance(raw, Score | float | bool):  # as a rule
                return raw
            return await raw if inspect.isawaitable(raw) else raw
    return await in_thread(metric, example, prediction)


async def check_metric(
    metric: Metric,
    examples: Sequence[Example],
    gold_of: Callable[[Example], Any],
    program_name: str,
) -> None:
    """Check a metric on answers known to be right and on answers known to be wrong.

    Up to 20 rows are scored with their own gold answer and with the one of another row
    that differs from it in the most fields. Nothing is proven where all gold answers
    are alike; then only the form of the scores is checked.

    Args:
        metric: The metric.
        examples: Rows with labels; which 20 are taken depends on their content alone.
        gold_of: The prediction that a perfect program would give, or None where it
            cannot be made; such rows are left out.
        program_name: The program's name, for messages.

    Raises:
        MetricError: The metric raises or returns no score, gives right and wrong
            answers one same score, or scores the wrong ones higher.
        WeftError: As for `apply_metric`.
    """
    trials = _trials(examples, gold_of)
    right = await _scores(metric, [(t.example, t.gold) for t in trials], program_name)
    swapped = [(t.example, t.other) for t in trials if t.other is not None]
    wrong = await _scores(metric, swapped, program_name)
    if not wrong:
        return
    name = metric_name(metric)
    mean_right, mean_wrong = sum(right) / len(right), sum(wrong) / len(wrong)
    if len({*right, *wrong}) == 1:
        raise MetricError(
            f"the metric {name!r} is constant: it scores {right[0]:g} for each of "
            f"{len(right)} right answers of {program_name!r} and for each of "
            f"{len(wrong)} wrong ones, so it cannot tell right from wrong",
            hint="Compare the prediction with the example's labels",
        )
    if mean_right < mean_wrong - _SLACK:
        raise MetricError(
            f"the metric {name!r} is upside down: right answers of {program_name!r} "
            f"score {mean_right:.3g} on average, wrong ones {mean_wrong:.3g}",
            hint="Higher must be better: return 1 - x",
        )


@dataclass(frozen=True)
class _Trial:
    example: Example
    gold: Any
    other: Any


def _trials(
    examples: Sequence[Example], gold_of: Callable[[Example], Any]
) -> list[_Trial]:
    pool = sorted(examples, key=lambda e: (e.digest, e.id))[:_POOL]
    known = [(e, gold) for e in pool if (gold := gold_of(e)) is not None]
    parts = [_parts(gold) for _, gold in known]
    trials = list[_Trial]()
    for at, (example, gold) in enumerate(known[:_CHECKED]):
        distance = [_distance(parts[at], other) for other in parts]
        far = max(range(len(known)), key=distance.__getitem__)
        trials.append(_Trial(example, gold, known[far][1] if distance[far] else None))
    return trials


def _parts(gold: Any) -> dict[str, str]:
    """Each output of a gold answer as canonical text."""
    values: dict[str, Any] = {"": gold}
    if isinstance(gold, Signature):
        outputs = spec_of(type(gold)).outputs
        values = {k: v for k, v in dump_values(gold).items() if k in outputs}
    elif isinstance(gold, Mapping):
        values = dict(cast(Mapping[str, Any], gold))
    return {k: strictjson.canonical(json_form(v)) for k, v in values.items()}


def _distance(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


async def _scores(
    metric: Metric, pairs: Sequence[tuple[Example, Any]], program_name: str
) -> list[float]:
    calls = (apply_metric(metric, example, answer) for example, answer in pairs)
    scores = list[float]()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, MetricError):
            raise MetricError(
                f"{outcome.message} (a trial for {program_name!r} with a gold answer)",
                hint=outcome.hint,
            ) from outcome.__cause__
        if isinstance(outcome, BaseException):
            raise outcome
        scores.append(outcome.value)
    return scores


def _share(raw: object) -> float:
    # A numpy or torch scalar, numpy's bool among them.
    if not isinstance(raw, numbers.Real) and callable(getattr(raw, "item", None)):
        try:
            raw = cast(Any, raw).item()
        except (ValueError, RuntimeError):
            raise MetricError(f"{raw!r} is no single number", hint=_RULE) from None
    if isinstance(raw, Score):
        raise MetricError(f"{raw!r} is a Score, and no number", hint="Give its .value")
    if isinstance(raw, Signature):
        fields = ", ".join(f".{name}" for name in spec_of(type(raw)).outputs)
        raise MetricError(f"{raw!r} is no score", hint=f"Return one of {fields}")
    if not isinstance(raw, numbers.Real):
        raise MetricError(f"{raw!r} is no score", hint=_RULE)
    value = float(raw)
    if not -_SLACK <= value <= 1 + _SLACK:
        raise MetricError(f"{value} is no score in [0, 1]", hint=_RULE)
    return min(1.0, max(0.0, value))
