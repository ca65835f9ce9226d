"""Elimination: out is who costs no less than another and scores surely less.

Where models are chosen, the best is not all that is wanted: who scores a little less at
a tenth of the price has to stay. So a candidate leaves a race only to one that is no
dearer (arm elimination as in AgentOpt, arXiv 2604.06296; successive elimination of
Even-Dar et al. 2006, made for a front as in CRAFT, arXiv 2606.04661, whose front is
searched and not weighted), and where it surely costs more than a cap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field

from ...pipeline.ground.options import Count, Share, settings
from ..search.candidate import Candidate
from ..search.running_cost import Caps, RunningCost
from ..search.task import Task
from ..statistics.estimates import paired_z
from .race import FIRST, Pool, Racer, Rows, buy, ranked


@settings
class Elimination(Racer):
    """Block after block, all on the same rows; what is left is a front.

    Args:
        block: Rows between two looks.
        z: How many standard errors a paired difference must have, and a cost above a
            cap.
        worth: The gain over a cheaper candidate below which a dearer one is not worth
            its price: it leaves once it surely gains less.
        caps: What a row may cost; who is under them comes before everybody else.
    """

    block: Count = FIRST
    z: float = 2.0
    worth: Share = 0.05
    caps: Caps = field(default_factory=Caps)

    async def race(self, task: Task, candidates: Pool, rows: Rows) -> list[Candidate]:
        """Under the caps the best first, the cheaper one of two; who left last next."""
        alive: list[Candidate] = list(candidates)
        out: list[Candidate] = []
        seen = 0
        while seen < len(rows) and len(alive) > 1:
            block = rows[seen : seen + self.block]
            bought = await buy(task, alive, block)
            seen += bought
            left = self._left(task, alive, rows, seen)
            gone = [c for c in alive if c not in left]
            out = self._ranked(task, gone, rows[:seen]) + out
            alive = left
            if bought < len(block):
                break
        return self._ranked(task, alive, rows[:seen]) + out

    def likely(self, candidates: int, rows: int) -> int:
        """Half of them leave after two blocks."""
        first = min(rows, 2 * self.block)
        return candidates * first + math.ceil(candidates / 2) * (rows - first)

    def _left(self, task: Task, alive: Pool, rows: Rows, seen: int) -> list[Candidate]:
        """Who is on no account beaten; never nobody."""
        met = rows[:seen]
        scores = {c: task.scores(c, met) for c in alive}
        costs = {c: RunningCost.of(task.results(c, met)) for c in alive}
        more = len(rows) - seen

        def beats(one: Candidate, other: Candidate) -> bool:
            """Whether who costs no more leaves another one no reason to go on."""
            if one is other or not costs[one].no_dearer(costs[other]):
                return False
            mine, theirs = scores[one], scores[other]
            if paired_z(mine, theirs) > self.z or sum(mine) > sum(theirs) + more + 1e-9:
                return True
            dearer = not costs[other].no_dearer(costs[one])
            return dearer and most_gained(theirs, mine, self.z) < self.worth

        under = [
            c
            for c in alive
            if not self.caps.surely_passed(task.results(c, met), self.z)
        ]
        kept = [c for c in under or alive if not any(beats(d, c) for d in alive)]
        return kept or list(alive)

    def _ranked(self, task: Task, some: Pool, rows: Rows) -> list[Candidate]:
        costs = {c: RunningCost.of(task.results(c, rows)) for c in some}
        cheapest = sorted(some, key=lambda c: costs[c].order)
        # Of equals the seed, which comes first, loses to who is cheaper.
        best = ranked(task, cheapest, rows)
        return sorted(best, key=lambda c: not self.caps.hold(costs[c]))


def most_gained(one: Sequence[float], other: Sequence[float], z: float) -> float:
    """What one candidate gains over another at the most, by so many standard errors.

    As if one more row had differed by a whole point, so that rows on which both do the
    same say only as much as there are of them.

    >>> round(most_gained([1.0] * 40, [1.0] * 40, 2.0), 3)
    0.049
    """
    differences = [a - b for a, b in zip(one, other, strict=True)]
    n = len(differences)
    mean = sum(differences) / n
    spread = (sum((d - mean) ** 2 for d in differences) + 1) / (n + 1)
    return mean + z * math.sqrt(spread / n)
