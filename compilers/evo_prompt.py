"""EvoPrompt: a population of instructions, crossed and mutated by a model."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.combine import Crossover
from .propose.instructions import Induce, Paraphrase
from .racing.race import Full, Halving
from .racing.select import Tournament
from .recipe import Compiler, Draw, Recipe


@settings
class EvoPrompt(Compiler):
    """A genetic algorithm whose operators are requests to a model.

    Guo et al. 2023, "Connecting Large Language Models with Evolutionary Algorithms",
    arXiv 2309.08532, the GA variant: there 10 individuals, 10 steps.

    Departures:
        Half of the first population is induced from examples and half paraphrased from
        the seed; parents come from tournaments instead of a roulette wheel; individuals
        race by halving.

    Published:
        With `published=True` a population of 10 and 10 generations, each individual on
        every select row (source: the paper's experiments). The schedule's settings then
        have no say.

    Args:
        population: How many survive a generation.
        generations: How many generations.
        published: Whether it goes by the published schedule.
    """

    population: Count = 8
    generations: Rounds = 4
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """Induced instructions and paraphrases, then children of tournament winners."""
        size, steps = self.population, self.generations
        if self.published:
            size, steps = 10, 10
        half = max(1, size // 2)
        first = (Draw(Induce(), half), Draw(Paraphrase(), half))
        later = (Draw(Crossover(), size),)
        rounds = (first, *(later,) * steps)
        selector = Tournament(population=size)
        if self.published:
            return (Recipe(rounds, Full(), selector=selector),)
        return (Recipe(rounds, Halving(), selector=selector, patience=2),)
