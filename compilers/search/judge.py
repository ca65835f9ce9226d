"""Judges: metrics that ask a model, whose calls are booked apart.

A metric may call a program. Its calls come out of the same budget, on the account
"judge", and count for what a row costs. How many there are cannot be told beforehand,
so a quote assumes those of one run of the module or program that a metric's code names
for each row, or one where it names a model, and repairs at the most.
"""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple, cast

from ...pipeline.data.rows import Example
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program, as_program
from ...pipeline.graph.runnable import Runnable
from ...pipeline.graph.step import Step
from ...pipeline.graph.unnamed import loaded
from ...pipeline.graph.uses import closure_of
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.measure.score import BoundMetric, Metric, RawScore, called, metric_name
from ...pipeline.run.settings import current, entered
from ...pipeline.trace import NodeRun
from .counting import calls_bound, calls_plain


class Judging(NamedTuple):
    """Model calls that a metric makes for one row: as a rule, and at the most."""

    plain: int
    most: int


_FOLLOWED = 500
_LOOKED_AT = 32
_HOLDERS = (Mapping, list, tuple, set, frozenset)

NO_JUDGE = Judging(0, 0)
JUDGED = Judging(1, 2)


class Judge:
    """A metric whose model calls are booked as "judge", and counted."""

    def __init__(self, metric: Metric) -> None:
        self.name = metric_name(metric)
        self.metric = metric
        self._calls = 0

    async def __call__(self, example: Example, prediction: Any) -> RawScore:
        """Score one prediction."""
        here = current()
        runtime = here.having(account="judge", hooks=(*here.hooks, self._saw))
        with entered(runtime):
            return cast(RawScore, await called(self.metric, example, prediction))

    def taken(self) -> int:
        """Calls since this was last asked."""
        calls, self._calls = self._calls, 0
        return calls

    def _saw(self, run: NodeRun) -> None:
        self._calls += len(run.calls)


def judging_of(metric: object) -> Judging:
    """The calls that a metric makes for one row, as far as its code tells.

    None where it names nothing that asks a model; of a module or a program those that
    one run of it makes; else one, and a repair.
    """
    asked = asked_by(metric)
    if isinstance(asked, Module | Program):
        made = as_program(cast("Module[..., Any] | Program[..., Any]", asked))
        plain = max(JUDGED.plain, calls_plain(made))
        return Judging(plain, max(JUDGED.most, calls_bound(made)))
    return NO_JUDGE if asked is None else JUDGED


def asks_model(metric: object) -> bool:
    """Whether a metric's code names a module, a program or a model; it is not called.

    >>> asks_model(lambda example, prediction: prediction == example.answer)
    False
    """
    return asked_by(metric) is not None


def asked_by(metric: object) -> object:
    """The first module, program or model that a metric's code names, or None.

    Functions and what they name, methods and their objects, partials and the attributes
    of objects that can be called are followed, the nearest first; of what lies far off,
    such as in a library that a metric calls, not all is looked at.
    """
    seen, left = dict[int, object](), deque[object]([metric])
    while left and len(seen) < _FOLLOWED:
        found = left.popleft()
        if _asks(found):
            return found
        if isinstance(found, BoundMetric) and found.asks_itself:
            return found
        if id(found) not in seen and _holds(found):
            seen[id(found)] = found  # kept alive: no other may take its place
            left += _named_by(found)
    return None


def _asks(found: object) -> bool:
    return isinstance(found, Runnable) or _is_model(found)


def _is_model(found: object) -> bool:
    """Whether it is a model: a class of models has all that one has, and asks nobody.

    To look for the one method first is far cheaper than to look for all of them.
    """
    if isinstance(found, type) or not hasattr(found, "complete"):
        return False
    return isinstance(found, LanguageModel)


def _holds(found: object) -> bool:
    return callable(found) or isinstance(found, _HOLDERS)


def _named_by(found: object) -> Iterator[object]:
    if isinstance(found, functools.partial):
        yield from (found.func, *found.args, *found.keywords.values())
    elif isinstance(found, Step):
        yield cast("Step[..., Any]", found).function
    elif isinstance(found, MethodType):
        yield from (found.__func__, found.__self__)
        yield from vars(found.__self__).values() if _has_vars(found.__self__) else ()
    elif isinstance(found, FunctionType):
        yield getattr(found, "__wrapped__", None)
        yield from found.__defaults__ or ()
        yield from (found.__kwdefaults__ or {}).values()
        yield from closure_of(found).values()
        yield from (value for _, value, _ in loaded(found))
    elif isinstance(found, Mapping):
        held = cast("Mapping[Any, object]", found)
        yield from itertools.islice(held.values(), _LOOKED_AT)
    elif isinstance(found, _HOLDERS):
        yield from itertools.islice(cast("Iterable[object]", found), _LOOKED_AT)
    elif callable(found) and _has_vars(found) and not isinstance(found, type):
        yield from vars(found).values()
        yield vars(type(found)).get("__call__")


def _has_vars(found: object) -> bool:
    return hasattr(found, "__dict__") and not isinstance(found, ModuleType)
