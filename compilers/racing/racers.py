"""More racers: gates, paired races, first failures, bandits, halves, minibatches.

`Gate` is GEPA's (Agrawal et al. 2025), `PairedRace` is CAPO's (Zehle et al. 2025),
`FirstFail` is PromptWizard's (Agarwal et al. 2024), `UCB` is APE's and ProTeGi's (Auer
et al. 2002) and `EvenHalving` is TRIPLE's (Shi et al. 2024). Unlike in those papers all
of them buy rows in one common order, those that tell candidates apart first unless
`order` says "given".

Two draw rows anew, as published, so that rounds are not paired and more rows are
needed: `RandomGate` is GEPA's acceptance (algorithm 1), `Minibatch` is SIMBA's
(`dspy/teleprompt/simba.py` of DSPy 3.4.1).
"""

from __future__ import annotations

import math

from ...pipeline.data.rows import Example
from ...pipeline.ground.options import Count, Share, settings
from ..search.candidate import Candidate
from ..search.task import Task
from ..statistics.estimates import paired_z
from .order import Order
from .race import (
    BLOCK,
    Full,
    Pool,
    Racer,
    Rows,
    arranged,
    buy,
    by_estimate,
    cells_of,
    drop_hopeless,
    ranked,
    rungs,
    standings,
)


