"""Tracing regions: the bodies of `each`, `branch`, `switch` and `loop` become graphs.

A body is an ordinary function, often a lambda. It runs once, while the program is
traced, with references for its parameters; it may use every value of the scopes around
it. So control flow is data: typed, drawn, saved, and bounded.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import GraphError, did_you_mean
from ..seam import Recorder, answered_by, caller
from ..signature.types import type_name
from ..trace import NodeKind
from .binding import Binding, Take, takes_of
from .graph import Body, Node, Param
from .inferring import closed_values, fit, item_type, joined, type_of
from .ref import Ref, shown


class Names(Protocol):
    """What all levels of one program share."""

    def new_id(self, name: str) -> str:
        """An id for a further node of that name."""
        ...

    def learn(self, function: Callable[..., Any]) -> None:
        """Take in the variables of a further function of the program."""
        ...


class Level(Protocol):
    """A level of a program while it is traced; a region's body is one inside it."""

    nodes: list[Node]

    @property
    def trail(self) -> Names:
        """What all levels share."""
        ...

    def inner(self) -> Level:
        """A level for a body inside this one."""
        ...

    def recorder(self) -> Recorder:
        """Who records what is called at this level."""
        ...

    def add(self, node: Node) -> Ref:
        """Add a node; give back a reference to its result."""
        ...

    def binding(self, value: Any, where: str) -> Binding:
        """Where a value comes from."""
        ...

    def refuse_unused(self, output: Binding) -> None:
        """Refuse module calls whose result nothing uses."""
        ...


_AS_LAMBDA = "Write a function, such as lambda: respond(question=question)"
DEFAULT = "default"


def trace_region(
    scope: Level,
    kind: NodeKind,
    value: Any,
    bodies: Mapping[Any, Callable[..., Any]],
    options: Mapping[str, Any],
) -> Ref:
    """Record a region over a value.

    Args:
        scope: Where it stands.
        kind: "each", "branch", "switch" or "loop".
        value: The list, the condition, the label, or the first state.
        bodies: Its functions by name; those of a switch by label.
        options: Its settings.

    Raises:
        GraphError: A type does not fit, a body cannot be traced, or a case is missing.
    """
    made = {"each": _each, "branch": _branch, "switch": _switch, "loop": _loop}[kind]
    return made(
        _Region(scope, kind, scope.trail.new_id(kind), caller()), value, bodies, options
    )


