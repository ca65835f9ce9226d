"""Constants: what a traced function passes on that no reference is followed in.

A constant is copied, so that nothing that happens to the original changes the program.
It may hide no reference: that one's value would never come.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, MappingView
from types import FunctionType, ModuleType
from typing import Any, TypeGuard

from ..errors import GraphError
from ..ground.shapes import is_sequence, is_set, is_tuple
from .binding import copied
from .naming import closure_of
from .ref import Ref, shown

_MOST = 10_000
_AS_STEP = "Make it in a @weft.step function that is given the value"


def constant(value: Any, spelt: Collection[str], where: str) -> Any:
    """A constant, copied.

    Args:
        value: What is passed on.
        spelt: Texts that spell references.
        where: File and line of the call that it is passed to.

    Raises:
        GraphError: It hides a reference, spells one out, or is used up by one run.
    """
    if isinstance(value, Iterator):
        what = f"{shown(value)} is used up by the program's first run"
        raise GraphError(f"{where}: {what}", hint="Give a list")
    for held in _everything(value):
        if isinstance(held, Ref):
            raise GraphError(
                f"{where}: {shown(value)} holds {shown(held)}, which has no value yet "
                "and is followed in lists, tuples and dicts alone",
                hint=_AS_STEP,
            )
        if isinstance(held, str) and any(text in held for text in spelt):
            raise GraphError(
                f"{where}: the text {held!r:.80} spells out a value that is not there "
                "yet",
                hint="Pass it as an input of its own, or join texts in a @weft.step "
                "function",
            )
    return copied(value)


def is_record(value: object) -> bool:
    """Whether a value is a named tuple, whose class a list of its items would lose."""
    return is_tuple(value) and hasattr(value, "_fields")


def _everything(value: Any) -> Iterator[Any]:
    """A value and what it holds, however deep; of very large ones the beginning."""
    seen, todo = set[int](), deque([value])
    while todo and len(seen) < _MOST:
        one = todo.popleft()
        if id(one) not in seen:
            seen.add(id(one))
            todo.extend(_held(one))
            yield one


def _held(value: Any) -> Iterable[Any]:
    """What a value holds, as far as it is known without running its code."""
    if isinstance(value, Ref | str | int | float | bytes | type | ModuleType):
        return ()
    if _is_mapping(value):
        return value.values()
    if is_sequence(value) or is_set(value) or _is_shown(value):
        return value
    if isinstance(value, FunctionType):
        return closure_of(value).values()
    if isinstance(value, functools.partial):
        return (*value.args, *value.keywords.values())
    kept: dict[str, Any] = getattr(value, "__dict__", {})
    return kept.values()


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_shown(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, deque | MappingView)
