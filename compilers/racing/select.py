"""Selectors: which candidates the next proposals start from.

`Best` climbs a hill; `Beam` keeps several (ProTeGi); `InstancePareto` keeps whoever is
best on some row (GEPA); `Softmax` (SIMBA) and `Tournament` (EvoPrompt) draw at random,
the better the likelier; `TPE` asks an estimator. All of them read scores on select rows
alone.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import field

from ...pipeline.ground.options import Count, Positive, settings
from ..search.candidate import Candidate
from ..search.choices import Choices, Parzen, Sampler, trials
from ..search.task import Task


class Selector(ABC):
    """Picks parents out of the archive; frozen settings, no state."""

    @abstractmethod
    def parents(self, task: Task, n: int) -> list[Candidate]:
        """`n` parents, with repetition where there are fewer; never none."""

    def incumbents(self, task: Task) -> list[Candidate]:
        """Who races on beside the next proposals, best first; by default the best."""
        return task.archive[:1]

    @property
    def most(self) -> int:
        """How many incumbents there are at the most."""
        return 1


@settings
class Best(Selector):
    """Always the best one."""

    def parents(self, task: Task, n: int) -> list[Candidate]:
        """The best, `n` times."""
        return task.archive[:1] * n


@settings
class Beam(Selector):
    """The best few, in turn.

    Args:
        width: How many.
    """

    width: Count = 4

    def parents(self, task: Task, n: int) -> list[Candidate]:
        """The beam from the top, and again from the top."""
        return turns(task.archive[: self.width], n)

    def incumbents(self, task: Task) -> list[Candidate]:
        """The beam."""
        return task.archive[: self.width]

    @property
    def most(self) -> int:
        """The whole beam."""
        return self.width


@settings
class InstancePareto(Selector):
    """Whoever is best on some row, drawn by the number of such rows.

    Agrawal et al. 2025, arXiv 2507.19457, section 3. On purpose unlike it, candidates
    that were dropped early in a race count on the rows that they were seen on.
    """

    def parents(self, task: Task, n: int) -> list[Candidate]:
        """Seeded draws from the front."""
        wins = task.front(task.archive)
        rng = task.rng("pareto")
        return rng.choices(list(wins), weights=list(wins.values()), k=n)


@settings
class Softmax(Selector):
    """Drawn with probability proportional to exp(mean / temperature).

    The mean is an estimate where a candidate was not seen on all select rows.

    Args:
        temperature: Small ones favour the best.
    """

    temperature: Positive = 0.2

    def parents(self, task: Task, n: int) -> list[Candidate]:
        """Seeded draws from everyone that was raced."""
        pool = raced(task)
        means = [estimate.mean for estimate in task.estimates(pool).values()]
        top = max(means)
        weights = [math.exp((mean - top) / self.temperature) for mean in means]
        return task.rng("softmax").choices(pool, weights=weights, k=n)


@settings
class Tournament(Selector):
    """The best of a few drawn at random, out of a bounded population.

    Args:
        population: How many survive a round.
        size: How many meet in a tournament.
    """

    population: Count = 8
    size: Count = 2

    def parents(self, task: Task, n: int) -> list[Candidate]:
        """`n` seeded tournaments."""
        rng = task.rng("tournament")
        return [self._winner(task.archive[: self.population], rng) for _ in range(n)]

    def incumbents(self, task: Task) -> list[Candidate]:
        """The population."""
        return task.archive[: self.population]

    @property
    def most(self) -> int:
        """The whole population."""
        return self.population

    def _winner(self, pool: Sequence[Candidate], rng: random.Random) -> Candidate:
        drawn = rng.sample(range(len(pool)), min(self.size, len(pool)))
        return pool[min(drawn)]


@settings
class TPE(Selector):
    """The candidates most like the combinations that an estimator would try next.

    Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization". A combination
    that is not there yet is for a proposer to make (`propose.combine`); a selector
    picks who comes nearest to it.

    Args:
        sampler: `Parzen()`, or `OptunaTPE()` with the extra `optuna`.
    """

    sampler: Sampler = field(default_factory=Parzen)

    def parents(self, task: Task, n: int) -> list[Candidate]:
        """`n` seeded draws; the best where there is nothing to choose among."""
        choices, pool = Choices.of(task.archive), raced(task)
        made = {c: choices.made_by(c) for c in pool}
        drawn = self.sampler.sampled(
            choices.names, trials(choices, task.raced()), n, task.rng("tpe")
        )
        if not drawn:
            return task.archive[:1] * n

        def nearest(wanted: dict[str, str]) -> Candidate:
            alike = [sum(made[c][s] == wanted[s] for s in wanted) for c in pool]
            return pool[alike.index(max(alike))]

        return turns([nearest(wanted) for wanted in drawn[:n]], n)


def turns(pool: Sequence[Candidate], n: int) -> list[Candidate]:
    """`n` of a pool, in order, starting anew at its end."""
    return [pool[at % len(pool)] for at in range(n)]


def raced(task: Task) -> list[Candidate]:
    """Candidates that were seen on at least one select row; the best one if none."""
    seen = [candidate for candidate, _ in task.raced()]
    return seen or task.archive[:1]
