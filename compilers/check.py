"""Checks before anything is paid for: rows, labels, metric, models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..pipeline.data import Example, require_rows
from ..pipeline.errors import DataError
from ..pipeline.field import FieldSpec
from ..pipeline.graph import Take
from ..pipeline.lm.lm import LanguageModel
from ..pipeline.metrics import Metric, check_metric
from ..pipeline.module import Module
from ..pipeline.program import Program
from ..pipeline.rows import bind_row, rows_of
from ..pipeline.runtime import current
from ..pipeline.signature import Signature, make_value, spec_of
from .recipe import Recipe

_BLANKS: Mapping[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "array": [],
    "object": {},
    "null": None,
}


def rows_for(
    program: Program[..., Any], source: Iterable[Any] | str | Path, what: str
) -> list[Example]:
    """Rows whose inputs fit a program and that carry labels.

    Raises:
        DataError: There is none, or one does not fit.
    """
    rows = rows_of(program.inputs, source)
    require_rows(rows, what)
    for row in rows:
        bind_row(program.inputs, row.inputs, row.id)
    if not any(row.labels for row in rows):
        raise DataError(
            f"the rows for {what} hold no labels beside the inputs "
            f"{', '.join(program.inputs.inputs)}",
            hint="Add the wanted outputs as further keys of each row",
        )
    return rows


def require_models(program: Program[..., Any]) -> None:
    """Refuse a program that has no model for one of its modules.

    Raises:
        ConfigError: No model is set; the message names the ways to set one.
    """
    for path, module in program.modules.items():
        current().model_for(path, module.lm)


def writer_of(program: Program[..., Any]) -> LanguageModel | None:
    """Who writes proposals: `lms={"proposer": ...}`, the scope's model, or a module's.

    None leaves it to WEFT_LM.
    """
    runtime = current()
    own = next((m.lm for m in program.modules.values() if m.lm is not None), None)
    return runtime.lms.get("proposer") or runtime.lm or own


def require_writer(program: Program[..., Any], recipes: Sequence[Recipe]) -> None:
    """Refuse recipes that have a model write where none is set.

    Raises:
        ConfigError: No model is set; the message names the ways to set one.
    """
    for module in _asked(recipes):
        current().model_for(module.name, writer_of(program))


def models_of(program: Program[..., Any], recipes: Sequence[Recipe]) -> dict[str, str]:
    """The models asked, by module path; that of proposals as "proposer"."""
    models = {
        path: current().model_for(path, module.lm).model
        for path, module in program.modules.items()
    }
    for module in _asked(recipes):
        writer = current().model_for(module.name, writer_of(program))
        models["proposer"] = writer.model
    return models


def _asked(recipes: Sequence[Recipe]) -> list[Module[..., Any]]:
    draws = [draw for r in recipes for draws in r.rounds for draw in draws]
    return [module for draw in draws for module in draw.proposer.asks]


async def require_metric(
    metric: Metric, rows: list[Example], program: Program[..., Any]
) -> None:
    """Try the metric on the rows' own labels, before any call.

    Raises:
        MetricError: It raises, gives no score, or cannot tell right from wrong.
    """
    await check_metric(
        metric, rows, lambda row: gold_prediction(program, row), program.name
    )


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


def _gold_value(kind: type[Signature], row: Example) -> Signature | None:
    spec = spec_of(kind)
    if not any(name in row.labels for name in spec.outputs):
        return None
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
