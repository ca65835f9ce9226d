"""What a step or a module calls by itself: `@step(uses=[critic])`, `Module.parts()`.

A step's function reaches its modules by ordinary variables, a module's body by its own
attributes. While one of them runs, the engine at that place knows which tuned version
stands in for each, so that what a compiler changed is what runs, and under which path
it is traced. What has no name of its own is called as the variable is that reaches it.
"""

from __future__ import annotations

import inspect
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import (
    Any,
    NamedTuple,
    Protocol,
    Self,
    TypeAlias,
    TypeGuard,
    TypeVar,
    cast,
)

from ..errors import ConfigError, did_you_mean
from ..seam import Kind
from .runnable import Runnable

T = TypeVar("T")


class Part(Protocol):
    """A module, a step or a program: named, with the modules inside it by path."""

    @property
    def node_kind(self) -> Kind:
        """What it is as a node."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def uses(self) -> Uses:
        """What it calls by itself."""
        ...

    @property
    def modules(self) -> Mapping[str, Any]:
        """The modules inside it that ask a model, by path."""
        ...

    @property
    def descent(self) -> tuple[Ancestor, ...]:
        """What it was changed from, the nearest first."""
        ...

    def with_modules(self, changes: Mapping[str, Any]) -> Self:
        """The same with some modules replaced, keyed by path."""
        ...


class Tooled(Protocol):
    """A tool: what is used of it is its step."""

    @property
    def step(self) -> Part:
        """The function, as a step."""
        ...


Used: TypeAlias = Part | Tooled
"""What `uses=` may name."""


@dataclass(frozen=True, eq=False)
class Uses:
    """What something uses: by name, the originals its code reaches and what runs.

    Args:
        originals: The objects that were named.
        running: What stands in for them; the same until something is tuned.
    """

    originals: Mapping[str, Part] = field(default_factory=dict[str, Part])
    running: Mapping[str, Part] = field(default_factory=dict[str, Part])

    @property
    def modules(self) -> dict[str, Any]:
        """Every module used, by path; those inside one as `name/module`."""
        return modules_of(self.running)

    def with_modules(self, changes: Mapping[str, Any]) -> Uses:
        """The same with some modules replaced, keyed by path."""
        running = {name: changed(p, name, changes) for name, p in self.running.items()}
        return Uses(self.originals, running)

    @cached_property
    def stand_ins(self) -> dict[Any, tuple[str, Part]]:
        """Name and running version of each original."""
        return {o: (name, self.running[name]) for name, o in self.originals.items()}

    def stand_in(self, target: Part) -> tuple[str, Part] | None:
        """Name and running version of what was named, or of what came of it.

        What code makes of a named module, as in `ask.with_(sampling=...)`, is the
        running version with the same changes: what was tuned stays.
        """
        known = self.stand_ins.get(target)
        if known is not None:
            return known
        for ancestor in target.descent:
            original = ancestor.part()
            known = None if original is None else self.stand_ins.get(original)
            if known is not None:
                name, running = known
                return name, _changed_alike(original, running, target, ancestor)
        return None


class Ancestor(NamedTuple):
    """Something that a part was changed from, and all that was changed since.

    Args:
        part: It, unless nobody holds it any more: then nothing can name it either.
        changes: What `with_` was given.
        modules: What `with_modules` was given.
    """

    part: weakref.ref[Part]
    changes: Mapping[str, Any]
    modules: Mapping[str, Any]


def descent_of(
    before: Any,
    changes: Mapping[str, Any] | None = None,
    modules: Mapping[str, Any] | None = None,
) -> tuple[Ancestor, ...]:
    """The descent of what a change makes of a part."""
    changes, modules = changes or {}, modules or {}
    older = (
        Ancestor(one.part, {**one.changes, **changes}, {**one.modules, **modules})
        for one in before.descent
        if one.part() is not None
    )
    return Ancestor(weakref.ref(before), changes, modules), *older


def _changed_alike(original: Any, running: Any, target: Any, since: Ancestor) -> Any:
    """What runs in place of a target: the running version, changed as it was."""
    if running is original:
        return target
    made = running
    if since.modules:
        inner = {
            path: _alike(part_at(original, path), part_at(running, path), module)
            for path, module in since.modules.items()
        }
        made = made.with_modules(inner)
    return made.with_(**since.changes) if since.changes else made


def _alike(original: Any, running: Any, module: Any) -> Any:
    """A module put inside a part: what came of the one there keeps its tuning."""
    if module is original:
        return running
    for ancestor in module.descent:
        if original is not None and ancestor.part() is original:
            return _changed_alike(original, running, module, ancestor)
    return module


def called_by(part: Any) -> Mapping[str, Any]:
    """What a part calls itself, by name: its nodes' targets, or what it uses."""
    found: Mapping[str, Any] = part.uses.running
    return part.parts.targets if part.node_kind == "program" else found


