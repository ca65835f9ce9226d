"""What a metric is, and how it is applied.

A metric is a callable of an example and a prediction. It returns a number in [0, 1], a
bool, or a `Score` with feedback in words, on the whole and on single modules; it may
be async. Higher is better.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import numbers
import re
import weakref
from abc import ABC, abstractmethod
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Generator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, ClassVar, NamedTuple, cast

from ..data.example import Example, row_name, typed_labels
from ..errors import DataError, MetricError, WeftError, did_you_mean
from ..graph.module import Module
from ..graph.runnable import Runnable
from ..ground.options import explained
from ..ground.shapes import is_dict, is_mapping
from ..ground.words import brief
from ..run.bridge import WouldWait, in_thread
from ..signature.field import FieldSpec
from ..signature.signature import Signature, spec_of
from ..trace import NodeRun, info

_RULE = "Return a number in [0, 1], a bool, or weft.Score(value, feedback)"
_NO_ITEMS = re.compile(r"'(\w+)' object is not subscriptable")
SLACK = 1e-9


@explained("Write weft.Score(0.5, 'what to do better')")
@dataclass(frozen=True, repr=False)
class Score:
    """How good a prediction is, and why.

    Args:
        value: In [0, 1]; higher is better.
        feedback: What to do better, in words; optimizers that reflect read it.
        by: What single modules should do better, by their path, as in
            `program.modules`; an optimizer shows each module its own words beside
            `feedback` (GEPA's feedback by predictor, Agrawal et al. 2025, section 3.2).

    Raises:
        MetricError: The value is no number in [0, 1], or what should be words is not.

    >>> Score(1)
    Score(value=1.0, feedback='')
    >>> Score(0, "no source", by={"write_query": "name the year"})
    Score(value=0.0, feedback='no source', by={'write_query': 'name the year'})
    """

    value: float
    feedback: str = ""
    by: Mapping[str, str] = field(default_factory=lambda: {}, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(cast(object, self.feedback), str):
            raise MetricError(
                f"feedback {self.feedback!r:.200} is no text",
                hint=f"{_RULE}, and leave feedback out where there is nothing to say",
            )
        _refuse_wordless(self.by)
        object.__setattr__(self, "by", dict(self.by))
        object.__setattr__(self, "value", _share(self.value))

    def __repr__(self) -> str:
        by = f", by={self.by!r}" if self.by else ""
        return f"Score(value={self.value!r}, feedback={self.feedback!r}{by})"

    def __float__(self) -> float:
        return self.value


_JUDGES = weakref.WeakSet[Any]()
"""Functions that are known to ask a model by a plain call."""

RawScore = float | Score
Metric = Callable[[Example, Any], RawScore | Awaitable[RawScore]]


class Answered(NamedTuple):
    """How the prediction under judgement came about.

    Args:
        nodes: What ran, in the order of the program.
        modules: The modules that were asked, by path, as they were asked.
    """

    nodes: Sequence[NodeRun]
    modules: Mapping[str, Module[..., Any]]


_ANSWERED = ContextVar[Answered | None]("weft_answered", default=None)


@contextmanager
def answered_by(
    nodes: Sequence[NodeRun], modules: Mapping[str, Module[..., Any]]
) -> Generator[None]:
    """Let metrics see how the prediction that they score came about."""
    token = _ANSWERED.set(Answered(nodes, modules))
    try:
        yield
    finally:
        _ANSWERED.reset(token)


def how_answered(prediction: Any) -> Answered:
    """How a prediction came about, as far as anybody knows.

    In an evaluation or a compile that is its whole run; outside, what `weft.info` says.
    """
    seen = _ANSWERED.get()
    if seen is not None:
        return seen
    try:
        return Answered((info(prediction),), {})
    except TypeError:  # no module made it, as far as it says
        return Answered((), {})


class BoundMetric(ABC):
    """A metric that wants to know the program, and says which rows it can score."""

    asks_itself: ClassVar[bool] = False
    """Whether it asks a model without a module, as a rule once a row."""

    @abstractmethod
    def __call__(
        self, example: Example, prediction: Any
    ) -> RawScore | Awaitable[RawScore]:
        """Score one prediction, in [0, 1]."""

    @abstractmethod
    def bound(self, outputs: Mapping[str, FieldSpec]) -> Metric:
        """The metric for a program's outputs; one without a name has an empty one."""

    @abstractmethod
    def check(self, example: Example) -> None:
        """Refuse a row that it cannot score.

        Raises:
            DataError: The row lacks what it reads.
        """


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
        raise MetricError(f"{brief(repr(metric))} is no metric", hint=hint)
    _refuse_judge(metric)
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
        where = f"{place_of(metric, example)}: {error.message}"
        told = isinstance(error, AttributeError | TypeError)
        if isinstance(error, DataError) and told:
            # A field that the row lacks: the row says so, and knows no metric.
            raise DataError(where, hint=error.hint) from error
        if isinstance(error, MetricError) and row_name(example) not in error.message:
            # A Score that cannot be is refused where it is made, and knows no row.
            raise MetricError(where, hint=error.hint) from error
        raise
    except (Exception, asyncio.CancelledError) as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # it is the run that is cancelled
            raise
        where = place_of(metric, example)
        raise MetricError(
            f"{where} raised {type(error).__name__}: {error}",
            hint=misread(error, prediction, example),
        ) from error
    try:
        return to_score(raw)
    except MetricError as error:
        where = place_of(metric, example)
        raise MetricError(f"{where}: {error.message}", hint=error.hint) from None


def require_modules(
    score: Score, modules: Collection[str], metric: Metric, example: Example
) -> None:
    """Refuse feedback on a module that the program does not have: none would read it.

    Args:
        score: What the metric gave.
        modules: The paths of the program's modules.
        metric: Named in the message, as is the row.
        example: The row.

    Raises:
        MetricError: A key of `score.by` is no path of a module.
    """
    for path in score.by:
        if path not in modules:
            named = [m for m in modules if m.rpartition("/")[2] == path]
            where = f"{place_of(metric, example)} gives feedback on {path!r}"
            raise MetricError(
                f"{where}, which is no module of the program",
                hint=f"Did you mean {named[0]!r}?"
                if named
                else did_you_mean(path, modules) or "Leave out by=",
            )


def place_of(metric: Metric, example: Example) -> str:
    """A metric and a row, as messages name them."""
    return f"the metric {metric_name(metric)!r} on {row_name(example)}"


async def called(metric: Metric, example: Example, prediction: Any) -> object:
    """What a metric gives. One that asks a model by a plain call waits in a thread.

    A metric is a few microseconds of arithmetic as a rule, which a thread would only
    slow down; so it is found out to be a judge by its first call to a model.
    """
    bare = isinstance(metric, FunctionType)
    if not (bare and metric in _JUDGES):
        try:
            raw: object = metric(example, prediction)
        except WouldWait:
            if bare:
                _JUDGES.add(metric)
        else:
            if isinstance(raw, Score | float | bool):  # as a rule
                return raw
            return await raw if inspect.isawaitable(raw) else raw
    return await in_thread(metric, example, prediction)


def _refuse_wordless(by: object) -> None:
    """Refuse feedback by module that is no mapping of texts.

    Raises:
        MetricError: It is none.
    """
    words = [*by, *by.values()] if is_mapping(by) else [None]
    if not all(isinstance(each, str) for each in words):
        raise MetricError(
            f"by={by!r:.200} is no feedback by module",
            hint='Write weft.Score(0.5, by={"path of a module": "what to do better"})',
        )


def _share(raw: object) -> float:
    if type(raw) in (float, bool, int) and 0 <= cast(float, raw) <= 1:  # as a rule
        return float(cast(float, raw))
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
    if not -SLACK <= value <= 1 + SLACK:
        raise MetricError(f"{value} is no score in [0, 1]", hint=_RULE)
    return min(1.0, max(0.0, value))


def _refuse_judge(metric: object) -> None:
    """Refuse a module, or a program, that is given in a metric's place.

    It may judge, but somebody has to say which of its inputs is what.

    Raises:
        MetricError: It is one, and has other inputs than the two of a metric.
    """
    if isinstance(metric, Module) or (
        isinstance(metric, Runnable) and len(metric.inputs.inputs) != 2
    ):
        name: str = metric.name
        raise MetricError(
            f"{name!r} is not called with an example and a prediction",
            hint=f"Ask it: def metric(example, prediction): return {name}(...)",
        )


def misread(error: BaseException, prediction: Any, example: Example) -> str:
    """What to write instead of an attribute that is not there, or empty.

    A prediction is what the program gives, and a label what stands in the row: a text
    has no field, and a dict has none either, whatever it is a dict of.

    >>> def raised(prediction):
    ...     try:
    ...         prediction.answer
    ...     except AttributeError as error:
    ...         return misread(error, prediction, Example("m1", {}))
    >>> raised("1871")
    'The program gives str, and that is the prediction: compare it itself'
    >>> raised({"answer": "1871"})
    "It is a dict: write ['answer']"
    """
    if isinstance(error, TypeError) and (found := _NO_ITEMS.match(str(error))):
        if found[1] not in {type(value).__name__ for value in typed_labels(example)}:
            return ""
        kind = f"A label of the output's type is a {found[1]}: read its attributes"
        return f"{kind}. example.labels holds what the row says"
    if not isinstance(error, AttributeError) or not error.name:
        return ""
    if is_dict(error.obj) and error.name in error.obj:
        return f"It is a dict: write [{error.name!r}]"
    if error.obj is not prediction or type(prediction).__module__ != "builtins":
        return ""
    given = f"The program gives {type(prediction).__name__}"
    return f"{given}, and that is the prediction: compare it itself"
