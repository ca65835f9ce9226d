"""Compilers made of compilers: one after another, the best of several, to a plateau."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from ..pipeline.errors import ConfigError
from ..pipeline.ground.options import Rounds, settings
from .recipe import Compiler, Recipe


@settings
class Sequence(Compiler):
    """Each compiler goes on from the best that those before it found.

    BetterTogether (Soylu et al. 2024, arXiv 2407.10930) chains optimizers so. Behind
    another one, what has no race of its own meets the best so far on every select row.

    Args:
        of: The compilers, in order.
    """

    of: tuple[Compiler, ...]

    def recipes(self) -> tuple[Recipe, ...]:
        """Those of the first, then those of the second, and so on."""
        found = [recipe for compiler in self.of for recipe in compiler.recipes()]
        return (*found[:1], *(recipe.raced() for recipe in found[1:]))


@settings
class BestOf(Compiler):
    """Each compiler starts from the seed; their winners race each other.

    Args:
        of: The compilers; where the budget ends early, the later ones get less.
    """

    of: tuple[Compiler, ...]

    def recipes(self) -> tuple[Recipe, ...]:
        """Each compiler's first recipe starts anew."""
        found: list[Recipe] = []
        for compiler in self.of:
            own = [recipe.raced() for recipe in compiler.recipes()]
            found += [*(replace(recipe, fresh=True) for recipe in own[:1]), *own[1:]]
        return tuple(found)


@settings
class UntilPlateau(Compiler):
    """A compiler's rounds, with a race, again and again until nothing is gained.

    Args:
        of: The compiler.
        patience: End after so many rounds without a new best.
        rounds: End after so many rounds whatever happens.
    """

    of: Compiler
    patience: int = 3
    rounds: Rounds = 50

    def __post_init__(self) -> None:
        given = cast(object, self.of)
        if not isinstance(given, Compiler):
            raise ConfigError(
                f"UntilPlateau: of={given!r} is no compiler",
                hint="Give one such as UntilPlateau(of=OPRO(steps=1))",
            )

    def recipes(self) -> tuple[Recipe, ...]:
        """The compiler's rounds, repeated."""
        found: list[Recipe] = []
        for recipe in map(Recipe.raced, self.of.recipes()):
            rounds = (recipe.rounds * self.rounds)[: self.rounds]
            found.append(replace(recipe, rounds=rounds, patience=self.patience))
        return tuple(found)
