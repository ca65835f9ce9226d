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

from .looks import spread
from .stats import Interval

LIKELY: Final = 2 / 3
"""The chance to be better from which a program is taken: a loss counts double."""
_Z_95: Final = 1.959964
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
        """Whether it is better with a chance of two in three."""
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
        who = "a candidate" if self.rivals == 1 else f"the best of {self.rivals}"
        be = "that is" if self.rivals == 1 else "that are"
        low, high = 100 * self.interval.low, 100 * self.interval.high
        return (
            f"{who} {be} no better would show {100 * self.luck:+.1f} points on "
            f"{self.select} select rows; less that, {100 * self.difference:+.1f} "
            f"[{low:+.1f}, {high:+.1f}] with the sealed ones"
        )


def estimate(
    select: Sequence[float], sealed: Sequence[float], rivals: int, turns: int = 1
) -> Estimate:
    """The gain of whoever was chosen on select rows.

    Args:
        select: Its score less that of the program as it was, one a select row.
        sealed: The same on rows that nobody chose by.
        rivals: How many candidates it was chosen from.
        turns: How many times one was chosen and changed again on its way.

    >>> found = estimate([1, 1, 1, 0] * 10, [1, 0] * 10, rivals=8)
    >>> round(found.luck, 3), round(found.difference, 3), found.likely
    (0.106, 0.596, True)
    """
    both = [*select, *sealed]
    rows, chosen = len(both), len(select)
    mean = math.fsum(both) / rows if rows else 0.0
    wide = spread(both)
    luck = wide * best_of(rivals, turns) / math.sqrt(chosen) if chosen else 0.0
    error = wide / math.sqrt(rows) if rows else 1.0
    taken = luck * chosen / rows if rows else 0.0
    low, high = mean - taken - _Z_95 * error, mean + _Z_95 * error
    interval = Interval(max(-1.0, low), min(1.0, high))
    return Estimate(mean - taken, interval, luck, rivals, chosen, len(sealed), error)


def best_of(count: int, turns: int = 1) -> float:
    """The expected best of so many draws, in their standard deviations (Blom 1958).

    Where the best of some is taken and changed, again and again, each turn's luck adds
    to that of the others: more than that of as many draws at once.

    >>> round(best_of(1), 2), round(best_of(8), 2), round(best_of(24, turns=3), 2)
    (0.0, 1.43, 2.48)
    """
    if count < 1:
        return 0.0
    each = max(1, math.ceil(count / max(1, turns)))
    quantile = (each - 0.375) / (each + 0.25)
    return max(0.0, _NORMAL.inv_cdf(quantile)) * math.sqrt(max(1, turns))
