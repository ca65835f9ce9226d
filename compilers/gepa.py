"""GEPA: reflective edits of candidates from the Pareto front, behind a gate."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.combine import Merge
from .propose.instructions import Restart
from .propose.reflection import Reflect
from .racing.race import Halving, Racer
from .racing.racers import Gate
from .racing.select import InstancePareto
from .recipe import Compiler, Draw, Recipe


@settings
class GEPA(Compiler):
    """Mend what failed, starting from candidates that are best on some row.

    Agrawal et al. 2025, "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement
    Learning", arXiv 2507.19457. On purpose unlike it: several edits a round instead of
    one, edits in one place instead of new texts, and by default halving on common rows
    instead of a gate of three, which lets one null edit in four pass.

    Args:
        rounds: How many rounds of edits.
        proposals: Edits a round (1 there).
        merges: Merges of two candidates in every round after the first.
        restarts: Instructions written anew in every round after the first; they get
            out of a seed that misleads, and cost a race each.
        gate: Rows of the gate; 0 races by halving instead.
        patience: End after so many rounds without a new best.
    """

    rounds: Count = 6
    proposals: Count = 4
    merges: int = 1
    restarts: int = 0
    gate: int = 0
    patience: int = 3

    def recipes(self) -> tuple[Recipe, ...]:
        """Edits, later with merges beside them."""
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
