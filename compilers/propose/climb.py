"""Climb: mend one module, try it on rows that were not picked for it, keep what helps.

The rows of a trial are fixed before the climb begins. Rows chosen because the program
fails them get better by themselves when they are run anew, so that on them the next
edit seems to help whatever it says (regression toward the mean, Galton 1886).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.ground.options import Count, Share, settings
from ..search.blame import blame
from ..search.candidate import Candidate
from ..search.cost import Calls
from ..search.task import Task
from .evidence import Seen, case_of, within
from .lines import edits_between, instruction_of
from .proposer import Parents, Proposer, writing_calls
from .reflection import Reflect
from .rows import ordered
from .writer import Job, write_each

_SURE = 2.0


@settings
class Climb(Proposer):
    """Mendings of one module at a time, each tried at once; what helps stays.

    The loop of GEPA (Agrawal et al. 2025, arXiv 2507.19457, algorithm 1). On purpose
    unlike it, a step is tried on one fixed set of training rows, first on a few and
    then on more, until it is behind, surely ahead, or ahead on all of them. What was
    run is evidence for the next step. A step that shows nothing alone is left to meet
    others (`Task.waiting`). First is the module that the failures seem to come from
    (`blame`); each step in vain lets others come before it.

    Args:
        failing: How many failing cases a writer is shown at the most.
        passing: How many passing ones.
        first: Rows of a step's first trial.
        growth: How many times as many rows the next trial has.
        rows: How many rows the last trial has at the most.
        trials: How many such last trials the calls at hand must pay for; on a tight
            budget they have fewer rows.
        steps: How many steps there are at the most.
        patience: End after so many steps a module without a gain.
        share: The share of the calls left that the climb may take.
    """

    asks = Reflect.asks
    changes = ("instruction",)
    failing: int = 8
    passing: int = 8
    first: Count = 8
    growth: float = 2.5
    rows: Count = 48
    trials: Count = 4
    steps: int = 24
    patience: int = 3
    share: Share = 0.85

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Where one climb from the first parent ends; nothing where no step helped."""
        trail = _Trail(self, task, parents[0])
        modules, keeping = task.program.modules, task.keeping
        paths = [path for path in modules if keeping.free(path, parents[0])]
        vain = dict.fromkeys(paths, 0)
        idle = 0
        for step in range(self.steps if n and paths else 0):
            least = min(self.first, len(trail.rows)) * task.allowance.a_row
            if idle >= self.patience * len(paths) or not trail.leaves(least):
                break
            idle += 1
            try:
                seen = await trail.seen(step)
                path = _suspect(task, seen, vain)
                if not path:
                    break
                child = await trail.child(path, seen, step)
                if child is not None:
                    # Alone it may be too little to show; with others it may be enough.
                    task.waiting.append(child)
                if child and await trail.gains(child):
                    trail.now, idle = child, 0
                else:
                    vain[path] += 1
                    if child:
                        trail.reject(child, path)
            except BudgetExceeded:
                break
        now, start = trail.now, parents[0]
        # The steps between are no candidates that anybody could look up.
        made = Candidate(now.values, now.origin, start.id)
        return [made] if now is not start else []

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each step, and its request; half of the steps are expected."""
        asked = writing_calls(self.steps, *self.asks)
        written = Calls(1, self.steps // 2, asked.high)
        return self.running(n, train, calls_a_row).plus(written)

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each step; most steps meet only the first few."""
        del n
        first, each = (min(train, r) * calls_a_row for r in (self.first, self.rows))
        likely = each + self.steps // 2 * (first + each // 4)
        return Calls(first, likely, (self.steps + 1) * each)


