"""Intervals of figures that are no mean of rows: the bootstrap over rows."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from ..stats import Interval

T = TypeVar("T")
_DRAWS: Final = 1_000
_MOST: Final = 2_000_000  # rows drawn in all; more rows get fewer draws
_LEAST: Final = 100


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval.

    Args:
        value: The figure.
        interval: Its 95 % interval.
        method: How that was found: "wilson", "mover", "bootstrap", "newcombe" or
            "delong".
    """

    value: float
    interval: Interval
    method: str

    def __str__(self) -> str:
        low, high = self.interval.low, self.interval.high
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}]"


def resampled(
    groups: Sequence[Sequence[T]],
    figure: Callable[[Sequence[T]], float | None],
    seed: int,
    sure: Interval,
) -> Measured | None:
    """A figure with its percentile bootstrap interval over rows (Efron 1979).

    1,000 draws, and fewer above 2,000 rows. A draw of which the figure is not defined
    is left out. Where all draws give the same, as without a single mistake, resampling
    has nothing to say of what was not seen, and `sure` widens the interval.

    Args:
        groups: The rows, each with all answers to it, which are drawn together.
        figure: Takes answers; None where it is not defined.
        seed: Of the draws.
        sure: An interval of the figure by other means, for that case.

    Returns:
        None where the figure is not defined.
    """
    whole = figure([one for group in groups for one in group])
    if whole is None:
        return None
    rng = random.Random(seed)
    n = len(groups)
    found: list[float] = []
    for _ in range(draws_for(n)):
        drawn = rng.choices(groups, k=n)
        value = figure([one for group in drawn for one in group])
        if value is not None:
            found.append(value)
    found.sort()
    if not found or found[0] == found[-1]:
        low, high = min(sure.low, whole), max(sure.high, whole)
        return Measured(whole, Interval(low, high), "bootstrap")
    last = len(found) - 1
    low, high = found[math.floor(0.025 * last)], found[math.ceil(0.975 * last)]
    return Measured(whole, Interval(low, high), "bootstrap")


def draws_for(rows: int) -> int:
    """How often so many rows are drawn."""
    return max(_LEAST, min(_DRAWS, _MOST // rows))


def of_cells(
    figure: Callable[[Counter[T]], float | None],
) -> Callable[[Sequence[T]], float | None]:
    """A figure of counts as one of what is counted."""
    return lambda answers: figure(Counter(answers))
