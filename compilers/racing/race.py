"""Racers: which (candidate, row) cells to buy next, and who is out.

All candidates meet the same rows in one common order, so that every comparison is
paired. `Full` buys every cell; `Halving` is sequential halving (Karnin, Koren and
Somekh 2013) with samples kept from rung to rung. Both stop a candidate that could not
catch up even with perfect scores on all rows left, which loses nothing. More racers
stand in `racers.py`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.ground.options import Count, Share, settings
from ..search.candidate import Candidate
from ..search.task import Task

Pool = Sequence[Candidate]
Rows = Sequence[Example]
BLOCK = 16
FIRST = 8
DEEPER = 2


def first_rows(rows: int) -> int:
    """Rows of a first rung, and as many again to follow it up."""
    return DEEPER * min(FIRST, rows)


class Racer(ABC):
    """Decides which cells are worth their price."""

    @abstractmethod
    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """Run the race and give back all candidates, best first.

        Ties go to the earlier candidate, so the seed, given first, loses only to
        something better. Where the ledger is exhausted the race ends with what was
        bought until then.
        """

    def cells(self, candidates: int, rows: int) -> int:
        """The most cells a race can buy; by default each candidate on each row."""
        return candidates * rows

    def likely(self, candidates: int, rows: int) -> int:
        """How many cells a race is expected to buy; by default the most."""
        return self.cells(candidates, rows)


class Rungs(Racer):
    """A race in rungs: after each one the best go on to see more rows.

    The finalists were seen on the most rows; those that left earlier follow, by the
    rung they reached.
    """

    @abstractmethod
    def rungs(self, candidates: int, rows: int) -> list[tuple[int, int]]:
        """(Candidates, rows so far) of each rung, for a full race."""

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """Run the rungs one after the other."""
        alive = list(candidates)
        out: list[Candidate] = []
        seen = 0
        for keep, goal in self.rungs(len(candidates), len(rows)):
            alive, dropped = _cut(task, alive, rows[:goal], seen, keep)
            out = dropped + out
            while seen < goal and len(alive) > 1:
                block = rows[seen : min(seen + BLOCK, goal)]
                bought = await buy(task, alive, block)
                seen += bought
                alive, dropped = drop_hopeless(task, alive, rows, seen)
                out = dropped + out
                if bought < len(block):
                    return ranked(task, alive, rows[:seen]) + out
        return ranked(task, alive, rows[:seen]) + out

    def cells(self, candidates: int, rows: int) -> int:
        """The most cells a race can buy."""
        total = seen = 0
        for alive, upto in self.rungs(candidates, rows):
            total += alive * (upto - seen)
            seen = upto
        return total


@settings
class Full(Rungs):
    """Every candidate on every row."""

    def rungs(self, candidates: int, rows: int) -> list[tuple[int, int]]:
        """One rung."""
        return [(candidates, rows)]


@settings
class Halving(Rungs):
    """Sequential halving on a common order of rows.

    Args:
        first: Rows of the first rung.
        growth: How many times more rows each later rung has seen.
        keep: The share of candidates that goes on to the next rung.
    """

    first: Count = FIRST
    growth: float = 3.0
    keep: Share = 0.4

    def rungs(self, candidates: int, rows: int) -> list[tuple[int, int]]:
        """Rungs of `first`, `first * growth`, ... rows, the last one on all rows."""
        found: list[tuple[int, int]] = []
        alive, upto = candidates, self.first
        while upto < rows:
            found.append((alive, upto))
            alive = max(2, math.ceil(alive * self.keep))
            upto = max(upto + 1, math.ceil(upto * self.growth))
            if alive <= 2 or upto * 1.25 >= rows:
                break
        return [*found, (min(alive, candidates), rows)]


async def buy(task: Task, alive: Pool, rows: Rows) -> int:
    """Buy the cells of some candidates on rows, as far as the ledger surely reaches.

    Returns:
        On how many of the rows, from the first on, every candidate was seen.
    """
    bought = 0
    while bought < len(rows):
        block = rows[bought:]
        block = block[: max(_known(task, alive, block), _reach(task, alive, block))]
        if not block:
            break
        try:
            await task.observe_all(alive, block, "evaluate")
        except BudgetExceeded:
            return bought + _known(task, alive, block)
        bought += len(block)
    return bought


def _reach(task: Task, alive: Pool, rows: Rows) -> int:
    """How many rows are affordable when cells already bought cost nothing."""
    room, paid = task.allowance.cells(task.calls_a_row), 0
    for count, row in enumerate(rows):
        paid += sum(task.result(c, row) is None for c in alive)
        if paid > room:
            return count
    return len(rows)


def _known(task: Task, alive: Pool, rows: Rows) -> int:
    for count, row in enumerate(rows):
        if any(task.result(c, row) is None for c in alive):
            return count
    return len(rows)


def drop_hopeless(
    task: Task, alive: Pool, rows: Rows, seen: int
) -> tuple[list[Candidate], list[Candidate]]:
    """Part those that perfect scores on all rows left could not bring to the top."""
    sums = {c.id: sum(task.scores(c, rows[:seen])) for c in alive}
    bar, left = max(sums.values(), default=0.0), len(rows) - seen
    hopeless = [c for c in alive if sums[c.id] + left < bar - 1e-9]
    kept = [c for c in alive if c not in hopeless]
    return kept, ranked(task, hopeless, rows[:seen])


def ranked(task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
    """Candidates by their mean on rows, the best first, ties in the given order."""
    return sorted(candidates, key=lambda c: -task.mean(c, rows))


def _cut(
    task: Task, alive: list[Candidate], rows: Rows, seen: int, keep: int
) -> tuple[list[Candidate], list[Candidate]]:
    """Part the best of a rung; who has met the next rows too stays, and costs nothing.

    Else a few rows could send away somebody of whom more is known.
    """
    if len(alive) <= keep or not seen:
        return alive, []
    order = ranked(task, alive, rows[:seen])
    kept = set(order[:keep])
    kept |= {c for c in alive if len(task.scores(c, rows)) == len(rows)}
    return [c for c in alive if c in kept], [c for c in order if c not in kept]
