"""Structure edits: a program with a node replaced, inserted or removed, checked anew.

An edit never changes a program; it makes a new one. References are written as the text
tree shows them: `respond.answer` for a field of a node's result, `question` for an
input, `respond` for a whole result. Nodes inside regions are edited in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

from ..errors import GraphError
from .binding import INPUT, Binding, Take, is_node, rebound, takes_of
from .graph import Body, Flow, Graph, Node
from .module import Module
from .pointing import (
    OUTPUT,
    all_takes,
    check_end,
    kind_of,
    new_id,
    node_of,
    reference,
    text_of,
)
from .program import Parts, Program, parts_of_targets
from .step import Step
from .targets import result_of
from .verify import verify

P = ParamSpec("P")
R = TypeVar("R")
Target = Module[..., Any] | Step[..., Any] | Program[..., Any]


def replace_node(
    program: Program[P, R], node: str, target: Target, *, name: str | None = None
) -> Program[P, R]:
    """The program with a node that calls something else, with the same arguments.

    Args:
        program: It stays as it is.
        node: The node's id, such as `respond` or `respond#2`.
        target: What it calls from now on.
        name: The target's name in the program; its own when not given. The node's id
            follows it.

    Raises:
        GraphError: There is no such node, or something does not fit any more.
    """
    kind = kind_of(target)
    named = name or target.name
    old = node_of(program, node)
    fresh = node if named == old.target else new_id(program, named)
    made = replace(
        old, id=fresh, kind=kind, target=named, result=result_of(kind, target)
    )
    changes: dict[Take, Binding] = {Take(node): Take(fresh)}

    def edit(nodes: tuple[Node, ...]) -> Iterator[Node]:
        yield from (made if n.id == node else n for n in nodes)

    return _edited(program, node, edit, changes, {named: target})


def insert_node(
    program: Program[P, R],
    target: Target,
    inputs: Mapping[str, str],
    *,
    into: str | Sequence[str],
    field: str = "",
    name: str | None = None,
) -> Program[P, R]:
    """The program with one more call, whose result takes the place of other values.

    Args:
        program: It stays as it is.
        target: What the new node calls.
        inputs: Where each of its arguments comes from, such as
            `{"draft": "respond.answer"}`.
        into: What its result goes to from now on: an argument, such as
            `respond.passages`, `output` for the program's output, or several.
        field: The field of the result that goes there; empty for the whole result.
        name: The new node's name; the target's own when not given.

    Raises:
        GraphError: A reference names nothing, or something does not fit.
    """
    kind = kind_of(target)
    named = name or target.name
    identity = new_id(program, named)
    bindings = {arg: reference(program, text) for arg, text in inputs.items()}
    result = result_of(kind, target)
    made = Node(identity, kind, named, bindings, result)
    given = Take(identity, tuple(filter(None, field.split("."))))
    ends = [into] if isinstance(into, str) else list(into)
    sources = {take.source for b in bindings.values() for take in takes_of(b)}

    def edit(nodes: tuple[Node, ...]) -> Iterator[Node]:
        after = [at for at, n in enumerate(nodes) if n.id in sources]
        place = max(after, default=-1) + 1
        yield from (*nodes[:place], made, *nodes[place:])

    for end in ends:
        check_end(program, end)
    beside = _beside(program, sources, ends)
    redirect = dict.fromkeys(ends, given)
    return _edited(program, beside, edit, {}, {named: target}, redirect)


def _beside(program: Program[..., Any], sources: set[str], ends: Sequence[str]) -> str:
    """A node of the level where a new node can see all that it takes."""
    order = {node.id: at for at, node in enumerate(_by_depth(program.structure))}
    if any(not is_node(s) and not s.startswith(INPUT + ".") for s in sources):
        return ends[0].rpartition(".")[0]
    return max((s for s in sources if s in order), key=lambda s: order[s], default="")


def _by_depth(flow: Flow) -> list[Node]:
    """Every node, those of bodies after all nodes around them."""
    level, found = list(flow.nodes), list[Node]()
    while level:
        found += level
        level = [n for node in level for b in node.bodies.values() for n in b.nodes]
    return found


def remove_node(
    program: Program[P, R], node: str, instead: str | Mapping[str, str] = ""
) -> Program[P, R]:
    """The program without a node.

    Args:
        program: It stays as it is.
        node: The node's id.
        instead: What is taken where its result was: one reference where only one
            thing is taken from it, else a reference for each, such as
            `{"critic.advice": "respond.answer"}`.

    Raises:
        GraphError: There is no such node, a value that others need has no
            replacement, or one does not fit.
    """
    node_of(program, node)
    taken = [take for take in all_takes(program.structure) if take.source == node]
    taken = list(dict.fromkeys(taken))
    if isinstance(instead, str):
        instead = {text_of(take): instead for take in taken} if instead else {}
        if len(instead) > 1:
            raise GraphError(
                f"{', '.join(instead)} are taken from {node!r}",
                hint="Give a reference for each: instead={...}",
            )
    changes: dict[Take, Binding] = {}
    for take in taken:
        text = instead.get(text_of(take))
        if text is None:
            raise GraphError(
                f"{text_of(take)} is needed when {node!r} is gone",
                hint=f"Say what is taken instead: instead={{{text_of(take)!r}: ...}}",
            )
        changes[take] = reference(program, text)

    def edit(nodes: tuple[Node, ...]) -> Iterator[Node]:
        for one in nodes:
            if one.id != node:
                kept = tuple(source for source in one.after if source != node)
                yield replace(one, after=kept)

    return _edited(program, node, edit, changes, {})


Edit = Callable[[tuple[Node, ...]], Iterator[Node]]


def _edited(
    program: Program[P, R],
    beside: str,
    edit: Edit,
    changes: Mapping[Take, Binding],
    added: Mapping[str, Target],
    redirect: Mapping[str, Take] | None = None,
) -> Program[P, R]:
    """Apply an edit to the level that holds a node, and check the whole."""
    graph = program.structure
    ends = redirect or {}
    nodes = _Editing(beside, edit, changes, ends).level(graph)
    output = ends.get(OUTPUT) or rebound(graph.output, changes)
    made = Graph(graph.name, graph.inputs, nodes, output, graph.result)
    parts = _parts(program.parts, made, added)
    verify(parts, graph.result)
    return program.with_parts(parts)


@dataclass(frozen=True)
class _Editing:
    """An edit on its way down to its level; bindings are changed on every level."""

    beside: str
    edit: Edit
    changes: Mapping[Take, Binding]
    redirect: Mapping[str, Take]

    def level(self, flow: Flow) -> tuple[Node, ...]:
        top = not self.beside and isinstance(flow, Graph)
        here = top or any(node.id == self.beside for node in flow.nodes)
        nodes = tuple(self.edit(flow.nodes)) if here else flow.nodes
        return tuple(self._node(node) for node in nodes)

    def _node(self, node: Node) -> Node:
        bodies = {
            name: Body(
                body.params,
                self.level(body),
                rebound(body.output, self.changes),
                body.result,
            )
            for name, body in node.bodies.items()
        }
        bindings = {k: rebound(b, self.changes) for k, b in node.bindings.items()}
        for end, given in self.redirect.items():
            identity, _, argument = end.rpartition(".")
            if identity == node.id:
                bindings[argument] = given
        moved = {t.source: b for t, b in self.changes.items() if not t.path}
        after = tuple(
            there.source if isinstance(there := moved.get(source), Take) else source
            for source in node.after
        )
        return replace(node, bindings=bindings, bodies=bodies, after=after)


def _parts(old: Parts, graph: Graph, added: Mapping[str, Target]) -> Parts:
    """The parts that a graph still calls, and what an edit added."""
    known: dict[str, Any] = {**old.modules, **old.steps, **old.programs}
    for name, target in added.items():
        others = {n.target for n in graph.walk() if n.target == name}
        if known.get(name, target) is not target and others:
            old_nodes = [n for n in old.graph.walk() if n.target == name]
            new_nodes = [n for n in graph.walk() if n.target == name]
            if len(new_nodes) > len(old_nodes) or len(old_nodes) > 1:
                raise GraphError(
                    f"two different things would be named {name!r}",
                    hint="Give the new one another name=...",
                )
        known[name] = target
    called = {node.target for node in graph.walk()}
    return parts_of_targets(graph, {n: t for n, t in known.items() if n in called})
