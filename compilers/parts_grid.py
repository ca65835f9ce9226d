"""PartsGrid: named parts of a prompt in every affordable combination."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from typing import cast

from ..pipeline.errors import ConfigError
from ..pipeline.ground.options import Count, settings
from .propose.edits import PARTS, Parts
from .racing.race import Full, Halving
from .recipe import Compiler, Draw, Recipe


@settings
class PartsGrid(Compiler):
    """Try prompt parts that people swear by, instead of believing in them.

    Battle and Gollapudi 2024, "The Unreasonable Effectiveness of Eccentric Automatic
    Prompts", arXiv 2402.10949. No model writes anything. `main_effects(result.report)`
    says what each part did by itself.

    Departures:
        The grid races by halving; the winner is verified.

    Published:
        With `published=True` every combination meets every row (source: section 3 of
        arXiv 2402.10949). `candidates` then has no say.

    Args:
        parts: Choices by name; "" leaves a part out. A part named "closing" follows the
            instruction, the others stand before it.
        candidates: How many cells of the grid are tried.
        module: The path of the module; empty for every module.
        published: Whether it goes by the published schedule.
    """

    parts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: PARTS)
    candidates: Count = 26
    module: str = ""
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """One round.

        Raises:
            ConfigError: There is no part, or its choices are no tuple of texts.
        """
        choices = cast("list[object]", list(self.parts.values()))
        if not choices or not all(map(_is_choice, choices)):
            raise ConfigError(
                f"PartsGrid: parts={self.parts!r} names no choices",
                hint='Write parts={"opening": ("", "You are an expert.")}',
            )
        parts = Parts(parts=self.parts, module=self.module)
        if self.published:
            grid = math.prod(map(len, self.parts.values()))
            return (Recipe(((Draw(parts, grid),),), Full()),)
        return (Recipe(((Draw(parts, self.candidates),),), Halving()),)


def _is_choice(given: object) -> bool:
    """Whether something is several texts, and no text itself."""
    if not isinstance(given, tuple | list) or not given:
        return False
    return all(isinstance(text, str) for text in cast("list[object]", given))
