"""SIMBA: rules from contrasts, and demos from successes, on the rows that differ."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Positive, settings
from .propose.demos import BootstrapDemos
from .propose.reflection import Contrast
from .racing.race import Halving
from .racing.select import Softmax
from .recipe import Compiler, Draw, Recipe


@settings
class SIMBA(Compiler):
    """Stochastic introspective mini-batch ascent: append a rule, or append demos.

    DSPy's SIMBA (no paper). On purpose unlike it: the seed's scores enter the softmax,
    sampled scores are kept, the winner is chosen on rows that lend no demos, and the
    steps are a quarter as many.

    Args:
        steps: Rounds (8 there).
        candidates: Candidates a round (6 there).
        demos: How many demos a module gets at the most (4 there).
        temperature: Of the softmax over parents.
    """

    steps: Count = 4
    candidates: Count = 6
    demos: int = 4
    temperature: Positive = 0.2

    def recipes(self) -> tuple[Recipe, ...]:
        """Half rules, half demos, from softmax parents."""
        half = max(1, self.candidates // 2)
        draws = (
            Draw(BootstrapDemos(demos=self.demos, bootstrapped=self.demos), half),
            Draw(Contrast(), half),
        )
        selector = Softmax(temperature=self.temperature)
        return (
            Recipe((draws,) * self.steps, Halving(), headroom=16, selector=selector),
        )
