"""Structure edits: a program with a node replaced, inserted or removed, checked anew.

An edit never changes a program; it makes a new one. References are written as the text
tree shows them: `respond.answer` for a field of a node's result, `question` for an
input, `respond` for a whole result. Nodes inside regions are edited in the same way.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, ParamSpec, TypeVar, cast

from ..errors import GraphError, did_you_mean
from ..signature.field import FieldSpec
from ..signature.types import type_name
from .binding import INPUT, Binding, Const, Pack, Take, is_node, rebound, show, takes_of
from .graph import Flow, Graph, Node, unused
from .module import Module
from .program import Parts, Program, parts_of_targets
from .ref import closed_values, fit, item_type, joined, members_of_kind, type_of
from .regions import DEFAULT, plain_label
from .scope import needs_of, result_of, wants_of
from .step import Step

P = ParamSpec("P")
R = TypeVar("R")
Target = Module[..., Any] | Step[..., Any] | Program[..., Any]
OUTPUT = "output"


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
    old = _node(program, node)
    made = _calling(program, target, name, old.bindings, old)

    def edit(nodes: tuple[Node, ...]) -> Iterator[Node]:
        yield from (made if n.id == node else n for n in nodes)

    changes: dict[Take, Binding] = {Take(node): Take(made.id)}
    return _edited(program, node, edit, changes, {made.target: target})


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
    bindings = {arg: _reference(program, text) for arg, text in inputs.items()}
    made = _calling(program, target, name, bindings)
    given = Take(made.id, tuple(filter(None, field.split("."))))
    ends = [into] if isinstance(into, str) else list(into)
    sources = {take.source for take in bindings.values()}
    for end in ends:
        node = end.rpartition(".")[0]
        if end != OUTPUT and node not in _ids(program):
            raise GraphError(
                f"program {program.name!r} has no argument {end!r}",
                hint=f"Write NODE.ARGUMENT or {OUTPUT!r}; "
                + did_you_mean(node or end, _ids(program)),
            )

    def edit(nodes: tuple[Node, ...]) -> Iterator[Node]:
        after = [at for at, n in enumerate(nodes) if n.id in sources]
        place = max(after, default=-1) + 1
        yield from (*nodes[:place], made, *nodes[place:])

    beside = _beside(program, sources, ends)
    redirect = dict.fromkeys(ends, given)
    return _edited(program, beside, edit, {}, {made.target: target}, redirect)


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
    _node(program, node)
    graph = program.structure
    bodies = [body for one in graph.walk() for body in one.bodies.values()]
    bindings = [b for one in graph.walk() for b in one.bindings.values()]
    bindings += [flow.output for flow in (*bodies, graph)]
    every = [take for binding in bindings for take in takes_of(binding)]
    taken = {".".join((t.source, *t.path)): t for t in every if t.source == node}
    if isinstance(instead, str):
        instead = dict.fromkeys(taken, instead) if instead else {}
        if len(instead) > 1:
            raise GraphError(
                f"{', '.join(instead)} are taken from {node!r}",
                hint="Give a reference for each: instead={...}",
            )
    for text in taken:
        if text not in instead:
            raise GraphError(
                f"{text} is needed when {node!r} is gone",
                hint=f"Say what is taken instead: instead={{{text!r}: ...}}",
            )
    changes = {t: _reference(program, instead[text]) for text, t in taken.items()}

    def edit(nodes: tuple[Node, ...]) -> Iterator[Node]:
        for one in nodes:
            if one.id != node:
                kept = tuple(source for source in one.after if source != node)
                yield replace(one, after=kept)

    return _edited(program, node, edit, changes, {})


def _ids(program: Program[..., Any]) -> list[str]:
    return [node.id for node in program.structure.walk()]


def _node(program: Program[..., Any], identity: str) -> Node:
    for node in program.structure.walk():
        if node.id == identity:
            return node
    raise GraphError(
        f"program {program.name!r} has no node {identity!r}",
        hint=did_you_mean(identity, _ids(program)),
    )


def _reference(program: Program[..., Any], text: str) -> Take:
    """A reference as people write it: a node, an input, or a body's parameter."""
    graph = program.structure
    bodies = [body for node in graph.walk() for body in node.bodies.values()]
    params = [p.source for body in bodies for p in body.params]
    known = {source.rpartition(".")[2]: source for source in params}
    known |= {f.name: f"{INPUT}.{f.name}" for f in graph.inputs}
    known |= {node: node for node in _ids(program)}
    source, *path = text.split(".")
    if source not in known:
        raise GraphError(
            f"program {program.name!r} has nothing named {source!r}",
            hint=did_you_mean(source, known),
        )
    return Take(known[source], tuple(path))


