"""The graph: a program's structure as immutable data, known before anything runs.

Nodes are calls of modules, steps and programs; edges are the values that flow between
them. Control flow is data too: a region (`each`, `branch`, `switch`, `loop`) is a node
that holds bodies, and a body is a graph of its own whose nodes may also use values from
outside it. Parameters live beside the graph, keyed by name, so that one module called
twice is two nodes and one parameter set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from ..ground import strictjson
from ..signature.field import FieldSpec
from ..signature.types import type_name
from ..trace import NodeKind
from .binding import Binding, described, is_node, show, source_name, takes_of

CALLS = ("module", "step", "program")
REGIONS = ("each", "branch", "switch", "loop")


@dataclass(frozen=True, eq=False)
class Node:
    """One call in a program, or one region.

    Args:
        id: Unique in its program: the target's name, with `#2` for a second call.
        kind: What is called; for a region, which.
        target: The name of the module, step or program; for a region, its kind.
        bindings: Where each argument comes from.
        result: The type of the result.
        where: File and line of the call.
        after: Nodes that must have run before, though no value comes from them.
        bodies: A region's bodies by name, in order.
        options: A region's settings: `at_most`, `at_once`, `labels`.
    """

    id: str
    kind: NodeKind
    target: str
    bindings: Mapping[str, Binding]
    result: Any
    where: str = ""
    after: tuple[str, ...] = ()
    bodies: Mapping[str, Body] = field(default_factory=dict[str, "Body"])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Everything this node waits for, without doubles; inputs included."""
        taken = [t.source for b in self.bindings.values() for t in takes_of(b)]
        outer = [source for body in self.bodies.values() for source in body.captures]
        return tuple(dict.fromkeys((*taken, *outer, *self.after)))

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Ids of the nodes this one waits for, without doubles."""
        return tuple(source for source in self.sources if is_node(source))


class Plan(NamedTuple):
    """How the nodes of one level depend on each other, by position.

    Attributes:
        chain: Whether no two nodes could ever run side by side.
        waits: For how many nodes of the same level each one waits.
        followers: Which nodes wait for each one.
        twins: Whether two of them call the same with the same arguments.
    """

    chain: bool
    waits: tuple[int, ...]
    followers: tuple[tuple[int, ...], ...]
    twins: bool


class Flow:
    """What a program and the body of a region share: nodes in order, and an output."""

    nodes: tuple[Node, ...]
    output: Binding

    @cached_property
    def plan(self) -> Plan:
        """How the nodes depend on each other."""
        place = {node.id: at for at, node in enumerate(self.nodes)}
        followers: list[list[int]] = [[] for _ in self.nodes]
        waits: list[int] = []
        chain = True
        for at, node in enumerate(self.nodes):
            inner = [place[need] for need in node.needs if need in place]
            for before in inner:
                followers[before].append(at)
            waits.append(len(inner))
            chain = chain and (at == 0 or at - 1 in inner)
        called = [
            f"{node.target} {node.bindings!r}"
            for node in self.nodes
            if node.kind in ("module", "program")
        ]
        twins = len({*called}) < len(called)
        return Plan(chain, tuple(waits), tuple(map(tuple, followers)), twins)

    def walk(self) -> Iterator[Node]:
        """Every node, those of regions' bodies after their region, in order."""
        for node in self.nodes:
            yield node
            for body in node.bodies.values():
                yield from body.walk()


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a body: the source its nodes take it from, and its type."""

    source: str
    kind: Any = Any


@dataclass(frozen=True, eq=False)
class Body(Flow):
    """The inside of a region: a graph over its parameters and over outer values.

    Args:
        params: What it is given each time it runs.
        nodes: Calls in order.
        output: Where its result comes from.
        result: The type of the result.
    """

    params: tuple[Param, ...]
    nodes: tuple[Node, ...]
    output: Binding
    result: Any

    @cached_property
    def captures(self) -> tuple[str, ...]:
        """Sources outside the body that it uses, without doubles."""
        own = {node.id for node in self.nodes} | {p.source for p in self.params}
        used = [source for node in self.nodes for source in node.sources]
        used += [take.source for take in takes_of(self.output)]
        return tuple(dict.fromkeys(source for source in used if source not in own))


@dataclass(frozen=True, eq=False)
class Graph(Flow):
    """A program's structure.

    Args:
        name: The program's name.
        inputs: Typed inputs in order.
        nodes: Calls in an order in which each comes after what it needs.
        output: Where the result comes from.
        result: The type of the result.
    """

    name: str
    inputs: tuple[FieldSpec, ...]
    nodes: tuple[Node, ...]
    output: Binding
    result: Any

    def describe(self) -> dict[str, Any]:
        """The graph as plain JSON data; a constant that is none stands as its type."""
        return {
            "inputs": [
                {"name": f.name, "schema": f.schema, "required": f.required}
                for f in self.inputs
            ],
            "nodes": [_node_data(node) for node in self.nodes],
            "output": described(self.output),
        }

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the structure; parameters are not part of it."""
        return hashlib.sha256(
            strictjson.canonical(self.describe()).encode()
        ).hexdigest()

    def __repr__(self) -> str:
        lines = [f"{self.name}({', '.join(_typed(f) for f in self.inputs)})"]
        lines += _node_lines(self.nodes, "  ")
        lines.append(f"  -> {show(self.output)}: {type_name(self.result)}")
        return "\n".join(lines)


