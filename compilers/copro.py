"""COPRO: breadth first, then depth, by coordinate ascent over instructions."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.instructions import Grounded, History
from .racing.race import Halving
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe


@settings
class COPRO(Compiler):
    """Propose instructions, then improve on the best ones, module by module.

    DSPy's COPRO, from the signature optimizer of Khattab et al. 2023, arXiv 2310.03714.
    On purpose unlike it: earlier candidates are never scored anew at each depth, and
    they race by halving instead of meeting every row.

    Args:
        breadth: Instructions a round (10 there).
        depth: Rounds (3 there).
    """

    breadth: Count = 10
    depth: Count = 3

    def recipes(self) -> tuple[Recipe, ...]:
        """One round of first proposals, then rounds that look back."""
        first = (Draw(Grounded(), self.breadth),)
        later = (Draw(History(shown=10), self.breadth),)
        rounds = (first, *(later,) * (self.depth - 1))
        return (Recipe(rounds, Halving(), selector=Beam(width=3)),)
