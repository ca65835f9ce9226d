"""MIPRO: demos and instructions proposed once, then combined by a surrogate."""

from __future__ import annotations

from dataclasses import field

from ..pipeline.ground.options import Count, settings
from .propose.combine import Combine
from .propose.demos import BootstrapDemos
from .propose.instructions import Grounded
from .racing.race import Halving
from .racing.racers import Minibatch
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe
from .search.choices import Parzen, Sampler


@settings
class MIPRO(Compiler):
    """Bootstrap sets of demos, ground instructions in data, and search both together.

    Opsahl-Ong et al. 2024, arXiv 2406.11695 (MIPROv2 in DSPy).

    Departures:
        The parts race on their own first; all combinations meet the same rows instead
        of a random minibatch each; a value seen on 35 rows does not weigh as one on
        1,000.

    Published:
        With `published=True` the schedule of auto="light" there, for a program of one
        module: 6 sets of demos and 3 instructions, 10 combinations, 35 random rows for
        each, and every row for the best of five (source:
        dspy/teleprompt/mipro_optimizer_v2.py of DSPy 3.4.1). The parts meet random rows
        too, by themselves. The schedule's settings then have no say.

    Args:
        candidates: Sets of demos, and as many instructions (6 in "light" there).
        trials: Combinations that are tried.
        demos: How many demos a module gets at the most.
        batch: Combinations a round.
        sampler: Which combinations come next: `Parzen()`, or `OptunaTPE()`, which DSPy
            uses and which needs the extra `optuna`.
        published: Whether it goes by the published schedule.
    """

    candidates: Count = 6
    trials: int = 12
    demos: int = 8
    batch: Count = 4
    sampler: Sampler = field(default_factory=Parzen)
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """One round of parts, then rounds of combinations."""
        combine = Combine(sampler=self.sampler)
        if self.published:
            shown = BootstrapDemos(demos=8, bootstrapped=4)
            first = (Draw(shown, 6), Draw(Grounded(), 3))
            return (Recipe((first, *((Draw(combine, 5),),) * 2), Minibatch(rows=35)),)
        parts = (
            Draw(BootstrapDemos(demos=self.demos), self.candidates),
            Draw(Grounded(), self.candidates),
        )
        mixed = ((Draw(combine, self.batch),),) * (self.trials // self.batch)
        return (Recipe((parts, *mixed), Halving(), selector=Beam(width=2)),)
