"""The border before a round: the one place where a search listens to anybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..recipe import Draw, Recipe


class Steered(NamedTuple):
    """A round as it is after what was said.

    Args:
        recipe: Its recipe, perhaps with another selector.
        draws: Proposals beside those of the recipe.
    """

    recipe: Recipe
    draws: Sequence[Draw] = ()


Border = Callable[[Recipe], Steered]
"""Asked before each round; `Steered` itself where nobody says anything."""
