"""OPRO: a model improves on what was tried and how it scored."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.instructions import History
from .racing.race import Full, Halving
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe


@settings
class OPRO(Compiler):
    """Show a model the instructions tried so far with their scores, and ask for better.

    Yang et al. 2023, "Large Language Models as Optimizers", arXiv 2309.03409. There 200
    steps of 8 instructions, each scored on the same training rows.

    Departures:
        Few steps; halving instead of full scores; an end at a plateau.

    Published:
        With `published=True` 200 steps of 8 instructions, each on every select row, 20
        earlier ones shown, and no end but the budget's (source: the paper's
        experiments). The schedule's settings then have no say.

    Args:
        steps: How many times a model is asked.
        candidates: Instructions a step.
        shown: How many earlier instructions it sees (20 in the paper).
        patience: End after so many steps without a new best.
        published: Whether it goes by the published schedule.
    """

    steps: Rounds = 6
    candidates: Count = 8
    shown: int = 20
    patience: int = 2
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """The same draw again and again."""
        if self.published:
            published = Draw(History(shown=20), 8)
            return (Recipe(((published,),) * 200, Full()),)
        draw = Draw(History(shown=self.shown), self.candidates)
        return (
            Recipe(
                ((draw,),) * self.steps,
                Halving(),
                selector=Beam(width=2),
                patience=self.patience,
            ),
        )
