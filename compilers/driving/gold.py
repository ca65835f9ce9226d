"""Gold: what a perfect program would give, as far as a row's labels say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.data.rows import Example
from ...pipeline.errors import SignatureError
from ...pipeline.graph.graph import Take
from ...pipeline.graph.program import Program
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.signature import Signature, make_value, spec_of

_BLANKS: Mapping[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "array": [],
    "object": {},
    "null": None,
}


def gold_prediction(program: Program[..., Any], row: Example) -> Any:
    """What a perfect program would give for a row, or None where labels do not say."""
    output = program.structure.output
    if not isinstance(output, Take):
        return None
    node = next((n for n in program.structure.nodes if n.id == output.source), None)
    if node is None or len(output.path) > 1:
        return None
    kind = node.result
    if isinstance(kind, type) and issubclass(kind, Signature):
        if not output.path:
            return _gold_value(kind, row)
        field = next(f for f in spec_of(kind).fields if f.name == output.path[0])
        return _label(row, field)
    only = next(iter(row.labels.values())) if len(row.labels) == 1 else None
    return row.labels.get(node.target, only) if not output.path else None


def blank_prediction(program: Program[..., Any], row: Example) -> Any:
    """A prediction of a program's kind that says nothing; None where no value does.

    Which labels a metric needs can be asked with it, where a row has none.
    """
    kind = program.structure.result
    if isinstance(kind, type) and issubclass(kind, Signature):
        return _value(kind, row)
    try:
        field = FieldSpec("result", "output", kind)
        return field.load(_blank(field))
    except (SignatureError, ValueError):
        return None


def _gold_value(kind: type[Signature], row: Example) -> Signature | None:
    names = spec_of(kind).outputs
    return _value(kind, row) if any(n in row.labels for n in names) else None


def _value(kind: type[Signature], row: Example) -> Signature | None:
    spec = spec_of(kind)
    values: dict[str, Any] = {}
    known = {**row.inputs, **row.labels}
    for field in spec.fields:
        try:
            values[field.name] = field.load(known.get(field.name, _blank(field)))
        except ValueError:
            if field.name in row.labels:
                return None
    return make_value(kind, values)


def _label(row: Example, field: FieldSpec) -> Any:
    if field.name in row.labels:
        raw = row.labels[field.name]
    elif len(row.labels) == 1:
        raw = next(iter(row.labels.values()))
    else:
        return None
    try:
        return field.load(raw)
    except ValueError:
        return None


def _blank(field: FieldSpec) -> Any:
    if "enum" in field.schema:
        return field.schema["enum"][0]
    return _BLANKS.get(str(field.schema.get("type")), None)
