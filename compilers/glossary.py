"""Glossary: words that a model takes for something else, defined for all modules."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.edits import LeaveOut
from .propose.knowledge import Define
from .racing.race import Halving
from .recipe import Compiler, Draw, Recipe


@settings
class Glossary(Compiler):
    """Define words from failures, leave out lines that earn nothing, and race both.

    Unlike an edit of an instruction, a word is defined once and for every module of the
    program; instructions and demos stay as they are. `keep=["qa/glossary"]` leaves a
    module's alone.

    Args:
        rounds: How many times words are defined.
        candidates: Definitions a round; from the second round on half as many, at least
            one, leave a line out.
        patience: End after so many rounds without a new best.
    """

    rounds: Rounds = 3
    candidates: Count = 4
    patience: int = 2

    def recipes(self) -> tuple[Recipe, ...]:
        """Words first; then words and lines that are left out, from the best so far."""
        defined = Draw(Define(), self.candidates)
        shorter = Draw(LeaveOut(), max(1, self.candidates // 2))
        rounds = ((defined,), *((defined, shorter),) * (self.rounds - 1))
        return (Recipe(rounds, Halving(), headroom=16, patience=self.patience),)
