"""PromptWizard: styles, critique and refinement, thrown out at the first failures."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.demos import BootstrapDemos
from .propose.instructions import Paraphrase
from .propose.reflection import Refine
from .racing.racers import FirstFail
from .recipe import Compiler, Draw, Recipe


@settings
class PromptWizard(Compiler):
    """Write the instruction in several styles, criticize and refine, then add demos.

    Agarwal et al. 2024, "PromptWizard: Task-Aware Prompt Optimization Framework", arXiv
    2405.18369.

    Departures:
        Demos are the program's own passing traces instead of synthetic ones; no persona
        is added.

    Args:
        iterations: Rounds of styles and refinement (3 there).
        candidates: Candidates a round.
        demos: How many demos a module gets at the end.
        allowed: Failures after which a candidate is out of a race.
    """

    iterations: Rounds = 3
    candidates: Count = 6
    demos: int = 5
    allowed: int = 6

    def recipes(self) -> tuple[Recipe, ...]:
        """Styles and critique in turn, demos last."""
        half = max(1, self.candidates // 2)
        refine = (Draw(Refine(), half), Draw(Paraphrase(), half))
        last = (Draw(BootstrapDemos(demos=self.demos), half),)
        racer = FirstFail(allowed=self.allowed)
        return (Recipe((*(refine,) * self.iterations, last), racer),)
