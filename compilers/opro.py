"""OPRO: a model improves on what was tried and how it scored."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.instructions import History
from .racing.race import Halving
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe


@settings
class OPRO(Compiler):
    """Show a model the instructions tried so far with their scores, and ask for better.

    Yang et al. 2023, "Large Language Models as Optimizers", arXiv 2309.03409. There 200
    steps of 8 instructions, each scored on the same training rows. On purpose unlike
    it: few steps, halving instead of full scores, and an end at a plateau.

    Args:
        steps: How many times a model is asked.
        candidates: Instructions a step.
        shown: How many earlier instructions it sees (20 in the paper).
        patience: End after so many steps without a new best.
    """

    steps: Count = 6
    candidates: Count = 8
    shown: int = 20
    patience: int = 2

    def recipes(self) -> tuple[Recipe, ...]:
        """The same draw again and again."""
        draw = Draw(History(shown=self.shown), self.candidates)
        return (
            Recipe(
                ((draw,),) * self.steps,
                Halving(),
                selector=Beam(width=2),
                patience=self.patience,
            ),
        )
