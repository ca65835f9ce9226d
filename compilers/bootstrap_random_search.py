"""BootstrapRandomSearch: many draws of demos, raced on rows of their own."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.demos import BootstrapDemos, LabeledDemos
from .racing.race import Halving
from .recipe import Compiler, Draw, Recipe


@settings
class BootstrapRandomSearch(Compiler):
    """Draw several sets of bootstrapped demos and keep the one that scores best.

    Khattab et al. 2023, arXiv 2310.03714, there with every candidate on every row and
    often on the rows that the demos come from. Here the candidates share one pool of
    passing traces, race by sequential halving on select rows, which lend no demos, and
    the winner is verified on sealed rows.

    Args:
        demos: How many demos a module gets at the most.
        bootstrapped: How many of them come from passing traces.
        candidates: How many draws are raced, beside the seed program.
    """

    demos: int = 16
    bootstrapped: int = 4
    candidates: Count = 16

    def recipes(self) -> tuple[Recipe, ...]:
        """A quarter of the draws from labels alone, the others bootstrapped."""
        plain = max(1, self.candidates // 4)
        drawn = BootstrapDemos(demos=self.demos, bootstrapped=self.bootstrapped)
        round_one = (
            Draw(LabeledDemos(demos=self.demos), plain),
            Draw(drawn, max(1, self.candidates - plain)),
        )
        return (Recipe((round_one,), Halving()),)