@dataclass(frozen=True)
class _Region:
    """A region under construction."""

    scope: Level
    kind: NodeKind
    id: str
    where: str

    def error(self, message: str, hint: str) -> GraphError:
        return GraphError(f"{self.where}: {self.kind}: {message}", hint=hint)

    def body(
        self, name: str, function: Callable[..., Any], kinds: Sequence[Any] = ()
    ) -> Body:
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
        with answered_by(inner.recorder()):
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

    def _params(
        self, name: str, function: Callable[..., Any], kinds: Sequence[Any]
    ) -> list[str]:
        count = len(kinds)
        takes = f"takes {count} argument{'' if count == 1 else 's'}"
        given: Any = function
        if isinstance(given, Ref) or not callable(given):
            raise self.error(
                f"{name!r} is {shown(function)}, not a function that {takes}",
                _AS_LAMBDA,
            )
        try:
            bound = inspect.signature(function).bind(*kinds)
        except TypeError:
            raise self.error(
                f"{name!r} is given a function that cannot be called with {count} "
                f"argument{'' if count == 1 else 's'}",
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

    def add(
        self,
        argument: str,
        value: Any,
        bodies: Mapping[str, Body],
        result: Any,
        options: Mapping[str, Any],
    ) -> Ref:
        bindings = {argument: self.scope.binding(value, self.where)}
        kept = {name: option for name, option in options.items() if option is not None}
        node = Node(
            self.id,
            self.kind,
            self.kind,
            bindings,
            result,
            self.where,
            (),
            bodies,
            kept,
        )
        return self.scope.add(node)


def _each(
    region: _Region,
    value: Any,
    bodies: Mapping[Any, Callable[..., Any]],
    options: Mapping[str, Any],
) -> Ref:
    kind = type_of(value)
    item = item_type(kind)
    if item is None:
        raise region.error(
            f"{shown(value)} is {type_name(kind)}, and only a list can be gone over",
            "Give a list, or make one in a @weft.step function",
        )
    body = region.body("body", bodies["body"], [item])
    region.must_flow("body", body)
    return region.add("items", value, {"body": body}, list[body.result], options)  # type: ignore[name-defined]


def _branch(
    region: _Region,
    value: Any,
    bodies: Mapping[Any, Callable[..., Any]],
    options: Mapping[str, Any],
) -> Ref:
    kind = type_of(value)
    if not fit(kind, bool):
        raise region.error(
            f"{shown(value)} is {type_name(kind)}, and only a bool decides",
            "Compare it in a @weft.step function that gives a bool, or use weft.switch",
        )
    made = {name: region.body(name, function) for name, function in bodies.items()}
    result = joined(body.result for body in made.values())
    return region.add("condition", value, made, result, options)


def _switch(
    region: _Region,
    value: Any,
    bodies: Mapping[Any, Callable[..., Any]],
    options: Mapping[str, Any],
) -> Ref:
    default = options["default"]
    _check_cases(region, value, list(bodies), default is not None)
    made: dict[str, Body] = {}
    for label, function in bodies.items():
        name = label if isinstance(label, str) and label != DEFAULT else repr(label)
        made[name] = region.body(name, function)
    if default is not None:
        made[DEFAULT] = region.body(DEFAULT, default)
    labels = [
        label.value if isinstance(label, enum.Enum) else label for label in bodies
    ]
    result = joined(body.result for body in made.values())
    return region.add("label", value, made, result, {"labels": labels})


def _check_cases(region: _Region, value: Any, labels: list[Any], default: bool) -> None:
    kind = type_of(value)
    closed = closed_values(kind)
    if not labels:
        raise region.error("there is no case", "Write {label: lambda: ..., ...}")
    known = [repr(_plain(v)) for v in closed]
    for label in labels if closed else ():
        if repr(_plain(label)) not in known:
            raise region.error(
                f"{shown(value)} is never {_plain(label)!r}; it is {type_name(kind)}",
                did_you_mean(str(_plain(label)), [str(_plain(v)) for v in closed]),
            )
    given = [repr(_plain(label)) for label in labels]
    missing = [text for text in known if text not in given]
    if missing and not default:
        raise region.error(
            f"no case for {', '.join(missing)}, which {shown(value)} may be",
            "Add them, or give default=lambda: ...",
        )
    if closed or kind is Any or fit(kind, str) or fit(kind, int):
        if not closed and not default:
            raise region.error(
                f"{shown(value)} is {type_name(kind)}, so the cases cannot cover it",
                "Give default=lambda: ..., or make it a Literal or an enum",
            )
        return
    raise region.error(
        f"{shown(value)} is {type_name(kind)}, and only a Literal, an enum, a bool, a "
        "text or a whole number chooses",
        "Choose in a @weft.step function that gives one of these",
    )


def _plain(label: Any) -> Any:
    return label.value if isinstance(label, enum.Enum) else label


def _loop(
    region: _Region,
    value: Any,
    bodies: Mapping[Any, Callable[..., Any]],
    options: Mapping[str, Any],
) -> Ref:
    most = options["at_most"]
    if isinstance(most, Ref) or not isinstance(most, int) or most < 1:
        raise region.error(
            f"at_most={most!r} bounds nothing",
            "Give a whole number from 1 on: it is fixed when the program is built",
        )
    state = type_of(value)
    body = region.body("body", bodies["body"], [state])
    region.must_flow("body", body)
    if not fit(body.result, state):
        raise region.error(
            f"the body gives {type_name(body.result)}, but it starts with "
            f"{shown(value)}, which is {type_name(state)}",
            "Start with a value of the type that the body gives",
        )
    made = {"body": body}
    if bodies["until"] is not None:
        until = region.body("until", bodies["until"], [state])
        region.must_flow("until", until)
        if not fit(until.result, bool):
            raise region.error(
                f"'until' gives {type_name(until.result)}, and only a bool decides",
                "Compare in a @weft.step function that gives a bool",
            )
        made["until"] = until
    return region.add("start", value, made, state, options)
