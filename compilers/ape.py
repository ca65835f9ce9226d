"""APE: instructions induced from examples, raced."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.instructions import Induce
from .racing.race import Halving
from .racing.racers import UCB
from .recipe import Compiler, Draw, Recipe


@settings
class APE(Compiler):
    """Have a model write the instruction that solved examples imply; keep the best.

    Zhou et al. 2022, arXiv 2211.01910, there 50 proposals from 5 examples each and a
    UCB race.

    The score is the metric of the compile: `weft.metrics.exact` is the paper's
    execution accuracy, `weft.metrics.likelihood` its log probability (section 3.1).

    Departures:
        Fewer proposals that see more examples; no row is used both to write and to
        select; a race by sequential halving.

    Published:
        With `published=True` 50 proposals from 5 examples each, and UCB1 over them
        (source: simple_ape of github.com/keirp/automatic_prompt_engineer). The
        schedule's settings then have no say.

    Args:
        candidates: How many instructions are written and raced, beside the seed's.
        examples: How many solved examples each request shows, as far as they fit.
        published: Whether it goes by the published schedule.
    """

    candidates: Count = 8
    examples: Count = 64
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """One round of induced instructions."""
        if self.published:
            return (Recipe(((Draw(Induce(examples=5), 50),),), UCB(order="given")),)
        draw = Draw(Induce(examples=self.examples), self.candidates)
        return (Recipe(((draw,),), Halving()),)
