"""Nearest: a pool of demos, of which each input is shown those most like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...pipeline.ground.options import Count, settings
from ...pipeline.parameters import Demo
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task, passes
from .demos import demos_of
from .proposer import Proposer
from .rows import demo_of_row, fits, left_out, ordered


@settings
class NearestDemos(Proposer):
    """Pools of demos with the number that each input is shown (`nearest`).

    Liu et al. 2021, "What Makes Good In-Context Examples for GPT-3?", arXiv 2101.06804.
    The choice is made by the program when it runs, by character trigrams: no model and
    no embedding is asked for it, and the artifact holds the pool as data.

    Args:
        k: How many demos an input is shown, in turn; further proposals take the same
            numbers again, from pools that lack a third of the rows.
        pool: How many demos a module holds at the most.
        traces: Whether the program is run on the rows of the pool, so that modules
            whose outputs are no labels get demos too, and reasoning is shown. Runs
            that fail the metric lend nothing.
    """

    k: tuple[int, ...] = (8, 4, 16)
    pool: Count = 1000
    traces: bool = False

    @property
    def shows(self) -> int:
        """As many as an input is shown at the most, whatever the pool holds."""
        return max(self.k, default=0)

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Proposals that differ in how many are shown, then in the pool."""
        rows = ordered(task.split.train, task.rng("nearest"))[: self.pool]
        traced = await self._traced(task, parents[0], len(rows)) if self.traces else {}
        made: list[Candidate] = []
        for number in range(n):
            parent, k = parents[number % len(parents)], self.k[number % len(self.k)]
            whole = number < len(self.k)
            hidden = set[str]() if whole else left_out(task, task.rng("pool", number))
            values: dict[str, Any] = {}
            most = 0
            for path, module in task.program.modules.items():
                own = {d.source: d for d in traced.get(path, [])}
                fitting = [r for r in rows if r.id in own or fits(module, r)]
                pool = tuple(
                    own.get(row.id) or demo_of_row(module, row)
                    for row in fitting
                    if row.id not in hidden
                )
                if pool:
                    values |= {f"{path}/demos": pool, f"{path}/nearest": k}
                    most = max(most, len(pool))
            if values:
                made.append(parent.but(values, f"the {k} nearest of {most} demos"))
        return made

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None, or one run of each row of the pool."""
        return self.running(n, train, calls_a_row)

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None, or one run of each row of the pool."""
        del n
        runs = min(self.pool, train) * calls_a_row if self.traces else 0
        return Calls(0, runs, runs)

    async def _traced(
        self, task: Task, parent: Candidate, most: int
    ) -> dict[str, list[Demo]]:
        rows = ordered(task.split.train, task.rng("nearest"))
        block = rows[: task.rows_in_reach(1, most)]
        found: dict[str, list[Demo]] = {}
        for result in await task.taught(parent, block):
            if passes(result):
                for path, demo in demos_of(result, task.program).items():
                    found.setdefault(path, []).append(demo)
        return found
