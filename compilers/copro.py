"""COPRO: breadth first, then depth, by coordinate ascent over instructions."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.instructions import Grounded, History
from .racing.race import Full, Halving
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe


@settings
class COPRO(Compiler):
    """Propose instructions, then improve on the best ones, module by module.

    DSPy's COPRO, from the signature optimizer of Khattab et al. 2023, arXiv 2310.03714.

    Departures:
        First proposals see the data, and not the instruction alone; earlier candidates
        are never scored anew at each depth; candidates race by halving instead of
        meeting every row.

    Published:
        With `published=True` breadth 10 and depth 3, each candidate on every select row
        (source: dspy/teleprompt/copro_optimizer.py of DSPy 3.4.1). The schedule's
        settings then have no say.

    Args:
        breadth: Instructions a round (10 there).
        depth: Rounds (3 there).
        published: Whether it goes by the published schedule.
    """

    breadth: Count = 10
    depth: Count = 3
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """One round of first proposals, then rounds that look back."""
        breadth, depth = (10, 3) if self.published else (self.breadth, self.depth)
        first = (Draw(Grounded(), breadth),)
        later = (Draw(History(shown=10), breadth),)
        rounds = (first, *(later,) * (depth - 1))
        if self.published:
            return (Recipe(rounds, Full()),)
        return (Recipe(rounds, Halving(), selector=Beam(width=3)),)
