"""BootstrapFewShot: demos from the program's own passing traces."""

from __future__ import annotations

from ..pipeline.ground.options import settings
from .propose.demos import BootstrapDemos
from .recipe import Compiler, Draw, Recipe


@settings
class BootstrapFewShot(Compiler):
    """Run a teacher on training rows, keep traces that pass, and show them as demos.

    Khattab et al. 2023, arXiv 2310.03714.

    Departures:
        Labelled demos are balanced over the labels' values; rows run side by side; the
        result is verified on sealed rows.

    Args:
        demos: How many demos a module gets at the most.
        bootstrapped: How many of them come from passing traces.
    """

    demos: int = 16
    bootstrapped: int = 4

    def recipes(self) -> tuple[Recipe, ...]:
        """One draw, no race."""
        proposer = BootstrapDemos(demos=self.demos, bootstrapped=self.bootstrapped)
        return (Recipe(((Draw(proposer, 1),),)),)
