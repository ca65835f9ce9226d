"""What was proposed for each slot as a space, and which combination to try next.

The demos of a module and how many of them an input is shown (`nearest`) are one choice:
a pool without its number would be shown as a whole. So are a model and its options.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...pipeline.ground import strictjson
from ...pipeline.ground.options import Count, Share, settings
from .candidate import Candidate, plain_slot

AS_IT_WAS = "as it was"
Raced = Sequence[tuple[Candidate, float]]


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


@dataclass(frozen=True)
class Choices:
    """For each slot the values that any candidate has, by a name of their own.

    Args:
        values: New parameter values by slot and choice; none for the seed's own.
    """

    values: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @classmethod
    def of(cls, archive: Sequence[Candidate]) -> Choices:
        """What the candidates of an archive have, of which the best come first."""
        found: dict[str, dict[str, Mapping[str, Any]]] = {}
        for candidate in reversed(archive):
            for slot, values in _grouped(candidate).items():
                found.setdefault(slot, {AS_IT_WAS: {}})[_name(slot, values)] = values
        return cls({slot: found[slot] for slot in sorted(found)})

    @property
    def names(self) -> dict[str, list[str]]:
        """The choices of each slot, by name."""
        return {slot: list(known) for slot, known in self.values.items()}

    def made_by(self, candidate: Candidate) -> dict[str, str]:
        """The choice that a candidate makes for each slot."""
        own = _grouped(candidate)
        return {
            slot: _name(slot, own[slot]) if slot in own else AS_IT_WAS
            for slot in self.values
        }

    def candidate(self, chosen: Mapping[str, str], parent: Candidate) -> Candidate:
        """The candidate that makes these choices."""
        values: dict[str, Any] = {}
        for slot, name in chosen.items():
            values |= self.values[slot][name]
        return Candidate(values, "combined", parent.id)


def trials(choices: Choices, raced: Raced) -> list[Trial]:
    """Candidates with their mean scores as trials, in their order."""
    return [Trial(choices.made_by(candidate), score) for candidate, score in raced]


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


def _grouped(candidate: Candidate) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, value in candidate.values.items():
        path, _, slot = key.rpartition("/")
        unit = f"{path}/demos" if slot == "nearest" else key
        if slot == "sampling" and f"{path}/model" in candidate.values:
            unit = f"{path}/model"
        found.setdefault(unit, {})[key] = value
    return found


def _name(slot: str, values: Mapping[str, Any]) -> str:
    plain = {key: plain_slot(value) for key, value in values.items()}
    return strictjson.canonical(plain[slot] if set(plain) == {slot} else plain)
