"""LabeledFewShot: labelled rows as demos; asks no model."""

from __future__ import annotations

from ..pipeline.ground.options import settings
from .propose.demos import LabeledDemos
from .recipe import Compiler, Draw, Recipe


@settings
class LabeledFewShot(Compiler):
    """Show labelled rows as they are (in-context learning, Brown et al. 2020).

    Departures:
        The draw is balanced over the labels' values, since a label that is never shown
        is seldom answered.

    Args:
        demos: How many demos a module gets at the most.
    """

    demos: int = 16

    def recipes(self) -> tuple[Recipe, ...]:
        """One draw, no race."""
        return (Recipe(((Draw(LabeledDemos(demos=self.demos), 1),),)),)
