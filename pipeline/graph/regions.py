"""Tracing regions: the bodies of `each`, `branch`, `switch` and `loop` become graphs.

A body is an ordinary function, often a lambda. It runs once, while the program is
traced, with references for its parameters; it may use every value of the scopes around
it. So control flow is data: typed, drawn, saved, and bounded.
"""

from __future__ import annotations

import enum
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from ..errors import GraphError, did_you_mean
from ..ground.words import counted
from ..seam import answered_by, caller, recorder
from ..signature.types import type_name
from ..trace import NodeKind
from .binding import Take, takes_of
from .graph import Body, Node, Param
from .ref import Ref, closed_values, fit, item_type, joined, shown, type_of
from .scope import Scope

_AS_LAMBDA = "Write a function, such as lambda: respond(question=question)"
DEFAULT = "default"


def trace_region(
    kind: NodeKind,
    value: Any,
    bodies: Mapping[Any, Callable[..., Any]],
    options: Mapping[str, Any],
) -> Ref:
    """Record a region over a value in the program that is traced here.

    Args:
        kind: "each", "branch", "switch" or "loop".
        value: The list, the condition, the label, or the first state.
        bodies: Its functions by name; those of a switch by label.
        options: Its settings.

    Raises:
        GraphError: A type does not fit, a body cannot be traced, or a case is missing.
    """
    scope = cast(Scope, recorder())
    made = {"each": _each, "branch": _branch, "switch": _switch, "loop": _loop}[kind]
    name = scope.trail.new_id(kind)
    return made(_Region(scope, kind, name, caller(), value, bodies, options))


def plain_label(label: Any) -> Any:
    """A label as data: the value of an enum's member, else itself."""
    return label.value if isinstance(label, enum.Enum) else label


@dataclass(frozen=True)
class _Region:
    """A region under construction."""

    scope: Scope
    kind: NodeKind
    id: str
    where: str
    value: Any
    bodies: Mapping[Any, Callable[..., Any]]
    options: Mapping[str, Any]

    def error(self, message: str, hint: str) -> GraphError:
        return GraphError(f"{self.where}: {self.kind}: {message}", hint=hint)

    def body(self, name: str, function: Any, kinds: Sequence[Any] = ()) -> Body:
        """Trace one body with parameters of these types."""
        start = f"${self.id}" if name == "body" else f"${self.id}.{name}"
        params = tuple(
            Param(f"{start}.{given}", kind)
            for given, kind in zip(
                self._params(name, function, kinds), kinds, strict=True
            )
        )
        self.scope.trail.learn(function)
        inner = self.scope.inner()
        with answered_by(inner):
            returned = function(*(Ref(Take(p.source), p.kind, inner) for p in params))
        if inspect.iscoroutine(returned):
            returned.close()
            raise self.error(
                f"{name!r} is `async def`, or calls an async form",
                "Write a plain `def` with plain calls: nodes run side by side by "
                "themselves",
            )
        output = inner.binding(returned, self.where)
        inner.refuse_unused(output)
        return Body(params, tuple(inner.nodes), output, type_of(returned, exact=True))

    def _params(self, name: str, function: Any, kinds: Sequence[Any]) -> list[str]:
        count = len(kinds)
        takes = f"takes {counted(count, 'argument')}"
        if isinstance(function, Ref) or not callable(function):
            raise self.error(
                f"{name!r} is {shown(function)}, not a function that {takes}",
                _AS_LAMBDA,
            )
        try:
            bound = inspect.signature(function).bind(*kinds)
        except TypeError:
            raise self.error(
                f"{name!r} is given a function that cannot be called with "
                f"{counted(count, 'argument')}",
                f"Write a function that {takes}",
            ) from None
        names = list(bound.arguments)
        plain = len(names) == count and "args" not in names
        return names if plain else [f"item{n or ''}" for n in range(count)]

    def must_flow(self, name: str, body: Body) -> None:
        """Refuse a body whose result hangs on nothing."""
        if not any(True for _ in takes_of(body.output)):
            raise self.error(
                f"{name!r} gives a constant of type {type_name(body.result)}, "
                "whatever it is given",
                "Return what a module or a step gives",
            )

    def add(self, argument: str, bodies: Mapping[str, Body], result: Any) -> Ref:
        """Add the region as a node."""
        return self.scope.add(
            Node(
                self.id,
                self.kind,
                self.kind,
                {argument: self.scope.binding(self.value, self.where)},
                result,
                self.where,
                bodies=bodies,
                options={n: o for n, o in self.options.items() if o is not None},
            )
        )