def _typed(spec: FieldSpec) -> str:
    return f"{spec.name}: {type_name(spec.annotation)}"


def _node_lines(nodes: Sequence[Node], indent: str) -> Iterator[str]:
    """The text tree: one line a call, a region's bodies indented below it."""
    for node in nodes:
        yield f"{indent}{node.id} = {call_text(node)}"
        for name, body in node.bodies.items():
            yield f"{indent}  {_body_head(name, body)}"
            yield from _node_lines(body.nodes, indent + "    ")
            yield f"{indent}    -> {show(body.output)}: {type_name(body.result)}"


def _acts(node: Node) -> bool:
    """Whether a node may do more than give a result: a step, or a region with one."""
    return node.kind == "step" or any(
        inner.kind == "step" for body in node.bodies.values() for inner in body.walk()
    )


def unused(nodes: Sequence[Node], output: Binding) -> Node | None:
    """The last node whose result nothing uses and that does nothing else."""
    used = {take.source for take in takes_of(output)}
    for node in reversed(nodes):
        if node.id not in used and not _acts(node):
            return node
        used.update(node.sources)
    return None


def call_text(node: Node) -> str:
    """A node's call as a person would write it."""
    given = [f"{k}={show(b)}" for k, b in node.bindings.items()]
    given += [f"{k}={v}" for k, v in node.options.items() if k != "labels"]
    given += [f"after={', '.join(node.after)}"] if node.after else []
    called = node.kind if node.kind in REGIONS else f"{node.kind} {node.target}"
    return f"{called}({', '.join(given)})"


def _body_head(name: str, body: Body) -> str:
    params = ", ".join(
        f"{source_name(p.source)}: {type_name(p.kind)}" for p in body.params
    )
    return f"{name}({params}):" if params else f"{name}:"


def _node_data(node: Node) -> dict[str, Any]:
    """A node as plain JSON data; what only some nodes have is left out elsewhere."""
    data: dict[str, Any] = {
        "id": node.id,
        "kind": node.kind,
        "target": node.target,
        "in": {k: described(b) for k, b in node.bindings.items()},
    }
    if node.after:
        data["after"] = list(node.after)
    if node.bodies:
        data["bodies"] = [
            {
                "name": name,
                "params": [p.source for p in body.params],
                "nodes": [_node_data(inner) for inner in body.nodes],
                "output": described(body.output),
            }
            for name, body in node.bodies.items()
        ]
    if node.options:
        data["options"] = dict(node.options)
    return data
