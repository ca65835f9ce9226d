"""Two systems on the same rows, paired: the difference, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import DataError
from ..ground.words import counted
from .stats import (
    ALPHA,
    Z_95,
    Interval,
    Paired,
    all_binary,
    mcnemar_exact,
    paired_bootstrap,
)


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
        low, high = 100 * self.interval.low, 100 * self.interval.high
        return f"{100 * self.difference:+.1f} points [{low:+.1f}, {high:+.1f}]"

    def __str__(self) -> str:
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
        shown=outcome.p < ALPHA and 0.0 not in outcome.interval,
    )


def _agresti_min(wins: int, losses: int, n: int) -> Interval:
    """Wald's interval after half a row is added to each cell of the 2 x 2 table."""
    rows, apart = n + 2, wins - losses
    reach = Z_95 * math.sqrt(wins + losses + 1 - apart * apart / rows) / rows
    middle = apart / rows
    return Interval(max(-1.0, middle - reach), min(1.0, middle + reach))
