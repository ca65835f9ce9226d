"""The difference of two programs' structures, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..signature.types import type_name
from .binding import show
from .graph import Flow, Graph, Node, call_text
from .program import Program


def graph_diff(old: Program[..., Any], new: Program[..., Any]) -> list[str]:
    """What changed from one program's structure to another's; empty for nothing.

    Nodes are matched by id. Parameters are no part of it: they are diffed elsewhere.
    """
    return list(_graph_lines(old.structure, new.structure))


def _graph_lines(old: Graph, new: Graph) -> Iterator[str]:
    before = {f.name: type_name(f.annotation) for f in old.inputs}
    after = {f.name: type_name(f.annotation) for f in new.inputs}
    yield from (f"input {n} was removed" for n in before if n not in after)
    yield from (f"input {n}: {after[n]} was added" for n in after if n not in before)
    for name in (n for n in before if n in after and before[n] != after[n]):
        yield f"input {name} was {before[name]}, now {after[name]}"
    first, second = dict(_placed(old, "")), dict(_placed(new, ""))
    for identity, (node, _) in first.items():
        if identity not in second:
            yield f"{identity} was removed: {call_text(node)}"
    for identity, (node, where) in second.items():
        if identity not in first:
            inside = f" in {where}" if where else ""
            yield f"{identity} was added{inside}: {call_text(node)}"
        else:
            yield from _node_lines(*first[identity], node, where)
    yield from _output_lines("", old, new)


def _node_lines(old: Node, was: str, new: Node, now: str) -> Iterator[str]:
    if was != now:
        yield f"{new.id} moved from {was or 'the program'} to {now or 'the program'}"
    if (old.kind, old.target) != (new.kind, new.target):
        yield f"{new.id} calls {new.kind} {new.target}, not {old.kind} {old.target}"
    before = {k: show(b) for k, b in old.bindings.items()}
    after = {k: show(b) for k, b in new.bindings.items()}
    yield from _changes(new.id, before, after)
    if old.after != new.after:
        yield f"{new.id} waits for {', '.join(new.after) or 'nothing'} first"
    settings = {k: str(v) for k, v in old.options.items()}
    yield from _changes(new.id, settings, {k: str(v) for k, v in new.options.items()})
    for name, body in new.bodies.items():
        if name in old.bodies:
            yield from _output_lines(f"{new.id}/{name}", old.bodies[name], body)
        else:
            yield f"{new.id} has a new body {name}"
    yield from (
        f"{new.id} lost its body {name}"
        for name in old.bodies
        if name not in new.bodies
    )


def _changes(
    name: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[str]:
    for key in {**before, **after}:
        if key not in after:
            yield f"{name}.{key} is not given any more (was {before[key]})"
        elif key not in before:
            yield f"{name}.{key} is now {after[key]} (was not given)"
        elif before[key] != after[key]:
            yield f"{name}.{key} is now {after[key]} (was {before[key]})"


def _output_lines(where: str, old: Flow, new: Flow) -> Iterator[str]:
    name = f"the output of {where}" if where else "the output"
    if old.output != new.output:
        yield f"{name} is now {show(new.output)} (was {show(old.output)})"


def _placed(flow: Flow, where: str) -> Iterator[tuple[str, tuple[Node, str]]]:
    for node in flow.nodes:
        yield node.id, (node, where)
        for name, body in node.bodies.items():
            yield from _placed(body, f"{node.id}/{name}")
