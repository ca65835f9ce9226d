"""PartsGrid: named parts of a prompt in every affordable combination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ..pipeline.base.options import Count, settings
from .propose.parts import PARTS, Parts
from .racing.race import Halving
from .recipe import Compiler, Draw, Recipe


@settings
class PartsGrid(Compiler):
    """Try prompt parts that people swear by, instead of believing in them.

    Battle and Gollapudi 2024, "The Unreasonable Effectiveness of Eccentric Automatic
    Prompts", arXiv 2402.10949. No model writes anything. On purpose unlike it: the grid
    races by halving, and the winner is verified. `main_effects(result.report)` says
    what each part did by itself.

    Args:
        parts: Choices by name; "" leaves a part out. A part named "closing" follows the
            instruction, the others stand before it.
        candidates: How many cells of the grid are tried.
        module: The path of the module; empty for every module.
    """

    parts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: PARTS)
    candidates: Count = 26
    module: str = ""

    def recipes(self) -> tuple[Recipe, ...]:
        """One round."""
        draw = Draw(Parts(parts=self.parts, module=self.module), self.candidates)
        return (Recipe(((draw,),), Halving()),)