@settings
class Gate(Racer):
    """A newcomer meets all rows only when it beats its parent on a few.

    On purpose unlike GEPA's three random rows: half of the gate is rows that the
    parent fails, since on rows that both pass nothing can be seen.

    Args:
        rows: How many rows the gate has.
        strict: Whether a tie is not enough.
        order: Whether rows that tell candidates apart come first.
    """

    rows: Count = 6
    strict: bool = True
    order: Order = "telling"

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """The gate, then every row for who passed it."""
        rows = arranged(task, candidates, rows, self.order)
        gate = self._gate(task, candidates[0], rows)
        seen = gate[: await buy(task, candidates, gate)]
        parents = {c.id: c for c in candidates}
        passed = [
            c
            for at, c in enumerate(candidates)
            if at == 0
            or c in task.archive
            or self._beats(task, c, parents.get(c.parent, candidates[0]), seen)
        ]
        out = [c for c in candidates if c not in passed]
        whole = await Full(order="given").race(task, passed, rows)
        return [*whole, *ranked(task, out, seen)]

    def _beats(
        self, task: Task, child: Candidate, parent: Candidate, rows: Rows
    ) -> bool:
        gain = sum(task.scores(child, rows)) - sum(task.scores(parent, rows))
        return gain > 1e-9 or (gain > -1e-9 and not self.strict)

    def _gate(self, task: Task, incumbent: Candidate, rows: Rows) -> list[Example]:
        known = [row for row in rows if task.result(incumbent, row)]
        failed = [row for row in known if task.mean(incumbent, [row]) < 1]
        passed = [row for row in known if task.mean(incumbent, [row]) >= 1]
        start = (task.number * self.rows) % max(1, len(rows))
        turned = (*rows[start:], *rows[:start])
        others = [row for row in turned if not task.result(incumbent, row)]
        failed, passed = _turned(failed, task.number), _turned(passed, task.number)
        half = failed[: (self.rows + 1) // 2]
        picked = [*half, *passed[: self.rows - len(half)], *others]
        return picked[: self.rows]


@settings
class PairedRace(Racer):
    """Block after block; out is who others beat by more than chance, row for row.

    Args:
        block: Rows between two looks.
        z: How many standard errors a paired difference must have.
        better: How many others must beat a candidate before it is out.
        survivors: The race ends where so many are left.
        order: Whether rows that tell candidates apart come first.
    """

    block: Count = BLOCK
    z: float = 1.28
    better: Count = 1
    survivors: Count = 1
    order: Order = "telling"

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """Who left last follows those who stayed."""
        rows = arranged(task, candidates, rows, self.order)
        alive: list[Candidate] = list(candidates)
        out: list[Candidate] = []
        seen = 0
        while seen < len(rows) and len(alive) > self.survivors:
            block = rows[seen : seen + self.block]
            bought = await buy(task, alive, block)
            seen += bought
            beaten = [c for c in alive if self._beaten(task, c, alive, rows[:seen])]
            out = ranked(task, beaten, rows[:seen]) + out
            left = [c for c in alive if c not in beaten]
            alive, hopeless = drop_hopeless(task, left, rows, seen)
            out = hopeless + out
            if bought < len(block):
                break
        return ranked(task, alive, rows[:seen]) + out

    def _beaten(
        self,
        task: Task,
        candidate: Candidate,
        others: Pool,
        rows: Rows,
    ) -> bool:
        mine = task.scores(candidate, rows)
        by = [c for c in others if paired_z(task.scores(c, rows), mine) > self.z]
        return len(by) >= self.better


@settings
class FirstFail(Racer):
    """A candidate goes on until it has failed too often; who got furthest wins.

    It fails a row on which it scores nothing, or less than another does: where a metric
    is graded, hardly any answer is wholly right.

    Args:
        allowed: Failures after which a candidate is out.
        block: Rows between two looks.
        order: Whether rows that tell candidates apart come first.
    """

    allowed: int = 3
    block: Count = 4
    order: Order = "telling"

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """Those who leave together are ranked by their mean."""
        rows = arranged(task, candidates, rows, self.order)
        alive: list[Candidate] = list(candidates)
        out: list[Candidate] = []
        seen = 0
        while seen < len(rows) and len(alive) > 1:
            block = rows[seen : seen + self.block]
            bought = await buy(task, alive, block)
            seen += bought
            fallen = self._fallen(task, alive, rows[:seen])
            if len(fallen) == len(alive) or bought < len(block):
                break
            out = ranked(task, fallen, rows[:seen]) + out
            left = [c for c in alive if c not in fallen]
            alive, hopeless = drop_hopeless(task, left, rows, seen)
            out = hopeless + out
        return ranked(task, alive, rows[:seen]) + out

    def likely(self, candidates: int, rows: int) -> int:
        """So many as it takes to be out, where every other answer is wrong."""
        return candidates * min(rows, 2 * (self.allowed + 1) + self.block)

    def _fallen(self, task: Task, alive: Pool, rows: Rows) -> list[Candidate]:
        scores = {c: task.scores(c, rows) for c in alive}
        best = [max(column) for column in zip(*scores.values(), strict=True)]
        return [
            c
            for c, own in scores.items()
            if sum(s <= 0 or s < b for s, b in zip(own, best, strict=True))
            > self.allowed
        ]


@settings
class UCB(Racer):
    """A bandit: whoever may still be the best by an upper bound gets the next rows.

    The bound is that of a posterior (Srinivas et al. 2010, arXiv 0912.3995): the
    estimate of a mean on all rows, and its standard error times a factor that grows
    with the number of pulls. With `order="given"` it is UCB1's, as in the papers.

    Args:
        share: The share of the whole grid that may be bought.
        explore: Weight of the bound's width (1 in APE).
        batch: Rows a pull.
        order: Whether rows that tell candidates apart come first.
    """

    share: Share = 0.35
    explore: float = 0.7
    batch: Count = 8
    order: Order = "telling"

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """Pull the highest bound; rank by estimates of the means on all rows."""
        rows = arranged(task, candidates, rows, self.order)
        batches = [rows[at : at + self.batch] for at in range(0, len(rows), self.batch)]
        pulled = dict.fromkeys(candidates, 0)
        left = self.cells(len(candidates), len(rows))
        while left > 0:
            alive = _hopeful(task, candidates, rows)
            open_arms = [c for c in alive if pulled[c] < len(batches)]
            if len(alive) == 1 or not open_arms:
                break
            bounds = self._bounds(task, open_arms, rows, pulled)
            arm = max(open_arms, key=lambda c: bounds[c])
            batch = batches[pulled[arm]]
            left -= sum(task.result(arm, row) is None for row in batch)
            bought = await buy(task, [arm], batch)
            pulled[arm] += 1
            if bought < len(batch) or left < self.batch:
                break
        return by_estimate(task, candidates, rows)

    def cells(self, candidates: int, rows: int) -> int:
        """The share of the grid, at least one pull each."""
        once = candidates * min(self.batch, rows)
        return max(once, math.ceil(candidates * rows * self.share))

    def _bounds(
        self, task: Task, arms: Pool, rows: Rows, pulled: dict[Candidate, int]
    ) -> dict[Candidate, float]:
        """Upper bounds of the arms' means; infinite before the first pull."""
        log = math.log(max(1, sum(pulled.values())))
        bounds = dict.fromkeys(arms, math.inf)
        known = [arm for arm in arms if pulled[arm]]
        if self.order == "given":
            for arm in known:
                count = pulled[arm] * self.batch
                width = math.sqrt(log / count)
                bounds[arm] = task.mean(arm, rows[:count]) + self.explore * width
        elif known:
            for arm, (mean, error) in standings(task, known, rows).items():
                bounds[arm] = mean + self.explore * math.sqrt(2 * log) * error
        return bounds


def _hopeful(task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
    """Those that could still be the best, were all of their rows left perfect."""
    bought = {c.id: task.scores(c, rows) for c in candidates}
    bar = max(sum(scores) for scores in bought.values())
    reach = {i: sum(scores) + len(rows) - len(scores) for i, scores in bought.items()}
    return [c for c in candidates if reach[c.id] >= bar - 1e-9]


def _turned(rows: list[Example], by: int) -> list[Example]:
    at = by % len(rows) if rows else 0
    return [*rows[at:], *rows[:at]]


@settings
class RandomGate(Racer):
    """A newcomer meets all rows only when it beats its parent on a few random ones.

    Args:
        rows: How many rows the gate has.
    """

    rows: Count = 3

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """The gate, then every row for who passed it."""
        first, *others = candidates
        drawn = task.rng("random gate").sample(rows, min(self.rows, len(rows)))
        by_id = {one.id: one for one in (*task.archive, *candidates)}
        fresh = [one for one in others if one not in task.archive]
        parents = [by_id.get(one.parent, first) for one in fresh]
        seen = drawn[: await buy(task, list(dict.fromkeys([*parents, *fresh])), drawn)]
        out = [
            child
            for child, parent in zip(fresh, parents, strict=True)
            if sum(task.scores(child, seen)) <= sum(task.scores(parent, seen)) + 1e-9
        ]
        passed = [one for one in candidates if one not in out]
        return [*await Full().race(task, passed, rows), *ranked(task, out, seen)]


@settings
class EvenHalving(Racer):
    """So many evaluations in all, as many in each rung; half go on to the next.

    Sequential halving under a fixed budget (Karnin, Koren and Somekh 2013), by plain
    means and with the rows in their order.

    Args:
        evaluations: Runs of a row in all; each candidate meets one row at the least.
    """

    evaluations: Count = 50

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """Rung after rung; those that left earlier follow."""
        plan = self.rungs(len(candidates), len(rows))
        return await rungs(task, candidates, rows, plan, ranked)

    def rungs(self, candidates: int, rows: int) -> list[tuple[int, int]]:
        """(Candidates, rows so far) of each rung.

        >>> EvenHalving(evaluations=50).rungs(10, 300)
        [(10, 1), (5, 3), (3, 7), (2, 13)]
        """
        count = max(1, math.ceil(math.log2(max(1, candidates))))
        plan, alive, seen = list[tuple[int, int]](), candidates, 0
        for _ in range(count):
            seen = min(rows, seen + max(1, self.evaluations // (count * alive)))
            plan.append((alive, seen))
            alive = math.ceil(alive / 2)
        return plan

    def cells(self, candidates: int, rows: int) -> int:
        """Those of the rungs."""
        return cells_of(self.rungs(candidates, rows))


@settings
class Minibatch(Racer):
    """All candidates meet the same random rows; the best of them meets every row.

    Args:
        rows: How many rows are drawn.
    """

    rows: Count = 32

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """The drawn rows for all of them, then the others for the incumbent and one."""
        drawn = task.rng("minibatch").sample(rows, min(self.rows, len(rows)))
        seen = drawn[: await buy(task, candidates, drawn)]
        first, *others = candidates
        ordered = ranked(task, others, seen)
        finalists = [first, *ordered[:1]]
        return [*await Full().race(task, finalists, rows), *ordered[1:]]
