"""Pointing at parts of a program by the words that people write: ids and references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import GraphError, did_you_mean
from ..trace import NodeKind
from .binding import INPUT, Take, takes_of
from .graph import Flow, Node
from .module import Module
from .program import Program
from .step import Step

OUTPUT = "output"


def check_end(program: Program[..., Any], end: str) -> None:
    """Refuse an end that no argument and no output is."""
    node = end.rpartition(".")[0]
    if end != OUTPUT and node not in ids_of(program):
        raise GraphError(
            f"program {program.name!r} has no argument {end!r}",
            hint=f"Write NODE.ARGUMENT or {OUTPUT!r}; "
            + did_you_mean(node or end, ids_of(program)),
        )


def reference(program: Program[..., Any], text: str) -> Take:
    """A reference as people write it."""
    source, *path = text.split(".")
    if source in ids_of(program):
        return Take(source, tuple(path))
    inputs = {f.name for f in program.structure.inputs}
    if source in inputs:
        return Take(f"{INPUT}.{source}", tuple(path))
    params = {
        p.source.rpartition(".")[2]: p.source
        for node in program.structure.walk()
        for body in node.bodies.values()
        for p in body.params
    }
    if source in params:
        return Take(params[source], tuple(path))
    raise GraphError(
        f"program {program.name!r} has nothing named {source!r}",
        hint=did_you_mean(source, [*ids_of(program), *inputs, *params]),
    )


def text_of(take: Take) -> str:
    """A reference as people write it."""
    return ".".join((take.source, *take.path))


def ids_of(program: Program[..., Any]) -> list[str]:
    """Ids of all nodes, those in regions included."""
    return [node.id for node in program.structure.walk()]


def node_of(program: Program[..., Any], identity: str) -> Node:
    """The node of that id.

    Raises:
        GraphError: There is none.
    """
    for node in program.structure.walk():
        if node.id == identity:
            return node
    raise GraphError(
        f"program {program.name!r} has no node {identity!r}",
        hint=did_you_mean(identity, ids_of(program)),
    )


def new_id(program: Program[..., Any], name: str) -> str:
    """An id for a further node of that name."""
    taken, identity, count = set(ids_of(program)), name, 1
    while identity in taken:
        count += 1
        identity = f"{name}#{count}"
    return identity


def kind_of(target: Any) -> NodeKind:
    """What kind of node calls a target.

    Raises:
        GraphError: Nothing can call it.
    """
    if isinstance(target, Module):
        return "module"
    if isinstance(target, Step):
        return "step"
    if isinstance(target, Program):
        return "program"
    raise GraphError(
        f"{target!r} cannot be a node", hint="Give a module, a step or a program"
    )


def all_takes(flow: Flow) -> Iterator[Take]:
    """Every reference in a level and in the bodies in it."""
    for node in flow.nodes:
        for binding in node.bindings.values():
            yield from takes_of(binding)
        for body in node.bodies.values():
            yield from all_takes(body)
    yield from takes_of(flow.output)
