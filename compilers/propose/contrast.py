"""Contrast: what a good run of a row did that a bad run of the same row did not."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from ...modules.predict import Predict
from ...pipeline.errors import BudgetExceeded
from ...pipeline.ground.options import settings
from ...pipeline.measure.row_result import RowResult
from ...pipeline.signature.signature import Input, Output, Signature
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task
from .evidence import case_of, evidence_calls, patched
from .proposer import Proposer
from .rows import ordered
from .writing import instructed, instruction_of, spread, write_each, writing_calls


class ContrastRuns(Signature):
    """Say in one rule what the good run did right and the bad one did wrong.

    Both runs had the same inputs. The rule is added to the instruction that the model
    follows; it must help with new inputs too.
    """

    task: str = Input("the instruction as it is")
    good: dict[str, Any] = Input("the better run")
    bad: dict[str, Any] = Input("the worse run")
    rule: str = Output("the rule to add to the instruction", min_length=1)


contrast_runs = Predict(ContrastRuns, name="contrast_runs")


@settings
class Contrast(Proposer):
    """Rules from good and bad runs of one row (SIMBA of DSPy, `append_a_rule`).

    The runs are those of different candidates, on the same rows. Rows where the scores
    lie furthest apart come first.

    Args:
        rows: On how many training rows the parents and the best two are run.
    """

    asks = (contrast_runs,)
    rows: int = 16

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` rules; none where all candidates do the same."""
        await self._meet(task, list(dict.fromkeys([*parents, *task.archive[:2]])))
        pairs = contrasts(task)
        jobs = [job for job in spread(task, parents, n) if pairs]

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            number, parent, path = job
            good, bad = pairs[number % len(pairs)]
            left, right = case_of(good, path), case_of(bad, path)
            if left is None or right is None:
                return None
            now = instruction_of(task, parent, path)
            reply = await contrast_runs.acall(task=now, good=left, bad=right)
            text = patched(now, "", reply.rule)
            return instructed(task, parent, path, text, "a rule from two runs of a row")

        return await write_each(task, jobs, write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each runner, and one request a proposal."""
        ran = self.running(n, train, calls_a_row)
        return ran.plus(writing_calls(n, *self.asks))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent, and of the best two."""
        return evidence_calls(self.rows, n + 2, train, calls_a_row)

    async def _meet(self, task: Task, runners: Sequence[Candidate]) -> None:
        """Run them on the same rows, those first that most of them know already."""
        rows = ordered(task.split.train, task.rng("contrast"))
        rows.sort(key=lambda row: sum(task.result(c, row) is None for c in runners))
        reach = task.rows_in_reach(len(runners), self.rows)
        with contextlib.suppress(BudgetExceeded):
            await task.observe_all(runners, rows[:reach], "bootstrap")


def contrasts(task: Task) -> list[tuple[RowResult, RowResult]]:
    """(Better, worse) runs of training rows, the furthest apart first."""
    found: list[tuple[float, str, RowResult, RowResult]] = []
    for row in task.split.train:
        runs = [r for c in task.archive if (r := task.result(c, row)) and r.score]
        runs.sort(key=lambda r: -(r.score.value if r.score else 0.0))
        if len(runs) > 1 and runs[0].score and runs[-1].score:
            gap = runs[0].score.value - runs[-1].score.value
            if gap > 0:
                found.append((-gap, row.digest, runs[0], runs[-1]))
    return [(good, bad) for _, _, good, bad in sorted(found, key=lambda f: f[:2])]
