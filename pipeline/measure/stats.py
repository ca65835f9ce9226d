"""How sure a measured difference is: intervals and paired tests.

Three known methods, written out on the standard library: Wilson's score interval for
shares (Wilson 1927), McNemar's exact test for paired right-or-wrong answers (McNemar
1947), and the percentile bootstrap with a sign-flip permutation test for everything
else (Efron 1979; Fisher 1935; Koehn 2004 for paired scores of language systems).

scipy has them too. It was refused: 113 MB on disk and a compiled dependency, for two
tests that fit on a page. Random draws come from the seed passed: the same values and
seed give the same result.
"""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import DataError
from ..ground.words import counted

_ALPHA = 0.05
_Z_95 = 1.959964
# Two means that differ by less are one.
_ALIKE = 1e-9
# Above this many values the bootstrap and the normal interval are as good as one.
_MANY = 2_000
# Up to here McNemar's tail is summed in whole numbers.
_EXACT = 1_000


@dataclass(frozen=True)
class Interval:
    """A 95 % interval; both ends belong to it."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"[{self.low:.3f}, {self.high:.3f}]"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def in_points(self, sign: Literal["", "+"] = "") -> str:
        """Its ends in points of 100; with "+" each behind its sign.

        >>> Interval(0.25, 0.75).in_points(), Interval(-0.01, 0.2).in_points("+")
        ('[25.0, 75.0]', '[-1.0, +20.0]')
        """
        return f"[{100 * self.low:{sign}.1f}, {100 * self.high:{sign}.1f}]"


@dataclass(frozen=True)
class Paired:
    """What paired differences show.

    Args:
        interval: 95 % interval of the mean difference.
        p: Two-sided p value of "there is no difference".
    """

    interval: Interval
    p: float


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same rows; positive means that the first is better.

    Args:
        difference: Mean of the first minus mean of the second, in [-1, 1] for scores.
        interval: 95 % interval of the difference.
        p: Two-sided p value of "there is no difference".
        wins: Rows where the first scored higher.
        losses: Rows where it scored lower.
        ties: Rows where both scored the same.
        n: Rows compared.
        method: The test behind `p`.
        shown: Whether `p` is under 0.05 and the interval excludes 0.
    """

    difference: float
    interval: Interval
    p: float
    wins: int
    losses: int
    ties: int
    n: int
    method: Literal["mcnemar", "paired bootstrap"]
    shown: bool

    @property
    def points(self) -> str:
        """The difference and its interval in points of 100."""
        ends = self.interval.in_points("+")
        return f"{100 * self.difference:+.1f} points {ends}"

    def __str__(self) -> str:
        if self.n == 0:
            return "no row in common: nothing is compared"
        verdict = "" if self.shown else ", which may be chance"
        return (
            f"{self.points} on {counted(self.n, 'row')} (p = {self.p:.2g}){verdict}: "
            f"{self.wins} better, {self.losses} worse, {self.ties} the same"
        )


def compare(
    a_values: Sequence[float],
    b_values: Sequence[float],
    seed: int,
    repeats: int = 5_000,
) -> Comparison:
    """Compare two systems on the same rows; positive means that `a` is better.

    Where all scores are 0 or 1, the test is McNemar's and the interval that of Agresti
    and Min (2005, Statistics in Medicine 24), which stays honest when one side wins
    every row that differs. Otherwise see `paired_bootstrap`.

    Args:
        a_values: Scores of the first system, one a row.
        b_values: Scores of the second on the same rows in the same order.
        seed: Seed of the draws.
        repeats: Draws of the bootstrap.

    Raises:
        DataError: The two differ in length.

    >>> compare([1, 1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1, 0], seed=0).shown
    True
    """
    if len(a_values) != len(b_values):
        raise DataError(
            f"{len(a_values)} scores cannot be paired with {len(b_values)}",
            hint="Compare two runs over the same rows, in the same order",
        )
    differences = [a - b for a, b in zip(a_values, b_values, strict=True)]
    n = len(differences)
    wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    binary = all_binary(a_values) and all_binary(b_values)
    if binary:
        outcome = Paired(_agresti_min(wins, losses, n), mcnemar_exact(wins, losses))
    else:
        outcome = paired_bootstrap(differences, seed, repeats)
    return Comparison(
        difference=math.fsum(differences) / n if n else 0.0,
        interval=outcome.interval,
        p=outcome.p,
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
        n=n,
        method="mcnemar" if binary else "paired bootstrap",
        shown=outcome.p < _ALPHA and 0.0 not in outcome.interval,
    )


