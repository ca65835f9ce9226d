"""BootstrapRandomSearch: many draws of demos, raced on rows of their own."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.demos import BootstrapDemos, LabeledDemos
from .racing.race import Full, Halving
from .recipe import Compiler, Draw, Recipe


@settings
class BootstrapRandomSearch(Compiler):
    """Draw several sets of bootstrapped demos and keep the one that scores best.

    Khattab et al. 2023, arXiv 2310.03714.

    Departures:
        Candidates share one pool of passing traces; they race by sequential halving on
        select rows, which lend no demos, where there each meets every row, often the
        very rows that the demos come from; the winner is verified on sealed rows.

    Published:
        With `published=True` 18 draws beside the seed, each on every select row
        (source: dspy/teleprompt/random_search.py of DSPy 3.4.1). The schedule's
        settings then have no say.

    Args:
        demos: How many demos a module gets at the most.
        bootstrapped: How many of them come from passing traces.
        candidates: How many draws are raced, beside the seed program.
        published: Whether it goes by the published schedule.
    """

    demos: int = 16
    bootstrapped: int = 4
    candidates: Count = 16
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """A quarter of the draws from labels alone, the others bootstrapped."""
        plain = max(1, self.candidates // 4)
        drawn = BootstrapDemos(demos=self.demos, bootstrapped=self.bootstrapped)
        if self.published:
            both = (Draw(LabeledDemos(demos=self.demos), 1), Draw(drawn, 17))
            return (Recipe((both,), Full()),)
        round_one = (
            Draw(LabeledDemos(demos=self.demos), plain),
            Draw(drawn, max(1, self.candidates - plain)),
        )
        return (Recipe((round_one,), Halving()),)
