"""While a file is checked: programs that cannot be traced are noted, not raised.

In their place stands a program with the same inputs and the same promised result, so
that the rest of the file, which may call it, is checked as well. It cannot run.
"""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import typing
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SignatureError, StepError
from ..signature.field import FieldSpec
from .binding import Take
from .build import Traced
from .graph import Graph, Node
from .step import Step


@dataclass
class Notes:
    """What went wrong so far.

    Attributes:
        errors: Each error, with the file of the function that it is about.
        stand_ins: What stands for the programs that could not be traced.
    """

    errors: list[tuple[Path, Exception]] = field(
        default_factory=list[tuple[Path, Exception]]
    )
    stand_ins: list[Traced] = field(default_factory=list[Traced])


_notes: contextvars.ContextVar[Notes | None] = contextvars.ContextVar(
    "weft_notes", default=None
)


@contextlib.contextmanager
def noting() -> Generator[Notes]:
    """Note the programs of a scope that cannot be traced, and go on."""
    token = _notes.set(Notes())
    try:
        notes = _notes.get()
        assert notes is not None
        yield notes
    finally:
        _notes.reset(token)


def stand_in(function: Callable[..., Any], error: Exception) -> Traced | None:
    """What stands for a program that cannot be traced; None where nobody notes."""
    notes = _notes.get()
    if notes is None or not inspect.isfunction(function):
        return None
    made = _parts(function)
    notes.errors.append((Path(function.__code__.co_filename), error))
    notes.stand_ins.append(made)
    return made


def _parts(function: Callable[..., Any]) -> Traced:
    name, hints = function.__name__, _hints(function)
    known = inspect.signature(function).parameters.values()
    inputs = tuple(_input(parameter, hints) for parameter in known)
    result = hints.get("return", Any)
    node = Node(name, "step", name, {}, result)
    graph = Graph(name, inputs, (node,), Take(name), result)
    step: Step[..., Any] = Step(_unwired, name)
    return Traced(graph, {name: step})


def _unwired() -> None:
    raise StepError("this program is wired wrongly and cannot run")


def _input(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> FieldSpec:
    given = parameter.default is not parameter.empty
    extra: dict[str, Any] = {"default": None} if given else {}
    made = FieldSpec(parameter.name, "input", hints.get(parameter.name, Any), **extra)
    try:
        _ = made.adapter
    except SignatureError:
        return FieldSpec(parameter.name, "input", Any, **extra)
    return made


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError, SignatureError):
        return {}
