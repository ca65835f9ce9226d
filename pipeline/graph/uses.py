"""What a step or a module calls by itself: `@step(uses=[critic])`, `Module.parts()`.

A step's function reaches its modules by ordinary variables, a module's body by its own
attributes. While one of them runs, the engine at that place knows which tuned version
stands in for each, so that what a compiler changed is what runs, and under which path
it is traced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, Self, TypeVar, cast, runtime_checkable

from ..seam import Kind

T = TypeVar("T")


@runtime_checkable
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

    def with_modules(self, changes: Mapping[str, Any]) -> Self:
        """The same with some modules replaced, keyed by path."""
        ...


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


class Inside(NamedTuple):
    """What something calls by itself, as pictures show it: its kind, and its parts."""

    kind: Kind
    parts: Mapping[str, Inside]


def inside_of(parts: Mapping[str, Part]) -> dict[str, Inside]:
    """Named parts, with the parts of modules inside them."""
    return {
        name: Inside(
            part.node_kind,
            inside_of(part.uses.running) if part.node_kind == "module" else {},
        )
        for name, part in parts.items()
    }


def modules_of(parts: Mapping[str, Part]) -> dict[str, Any]:
    """The modules of named parts that ask a model, by path."""
    found: dict[str, Any] = {}
    for name, part in parts.items():
        inner = part.modules
        if part.node_kind == "module" and not inner:
            found[name] = part
        found.update({f"{name}/{path}": module for path, module in inner.items()})
    return found


def changed(part: T, name: str, changes: Mapping[str, Any]) -> T:
    """A named part with the changes that mean it, or what is inside it."""
    replaced: Any = changes.get(name, part)
    return cast(T, replaced.with_modules(below(changes, name)))


def below(changes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Changes keyed below one name, without it.

    >>> below({"agent/critic": 1, "critic": 2}, "agent")
    {'critic': 1}
    """
    start = name + "/"
    return {k.removeprefix(start): v for k, v in changes.items() if k.startswith(start)}
