"""Rows run and scored, one by one: what a row costs, gives, and scores.

A metric is applied apart from the program: what it asks of models is booked as "judge"
and recorded beside the row's own trace.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ..data.example import Example
from ..errors import ModelFailure, WeftError
from ..graph.module import Module
from ..graph.program import Program
from ..graph.runnable import Runner
from ..run.rows import bind_row, map_rows
from ..run.settings import current, entered
from ..trace import NodeRun, Trace
from .row_result import RowResult
from .score import Metric, Score, answered_by, apply_metric, require_modules
from .typed import Reader


async def score_rows(
    program: Runner,
    work: Sequence[tuple[Example, int]],
    metric: Metric,
    read: Reader,
    *,
    modules: Collection[str],
    concurrency: int,
    done: Any = None,
) -> list[RowResult]:
    """Run and score (row, sample) pairs; results come in the same order.

    Args:
        program: What runs on the rows.
        work: Rows, each with the number of the sample of its answers.
        metric: What scores them.
        read: What gives the metric its rows; see `labels`.
        modules: The paths of the program's modules, which feedback may name.
        concurrency: How many run at once.
        done: Called after each row.

    Raises:
        DataError: A row's inputs do not fit; nothing ran.
        MetricError: The metric raised or gave no score, or feedback on a module that
            there is not.
        WeftError: An error that no row could escape.
    """
    bound = [bind_row(program.inputs, e.inputs, e.id) for e, _ in work]

    def one(position: int, item: tuple[Example, int]) -> Coroutine[Any, Any, RowResult]:
        example, sample = item
        scored = _score_row(program, example, bound[position], metric, read, modules)
        return _sampled(scored, sample) if sample else scored

    return await map_rows(one, work, concurrency=concurrency, done=done)


async def _sampled(scored: Awaitable[RowResult], sample: int) -> RowResult:
    """The result of a row with another sample of its answers."""
    base = current()
    with entered(base.having(sample=base.sample + sample)):
        return await scored


async def _score_row(
    program: Runner,
    example: Example,
    bound: dict[str, Any],
    metric: Metric,
    read: Reader,
    modules: Collection[str],
) -> RowResult:
    nodes: list[NodeRun] = []
    value: Any = None
    try:
        run = await program.run_row(bound, nodes)
        value = run.value
    except ModelFailure as error:
        trace = Trace(tuple(sorted(nodes, key=lambda n: n.order)))
        zero = Score(0.0, str(error))
        return RowResult(example, None, zero, str(error), True, trace)
    except WeftError as error:
        return _failed(example, None, error, nodes)
    asked: list[NodeRun] = []
    here = current()
    apart = here.having(account="judge", hooks=(*here.hooks, asked.append))
    try:
        with entered(apart), answered_by(run.trace.nodes, _modules_of(program)):
            score = await apply_metric(metric, read(example), value)
        require_modules(score, modules, metric, example)
    except WeftError as error:
        # A judge's own failure says nothing about the row: never a zero.
        failed = _failed(example, value, error, nodes)
        return replace(failed, judging=Trace(tuple(asked)))
    judging = Trace(tuple(asked))
    return RowResult(example, value, score, trace=run.trace, judging=judging)


def _modules_of(program: Runner) -> Mapping[str, Module[..., Any]]:
    """The modules that were asked, where they are of this process."""
    if not isinstance(program, Program):
        return {}
    return cast("Program[..., Any]", program).modules


def _failed(
    example: Example, value: Any, error: WeftError, nodes: list[NodeRun]
) -> RowResult:
    """A row that cannot be scored; an error that no row could escape is raised."""
    if error.aborts:
        raise error
    trace = Trace(tuple(sorted(nodes, key=lambda n: n.order)))
    shown = f"{type(error).__name__}: {error}"
    return RowResult(example, value, None, shown, False, trace)