def _each(region: _Region) -> Ref:
    kind = type_of(region.value)
    item = item_type(kind)
    if item is None:
        raise region.error(
            f"{shown(region.value)} is {type_name(kind)}, and only a list can be gone "
            "over",
            "Give a list, or make one in a @weft.step function",
        )
    body = region.body("body", region.bodies["body"], [item])
    region.must_flow("body", body)
    return region.add("items", {"body": body}, types.GenericAlias(list, body.result))


def _branch(region: _Region) -> Ref:
    kind = type_of(region.value)
    if not fit(kind, bool):
        raise region.error(
            f"{shown(region.value)} is {type_name(kind)}, and only a bool decides",
            "Compare it in a @weft.step function that gives a bool, or use weft.switch",
        )
    made = {name: region.body(name, fn) for name, fn in region.bodies.items()}
    return region.add("condition", made, joined(b.result for b in made.values()))


def _switch(region: _Region) -> Ref:
    default = region.options["default"]
    labels = [plain_label(label) for label in region.bodies]
    _check_cases(region, labels, default is not None)
    made: dict[str, Body] = {}
    for label, function in region.bodies.items():
        name = label if isinstance(label, str) and label != DEFAULT else repr(label)
        made[name] = region.body(name, function)
    if default is not None:
        made[DEFAULT] = region.body(DEFAULT, default)
    region = replace(region, options={"labels": labels})
    return region.add("label", made, joined(body.result for body in made.values()))


def _check_cases(region: _Region, labels: list[Any], default: bool) -> None:
    kind, value = type_of(region.value), shown(region.value)
    closed = [plain_label(each) for each in closed_values(kind)]
    if not labels:
        raise region.error("there is no case", "Write {label: lambda: ..., ...}")
    known, given = [repr(each) for each in closed], [repr(each) for each in labels]
    for label in labels if closed else ():
        if repr(label) not in known:
            raise region.error(
                f"{value} is never {label!r}; it is {type_name(kind)}",
                did_you_mean(str(label), [str(each) for each in closed]),
            )
    missing = [text for text in known if text not in given]
    if missing and not default:
        raise region.error(
            f"no case for {', '.join(missing)}, which {value} may be",
            "Add them, or give default=lambda: ...",
        )
    if closed or kind is Any or fit(kind, str) or fit(kind, int):
        if not closed and not default:
            raise region.error(
                f"{value} is {type_name(kind)}, so the cases cannot cover it",
                "Give default=lambda: ..., or make it a Literal or an enum",
            )
        return
    raise region.error(
        f"{value} is {type_name(kind)}, and only a Literal, an enum, a bool, a text or "
        "a whole number chooses",
        "Choose in a @weft.step function that gives one of these",
    )


def _loop(region: _Region) -> Ref:
    most, until = region.options["at_most"], region.bodies["until"]
    if isinstance(most, Ref) or not isinstance(most, int) or most < 1:
        raise region.error(
            f"at_most={most!r} bounds nothing",
            "Give a whole number from 1 on: it is fixed when the program is built",
        )
    state = type_of(region.value)
    made = {"body": region.body("body", region.bodies["body"], [state])}
    region.must_flow("body", made["body"])
    if not fit(made["body"].result, state):
        raise region.error(
            f"the body gives {type_name(made['body'].result)}, but it starts with "
            f"{shown(region.value)}, which is {type_name(state)}",
            "Start with a value of the type that the body gives",
        )
    if until is not None:
        made["until"] = region.body("until", until, [state])
        region.must_flow("until", made["until"])
        if not fit(made["until"].result, bool):
            raise region.error(
                f"'until' gives {type_name(made['until'].result)}, and only a bool "
                "decides",
                "Compare in a @weft.step function that gives a bool",
            )
    return region.add("start", made, state)
