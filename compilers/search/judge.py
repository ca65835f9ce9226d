"""Judges: metrics that ask a model, whose calls are booked apart.

A metric may call a program. Its calls come out of the same budget, on the account
"judge", and count for what a row costs. They cannot be told beforehand, so a quote
assumes one for each row, and a repair at the most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, cast

from ...pipeline.data.rows import Example
from ...pipeline.measure.score import Metric, RawScore, called, metric_name
from ...pipeline.run.settings import current, entered
from ...pipeline.trace import NodeRun


class Judging(NamedTuple):
    """Model calls that a metric makes for one row: as a rule, and at the most."""

    plain: int
    most: int


NO_JUDGE = Judging(0, 0)
JUDGED = Judging(1, 2)


class Judge:
    """A metric whose model calls are booked as "judge", and counted."""

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
