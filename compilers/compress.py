"""Compress: the shortest prompt that scores no less."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.edits import DropDemos, DropSentence
from .propose.instructions import Shorten
from .racing.race import Full
from .recipe import Compiler, Draw, Recipe


@settings
class Compress(Compiler):
    """Drop demos and sentences, and say the rest shorter, while the score holds.

    The idea of structural compression is SAMMO's (Schnabel and Neville 2024, arXiv
    2404.02319). The result is returned only where it scores no less than the seed on
    sealed rows and is shorter. In a `Sequence` the score to hold is that of the best
    before it.

    Args:
        rounds: How many times something more is taken away.
        candidates: Shorter versions a round.
        written: Whether a model may shorten the instruction.
    """

    rounds: Rounds = 4
    candidates: Count = 6
    written: bool = True

    def recipes(self) -> tuple[Recipe, ...]:
        """The same draws, from the shortest candidate that holds the score."""
        third = max(1, self.candidates // 3)
        free = (Draw(DropDemos(share=0.3), third), Draw(DropSentence(), third))
        draws = (*free, Draw(Shorten(), third)) if self.written else free
        return (Recipe((draws,) * self.rounds, Full(), patience=2, shorter=True),)