class _Trail:
    """A climb under way: where it stands, and the rows of all its trials.

    They are in a fixed order, those first whose price is paid: which rows a headroom
    run was made on has nothing to do with how they ended.
    """

    def __init__(self, climb: Climb, task: Task, start: Candidate) -> None:
        self.climb, self.task, self.now = climb, task, start
        self.rejected: list[str] = []
        self.floor = task.room() * (1 - climb.share)
        rows = ordered(task.split.train, task.rng("climb"))
        rows.sort(key=lambda row: task.result(start, row) is None)
        most = task.allowance.rows(climb.share) / climb.trials
        self.rows = rows[: int(min(climb.rows, len(rows), max(climb.first, most)))]

    def leaves(self, calls: float) -> bool:
        """Whether so many calls leave what is not the climb's share."""
        return self.task.room() - calls >= self.floor

    def _affords(self, who: Sequence[Candidate], rows: Sequence[Example]) -> bool:
        fresh = sum(self.task.result(one, row) is None for one in who for row in rows)
        return self.leaves(fresh * self.task.allowance.a_row)

    async def seen(self, step: int) -> Seen:
        """Its results on training rows; where none of them fails, some more."""
        order = ordered(self.task.split.train, self.task.rng("climb", step))
        seen = Seen.of(self.task.results(self.now, order))
        some = self.rows[: math.ceil(self.climb.first * self.climb.growth)]
        if not seen.failing and self._affords([self.now], some):
            await self.task.observe(self.now, some, "bootstrap")
            seen = Seen.of(self.task.results(self.now, order))
        return seen

    async def child(self, path: str, seen: Seen, step: int) -> Candidate | None:
        """One module mended; None where nothing was to change."""
        failing = [case for r in seen.failing if (case := case_of(r, path))]
        passing = [case for r in seen.passing if (case := case_of(r, path))]
        job = Job(
            self.task,
            step,
            self.now,
            path,
            failing=within(failing[: self.climb.failing]),
            passing=within(passing[: self.climb.passing]),
            rejected=self.rejected,
        )
        jobs = [job] if failing else []
        made = await write_each(self.task, jobs, Reflect().write)
        kept = [self.task.keeping.within(child) for child in made]
        return kept[0] if kept and kept[0] != self.now else None

    def reject(self, child: Candidate, path: str) -> None:
        """Remember what was tried in vain, for the writer's next request."""
        before, after = (
            instruction_of(self.task, one, path) for one in (self.now, child)
        )
        self.rejected += map(str, edits_between(before, after))

    async def gains(self, child: Candidate) -> bool:
        """Whether a step is surely ahead, or ahead on all rows that are paid for.

        It is never behind; more rows than leave the floor are not run.

        Raises:
            BudgetExceeded: The rows of a trial cannot be paid for.
        """
        task, rows, both = self.task, self.rows, [self.now, child]
        upto = min(self.climb.first, len(rows))
        gain = 0.0
        while self._affords(both, tried := rows[:upto]):
            await task.observe_all(both, tried, "bootstrap")
            old, new = (task.scores(one, tried) for one in both)
            gains = [after - before for before, after in zip(old, new, strict=True)]
            gain, width = sum(gains), math.sqrt(sum(g * g for g in gains))
            if gain < -1e-9 or upto == len(rows) or (width and gain >= _SURE * width):
                break
            upto = min(len(rows), math.ceil(upto * self.climb.growth))
        return gain > 1e-9


@settings
class Mend(Proposer):
    """Edits side by side where a row is cheap, one after the other where it is dear.

    Where a row takes one call, a race of several edits tells more than a trial of each.
    In a program of several modules rows cost more than requests to a writer, and what
    the next module lacks shows only when the one before it is mended: so there one
    candidate climbs, as far as the calls at hand pay for it.

    Args:
        beside: Makes edits side by side.
        climb: Makes them one after the other.
        steps: Rows, in first trials of the climb, that must be affordable.
    """

    asks = Reflect.asks
    changes = ("instruction",)
    beside: Reflect = Reflect()
    climb: Climb = Climb()
    steps: Count = 8

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Several edits, or where one climb ends."""
        dear = task.calls_plain > 1
        if dear and task.allowance.rows(1.0) >= self.steps * self.climb.first:
            return await self.climb.propose(task, parents, min(n, 1))
        return await self.beside.propose(task, parents, n)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """Those of either, as likely as not."""
        one = self.beside.calls(n, train, calls_a_row)
        return _either(one, self.climb.calls(min(n, 1), train, calls_a_row))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """Those of either, as likely as not."""
        one = self.beside.running(n, train, calls_a_row)
        return _either(one, self.climb.running(min(n, 1), train, calls_a_row))


def _either(one: Calls, other: Calls) -> Calls:
    likely = (one.expected + other.expected) // 2
    return Calls(min(one.low, other.low), likely, max(one.high, other.high))


def _suspect(task: Task, seen: Seen, vain: Mapping[str, int]) -> str:
    """The module to mend next, or "" where no failing row runs any of them.

    A module is the less suspect the more often mending it has not helped.
    """
    ran = {node.path for result in seen.failing for node in result.trace.nodes}
    shares = blame(task, [*seen.failing, *seen.passing])
    found = {path: shares[path] / (1 + n) for path, n in vain.items() if path in ran}
    return max(found, key=lambda path: found[path], default="")
