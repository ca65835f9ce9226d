"""What a step calls and `uses=` does not name: it runs, and no compiler tunes it.

Code is read, and what it really calls is noted while it runs: a step may reach a module
by ways that no reader sees. Either is enough to refuse a compile.
"""

from __future__ import annotations

import dis
import logging
import types
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import ConfigError
from .program import Program
from .step import Step, is_part
from .uses import Part, called_by, closure_of, variables_of

_ASKING = frozenset(
    {
        *("acall", "run", "arun", "run_row", "stream", "astream", "batch", "abatch"),
        *("with_", "with_modules", "with_parameters", "returning"),
    }
)
"""Members that ask a model, or make what does."""
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF")
_MEMBERS = ("LOAD_ATTR", "LOAD_METHOD")
_BETWEEN = ("PUSH_NULL", "CACHE")

_met: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()
_log = logging.getLogger("weft")


def tell_unnamed(caller: Any, target: Part) -> None:
    """Note, and warn of once, what a step or a body calls that it does not name.

    Args:
        caller: The step, or the module whose body runs.
        target: What it calls; nothing of it stands in its `uses`.
    """
    if not _asks(target):
        return
    is_step = caller.node_kind == "step"
    if is_step and caller.options.untuned:
        return
    code: Any = caller.function if is_step else caller.body.__func__
    known = _met.setdefault(code, {})
    name = variables_of(code).get(id(target), target.name)
    if name in known:
        return
    known[name] = target.node_kind
    if is_step:
        _log.warning("%s. %s", *_said(caller, {name: target.node_kind}))
        return
    _log.warning(
        "the body of %r calls the %s %r, which is none of its parts: it runs, and no "
        "compiler tunes it. Name it in parts()",
        caller.name,
        target.node_kind,
        name,
    )


def refuse_unnamed(program: Program[..., Any], *, met: bool = False) -> None:
    """Refuse a program of whose modules some would never be tuned, or saved.

    Args:
        program: It is not changed.
        met: Whether only what was really called counts, and no code is read.

    Raises:
        ConfigError: A step calls what its `uses=` does not name; the message has the
            line to write.
    """
    for step in _steps(program):
        if step.options.untuned:
            continue
        found = dict(_met.get(step.function, {}))
        if not met:
            found |= {n: p.node_kind for n, p in _unnamed(step).items()}
        if found:
            message, hint = _said(step, found)
            raise ConfigError(message, hint=hint)


def _said(step: Step[..., Any], found: Mapping[str, str]) -> tuple[str, str]:
    """What is wrong with a step, and what to write."""
    what = " and ".join(f"the {kind} {name!r}" for name, kind in found.items())
    it = "they run" if len(found) > 1 else "it runs"
    them = "them" if len(found) > 1 else "it"
    names = ", ".join([*step.uses.originals, *found])
    kept = ", ".join(step.uses.originals)
    kept = f"uses=[{kept}], " if kept else ""
    caller = "step" if step.tool is None else "tool"
    message = (
        f"{caller} {step.name!r} calls {what}, which uses= does not name: {it}, and no "
        f"compiler tunes {them}"
    )
    scope = variables_of(step.function).values() | step.function.__globals__.keys()
    loose = [repr(name) for name in found if name not in scope]
    first = f"Make {' and '.join(loose)} outside of the function. " if loose else ""
    if step.tool is not None:
        return message, f"{first}Write @weft.tool(uses=[{names}])"
    hint = (
        f"{first}Write @weft.step(uses=[{names}]), or @weft.step({kept}untuned=True) "
        "where what it calls is to stay as it is"
    )
    return message, hint


def _asks(part: Part) -> bool:
    """Whether it asks a model, by itself or inside."""
    return part.node_kind == "module" or bool(part.modules)


def _steps(part: Any) -> Iterator[Step[..., Any]]:
    """The steps inside a part, however deep, with itself if it is one."""
    if part.node_kind == "step":
        yield part
    for inner in called_by(part).values():
        yield from _steps(inner)


def _unnamed(step: Step[..., Any]) -> dict[str, Part]:
    """What a step's code reaches that asks a model, without what it names."""
    found: dict[str, Part] = {}
    seen = set[object]()
    todo: list[Callable[..., Any]] = [step.function]
    home = step.__module__.partition(".")[0]
    while todo:
        function = todo.pop()
        if function in seen:
            continue
        seen.add(function)
        for name, value, member in loaded(function):
            if isinstance(value, types.FunctionType):
                if value.__module__.partition(".")[0] == home:
                    todo.append(value)
            elif not is_part(value) or step.uses.stand_in(value) is not None:
                continue
            elif member and member not in _ASKING:
                continue  # only looked at
            elif _asks(value):
                found.setdefault(name, value)
            elif isinstance(value, Step):
                todo.append(value.function)
    return found


def loaded(function: Callable[..., Any]) -> Iterator[tuple[str, Any, str]]:
    """What a function's code looks up by name, as a name and its value.

    Of a module or a class it is the member that follows. The third part is the member
    of the value that the code goes on with, or empty.
    """
    code: Any = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return
    scope = {**getattr(function, "__globals__", {}), **closure_of(function)}
    for name, members in _looked_up(code):
        if name in scope:
            yield _followed(scope[name], name, members)


@lru_cache(maxsize=4096)
def _looked_up(code: types.CodeType) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The names that code loads, each with the members that it goes on with.

    Kept by code: a quote and a compile look at the same functions again and again.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    todo = [code]
    while todo:
        code = todo.pop()
        todo += [held for held in code.co_consts if isinstance(held, types.CodeType)]
        lines = [i for i in dis.get_instructions(code) if i.opname not in _BETWEEN]
        for at, line in enumerate(lines):
            if line.opname in _LOADS:
                rest = takewhile(
                    lambda i: i.opname in _MEMBERS, islice(lines, at + 1, None)
                )
                found.append((str(line.argval), tuple(str(i.argval) for i in rest)))
    return tuple(found)


def _followed(value: Any, name: str, members: tuple[str, ...]) -> tuple[str, Any, str]:
    for member in members:
        if not isinstance(value, types.ModuleType | type) or member not in vars(value):
            return name, value, member
        value, name = vars(value)[member], member
    return name, value, ""
