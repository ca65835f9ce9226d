"""Checking a whole structure again: what tracing checks call by call, after an edit."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from typing import Any, Literal

from ..errors import GraphError, did_you_mean
from ..signature.field import FieldSpec
from ..signature.types import type_name
from .binding import INPUT, Binding, Const, Pack, Take, show, takes_of
from .graph import Flow, Node, acts
from .inferring import closed_values, fit, item_type, joined, type_of
from .program import Parts
from .ref import members_of_kind
from .regions import DEFAULT
from .targets import wants_of


def verify(parts: Parts, promised: Any) -> None:
    """Check every name, type and use of a program's parts.

    Args:
        parts: The structure and what it calls.
        promised: The type that the program's result must have.

    Raises:
        GraphError: Something does not fit; the message names the node, both types and
            a remedy.
    """
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
        if node.bodies:
            _verify_region(node, known)
        else:
            _verify_call(parts, node, known)
        for source in node.after:
            _type_of(Take(source), known, f"{node.id} (after)")
        for argument, binding in node.bindings.items():
            _type_of(binding, known, f"{node.id}.{argument}")
        known[node.id] = node.result
    _refuse_unused(flow)


def _verify_call(parts: Parts, node: Node, known: Mapping[str, Any]) -> None:
    targets: Mapping[str, Mapping[str, Any]] = {
        "module": parts.modules,
        "step": parts.steps,
        "program": parts.programs,
    }
    target = targets[node.kind][node.target]
    wants = wants_of(node.kind, target)
    for argument, binding in node.bindings.items():
        end = f"{node.id}.{argument}"
        if argument not in wants:
            raise GraphError(
                f"{node.target!r} has no input {argument!r}",
                hint=did_you_mean(argument, wants),
            )
        wanted = wants[argument]
        spec = wanted if isinstance(wanted, FieldSpec) else None
        kind = spec.annotation if spec is not None else wanted
        source = _type_of(binding, known, end)
        if not isinstance(binding, Const) and not fit(source, kind):
            raise GraphError(
                f"{show(binding)} is {type_name(source)}, but {end} wants "
                f"{type_name(kind)}",
                hint="Put a @weft.step between them, or change one of the types",
            )
    _refuse_missing(node, wants, target)


def _verify_region(node: Node, known: Mapping[str, Any]) -> None:
    """Check what a region goes over, decides by, or starts with."""
    (argument, binding), *more = node.bindings.items()
    if more:
        raise GraphError(
            f"{node.id!r} has no input {more[0][0]!r}",
            hint=did_you_mean(more[0][0], [argument]),
        )
    end = f"{node.id}.{argument}"
    found = _type_of(binding, known, end)
    if isinstance(binding, Const) or _suits(node, found):
        return
    raise GraphError(
        f"{show(binding)} is {type_name(found)}, but {end} wants "
        f"{type_name(_wanted(node))}",
        hint="Put a @weft.step between them, or give another value",
    )


def _suits(node: Node, found: Any) -> bool:
    """Whether a value of this type is what a region's bodies are made for."""
    wanted = _wanted(node)
    if node.kind == "each":
        item = item_type(found)
        return item is not None and fit(types.GenericAlias(list, item), wanted)
    if node.kind == "switch":
        values = closed_values(found)
        plain = [v.value if isinstance(v, enum.Enum) else v for v in values]
        covered = values and fit(Literal[tuple(plain)], wanted)
        return bool(covered) or DEFAULT in node.bodies
    return fit(found, wanted)


def _wanted(node: Node) -> Any:
    """The type that a region's value must have."""
    if node.kind == "branch":
        return bool
    if node.kind == "switch":
        return Literal[tuple(node.options["labels"])]
    kind = node.bodies["body"].params[0].kind
    return types.GenericAlias(list, kind) if node.kind == "each" else kind


def _refuse_missing(node: Node, wants: Mapping[str, Any], target: Any) -> None:
    for argument, wanted in wants.items():
        if isinstance(wanted, FieldSpec):
            optional = not wanted.required
        else:
            parameter = target.parameters.parameters[argument]
            optional = parameter.default is not parameter.empty
        if argument not in node.bindings and not optional:
            raise GraphError(
                f"{node.id!r} is not given {argument!r}",
                hint=f"Its inputs are {', '.join(wants)}",
            )


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


def _refuse_unused(flow: Flow) -> None:
    used = {take.source for take in takes_of(flow.output)}
    for node in reversed(flow.nodes):
        if node.id in used or acts(node):
            used.update(node.sources)
        else:
            raise GraphError(
                f"the result of {node.id!r} would never be used, and every call of it "
                "would be paid for",
                hint="Remove it, or use its result",
            )
