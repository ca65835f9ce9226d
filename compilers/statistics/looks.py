"""Planned looks: a claim on rows that are bought in parts, at a level that holds.

Who looks at a test after every few rows, and stops once it is under 0.05, is wrong far
more often than in 5 % of cases. Planned looks share the level out beforehand: very
little at the first one, nearly all of it at the last (O'Brien and Fleming 1979,
Biometrics 35, 549-556; Jennison and Turnbull 2000, "Group Sequential Methods", table
2.3). So rows that need not be bought are not, and the level is kept.

The claim is one-sided: "the first is better than the second", at 5 %. That the second
were better is never claimed. Where scores are 0 or 1 the test is McNemar's exact one,
else sign flips, of the mean difference.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Final

from ...pipeline.measure.stats import Interval, chance_of_at_most, sign_flip_p

LEVEL: Final = 0.05
"""The most that a claim is wrong of two programs that are equal."""
_LEAST: Final = 8
# By how many looks there are: the last one's normal quantile, for 5 % in all.
_BOUNDS: Final = (1.645, 1.678, 1.710, 1.733, 1.751)
# Up to so many rows an exact test leaves more of its level unused than looks take.
_SPARE: Final = 200
_TIED: Final = 0.9
_FLIPS: Final = 5_000
_HOPE: Final = 1.645
_Z_95: Final = 1.959964
_NORMAL: Final = NormalDist()


@dataclass(frozen=True)
class Claim:
    """What the rows of the last look say of "the first is better".

    Args:
        p: One-sided p value, of the differences seen.
        level: What `p` is held against at this look.
        look: Which look it was, from 1; 0 where no row was seen.
        looks: How many were planned.
        planned: Rows of the last one of them.
        rows: Rows that were seen.
    """

    p: float = 1.0
    level: float = LEVEL
    look: int = 0
    looks: int = 0
    planned: int = 0
    rows: int = 0

    @property
    def shown(self) -> bool:
        """Whether it is claimed."""
        return self.p <= self.level

    def widened(self, interval: Interval) -> Interval:
        """A 95 % interval of the difference, made to hold whatever ended the looks.

        Rows that end early do so because they flatter, or the opposite; how far they
        may is in the look's bound (repeated confidence intervals, Jennison and Turnbull
        1989, Journal of the Royal Statistical Society B 51).
        """
        wider = max(1.0, _NORMAL.inv_cdf(1 - self.level) / _Z_95)
        middle, reach = (interval.low + interval.high) / 2, interval.high - interval.low
        low, high = middle - wider * reach / 2, middle + wider * reach / 2
        return Interval(max(-1.0, low), min(1.0, high))

    def describe(self) -> dict[str, int | float]:
        """All of it as plain JSON data."""
        return asdict(self)

    def __str__(self) -> str:
        return f"p = {self.p:.2g}"


@dataclass(frozen=True)
class Looks:
    """When to look at so many rows: up to five times, eight rows or more apart.

    Args:
        rows: How many rows there are to see at the most.
        most: How many looks there are at the most, from 1 to 5.

    >>> Looks(24).stops, [round(Looks(24).level(at), 4) for at in (1, 2, 3)]
    ((8, 16, 24), [0.0015, 0.0181, 0.0436])
    """

    rows: int
    most: int = len(_BOUNDS)

    @property
    def stops(self) -> tuple[int, ...]:
        """Rows seen at each look, the last of which sees them all; none for none."""
        if not self.rows:
            return ()
        count = min(self.most, max(1, self.rows // _LEAST))
        return tuple(round(self.rows * at / count) for at in range(1, count + 1))

    def level(self, look: int) -> float:
        """The nominal level of a look, from 1; O'Brien and Fleming's."""
        count = len(self.stops)
        bound = _BOUNDS[count - 1] * math.sqrt(count / look)
        return 1 - _NORMAL.cdf(bound)

    def claim(
        self, differences: Sequence[float], seed: int, *, ended: bool = False
    ) -> Claim:
        """What the differences seen so far show.

        At the last look 0 or 1 are held against all of the 5 %, where up to 200 rows
        are seen and one in ten or more is a tie: an exact test, which counts in whole
        rows, leaves more of its level unused there than the looks before it took. So no
        claim of the exact test on the same rows is lost, and the level holds.

        Args:
            differences: The first's score less the second's, one a row, in the order
                in which rows were planned.
            seed: Seed of the flips.
            ended: Whether no further row can be seen, wherever that is.
        """
        seen, stops = len(differences), self.stops
        if not seen or not stops:
            return Claim(looks=len(stops), planned=self.rows)
        look = sum(stop <= seen for stop in stops)
        p, exact = better_p(differences, seed)
        last = ended or look == len(stops)
        moved = sum(1 for difference in differences if difference)
        spare = last and exact and self.rows <= _SPARE and moved <= _TIED * seen
        level = LEVEL if spare else self.level(len(stops) if last else max(1, look))
        return Claim(p, level, max(1, look), len(stops), self.rows, seen)

    def within_reach(self, differences: Sequence[float]) -> bool:
        """Whether the rows left may still bring a claim, one time in twenty at least.

        They would need a mean that is not far above that of the rows seen.
        """
        seen, left = len(differences), self.rows - len(differences)
        if not seen or left <= 0:
            return left > 0
        total, moved = math.fsum(differences), mean_square(differences)
        wanted = (_BOUNDS[0] * math.sqrt(moved * self.rows) - total) / left
        error = spread(differences) * math.sqrt(1 / seen + 1 / left)
        return wanted <= total / seen + _HOPE * error


def better_p(differences: Sequence[float], seed: int) -> tuple[float, bool]:
    """One-sided p value of "the mean difference is above 0", and whether it is exact.

    Exact where each is -1, 0 or 1: those that are not 0 are throws of a fair coin where
    there is no difference (McNemar 1947). Else their signs are flipped at random.

    >>> better_p([1, 1, 1, 1, 1, 0, 0], seed=0)
    (0.03125, True)
    """
    if all(d in (-1, 0, 1) for d in differences):
        wins, losses = differences.count(1), differences.count(-1)
        return chance_of_at_most(losses, wins + losses), True
    rng = random.Random(seed)
    return sign_flip_p(differences, rng, _FLIPS, one_sided=True), False


def mean_square(differences: Sequence[float]) -> float:
    """Mean square of differences, as if one more of them were the farthest.

    Few rows on which nothing moved do not say that nothing can. Two rows are added, of
    which one moved (Agresti and Min 2005, Statistics in Medicine 24).

    >>> mean_square([0, 0]), mean_square([0.5, 0.0])
    (0.25, 0.125)
    """
    farthest = max((d * d for d in differences), default=0.0) or 1.0
    return (math.fsum(d * d for d in differences) + farthest) / (len(differences) + 2)


def spread(differences: Sequence[float]) -> float:
    """Standard deviation of differences, of rows to which two are added likewise.

    >>> round(spread([1, 1, 1, 1]), 3)
    0.624
    """
    mean = math.fsum(differences) / (len(differences) + 2)
    return math.sqrt(max(0.0, mean_square(differences) - mean * mean))