def wilson(successes: int, n: int) -> Interval:
    """Wilson's 95 % score interval of a share (Wilson 1927, JASA 22, 209-212).

    No trials give [0, 1].

    Raises:
        ValueError: `successes` lies outside 0..n.

    >>> interval = wilson(8, 10)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.49, 0.943)
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return Interval(0.0, 1.0)
    share, square = successes / n, _Z_95 * _Z_95
    middle = (share + square / (2 * n)) / (1 + square / n)
    spread = math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    reach = _Z_95 * spread / (1 + square / n)
    return Interval(
        0.0 if successes == 0 else max(0.0, middle - reach),
        1.0 if successes == n else min(1.0, middle + reach),
    )


def bootstrap_mean(
    values: Sequence[float], seed: int, repeats: int = 2_000
) -> Interval:
    """Percentile bootstrap interval of a mean (Efron 1979).

    Fewer than two values say nothing about their spread and give [0, 1]. Beyond 2,000
    values the normal interval takes over: by then it is the same, and quick.

    >>> interval = bootstrap_mean([0.2, 0.4, 0.6, 0.8] * 10, seed=0)
    >>> 0.40 < interval.low < 0.46 and 0.54 < interval.high < 0.60
    True
    """
    n = len(values)
    if n < 2:
        return Interval(0.0, 1.0)
    if n > _MANY:
        return _normal(values).interval
    return _percentiles(_resampled(values, random.Random(seed), repeats))


def mean_interval(
    values: Sequence[float], seed: int, mean: float | None = None
) -> Interval:
    """95 % interval of a mean score: Wilson where all are 0 or 1, else the bootstrap.

    No values give [0, 1], so there is never a NaN to trip over.

    Args:
        values: Scores, one a row.
        seed: Seed of the draws.
        mean: The mean that it is about, where some rows weigh more than others.

    >>> mean_interval([], seed=0)
    Interval(low=0.0, high=1.0)
    """
    binary = all_binary(values)
    total = round(sum(values))
    found = wilson(total, len(values)) if binary else bootstrap_mean(values, seed)
    off = mean - sum(values) / len(values) if values and mean is not None else 0.0
    if abs(off) < _ALIKE:
        return found
    return Interval(max(0.0, found.low + off), min(1.0, found.high + off))


def mcnemar_exact(wins: int, losses: int) -> float:
    """Two-sided p value of McNemar's exact test (McNemar 1947, Psychometrika 12).

    Rows on which both agree say nothing; among the others each side wins with
    probability one half when there is no difference. The tail of that binomial is
    summed in whole numbers up to 1,000 rows and in logarithms beyond.

    Raises:
        ValueError: A count is negative.

    >>> mcnemar_exact(wins=8, losses=1)
    0.0390625
    """
    if wins < 0 or losses < 0:
        raise ValueError(f"{wins} wins and {losses} losses: counts are not negative")
    return min(1.0, 2 * chance_of_at_most(min(wins, losses), wins + losses))


def chance_of_at_most(heads: int, throws: int) -> float:
    """Chance of at most so many heads in throws of a fair coin.

    >>> chance_of_at_most(0, 5), chance_of_at_most(5, 5)
    (0.03125, 1.0)
    """
    if throws <= _EXACT:
        tail = sum(math.comb(throws, i) for i in range(heads + 1))
        return tail / (1 << throws)
    if 2 * heads > throws:
        return 1.0 - _far_tail(throws, throws - heads - 1)
    return _far_tail(throws, heads)


def paired_bootstrap(
    differences: Sequence[float], seed: int, repeats: int = 5_000
) -> Paired:
    """Interval and p value of a mean difference, measured row by row.

    The interval is the percentile bootstrap over rows. The p value comes from flipping
    the signs of the differences at random: when neither side is better, each sign was
    as likely as the other (Fisher 1935, section 21). It counts the data themselves as
    one flip, so it is never 0 and holds its level for few rows too (Phipson and Smyth
    2010).

    Differences are in [-1, 1], one a row; fewer than two give [-1, 1] and p = 1.

    >>> paired_bootstrap([0.1, 0.3, 0.2, 0.0, 0.4, 0.3], seed=0).p < 0.1
    True
    """
    n = len(differences)
    if n < 2:
        return Paired(Interval(-1.0, 1.0), 1.0)
    rng = random.Random(seed)
    if n > _MANY:
        found = _normal(differences)
        if sum(map(bool, differences)) > _MANY:
            return found
        # Rows that do not differ say nothing, however many there are.
        return Paired(found.interval, sign_flip_p(differences, rng, repeats))
    interval = _percentiles(_resampled(differences, rng, repeats))
    return Paired(interval, sign_flip_p(differences, rng, repeats))


def all_binary(values: Sequence[float]) -> bool:
    """Whether every score is 0 or 1."""
    return all(value in (0, 1) for value in values)


def _far_tail(n: int, fewer: int) -> float:
    """Chance of at most `fewer` heads in `n` throws; `fewer` is at most n / 2."""
    choices = math.lgamma(n + 1) - math.lgamma(fewer + 1) - math.lgamma(n - fewer + 1)
    term = math.exp(choices - n * math.log(2))
    total = 0.0
    for i in range(fewer, -1, -1):
        total += term
        if term <= total * 1e-17:
            break
        term *= i / (n - i + 1)
    return total


def _resampled(
    values: Sequence[float], rng: random.Random, repeats: int
) -> list[float]:
    """Sorted means of `repeats` samples of the same size, drawn with replacement.

    A draw is 16 random bits looked up in a table that repeats each value 65,536 / n
    times, rounded up or down in turn: twice as fast as `random.choices`, and far below
    the bootstrap's own noise for up to 2,000 values.
    """
    n = len(values)
    table = list[float]()
    for at, value in enumerate(values, 1):
        table += [value] * ((at << 16) // n - len(table))
    pick = table.__getitem__
    draws = (memoryview(rng.randbytes(2 * n)).cast("H") for _ in range(repeats))
    return sorted(sum(map(pick, draw)) / n for draw in draws)


def _percentiles(means: Sequence[float]) -> Interval:
    last = len(means) - 1
    low, high = math.floor(_ALPHA / 2 * last), math.ceil((1 - _ALPHA / 2) * last)
    return Interval(means[low], means[high])


def sign_flip_p(
    differences: Sequence[float],
    rng: random.Random,
    repeats: int,
    *,
    one_sided: bool = False,
) -> float:
    """Share of random sign patterns whose sum is at least as far from 0.

    Eight signs are one random byte: each table holds the 256 sums of eight rows.

    Args:
        differences: One a row.
        rng: Where the signs come from.
        repeats: How many patterns are drawn; the data themselves count as one more.
        one_sided: Whether only sums at least as high count.
    """
    moved = [d for d in differences if d]
    if not moved:
        return 1.0
    tables = list[list[float]]()
    for start in range(0, len(moved), 8):
        sums = [0.0]
        for d in moved[start : start + 8]:
            sums = [s - d for s in sums] + [s + d for s in sums]
        tables.append(sums * (256 // len(sums)))
    draws = (rng.randbytes(len(tables)) for _ in range(repeats))
    found = (sum(map(operator.getitem, tables, draw)) for draw in draws)
    total = math.fsum(moved)
    if one_sided:
        hits = sum(one >= total - 1e-9 for one in found)
    else:
        hits = sum(abs(one) >= abs(total) - 1e-9 for one in found)
    return (hits + 1) / (repeats + 1)


def _normal(values: Sequence[float]) -> Paired:
    n = len(values)
    mean = math.fsum(values) / n
    error = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)
    reach = _Z_95 * error
    low, high = max(min(values), mean - reach), min(max(values), mean + reach)
    p = math.erfc(abs(mean) / error / math.sqrt(2)) if error else float(mean == 0)
    return Paired(Interval(low, high), p)


def _agresti_min(wins: int, losses: int, n: int) -> Interval:
    """Wald's interval after half a row is added to each cell of the 2 x 2 table."""
    rows, apart = n + 2, wins - losses
    reach = _Z_95 * math.sqrt(wins + losses + 1 - apart * apart / rows) / rows
    middle = apart / rows
    return Interval(max(-1.0, middle - reach), min(1.0, middle + reach))
