"""Calls made inside a running step: which version runs, and where it is traced."""

from __future__ import annotations

import contextvars
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..adapters.settling import Forms
from .ask import Asked
from .runtime import Runtime

StepRunner = Callable[[Any, Mapping[str, Any], Runtime, str], Awaitable[Any]]


@dataclass(frozen=True, eq=False)
class Inside:
    """The step that runs right now.

    Args:
        stand_ins: Name and running version of what it uses, by original.
        run_step: Runs a step as a node.
        count: Numbers its calls, so that traces keep their order.
        asked: The calls that it makes of a model itself, without a module.
    """

    stand_ins: Mapping[Any, tuple[str, Any]]
    run_step: StepRunner
    count: Iterator[int] = field(default_factory=itertools.count)
    asked: Asked = field(default_factory=Asked)


inside: contextvars.ContextVar[Inside | None] = contextvars.ContextVar(
    "weft_inside", default=None
)


@dataclass(frozen=True, slots=True)
class Called:
    """What really runs when something is called: which version, where, as what."""

    target: Any
    path: str
    runtime: Runtime


def moved(runtime: Runtime, order: tuple[int, ...], path: str) -> Runtime:
    """The same runtime at another place of the run."""
    return runtime.having(order=order, path=path)


def begun(target: Any, name: str, runtime: Runtime) -> Called:
    """As `called`, for what asks more than one question: in one form from the first."""
    if runtime.forms is None:
        runtime = runtime.having(forms=Forms())
    return called(target, name, runtime)


def called(target: Any, name: str, runtime: Runtime) -> Called:
    """What runs when a module or program is called outside a trace."""
    here = inside.get()
    if here is None:
        return Called(target, runtime.path + name, runtime)
    name, target = here.stand_ins.get(target, (name, target))
    order = (*runtime.order, next(here.count))
    there = moved(runtime, order, runtime.path)
    return Called(target, runtime.path + name, there)
