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

    Published:
        With `published=True` a population of 10, 10 generations of 4 children, blocks
        of 30 rows until 10 are left, and out is who 10 others beat at a level of 0.2
        (source: capo/capo.py and the parameters in README.md of
        github.com/finitearth/capo). A child is crossed, or has other demos, where there
        it is crossed, reworded and gets new demos. The schedule's settings then have no
        say.

    Args:
        population: How many survive a generation.
        generations: How many generations.
        demos: How many demos a module gets at the most.
        z: Standard errors by which a loser must be behind.
        published: Whether it goes by the published schedule.
    """

    population: Count = 6
    generations: Rounds = 3
    demos: int = 5
    z: float = 1.28
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """Paraphrases and demos, then crossover, dropping and reordering."""
        if self.published:
            return (_published(),)
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


def _published() -> Recipe:
    """The published schedule."""
    demos = BootstrapDemos(demos=5)
    first = (Draw(Paraphrase(), 5), Draw(demos, 4))
    later = (Draw(Crossover(), 2), Draw(Exchange(), 1), Draw(demos, 1))
    # 0.8416 standard errors are a one-sided level of 0.2.
    racer = PairedRace(block=30, z=0.8416, better=10, survivors=10, order="given")
    return Recipe((first, *(later,) * 10), racer, selector=Tournament(population=10))
