"""What the best of many owes to luck, and what is left of its gain without it.

Whoever is chosen as the best of many on some rows looks better there than it is, the
more so the more there were and the fewer the rows. How much better the best would look
if none were any good is known; so the rows that chose need not be thrown away. Their
gain counts less all of that luck, beside rows that nobody chose by.

The interval is one for a bias that is known to lie between nothing and that luck
(Armstrong and Kolesar 2018, Econometrica 86): the lower end takes off all of it, the
upper end nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Final

from ...pipeline.measure.stats import Interval
from .looks import spread

LIKELY: Final = 0.8
"""The chance to be better from which one comes back: a loss weighs four times."""
_Z_95: Final = 1.959964
_APART: Final = 3.0
_NORMAL: Final = NormalDist()


@dataclass(frozen=True)
class Estimate:
    """The gain of a chosen candidate on the rows that chose it and on sealed ones.

    Args:
        difference: Mean gain over both, less the luck of those that chose.
        interval: 95 % interval of the gain.
        luck: What the best of so many that are no better would show on select rows.
        rivals: How many it was the best of.
        select: Select rows on which it met the program as it was.
        sealed: Sealed rows.
        error: Standard error of the difference.
    """

    difference: float
    interval: Interval
    luck: float
    rivals: int
    select: int
    sealed: int
    error: float

    @property
    def likely(self) -> bool:
        """Whether it is better with a chance of four in five."""
        return self.difference > self._bar

    def worth(self, more: int) -> float:
        """By how much more rows would better the choice, on the mean, in score.

        The choice is between the candidate and the program as it was: rows are worth
        something as far as they may change it.
        """
        rows = self.select + self.sealed
        if not rows:
            return 1.0
        moves = self.error * math.sqrt(more / (rows + more))
        if not moves:
            return 0.0
        off = abs(self.difference - self._bar) / moves
        return moves * (_NORMAL.pdf(off) - off * _NORMAL.cdf(-off))

    def describe(self) -> dict[str, Any]:
        """All of it as plain JSON data; scores in [-1, 1]."""
        low, high = self.interval.low, self.interval.high
        return asdict(self) | {"interval": [low, high]}

    @property
    def _bar(self) -> float:
        return _NORMAL.inv_cdf(LIKELY) * self.error

    def __str__(self) -> str:
        who = (
            "one that is" if self.rivals == 1 else f"the best of {self.rivals} that are"
        )
        return (
            f"{100 * self.luck:+.1f} points for {who} no better, on {self.select} "
            f"select rows; less that the gain is {100 * self.difference:+.1f} "
            f"{self.interval.in_points('+')}"
        )


def estimate(
    select: Sequence[float], sealed: Sequence[float], met: Sequence[float] = ()
) -> Estimate:
    """The gain of whoever was chosen on select rows.

    Where these show more than luck explains beside the sealed ones, by three standard
    errors, the candidate has learnt them by heart, and they count for nothing.

    Args:
        select: Its score less that of the program as it was, one a select row.
        sealed: The same on rows that nobody chose by.
        met: The share of the select rows that each candidate met, itself among them.
            Whoever left a race after a tenth of the rows is a tenth of a rival.

    >>> found = estimate([1, 1, 1, 0] * 10, [1, 0] * 10, met=[1, 1, 0.5, 0.5])
    >>> round(found.luck, 3), round(found.difference, 3), found.likely
    (0.082, 0.612, True)
    """
    both = [*select, *sealed]
    rows, chosen = len(both), len(select)
    mean = math.fsum(both) / rows if rows else 0.0
    wide = spread(both)
    # The program as it was is one of those that might have been the best.
    luck = wide * best_of(1 + math.fsum(met)) / math.sqrt(chosen) if chosen else 0.0
    error = wide / math.sqrt(rows) if rows else 1.0
    if select and sealed:
        more = math.fsum(select) / chosen - luck - math.fsum(sealed) / len(sealed)
        if more > _APART * wide * math.sqrt(1 / chosen + 1 / len(sealed)):
            return estimate((), sealed)
    taken = luck * chosen / rows if rows else 0.0
    low, high = mean - taken - _Z_95 * error, mean + _Z_95 * error
    interval = Interval(max(-1.0, low), min(1.0, high))
    return Estimate(
        max(-1.0, mean - taken), interval, luck, len(met), chosen, len(sealed), error
    )


def best_of(count: float) -> float:
    """The expected best of so many draws, in their standard deviations (Blom 1958).

    Between whole numbers it is smooth.

    >>> [round(best_of(count), 2) for count in (1, 2, 8, 24)]
    [0.0, 0.59, 1.43, 1.95]
    """
    return _NORMAL.inv_cdf((count - 0.375) / (count + 0.25)) if count > 1 else 0.0
