"""The verification: the best candidate and the seed, once, on the sealed rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.measure.row_result import RowResult
from ..propose.rows import proportional
from ..search.allowance import Allowance
from ..search.candidate import Candidate
from ..search.task import Task

LEAST = 24
_BLOCK = 64
_SHARE = 0.25


def sealed_rows(allowance: Allowance, rows: int) -> int:
    """How many sealed rows to set aside for each of two candidates.

    All of them, but on a tight budget no more than a quarter of it pays for: a search
    that was left nothing has nothing to verify. Never fewer than 24, on which a gain
    can show. What the search leaves over is used as well.
    """
    return int(min(rows, max(LEAST, allowance.rows(_SHARE) / 2)))


async def verify(
    task: Task, candidates: Sequence[Candidate]
) -> tuple[dict[str, list[RowResult]], str]:
    """Results of candidates on sealed rows, and why some rows are missing, or "".

    All candidates are seen on the same rows: where the ledger ends early, on those that
    every one of them could still meet.
    """
    rows = proportional(task.split.sealed, task.rng("sealed order"))
    done: list[Example] = []
    stopped = ""
    while len(done) < len(rows):
        left = rows[len(done) : len(done) + _BLOCK]
        reach = task.rows_in_reach(len(candidates), len(left))
        if not reach and math.isinf(task.allowance.sure()):
            # Where only time is short, one by one would be the slowest way.
            reach = task.allowance.beside // len(candidates)
        # At least one row is tried: the ledger refuses what it cannot hold. One by
        # one, or it would hang on their speed whom the last calls go to.
        block = left[: max(1, reach)]
        turns = [candidates] if reach else [[candidate] for candidate in candidates]
        try:
            for turn in turns:
                await task.observe_all(turn, block, "verify")
        except BudgetExceeded:
            seen = [r for r in block if all(task.result(c, r) for c in candidates)]
            done += seen
            stopped = f"the budget ended after {len(done)} of {len(rows)} sealed rows"
            break
        done += block
    found = {c.id: [task.cells[c.id, row.digest] for row in done] for c in candidates}
    return found, stopped
