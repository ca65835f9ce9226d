"""SIMBA: rules from contrasts, and demos from successes, on the rows that differ."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Positive, Rounds, settings
from .propose.demos import BootstrapDemos
from .propose.reflection import Contrast
from .racing.race import Halving
from .racing.racers import Minibatch
from .racing.select import Softmax
from .recipe import Compiler, Draw, Recipe


@settings
class SIMBA(Compiler):
    """Stochastic introspective mini-batch ascent: append a rule, or append demos.

    DSPy's SIMBA (no paper).

    Departures:
        The seed's scores enter the softmax; runs of different candidates are contrasted
        instead of several samples of one; sampled scores are kept; the winner is chosen
        on rows that lend no demos; the steps are a quarter as many.

    Published:
        With `published=True` 8 steps of 6 candidates, rules from 6 samples of each of
        32 rows, each candidate on 32 rows, and the best of each on all (source:
        dspy/teleprompt/simba.py of DSPy 3.4.1). What stays: candidates meet all select
        rows, which lend no demos. The schedule's settings then have no say.

    Args:
        steps: Rounds (8 there).
        candidates: Candidates a round (6 there).
        demos: How many demos a module gets at the most (4 there).
        temperature: Of the softmax over parents.
        published: Whether it goes by the published schedule.
    """

    steps: Rounds = 4
    candidates: Count = 6
    demos: int = 4
    temperature: Positive = 0.2
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """Half rules, half demos, from softmax parents."""
        selector = Softmax(temperature=self.temperature)
        if self.published:
            rules = Contrast(rows=32, samples=6)
            demos = BootstrapDemos(demos=4, bootstrapped=4)
            step = (Draw(demos, 3), Draw(rules, 3))
            return (Recipe((step,) * 8, Minibatch(rows=32), selector=selector),)
        half = max(1, self.candidates // 2)
        draws = (
            Draw(BootstrapDemos(demos=self.demos, bootstrapped=self.demos), half),
            Draw(Contrast(), half),
        )
        return (
            Recipe((draws,) * self.steps, Halving(), headroom=16, selector=selector),
        )
