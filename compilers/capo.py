"""CAPO: crossover and demo edits under a paired race, shorter prompts preferred."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.combine import Crossover, Exchange
from .propose.demos import BootstrapDemos
from .propose.edits import DropDemos, ReorderDemos
from .propose.instructions import Paraphrase
from .racing.racers import PairedRace
from .racing.select import Tournament
from .recipe import Compiler, Draw, Recipe


@settings
class CAPO(Compiler):
    """Cost-aware prompt optimization: a population raced on blocks of common rows.

    Zehle et al. 2025, "CAPO: Cost-Aware Prompt Optimization", arXiv 2504.16005. There
    the race drops who is worse by a paired t test with alpha 0.2, and the objective has
    a penalty of 0.05 for length.

    Departures:
        Length only breaks ties, so that the reported score is the metric's.

    Args:
        population: How many survive a generation.
        generations: How many generations.
        demos: How many demos a module gets at the most.
        z: Standard errors by which a loser must be behind.
    """

    population: Count = 6
    generations: Rounds = 3
    demos: int = 5
    z: float = 1.28

    def recipes(self) -> tuple[Recipe, ...]:
        """Paraphrases and demos, then crossover, dropping and reordering."""
        half = max(1, self.population // 2)
        demos = BootstrapDemos(demos=self.demos)
        first = (Draw(Paraphrase(), half), Draw(demos, half))
        later = (
            Draw(Crossover(), 4),
            Draw(Exchange(), 1),
            Draw(demos, 1),
            Draw(DropDemos(), 1),
            Draw(ReorderDemos(), 1),
        )
        return (
            Recipe(
                (first, *(later,) * self.generations),
                PairedRace(z=self.z, better=1),
                selector=Tournament(population=self.population),
                patience=2,
            ),
        )
