"""Agent steps: `@step(uses=[critic, tool])` and what happens when such a step runs.

A step's function reaches its modules by ordinary variables. While the step runs, a
context variable (in `calling`) says which tuned version stands in for each of them, so
that what a compiler changed is what runs, and under which path it is traced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, Self, cast, runtime_checkable

from ..errors import GraphError
from .module import Module
from .naming import variables_of
from .tracing import caller


@runtime_checkable
class Holder(Protocol):
    """A program or a step: it has a name, and modules by path."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def modules(self) -> Mapping[str, Module[..., Any]]:
        """Its modules by path."""
        ...

    def with_modules(self, changes: Mapping[str, Module[..., Any]]) -> Self:
        """The same with some modules replaced, keyed by path."""
        ...


Used = Module[..., Any] | Holder


@dataclass(frozen=True, eq=False)
class Uses:
    """What a step uses: by name, the originals its code reaches and what runs.

    Args:
        originals: The objects given to `uses=`.
        running: What stands in for them; the same until something is tuned.
    """

    originals: Mapping[str, Used] = field(default_factory=dict[str, Used])
    running: Mapping[str, Used] = field(default_factory=dict[str, Used])

    @property
    def modules(self) -> dict[str, Module[..., Any]]:
        """Every module used, by path; those of used programs as `program/module`."""
        found: dict[str, Module[..., Any]] = {}
        for name, used in self.running.items():
            if isinstance(used, Module):
                found[name] = used
            else:
                found.update({f"{name}/{p}": m for p, m in used.modules.items()})
        return found

    def with_modules(self, changes: Mapping[str, Module[..., Any]]) -> Uses:
        """The same with some modules replaced, keyed by path."""
        running: dict[str, Used] = {}
        for name, used in self.running.items():
            inner = below(changes, name)
            if name in changes:
                running[name] = changes[name]
            elif inner and not isinstance(used, Module):
                running[name] = used.with_modules(inner)
            else:
                running[name] = used
        return Uses(self.originals, running)

    @cached_property
    def stand_ins(self) -> dict[Any, tuple[str, Any]]:
        """Name and running version of each original."""
        return {o: (name, self.running[name]) for name, o in self.originals.items()}


def below(changes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Changes keyed below one name, without it.

    >>> below({"agent/critic": 1, "critic": 2}, "agent")
    {'critic': 1}
    """
    start = name + "/"
    return {k.removeprefix(start): v for k, v in changes.items() if k.startswith(start)}


def uses_of(function: Callable[..., Any], given: Iterable[Used], step: str) -> Uses:
    """What a step uses, by name.

    Raises:
        GraphError: One is no module, step or program, has no name, or two share one.
    """
    variables = variables_of(function)
    found: dict[str, Used] = {}
    for used in given:
        anything = cast(object, used)
        if not isinstance(anything, Module | Holder):
            raise GraphError(
                f"{caller()}: step {step!r} uses {used!r}, which is no module, step or "
                "program",
                hint="List what the function calls: uses=[critic, tool]",
            )
        named = not isinstance(used, Module) or used.named
        name = used.name if named else variables.get(id(used))
        if name is None:
            raise GraphError(
                f"{caller()}: step {step!r} uses {used!r}, but its function reaches it "
                "by no variable",
                hint="Give it one with name=..., or leave it out of uses=",
            )
        if name in found:
            raise GraphError(
                f"{caller()}: step {step!r} uses two things named {name!r}",
                hint="Give one of them another name=...",
            )
        found[name] = used
    return Uses(found, found)
