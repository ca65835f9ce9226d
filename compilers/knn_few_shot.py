"""KNNFewShot: each input is shown the training rows most like it."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.demos import NearestDemos
from .recipe import Compiler, Draw, Recipe


@settings
class KNNFewShot(Compiler):
    """Keep the training rows as a pool, and show each input the nearest of them.

    Liu et al. 2021, "What Makes Good In-Context Examples for GPT-3?" (KATE), arXiv
    2101.06804, and DSPy's KNNFewShot.

    Departures:
        Rows are compared by character trigrams unless `weft.use(embedder=...)` names an
        embedding model, so that neither the compile nor the program asks a second model
        unasked; nothing is bootstrapped when the program runs, where DSPy's bootstraps
        anew for every input.

    Args:
        k: How many demos an input is shown.
        pool: How many demos a module holds at the most.
        traces: Whether the program is run on the rows of the pool, so that inner
            modules get demos too, and reasoning is shown.
    """

    k: Count = 8
    pool: Count = 1000
    traces: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """One pool, no race."""
        proposer = NearestDemos(k=(self.k,), pool=self.pool, traces=self.traces)
        return (Recipe(((Draw(proposer, 1),),)),)