def part_at(part: Any, path: str) -> Any:
    """What stands at a path inside a part, or None."""
    for name in path.split("/"):
        part = called_by(part).get(name)
        if part is None:
            return None
    return part


class Inside(NamedTuple):
    """What something calls by itself, as pictures show it: its kind, and its parts."""

    kind: Kind
    parts: Mapping[str, Inside]


def inside_of(parts: Mapping[str, Part]) -> dict[str, Inside]:
    """Named parts, with what modules and programs among them are made of."""
    return {
        name: Inside(
            part.node_kind,
            {} if part.node_kind == "step" else inside_of(called_by(part)),
        )
        for name, part in parts.items()
    }


def modules_of(parts: Mapping[str, Part]) -> dict[str, Any]:
    """The modules of named parts that ask a model, by path."""
    found: dict[str, Any] = {}
    for name, part in parts.items():
        if part.node_kind == "module" and not part.uses.running:
            found[name] = part
            continue
        inner = part.modules
        found.update({f"{name}/{path}": module for path, module in inner.items()})
    return found


def deciders_of(parts: Mapping[str, Part]) -> dict[str, Any]:
    """The modules of named parts that have slots of their own, by path.

    Those that a step uses are left out: no artifact would hold what was changed there.
    """
    found: dict[str, Any] = {}
    for name, part in parts.items():
        if part.node_kind == "step":
            continue
        if part.node_kind == "module" and cast(Any, part).slots():
            found[name] = part
        inner = deciders_of(called_by(part))
        found.update({f"{name}/{path}": module for path, module in inner.items()})
    return found


def changed(part: T, name: str, changes: Mapping[str, Any]) -> T:
    """A named part with the changes that mean it, or what is inside it."""
    replaced: Any = changes.get(name, part)
    return cast(T, replaced.with_modules(below(changes, name)))


def require_known(changes: Mapping[str, Any], known: Iterable[str], who: str) -> None:
    """Refuse changes that would change nothing, or put what is no module in place.

    Args:
        changes: Modules by path.
        known: The paths of all that ask a model.
        who: Whose they are, for messages.

    Raises:
        ConfigError: A path means nothing there, or a change is no module.
    """
    paths = list(known)
    for path, made in changes.items():
        if not any(one == path or one.startswith(f"{path}/") for one in paths):
            raise ConfigError(
                f"{who!r} has no module {path!r}; there are {', '.join(paths)}",
                hint=did_you_mean(path, paths),
            )
        if not _is_module(made):
            raise ConfigError(
                f"{who!r}: {path!r} is to be {made!r}, which is no module",
                hint=f"Write .modules[{path!r}].with_(...)",
            )


def below(changes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Changes keyed below one name, without it.

    >>> below({"agent/critic": 1, "critic": 2}, "agent")
    {'critic': 1}
    """
    start = name + "/"
    return {k.removeprefix(start): v for k, v in changes.items() if k.startswith(start)}


def _is_module(value: object) -> TypeGuard[Runnable[..., Any]]:
    return isinstance(value, Runnable) and value.node_kind == "module"


def variables_of(function: Callable[..., Any]) -> dict[int, str]:
    """Names by which a function's code reaches modules, by the modules' identity.

    Variables of the function's Python module, of the functions around it, and
    attributes of modules and classes that it names are found; other callables have
    none.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return {}
    words = list(dict.fromkeys(_words(code)))
    reachable = closure_of(function)
    scope: dict[str, Any] = getattr(function, "__globals__", {})
    for word in words:
        if word in scope:
            reachable.setdefault(word, scope[word])
    holders = [v for v in reachable.values() if isinstance(v, types.ModuleType | type)]
    for holder in holders:
        held = vars(holder)
        for word in words:
            if word in held:
                reachable.setdefault(word, held[word])
    found: dict[int, str] = {}
    for name, value in reachable.items():
        if _is_module(value):
            found.setdefault(id(value), name)
    return found


def _words(code: types.CodeType) -> Iterator[str]:
    """Every name in a function's code, that of functions inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _words(constant)


def closure_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Variables of the functions around one that it uses, as far as they are set."""
    code: Any = getattr(function, "__code__", None)
    cells: Any = getattr(function, "__closure__", None) or ()
    found: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars if cells else (), cells, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue  # a variable that is not assigned yet
    return found


def frame_names() -> dict[int, str]:
    """Names by which the nearest code outside weft reaches modules of its own file.

    So a helper function may call a module that the program's function never names.
    """
    here = inspect.currentframe()
    while here is not None:
        if not str(here.f_globals.get("__name__", "")).startswith("weft."):
            found: dict[int, str] = {}
            for word in here.f_code.co_names:
                value = here.f_globals.get(word)
                if _is_module(value):
                    found.setdefault(id(value), word)
            return found
        here = here.f_back
    return {}
