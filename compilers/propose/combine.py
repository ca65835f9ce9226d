"""Combine: values that were proposed for each slot, put together where it may pay."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from ...pipeline import strictjson
from ...pipeline.options import settings
from ..candidate import Candidate, plain_slot
from ..task import Task
from .base import FREE, Calls, Proposer

_MISSING = "as it was"


@settings
class Combine(Proposer):
    """A tree-structured Parzen estimator over slots (Bergstra et al. 2011); see MIPRO.

    Each slot chooses among the values that any candidate has for it. A choice is drawn
    the likelier the more often the good candidates made it and the others did not;
    slots are taken to be independent, as the estimator does.

    Args:
        good: The share of raced candidates that counts as good.
        draws: How many combinations are drawn for each one that is kept.
    """

    good: float = 0.25
    draws: int = 24

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Combinations that nobody has tried, the likeliest first."""
        pools = _pools(task)
        seen = [c for c in task.archive if task.scores(c, task.rows)]
        cut = max(1, math.ceil(len(seen) * self.good))
        odds = {
            slot: _odds(slot, pool, seen[:cut], seen[cut:])
            for slot, pool in pools.items()
        }
        rng = task.rng("combine")
        made: dict[Candidate, float] = {}
        for _ in range(self.draws * n if pools else 0):
            child, worth = _drawn(pools, odds, parents[0], rng)
            if child not in task.archive:
                made.setdefault(child, worth)
        return sorted(made, key=lambda c: -made[c])[:n]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE


def _pools(task: Task) -> dict[str, dict[str, Any]]:
    """Values by slot and by key; the seed's own stands as missing."""
    pools: dict[str, dict[str, Any]] = {}
    for candidate in reversed(task.archive):
        for slot, value in candidate.values.items():
            pools.setdefault(slot, {_MISSING: None})[_key(candidate, slot)] = value
    return {slot: pools[slot] for slot in sorted(pools)}


def _key(candidate: Candidate, slot: str) -> str:
    if slot not in candidate.values:
        return _MISSING
    return strictjson.canonical(plain_slot(candidate.values[slot]))


def _odds(
    slot: str,
    pool: dict[str, Any],
    good: Sequence[Candidate],
    other: Sequence[Candidate],
) -> dict[str, float]:
    """How much likelier a choice is among the good, each counted once more."""
    mine = [_key(c, slot) for c in good]
    theirs = [_key(c, slot) for c in other]
    most = len(pool)
    return {
        key: ((mine.count(key) + 1) / (len(mine) + most))
        / ((theirs.count(key) + 1) / (len(theirs) + most))
        for key in pool
    }


def _drawn(
    pools: dict[str, dict[str, Any]],
    odds: dict[str, dict[str, float]],
    parent: Candidate,
    rng: random.Random,
) -> tuple[Candidate, float]:
    values: dict[str, Any] = {}
    worth = 0.0
    for slot, pool in pools.items():
        keys = list(pool)
        key = rng.choices(keys, weights=[odds[slot][k] for k in keys])[0]
        worth += math.log(odds[slot][key])
        if key != _MISSING:
            values[slot] = pool[key]
    return Candidate(values, "combined", parent.id), worth
