"""TRIPLE: the best of instructions that are there already."""

from __future__ import annotations

from ..pipeline.ground.options import settings
from .propose.edits import Given
from .racing.race import Halving, Racer
from .racing.racers import EvenHalving
from .recipe import Compiler, Draw, Recipe


@settings
class TRIPLE(Compiler):
    """Choose among given instructions with few calls: best-arm identification.

    Shi et al. 2024, "Efficient Prompt Optimization Through the Lens of Best Arm
    Identification", arXiv 2402.09723: sequential halving under a fixed budget. Pools
    are large here, so the rungs start lower than in the other recipes.

    Departures:
        All candidates meet the same rows; the seed races too.

    Published:
        With `published=True` 50 evaluations in all, as many in each rung, of which half
        go on (source: config.json and src/bandit/stochastic/sequential_halving.py of
        github.com/ShenGroup/TRIPLE). The racer then has no say.

    Args:
        instructions: The pool; each is tried for the module, or for every module.
        module: The path of the module; empty for every module.
        racer: Who says which answers to buy. `UCB`, APE's bandit, does better where
            even the best instruction is seldom right: few rows tell nothing there.
        published: Whether it goes by the published schedule.
    """

    instructions: tuple[str, ...]
    module: str = ""
    racer: Racer = Halving(first=4, growth=2.5, keep=0.35)
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """One round."""
        slot = f"{self.module}/instruction" if self.module else "instruction"
        values = tuple({slot: text} for text in self.instructions)
        draw = Draw(Given(values=values), len(values))
        racer = EvenHalving(evaluations=50) if self.published else self.racer
        return (Recipe(((draw,),), racer),)
