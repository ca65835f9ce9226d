"""Samplers: which combination of choices to try next, given how those before it did."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...pipeline.ground.options import Count, Share, settings


class Trial(NamedTuple):
    """A combination that was tried: a choice for each slot, and its score in [0, 1]."""

    chosen: Mapping[str, str]
    score: float


class Sampler(ABC):
    """Draws combinations; frozen settings, no state."""

    @abstractmethod
    def sampled(
        self,
        space: Mapping[str, Sequence[str]],
        trials: Sequence[Trial],
        n: int,
        rng: random.Random,
    ) -> list[dict[str, str]]:
        """Different combinations, the most promising first.

        Args:
            space: The choices of each slot.
            trials: What was tried, the best first.
            n: How many are wanted; more may be given, since some may be known.
            rng: Every random draw comes from it.
        """


@settings
class Parzen(Sampler):
    """A tree-structured Parzen estimator (Bergstra et al. 2011) over named choices.

    A choice is drawn the likelier the more often the good combinations made it and the
    others did not; slots are taken to be independent.

    Args:
        good: The share of the trials that counts as good.
        draws: How many combinations are drawn for each one that is wanted.
    """

    good: Share = 0.25
    draws: Count = 24

    def sampled(
        self,
        space: Mapping[str, Sequence[str]],
        trials: Sequence[Trial],
        n: int,
        rng: random.Random,
    ) -> list[dict[str, str]]:
        """The likeliest of many draws."""
        cut = max(1, math.ceil(len(trials) * self.good))
        odds = {
            slot: _odds(slot, names, trials[:cut], trials[cut:])
            for slot, names in space.items()
        }
        made: dict[tuple[str, ...], float] = {}
        for _ in range(self.draws * n if space else 0):
            worth = 0.0
            drawn: list[str] = []
            for slot, names in space.items():
                weights = [odds[slot][name] for name in names]
                drawn.append(rng.choices(names, weights=weights)[0])
                worth += math.log(odds[slot][drawn[-1]])
            made.setdefault(tuple(drawn), worth)
        best = sorted(made, key=lambda key: -made[key])
        return [dict(zip(space, key, strict=True)) for key in best]


def _odds(
    slot: str, names: Sequence[str], good: Sequence[Trial], other: Sequence[Trial]
) -> dict[str, float]:
    """How much likelier a choice is among the good, each counted once more."""
    mine = [trial.chosen[slot] for trial in good]
    theirs = [trial.chosen[slot] for trial in other]
    most = len(names)
    return {
        name: ((mine.count(name) + 1) / (len(mine) + most))
        / ((theirs.count(name) + 1) / (len(theirs) + most))
        for name in names
    }
