"""What rows' labels say a perfect program would give, and the metric tried on it.

No metric is allowed a call before the budget is known: one that asks a model is found
out by that, and is not tried.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...pipeline.calls.budget import Budget, Ledger
from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded, CallError, MetricError, SignatureError
from ...pipeline.graph.binding import Take
from ...pipeline.graph.program import Program
from ...pipeline.measure.metric_check import check_metric
from ...pipeline.measure.score import Metric, apply_metric
from ...pipeline.reading.cells import read_cell
from ...pipeline.run.settings import current, entered
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.signature import Signature, make_value, spec_of
from ...pipeline.trace import NodeRun
from ..search.judge import JUDGED, NO_JUDGE, Judging

_BLANKS: Mapping[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "array": [],
    "object": {},
    "null": None,
}
_KINDS = 16


async def require_metric(
    metric: Metric, rows: Sequence[Example], program: Program[..., Any]
) -> Judging:
    """Try a metric on the rows' own labels; one that asks a model is not tried.

    Returns:
        What its calls for a row will be.

    Raises:
        MetricError: It raises, gives no score, or cannot tell right from wrong.
        DataError: A row lacks a label that it needs.
    """
    asked: list[NodeRun] = []
    nothing = Ledger(Budget(calls=0))
    with entered(replace(current(), ledger=nothing, hooks=(asked.append,))):
        try:
            await check_metric(
                metric, rows, lambda row: gold_prediction(program, row), program.name
            )
            await _try_without_labels(metric, rows, program)
        except (BudgetExceeded, MetricError):
            if not asked:
                raise
    return JUDGED if asked else NO_JUDGE


async def _try_without_labels(
    metric: Metric, rows: Sequence[Example], program: Program[..., Any]
) -> None:
    """Score a row of each kind that has fewer labels than others, with their gold.

    A metric may do without them; one that cannot says so before anything is paid for.
    """
    golds = (gold_prediction(program, row) for row in rows)
    gold = next((found for found in golds if found is not None), None)
    kinds = {frozenset(row.labels): row for row in reversed(rows)}
    every = frozenset[str]().union(*kinds)
    if gold is None and frozenset() in kinds:
        await _try_blank(metric, kinds[frozenset()], program)
    lacking = [row for names, row in kinds.items() if names != every]
    for row in lacking[:_KINDS] if gold is not None else ():
        await apply_metric(metric, row, gold)


async def _try_blank(metric: Metric, row: Example, program: Program[..., Any]) -> None:
    """Score an answer that says nothing, so that a missing label shows."""
    blank = blank_prediction(program, row)
    # What else a metric thinks of an answer that nobody gave says nothing.
    with contextlib.suppress(MetricError, CallError):
        await apply_metric(metric, row, blank)


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
            values[field.name] = read_cell(field, known.get(field.name, _blank(field)))
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
        return read_cell(field, raw)
    except ValueError:
        return None


def _blank(field: FieldSpec) -> Any:
    if "enum" in field.schema:
        return field.schema["enum"][0]
    return _BLANKS.get(str(field.schema.get("type")), None)
