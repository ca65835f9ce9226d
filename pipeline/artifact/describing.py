"""Programs and artifacts in words, from their data alone: nothing has to be rebuilt."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ..errors import ArtifactError
from ..graph.binding import bound_from, show
from ..graph.module import Module
from ..graph.program import Program, as_program
from ..ground import strictjson
from ..ground.shapes import is_dict
from ..signature.schema_types import type_of_schema
from ..signature.types import type_name
from ..signature.wording import brief
from .artifact import read_artifact
from .migrations import FORMAT
from .origins import origin
from .program_data import describe_program
from .state import ArtifactFile, FieldState, ModuleState, ProgramState
from .text import digest_of

Target = Program[..., Any] | Module[..., Any] | str | Path
"""A program, a module, or the path of an artifact."""

_WIDTH = 88


def data_of(target: Target) -> ArtifactFile:
    """What an artifact of a target holds.

    Raises:
        ArtifactError: The file cannot be read.
        ConfigError: It is neither a program nor a path.
    """
    if isinstance(target, str | os.PathLike):
        return read_artifact(target)
    program = as_program(target)
    state, came = describe_program(program), origin(program)
    return ArtifactFile(
        format=FORMAT,
        name=program.name,
        digest=digest_of(state),
        program=ProgramState.model_validate(state),
        provenance=dict(came.provenance) if came else {},
    )


def visibly(text: str) -> str:
    r"""A text from a file as it may be printed: what moves a cursor is spelt out.

    >>> print(visibly("one\x1b[2J\ntwo"))
    one\x1b[2J
    two
    """
    if all(c.isprintable() or c in "\n\t" for c in text):
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def structure_lines(name: str, state: ProgramState) -> list[str]:
    """A program's graph, one line a node, as its `structure` is written."""
    given = ", ".join(f"{f.name}: {type_words(f)}" for f in state.inputs)
    lines = [f"{name}({given})", *_node_lines(state.nodes, "  ")]
    lines.append(f"  -> {_bound(state.output)}")
    for inner, part in state.programs.items():
        lines += structure_lines(f"program {inner}", part)
    return lines


def modules_in_order(
    state: ProgramState, prefix: str = ""
) -> Iterator[tuple[str, ModuleState]]:
    """Every module by path, in the order in which the program calls them."""
    called = dict.fromkeys(node.get("target") for node in _walk(state.nodes))
    for name in cast("list[str]", list(called)):
        if name in state.modules:
            yield prefix + name, state.modules[name]
        for path, module in state.uses.get(name, {}).items():
            yield f"{prefix}{name}/{path}", module
        if name in state.programs:
            yield from modules_in_order(state.programs[name], f"{prefix}{name}/")


def _walk(nodes: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for node in nodes:
        yield node
        for body in node.get("bodies", ()):
            yield from _walk(body["nodes"])


def type_words(field: FieldState) -> str:
    """A field's type as a person would write it."""
    try:
        kind, rules = type_of_schema(field.schema_, field.name)
    except ArtifactError:
        return brief(strictjson.canonical(field.schema_), _WIDTH)
    shown = [type_name(kind)] if not is_dict(kind) else ["?"]
    return ", ".join([*shown, *(f"{key}={rules[key]!r}" for key in sorted(rules))])


def _node_lines(nodes: Sequence[Mapping[str, Any]], indent: str) -> Iterator[str]:
    for node in nodes:
        given = cast("Mapping[str, Any]", node.get("in", {}))
        parts = [f"{key}={_bound(given[key])}" for key in given]
        options = cast("Mapping[str, Any]", node.get("options", {}))
        parts += [f"{key}={options[key]!r}" for key in options]
        parts += [f"after={name}" for name in node.get("after", ())]
        kind, target = node.get("kind"), node.get("target")
        called = kind if kind == target else f"{kind} {target}"
        yield f"{indent}{node.get('id')} = {called}({', '.join(parts)})"
        for body in node.get("bodies", ()):
            params = ", ".join(p.rpartition(".")[2] for p in body["params"])
            yield f"{indent}  {body['name']}({params}):"
            yield from _node_lines(body["nodes"], indent + "    ")
            yield f"{indent}    -> {_bound(body['output'])}"


def _bound(data: Any) -> str:
    try:
        return show(bound_from(data))
    except (ValueError, TypeError):
        return strictjson.canonical(data)