def _calling(
    program: Program[..., Any],
    target: Target,
    name: str | None,
    bindings: Mapping[str, Binding],
    old: Node | None = None,
) -> Node:
    """A node that calls a target; in the place of an old one where there is one."""
    if not isinstance(cast(Any, target), Module | Step | Program):
        raise GraphError(
            f"{target!r} cannot be a node", hint="Give a module, a step or a program"
        )
    kind, named = target.node_kind, name or target.name
    result = result_of(target)
    if old is not None and named == old.target:
        return replace(old, kind=kind, result=result)
    taken, identity, count = _ids(program), named, 1
    while identity in taken:
        count += 1
        identity = f"{named}#{count}"
    if old is not None:
        return replace(old, id=identity, kind=kind, target=named, result=result)
    return Node(identity, kind, named, bindings, result)


def _beside(program: Program[..., Any], sources: set[str], ends: Sequence[str]) -> str:
    """A node of the level where a new node can see all that it takes."""
    if any(not is_node(s) and not s.startswith(INPUT + ".") for s in sources):
        return ends[0].rpartition(".")[0]
    level, deepest = list(program.structure.nodes), ""
    while level:
        deepest = next((n.id for n in level[::-1] if n.id in sources), deepest)
        level = [n for node in level for b in node.bodies.values() for n in b.nodes]
    return deepest


def _edited(
    program: Program[P, R],
    beside: str,
    edit: Callable[[tuple[Node, ...]], Iterator[Node]],
    changes: Mapping[Take, Binding],
    added: Mapping[str, Target],
    redirect: Mapping[str, Take] | None = None,
) -> Program[P, R]:
    """Apply an edit to the level that holds a node, and check the whole."""
    graph, ends = program.structure, redirect or {}
    moved = {t.source: b for t, b in changes.items() if not t.path}

    def level(flow: Flow) -> tuple[Node, ...]:
        top = not beside and flow is graph
        here = top or any(node.id == beside for node in flow.nodes)
        return tuple(map(rewired, edit(flow.nodes) if here else flow.nodes))

    def rewired(node: Node) -> Node:
        bodies = {
            name: replace(b, nodes=level(b), output=rebound(b.output, changes))
            for name, b in node.bodies.items()
        }
        bindings = {k: rebound(b, changes) for k, b in node.bindings.items()}
        for end, given in ends.items():
            identity, _, argument = end.rpartition(".")
            if identity == node.id:
                bindings[argument] = given
        after = tuple(
            there.source if isinstance(there := moved.get(source), Take) else source
            for source in node.after
        )
        return replace(node, bindings=bindings, bodies=bodies, after=after)

    output = ends.get(OUTPUT) or rebound(graph.output, changes)
    made = replace(graph, nodes=level(graph), output=output)
    parts = _parts(program.parts, made, added)
    _verify(parts, graph.result)
    return program.with_parts(parts)


def _parts(old: Parts, graph: Graph, added: Mapping[str, Target]) -> Parts:
    """The parts that a graph still calls, and what an edit added."""
    known = old.targets
    called = [node.target for node in graph.walk()]
    for name, target in added.items():
        if known.get(name, target) is not target and called.count(name) > 1:
            raise GraphError(
                f"two different things would be named {name!r}",
                hint="Give the new one another name=...",
            )
    known |= added
    return parts_of_targets(graph, {n: t for n, t in known.items() if n in called})


def _verify(parts: Parts, promised: Any) -> None:
    """Check every name, type and use, as tracing does call by call."""
    graph = parts.graph
    known = {f"{INPUT}.{f.name}": f.annotation for f in graph.inputs}
    _verify_level(parts, graph, known)
    result = _type_of(graph.output, known, graph.name)
    if not fit(result, promised):
        raise GraphError(
            f"program {graph.name!r} would return {type_name(result)} but promises "
            f"{type_name(promised)}",
            hint="Take the output from a node that gives that type",
        )


