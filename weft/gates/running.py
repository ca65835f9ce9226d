"""One loop for all suites: a program on many rows, each of them answered or told of.

It differs from `evaluate` in one thing: a step that raises scores 0, since a crash on
an odd input is what a suite looks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..pipeline.data.example import Example
from ..pipeline.errors import (
    BudgetExceeded,
    ContextLengthError,
    InvalidRequest,
    ModelFailure,
    StepError,
    WeftError,
)
from ..pipeline.graph.program import Program
from ..pipeline.measure.labels import for_program
from ..pipeline.measure.row_result import RowResult
from ..pipeline.measure.score import Metric, Score, apply_metric
from ..pipeline.measure.typed import reader_of
from ..pipeline.run.rows import bind_row, map_rows
from ..pipeline.run.settings import current, entered
from ..pipeline.trace import NodeRun, Trace

_FAULTS = (ModelFailure, StepError, ContextLengthError, InvalidRequest)
"""What a row's own input brings about."""


async def answered(
    program: Program[..., Any],
    rows: Sequence[Example],
    metric: Metric | None = None,
    *,
    concurrency: int,
    sample: int | None = None,
    ended: list[RowResult] | None = None,
) -> list[RowResult]:
    """Run a program on rows, and score the answers where there is a metric.

    Args:
        program: What runs.
        rows: Rows, with labels where there is a metric.
        metric: What scores them; without it an answer scores 1.
        concurrency: How many run at once.
        sample: Which of several answers is drawn, at temperature 1 where the module
            says nothing; the usual one by default.
        ended: Gets each result as its row ends: what was spent where all of them do
            not.

    Returns:
        One result a row, in order. A step that raised, a reply that could not be used,
        and a request that the endpoint refuses as it is, such as one that is too long,
        score 0; a row that nobody could answer (a server that was down) has no score.

    Raises:
        DataError: A row does not fit; nothing ran.
        MetricError: The metric raised, or gave no score.
        WeftError: An error that no row could escape.
    """
    read, score = reader_of(program), metric and for_program(metric, program)
    bound = [bind_row(program.inputs, row.inputs, row.id) for row in rows]

    async def one(position: int, row: Example) -> RowResult:
        nodes: list[NodeRun] = []
        try:
            made = await scored(position, row, nodes)
        except BudgetExceeded as error:
            said = f"{type(error).__name__}: {error}"
            made = RowResult(row, None, None, said, trace=_trace(nodes))
            if ended is not None and made.trace.calls:
                ended.append(made)
            raise
        if ended is not None:
            ended.append(made)
        return made

    async def scored(position: int, row: Example, nodes: list[NodeRun]) -> RowResult:
        try:
            run = await program.run_row(bound[position], nodes)
        except _FAULTS as error:
            zero, said = Score(0.0), f"{type(error).__name__}: {error}"
            model = isinstance(error, ModelFailure)
            return RowResult(row, None, zero, said, model, _trace(nodes))
        except WeftError as error:
            return _unanswered(row, None, error, nodes)
        if score is None:
            return RowResult(row, run.value, Score(1.0), trace=run.trace)
        try:
            made = await apply_metric(score, read(row), run.value)
        except WeftError as error:
            return _unanswered(row, run.value, error, nodes)
        return RowResult(row, run.value, made, trace=run.trace)

    if sample is None:
        return await map_rows(one, rows, concurrency=concurrency)
    base = current()
    with entered(base.having(sample=base.sample + sample, tried=True)):
        return await map_rows(one, rows, concurrency=concurrency)


def _unanswered(
    row: Example, value: Any, error: WeftError, nodes: list[NodeRun]
) -> RowResult:
    if error.aborts:
        raise error
    said = f"{type(error).__name__}: {error}"
    return RowResult(row, value, None, said, trace=_trace(nodes))


def _trace(nodes: list[NodeRun]) -> Trace:
    return Trace(tuple(sorted(nodes, key=lambda node: node.order)))
