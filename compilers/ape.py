"""APE: instructions induced from examples, raced."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.instructions import Induce
from .racing.race import Halving
from .recipe import Compiler, Draw, Recipe


@settings
class APE(Compiler):
    """Have a model write the instruction that solved examples imply; keep the best.

    Zhou et al. 2022, arXiv 2211.01910, there 50 proposals from 5 examples each and a
    UCB race. On purpose unlike it: fewer proposals that see more examples, no row used
    both to write and to select, and a race by sequential halving.

    Args:
        candidates: How many instructions are written and raced, beside the seed's.
        examples: How many solved examples each request shows, as far as they fit.
    """

    candidates: Count = 8
    examples: Count = 64

    def recipes(self) -> tuple[Recipe, ...]:
        """One round of induced instructions."""
        draw = Draw(Induce(examples=self.examples), self.candidates)
        return (Recipe(((draw,),), Halving()),)
