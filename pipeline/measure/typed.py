"""Rows as a metric reads them: structured values are of the signature's types.

Rows are written as JSON, and a program gives models. So that `example.person` can be
compared with `prediction.person`, and has a `.name` as that one does, a dict or a list
in a row is read as the type of the program's input or output of that name. What the
type does not take whole, such as a rubric or a label with further keys, stays as it is
written; `example.labels` and `example.inputs` hold that of every field.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..data.example import Example, read_as
from ..errors import SignatureError
from ..graph.binding import INPUT, Binding, Pack, Take
from ..graph.graph import Graph
from ..graph.program import Program
from ..graph.ref import members_of_kind
from ..ground.shapes import is_dict, is_list
from ..signature.field import FieldSpec
from ..signature.signature import Signature, spec_of

Reader = Callable[[Example], Example]


def reader_of(program: Program[..., Any]) -> Reader:
    """What gives a metric its rows, for the inputs and outputs of a program."""
    inputs = {f.name: f for f in program.structure.inputs}
    fields = inputs | outputs_of(program)
    structured = {name: f for name, f in fields.items() if _is_structured(f)}
    whole = structured.pop("", None)
    if not structured and whole is None:
        return _as_written
    return functools.partial(_read, structured, whole, frozenset(fields))


def outputs_of(program: Program[..., Any]) -> dict[str, FieldSpec]:
    """What a program gives, by name; one whose name nobody knows by an empty one."""
    return dict(_outputs(_innermost(program).structure))


def output_name(program: Program[..., Any]) -> str:
    """The field of a module that a program gives as its result, or empty."""
    output = _innermost(program).structure.output
    return output.path[-1] if isinstance(output, Take) and output.path else ""


def _innermost(program: Program[..., Any]) -> Program[..., Any]:
    """The program whose result another one gives as its own."""
    output = program.structure.output
    while isinstance(output, Take) and not output.path:
        nodes = {node.id: node for node in program.structure.nodes}
        node = nodes.get(output.source)
        if node is None or node.kind != "program":
            break
        program = program.parts.programs[node.target]
        output = program.structure.output
    return program


def _as_written(example: Example) -> Example:
    return example


def _read(
    fields: Mapping[str, FieldSpec],
    whole: FieldSpec | None,
    named: frozenset[str],
    example: Example,
) -> Example:
    """A row with its structured fields read; `whole` is for labels of another name."""
    values: dict[str, Any] = {}
    for name, written in {**example.inputs, **example.labels}.items():
        field = fields.get(name)
        if field is None and name in example.labels and name not in named:
            field = whole
        if field is not None and (is_dict(written) or is_list(written)):
            made = _value(field, written)
            if made is not written:
                values[name] = made
    return read_as(example, values) if values else example


def _value(field: FieldSpec, written: Any) -> Any:
    """Written data as the field's type, or each item of a list; else as it is."""
    try:
        made = field.load(written)
        return made if _holds(field.dump(made), written) else written
    except ValueError:
        pass
    if not is_list(written):
        return written
    items = [_value(field, item) if is_dict(item) else item for item in written]
    changed = any(new is not old for new, old in zip(items, written, strict=True))
    return items if changed else written


def _holds(whole: Any, part: Any) -> bool:
    """Whether data has everything that a part of it says."""
    if is_dict(whole) and is_dict(part):
        return all(k in whole and _holds(whole[k], v) for k, v in part.items())
    if is_list(whole) and is_list(part):
        return len(whole) == len(part) and all(map(_holds, whole, part))
    return bool(whole == part)


def _outputs(graph: Graph) -> Iterator[tuple[str, FieldSpec]]:
    """Fields of the result by name; one whose name nobody knows by an empty one."""
    kind, output = graph.result, graph.output
    if isinstance(kind, type) and issubclass(kind, Signature):
        yield from spec_of(kind).outputs.items()
        return
    if isinstance(output, Take) and output.path:
        yield from _field(output.path[-1], kind)
    elif isinstance(output, Pack) and output.kind == "dict":
        for key, item in zip(output.keys, output.items, strict=True):
            yield from _field(key, _kind(graph, item))
    else:
        yield from _field("", kind)
    for name, member in (members_of_kind(kind) or {}).items():
        yield from _field(name, member)


def _kind(graph: Graph, binding: Binding) -> Any:
    """The type of what a binding takes; None of what it makes itself."""
    if not isinstance(binding, Take):
        return None
    kinds = {node.id: node.result for node in graph.nodes}
    kinds |= {f"{INPUT}.{f.name}": f.annotation for f in graph.inputs}
    kind = kinds.get(binding.source)
    for name in binding.path:
        kind = (members_of_kind(kind) or {}).get(name)
    return kind


def _field(name: Any, kind: Any) -> Iterator[tuple[str, FieldSpec]]:
    if isinstance(name, str) and kind is not None:
        try:
            field = FieldSpec(name, "output", kind)
            _ = field.schema
        except SignatureError:  # nothing that data could be read as
            return
        yield name, field


def _is_structured(field: FieldSpec) -> bool:
    return '"properties"' in json.dumps(field.schema)
