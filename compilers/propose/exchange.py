"""Exchange: sentences and demos of two parents, taken or left by chance."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ...pipeline.ground.options import settings
from ...pipeline.parameters import Demo
from ..search.candidate import Candidate
from ..search.quote import FREE, Calls
from ..search.task import Task
from .edit import sentences
from .proposer import Proposer


@settings
class Exchange(Proposer):
    """Uniform crossover (Syswerda 1989) of prompts; no model is called.

    What both parents have, the child has. Every other sentence and demo is taken with
    even odds, as CAPO (Zehle et al. 2025, arXiv 2504.16005) draws a child's demos from
    those of both. A pool of which the nearest demos are shown goes over as a whole.

    Args:
        mates: How many of the best candidates a parent may meet.
    """

    mates: int = 6

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Seeded children of each parent and a mate that differs from it."""
        made: list[Candidate] = []
        for number in range(n):
            rng = task.rng("exchange", number)
            one = parents[number % len(parents)]
            pool = dict.fromkeys([*parents, *task.archive[: self.mates]])
            mates = [c for c in pool if c != one]
            if not mates:
                continue
            child = _child(task, one, rng.choice(mates), rng)
            if child not in (*pool, *made):
                made.append(child)
        return made

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE


def _child(
    task: Task, one: Candidate, other: Candidate, rng: random.Random
) -> Candidate:
    ours, theirs = (c.apply(task.program).parameters for c in (one, other))
    values: dict[str, Any] = {}
    for path in task.program.modules:
        text, demos, near = (f"{path}/{s}" for s in ("instruction", "demos", "nearest"))
        values[text] = _mixed_text(ours[text], theirs[text], rng)
        if ours[near] or theirs[near]:
            chosen = ours if rng.random() < 0.5 else theirs
            values |= {demos: chosen[demos], near: chosen[near]}
        else:
            values[demos] = _mixed_demos(ours[demos], theirs[demos], rng)
    seed = task.program.parameters
    kept = {**other.values, **one.values}
    kept |= {k: v for k, v in values.items() if k in kept or v != seed[k]}
    return Candidate(kept, f"exchanged with {other.id}", one.id)


def _mixed_text(one: str, other: str, rng: random.Random) -> str:
    """The sentences of both, in order; those of one alone by chance."""
    mine, theirs = sentences(one), sentences(other)
    if mine == theirs:
        return one
    both = set(mine) & set(theirs)
    line = [*mine, *(part for part in theirs if part not in mine)]
    kept = [part for part in line if part in both or rng.random() < 0.5]
    return "\n".join(kept) or one


def _mixed_demos(
    one: tuple[Demo, ...], other: tuple[Demo, ...], rng: random.Random
) -> tuple[Demo, ...]:
    """As many as the longer one has, those of one alone by chance."""
    ids = {d.id for d in one} & {d.id for d in other}
    line = {d.id: d for d in (*one, *other)}.values()
    kept = [d for d in line if d.id in ids or rng.random() < 0.5]
    return tuple(kept[: max(len(one), len(other))])
