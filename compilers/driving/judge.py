"""Judges: metrics that ask a model, whose calls are booked apart.

A metric may call a program. Its calls come out of the same budget, on the account
"judge", and count for what a row costs. They cannot be told beforehand, so a quote
assumes one for each row, and a repair at the most. No metric is allowed a call before
the budget is known: one that asks a model is found out by that, and is not tried on
gold answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

from ...pipeline.calls.budget import Budget, Ledger
from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded, CallError, MetricError
from ...pipeline.graph.program import Program
from ...pipeline.measure.metric_check import check_metric
from ...pipeline.measure.score import (
    Metric,
    RawScore,
    apply_metric,
    called,
    metric_name,
)
from ...pipeline.run.settings import current, entered
from ...pipeline.trace import NodeRun
from .gold import blank_prediction, gold_prediction


class Judging(NamedTuple):
    """Model calls that a metric makes for one row: as a rule, and at the most."""

    plain: int
    most: int


NO_JUDGE = Judging(0, 0)
JUDGED = Judging(1, 2)
_KINDS = 16


class Judge:
    """A metric whose model calls are booked as "judge", and counted.

    Args:
        metric: The metric; what it gives is passed on.
    """

    def __init__(self, metric: Metric) -> None:
        self.name = metric_name(metric)
        self._metric = metric
        self._calls = 0

    async def __call__(self, example: Example, prediction: Any) -> RawScore:
        """Score one prediction."""
        here = current()
        runtime = replace(here, account="judge", hooks=(*here.hooks, self._saw))
        with entered(runtime):
            return cast(RawScore, await called(self._metric, example, prediction))

    def taken(self) -> int:
        """Calls since this was last asked."""
        calls, self._calls = self._calls, 0
        return calls

    def _saw(self, run: NodeRun) -> None:
        self._calls += len(run.calls)


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
