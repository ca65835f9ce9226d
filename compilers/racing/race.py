"""Racers: which (candidate, row) cells to buy next, and who is out.

All candidates meet rows in one common order, so that every comparison is paired, and
the rows that tell them apart come first (`order.py`); cells that are known cost
nothing. `Full` buys every cell; `Halving` gives more rows to those that may still be
the best. Both stop a candidate that could not catch up even with perfect scores on all
rows left, which loses nothing. More racers stand in `racers.py`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.ground.options import Count, Share, settings
from ..search.candidate import Candidate
from ..search.task import Task
from ..statistics.estimates import Column, Estimate, references, row_model
from .order import Order, telling

Pool = Sequence[Candidate]
Rows = Sequence[Example]
Ranking = Callable[[Task, Pool, Rows], list[Candidate]]
BLOCK = 16
FIRST = 8
DEEPER = 2
TOLD_APART = 3 * FIRST
"""Rows from which on it is looked whether anybody is ahead: those of two rungs."""
_TOLD = 2
"""Known candidates from which on rows tell candidates apart."""


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


@settings
class Full(Racer):
    """Every candidate on every row.

    Args:
        order: Whether rows that tell candidates apart come first.
        whole: Whether those that could not come to the top go on too, so that all
            scores are of the same rows.
    """

    order: Order = "telling"
    whole: bool = False

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """Block after block, without those that could not come to the top."""
        rows = arranged(task, candidates, rows, self.order)
        if self.whole:
            seen = await buy(task, candidates, rows)
            return ranked(task, candidates, rows[:seen])
        plan = [(len(candidates), len(rows))]
        return await rungs(task, candidates, rows, plan, ranking(self.order))


@settings
class Halving(Racer):
    """More rows for those that may still be the best, of whom some go on at a time.

    Everyone meets the first rows. From then on those are in the race whose upper bound,
    the estimate of their mean on all rows and some standard errors, reaches the best
    estimate; the share of them with the highest bounds meets as many rows more as
    `growth` says, until nobody is left who may be better and has rows to meet.
    That is successive halving without a common rung to wait for (Li et al. 2018, arXiv
    1810.05934), where a posterior decides who is promoted. What it buys is bounded by
    the rungs of sequential halving (Karnin, Koren and Somekh 2013), and cells that are
    known cost nothing.

    Where fewer than two good candidates are known, what is expected of a row is little
    worth, and candidates go on in the rungs of sequential halving, on the same rows.
    With `order="given"` they always do, ranked by plain means as published.

    Args:
        first: Rows of the first rung.
        growth: How many times more rows a candidate has met after each further rung.
        keep: The share of candidates that goes on to the next rung.
        order: Whether rows that tell candidates apart come first.
        errors: How many standard errors above its estimate a candidate is hoped to be.
        sparing: Whether the rungs end where, on the rows of two of them and more,
            nobody is ahead of the first candidate: what is no gain need not be told
            apart.
    """

    first: Count = FIRST
    growth: float = 3.0
    keep: Share = 0.4
    order: Order = "telling"
    errors: float = 2.0
    sparing: bool = False

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """The first rows for everyone, and rung after rung for some."""
        rows = arranged(task, candidates, rows, self.order)
        known = [
            task.column(c, rows) for c in dict.fromkeys([*task.archive, *candidates])
        ]
        if self.order == "given" or len(references(known)) < _TOLD:
            plan = self.rungs(len(candidates), len(rows))
            rank, sparing = ranking(self.order), self.sparing
            return await rungs(task, candidates, rows, plan, rank, sparing=sparing)
        left = self.cells(len(candidates), len(rows))
        first = rows[: self.first]
        new = [c for c in candidates if _met(task, c, rows) < len(first)]
        before = sum(_met(task, c, rows) for c in new)
        whole = await buy(task, new, first) == len(first)
        left += before - sum(_met(task, c, rows) for c in new)
        while whole and (rung := self._rung(task, candidates, rows)[: max(0, left)]):
            bought = await buy_cells(task, rung)
            left -= bought
            whole = bought == len(rung)
        return by_estimate(task, candidates, rows)

    def _rung(
        self, task: Task, candidates: Pool, rows: Rows
    ) -> list[tuple[Candidate, Example]]:
        """The cells of the next rung, the most hopeful candidate's first."""
        found = standings(task, candidates, rows)
        best = max(estimate.mean for estimate in found.values())
        bounds = {c: e.mean + self.errors * e.error for c, e in found.items()}
        hopeful = [c for c in candidates if found[c].error and bounds[c] >= best - 1e-9]
        hopeful.sort(key=lambda c: -bounds[c])
        cells: list[tuple[Candidate, Example]] = []
        for candidate in hopeful[: math.ceil(len(hopeful) * self.keep)]:
            unseen = [row for row in rows if task.result(candidate, row) is None]
            met = len(rows) - len(unseen)
            more = max(1, math.ceil(met * self.growth) - met)
            cells += [(candidate, row) for row in unseen[:more]]
        return cells

    def rungs(self, candidates: int, rows: int) -> list[tuple[int, int]]:
        """(Candidates, rows so far) of each rung of sequential halving.

        Rungs of `first`, `first * growth`, ... rows, the last one on all rows.
        """
        found: list[tuple[int, int]] = []
        alive, upto = candidates, self.first
        while upto < rows:
            found.append((alive, upto))
            alive = max(2, math.ceil(alive * self.keep))
            upto = max(upto + 1, math.ceil(upto * self.growth))
            if alive <= 2 or upto * 1.25 >= rows:
                break
        return [*found, (min(alive, candidates), rows)]

    def cells(self, candidates: int, rows: int) -> int:
        """The most cells a race can buy: those of the rungs."""
        return cells_of(self.rungs(candidates, rows))


