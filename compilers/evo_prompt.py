"""EvoPrompt: a population of instructions, crossed and mutated by a model."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.combine import Crossover
from .propose.instructions import Induce, Paraphrase
from .racing.race import Halving
from .racing.select import Tournament
from .recipe import Compiler, Draw, Recipe


@settings
class EvoPrompt(Compiler):
    """A genetic algorithm whose operators are requests to a model.

    Guo et al. 2023, "Connecting Large Language Models with Evolutionary Algorithms",
    arXiv 2309.08532, the GA variant: there 10 individuals, 10 steps. On purpose unlike
    it: half of the first population is induced from examples and half paraphrased from
    the seed, and individuals race by halving.

    Args:
        population: How many survive a generation.
        generations: How many generations.
    """

    population: Count = 8
    generations: int = 4

    def recipes(self) -> tuple[Recipe, ...]:
        """Induced instructions and paraphrases, then children of tournament winners."""
        half = max(1, self.population // 2)
        first = (Draw(Induce(), half), Draw(Paraphrase(), half))
        later = (Draw(Crossover(), self.population),)
        rounds = (first, *(later,) * self.generations)
        selector = Tournament(population=self.population)
        return (Recipe(rounds, Halving(), selector=selector, patience=2),)
