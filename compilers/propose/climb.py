"""Climb: mend, try it on the rows that went wrong, keep what helps, go on."""

from __future__ import annotations

from collections.abc import Sequence

from ...pipeline.base.options import Share, settings
from ...pipeline.data import Example
from ...pipeline.errors import BudgetExceeded
from ..candidate import Candidate
from ..driving.task import Task
from .base import Calls, Proposer
from .demos import passes
from .evidence import case_of
from .reflect import Reflect, mended
from .rows import ordered
from .writing import within, write_each, writing_calls


@settings
class Climb(Proposer):
    """Small mendings, each tried at once on training rows that called for it.

    The inner loop of GEPA (Agrawal et al. 2025, arXiv 2507.19457, algorithm 1). On
    purpose unlike it, a step mends several modules, since a request costs less than
    the rows that try it; rows known to fail are taken instead of three at random, and
    a few that pass stand guard. Rows run in one step are evidence for the next.

    Args:
        shown: How many failing rows a writer is shown at the most.
        tried: On how many of them a step is tried; more are run where fewer are known.
        guards: How many passing rows are shown, and tried, as well.
        steps: How many steps there are at the most.
        modules: How many modules a step mends; where there are more, they take turns.
        share: The share of the calls left that the climb may take.
    """

    asks = Reflect.asks
    shown: int = 12
    tried: int = 6
    guards: int = 2
    steps: int = 12
    modules: int = 3
    share: Share = 0.5

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Where one climb from the first parent ends; nothing where no step helped."""
        now = start = parents[0]
        floor = task.room() * (1 - self.share)
        for step in range(self.steps if n else 0):
            try:
                failing, passing = await self._seen(task, now, step)
                rows = [*failing[: self.tried], *passing]
                left = task.room() - len(rows) * task.allowance.a_row
                if not failing or left < floor:
                    break
                child = await self._child(task, now, [*failing, *passing], step)
                if child is None:
                    continue
                await task.observe(child, rows, "bootstrap")
            except BudgetExceeded:
                break
            if sum(task.scores(child, rows)) > sum(task.scores(now, rows)):
                now = child
        # The steps between are no candidates that anybody could look up.
        made = Candidate(now.values, now.origin, start.id)
        return [made] if now is not start else []

    async def _seen(
        self, task: Task, now: Candidate, step: int
    ) -> tuple[list[Example], list[Example]]:
        """Rows that it fails and a few that it passes, run where too few are known."""
        rows = ordered(task.split.train, task.rng("climb", step))
        failing = [r for r in rows if (c := task.result(now, r)) and not passes(c)]
        if len(failing) < self.tried:
            suspects = {row for (_, row), c in task.cells.items() if not passes(c)}
            fresh = [row for row in rows if task.result(now, row) is None]
            fresh.sort(key=lambda row: row.digest not in suspects)
            reach = task.rows_in_reach(1, self.tried - len(failing))
            await task.observe(now, fresh[:reach], "bootstrap")
            failing = [r for r in rows if (c := task.result(now, r)) and not passes(c)]
        passing = [r for r in rows if (c := task.result(now, r)) and passes(c)]
        return failing[: self.shown], passing[: self.guards]

    async def _child(
        self, task: Task, now: Candidate, rows: Sequence[Example], step: int
    ) -> Candidate | None:
        """Several modules mended for these rows; None where nothing was to change."""
        results = [r for row in rows if (r := task.result(now, row))]

        async def write(path: str) -> Candidate | None:
            told = [(case, passes(r)) for r in results if (case := case_of(r, path))]
            failing = [case for case, good in told if not good]
            passing = [case for case, good in told if good]
            return await mended(task, now, path, within(failing), within(passing))

        every = list(task.program.modules)
        count = min(self.modules, len(every))
        paths = [every[(step * count + at) % len(every)] for at in range(count)]
        made = await write_each(task, paths, write, before=step * count)
        slots = {f"{path}/instruction" for path in paths}
        new = {
            slot: value
            for child in made
            for slot, value in child.values.items()
            if slot in slots and value != now.values.get(slot)
        }
        return now.but(new, f"climbed to step {step + 1}") if new else None

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each step, and its requests; half of the steps are expected."""
        asked = writing_calls(self.steps * self.modules, *self.asks)
        written = Calls(1, self.steps // 2, asked.high)
        return self.running(n, train, calls_a_row).plus(written)

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each step, which may have to be run twice."""
        del n
        each = min(train, self.tried + self.guards) * calls_a_row
        return Calls(each, self.steps // 2 * each, 2 * self.steps * each)