def _verify_level(parts: Parts, flow: Flow, known: dict[str, Any]) -> None:
    for node in flow.nodes:
        for name, body in node.bodies.items():
            inner = known | {p.source: p.kind for p in body.params}
            _verify_level(parts, body, inner)
            found = _type_of(body.output, inner, f"{node.id}.{name}")
            if not fit(found, body.result):
                raise GraphError(
                    f"{node.id}.{name} would give {type_name(found)} and gave "
                    f"{type_name(body.result)}",
                    hint="Keep the type of the body's result",
                )
        for source in node.after:
            _type_of(Take(source), known, f"{node.id} (after)")
        _verify_node(parts, node, known)
        known[node.id] = node.result
    idle = unused(flow.nodes, flow.output)
    if idle is not None:
        raise GraphError(
            f"the result of {idle.id!r} would never be used, and every call of it "
            "would be paid for",
            hint="Remove it, or use its result",
        )


def _verify_node(parts: Parts, node: Node, known: Mapping[str, Any]) -> None:
    """Check that a node is given what it wants: all of it, and of those types."""
    target = None if node.bodies else parts.target(node)
    # A region has one input, the first: what it was made over.
    region = {next(iter(node.bindings), ""): _region_wants(node)}
    wants = region if target is None else wants_of(target)
    for argument, binding in node.bindings.items():
        end = f"{node.id}.{argument}"
        if argument not in wants:
            raise GraphError(
                f"{node.target!r} has no input {argument!r}",
                hint=did_you_mean(argument, wants),
            )
        wanted, found = wants[argument], _type_of(binding, known, end)
        wanted = wanted.annotation if isinstance(wanted, FieldSpec) else wanted
        if not isinstance(binding, Const) and not _suits(node, found, wanted):
            raise GraphError(
                f"{show(binding)} is {type_name(found)}, but {end} wants "
                f"{type_name(wanted)}",
                hint="Put a @weft.step between them, or "
                + ("give another value" if node.bodies else "change one of the types"),
            )
    for argument in [] if target is None else needs_of(target):
        if argument not in node.bindings:
            raise GraphError(
                f"{node.id!r} is not given {argument!r}",
                hint=f"Its inputs are {', '.join(wants)}",
            )


def _region_wants(node: Node) -> Any:
    """The type that a region's value must have."""
    if node.kind == "switch":
        return Literal[tuple(node.options["labels"])]
    if node.kind in ("each", "loop"):
        kind = node.bodies["body"].params[0].kind
        return types.GenericAlias(list, kind) if node.kind == "each" else kind
    return bool


def _suits(node: Node, found: Any, wanted: Any) -> bool:
    """Whether a value of a type is what a node, or a region's bodies, are made for."""
    if node.kind == "each":
        item = item_type(found)
        return item is not None and fit(types.GenericAlias(list, item), wanted)
    if node.kind == "switch":
        values = closed_values(found)
        plain = tuple(plain_label(value) for value in values)
        covered = values and fit(Literal[plain], wanted)
        return bool(covered) or DEFAULT in node.bodies
    return fit(found, wanted)


def _type_of(binding: Binding, known: Mapping[str, Any], end: str) -> Any:
    """The type of a binding's value; every name in it must be known."""
    if isinstance(binding, Const):
        return type_of(binding.value, exact=True)
    if isinstance(binding, Pack):
        kinds = [_type_of(item, known, end) for item in binding.items]
        if binding.kind == "tuple":
            return types.GenericAlias(tuple, tuple(kinds))
        if binding.kind == "list":
            return types.GenericAlias(list, joined(kinds))
        keys = joined(type_of(key) for key in binding.keys)
        return types.GenericAlias(dict, (keys, joined(kinds)))
    if binding.source not in known:
        raise GraphError(
            f"{end} takes {show(binding)}, which no earlier node gives",
            hint="Take what stands before it in the program",
        )
    kind = known[binding.source]
    for name in binding.path:
        if kind is Any:
            break
        members = members_of_kind(kind) or {}
        if name not in members:
            raise GraphError(
                f"{end} takes {show(binding)}, but {type_name(kind)} has no {name!r}",
                hint=did_you_mean(name, members),
            )
        kind = members[name]
    return kind
