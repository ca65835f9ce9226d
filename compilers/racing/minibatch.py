"""Racers that draw rows anew: as published, and so not paired from round to round.

`RandomGate` is GEPA's acceptance (Agrawal et al. 2025, algorithm 1), `Minibatch` is
SIMBA's (`dspy/teleprompt/simba.py` of DSPy 3.4.1). Every other racer here buys rows in
one common order, which tells candidates apart with fewer of them.
"""

from __future__ import annotations

from ...pipeline.ground.options import Count, settings
from ..search.candidate import Candidate
from ..search.task import Task
from .race import Full, Pool, Racer, Rows, buy, ranked


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
