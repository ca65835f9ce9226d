"""GEPA: reflective edits of candidates from the Pareto front, behind a gate."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.combine import Merge
from .propose.instructions import Restart
from .propose.reflection import Reflect
from .racing.race import Halving, Racer
from .racing.racers import Gate, RandomGate
from .racing.select import InstancePareto
from .recipe import Compiler, Draw, Recipe

ITERATIONS, MERGES, MERGE_EVERY = 120, 5, 8
"""As published: edits that a light budget of 780 scores pays for, and merges."""


@settings
class GEPA(Compiler):
    """Mend what failed, starting from candidates that are best on some row.

    Agrawal et al. 2025, "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement
    Learning", arXiv 2507.19457.

    Departures:
        Several edits a round instead of one; edits in one place instead of new texts;
        failing cases are looked for, not hoped for in three random ones; halving on
        common rows instead of a gate of three, which lets one null edit in four pass.

    Published:
        With `published=True` one edit an iteration, from a parent drawn from the front
        over rows, behind a gate of three random rows that it must strictly win, then
        every select row; a merge beside it in five of them; no end but the budget's
        (source: the paper, section 3 and algorithm 1; dspy.GEPA of DSPy 3.4.1 for the
        merges). What stays: edits are in one place still, and the gate's rows are
        select rows, which no writer has read. The schedule's settings then have no say.

    Args:
        rounds: How many rounds of edits.
        proposals: Edits a round (1 there).
        merges: Merges of two candidates in every round after the first.
        restarts: Instructions written anew in every round after the first; they get
            out of a seed that misleads, and cost a race each.
        gate: Rows of the gate; 0 races by halving instead.
        patience: End after so many rounds without a new best.
        published: Whether it goes by the published schedule.
    """

    rounds: Rounds = 6
    proposals: Count = 4
    merges: int = 1
    restarts: int = 0
    gate: int = 0
    patience: int = 3
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """Edits, later with merges beside them."""
        if self.published:
            return (self._published(),)
        first = (Draw(Reflect(), self.proposals),)
        beside = (Draw(Merge(), self.merges), Draw(Restart(), self.restarts))
        later = (*first, *(draw for draw in beside if draw.n))
        racer: Racer = Gate(rows=self.gate) if self.gate else Halving()
        return (
            Recipe(
                (first, *(later,) * (self.rounds - 1)),
                racer,
                headroom=16,
                selector=InstancePareto(),
                patience=self.patience,
            ),
        )

    def _published(self) -> Recipe:
        edit, both = (Draw(Reflect(), 1),), (Draw(Reflect(), 1), Draw(Merge(), 1))
        beside = {MERGE_EVERY * n for n in range(1, MERGES + 1)}
        rounds = tuple(both if at in beside else edit for at in range(ITERATIONS))
        return Recipe(rounds, RandomGate(rows=3), selector=InstancePareto())