def arranged(task: Task, candidates: Pool, rows: Rows, order: Order) -> list[Example]:
    """Rows in the order in which a race is to buy them."""
    if order == "given":
        return list(rows)
    met = dict.fromkeys([*task.archive, *candidates])
    columns = [task.column(candidate, rows) for candidate in met]
    used = [len(row) - row.count(None) for row in zip(*columns, strict=True)]
    return [rows[at] for at in telling(row_model(columns), used)]


def cells_of(plan: Sequence[tuple[int, int]]) -> int:
    """The cells of a race in rungs, (candidates, rows so far).

    >>> cells_of([(10, 2), (5, 4)])
    30
    """
    total = seen = 0
    for alive, upto in plan:
        total += alive * (upto - seen)
        seen = upto
    return total


async def rungs(
    task: Task,
    candidates: Pool,
    rows: Rows,
    plan: Sequence[tuple[int, int]],
    rank: Ranking,
    *,
    sparing: bool = False,
) -> list[Candidate]:
    """A race in rungs, (candidates, rows so far): the best of each see more rows.

    The finalists were seen on the most rows; those that left earlier follow, by the
    rung they reached. A sparing race ends once nobody left in it is ahead.
    """
    alive = list(candidates)
    out: list[Candidate] = []
    seen = 0
    for keep, goal in plan:
        alive, dropped = _cut(task, alive, rows, (seen, goal), keep, rank)
        out = dropped + out
        while seen < goal and len(alive) > 1:
            told = sparing and seen >= TOLD_APART
            if told and not _ahead(task, candidates[0], alive):
                return _ordered(task, alive, rows, seen, rank) + out
            block = rows[seen : min(seen + BLOCK, goal)]
            bought = await buy(task, alive, block)
            seen += bought
            alive, dropped = drop_hopeless(task, alive, rows, seen)
            out = dropped + out
            if bought < len(block):
                return _ordered(task, alive, rows, seen, rank) + out
    return _ordered(task, alive, rows, seen, rank) + out


def _ahead(task: Task, first: Candidate, alive: Pool) -> bool:
    """Whether anybody left scored more than the first one, where both were seen."""
    return any((task.gain(one, first) or 0.0) > 0 for one in alive)


def ranking(order: Order) -> Ranking:
    """How candidates compare: by plain means only where rows come as given."""
    return ranked if order == "given" else by_estimate


def _ordered(
    task: Task, alive: Pool, rows: Rows, seen: int, rank: Ranking
) -> list[Candidate]:
    """Those in the race, the best first; means are of the rows that all have met."""
    return rank(task, alive, rows[:seen] if rank is ranked else rows)


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


async def buy_cells(task: Task, cells: Sequence[tuple[Candidate, Example]]) -> int:
    """Buy cells that are not known, from the first on, as far as the ledger reaches.

    Returns:
        How many of them are bought.
    """
    bought = 0
    while bought < len(cells):
        room = task.allowance.cells(task.calls_a_row)
        block = cells[bought : bought + int(min(room, len(cells)))]
        if not block:
            break
        try:
            await task.observe_cells(block, "evaluate")
        except BudgetExceeded:
            return bought + sum(task.result(*cell) is not None for cell in block)
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
    bought = {c: task.scores(c, rows) for c in alive}
    bar = max((sum(scores) for scores in bought.values()), default=0.0)
    reach = {c: sum(scores) + len(rows) - len(scores) for c, scores in bought.items()}
    hopeless = [c for c in alive if reach[c] < bar - 1e-9]
    kept = [c for c in alive if c not in hopeless]
    return kept, ranked(task, hopeless, rows[:seen])


def ranked(task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
    """Candidates by their mean on rows that all of them have met, the best first.

    Ties stay in the given order.
    """
    return sorted(candidates, key=lambda c: -task.mean(c, rows))


def by_estimate(task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
    """Candidates that have met different rows by what each would score on all."""
    found = standings(task, candidates, rows)
    return sorted(candidates, key=lambda c: -found[c].mean)


def standings(task: Task, candidates: Pool, rows: Rows) -> dict[Candidate, Estimate]:
    """What candidates would score on all rows, as far as a race has shown.

    Who has so far scored just as the first one wherever both were seen is taken to be
    as good, not better: it could only have been luckier in its rows.
    """
    met = dict.fromkeys([*task.archive, *candidates])
    columns = {candidate: task.column(candidate, rows) for candidate in met}
    model = row_model(list(columns.values()))
    found = {c: model.estimate(columns[c]) for c in candidates}
    for candidate, (mean, error) in found.items():
        if _alike(columns[candidates[0]], columns[candidate]):
            found[candidate] = Estimate(min(found[candidates[0]].mean, mean), error)
    return found


def _alike(one: Column, other: Column) -> bool:
    """Whether two were seen on a row in common, and scored the same on all of those."""
    common = False
    for a, b in zip(one, other, strict=True):
        if a is not None and b is not None:
            if a != b:
                return False
            common = True
    return common


def _met(task: Task, candidate: Candidate, rows: Rows) -> int:
    return len(task.results(candidate, rows))


def _cut(
    task: Task,
    alive: list[Candidate],
    rows: Rows,
    rung: tuple[int, int],
    keep: int,
    rank: Ranking,
) -> tuple[list[Candidate], list[Candidate]]:
    """Part the best of a rung; who has met the next rows too stays, and costs nothing.

    Else a few rows could send away somebody of whom more is known.
    """
    seen, goal = rung
    if len(alive) <= keep or not seen:
        return alive, []
    order = _ordered(task, alive, rows, seen, rank)
    kept = set(order[:keep])
    kept |= {c for c in alive if _met(task, c, rows[:goal]) == goal}
    return [c for c in alive if c in kept], [c for c in order if c not in kept]
