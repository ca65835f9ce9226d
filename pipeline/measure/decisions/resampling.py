"""Intervals of figures that are no mean of rows: rows drawn, or weighed, at random."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
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
        method: How that was found: "wilson", "mover", "bootstrap", "walley",
            "newcombe" or "delong".
    """

    value: float
    interval: Interval
    method: str

    def __str__(self) -> str:
        return f"{self.value:.3f} {self.interval}"


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


def with_one_more(
    groups: Sequence[Sequence[T]],
    figure: Callable[[Mapping[T, float]], float | None],
    others: Iterable[T],
    seed: int,
) -> Measured | None:
    """A figure of counts with an interval that holds whatever one more row would say.

    The Bayesian bootstrap (Rubin 1981, Annals of Statistics 9, 130-134) weighs each
    row by an exponential, so that no row is ever left out. What was not seen is one row
    more, weighed likewise: at the lower end the row that lowers the figure the most, at
    the upper end the one that raises it the most. That is the imprecise Dirichlet model
    with s = 1 (Walley 1996, JRSS B 58, 3-57); of a share it is the interval of Clopper
    and Pearson. The ends are the 2.5 and 97.5 percentiles of 1,000 draws.

    Args:
        groups: The rows, each with all answers to it, which are weighed together.
        figure: Takes how much each answer counts; None where it is not defined.
        others: What the answers of one more row might be.
        seed: Of the draws.

    Returns:
        None where the figure is not defined.
    """
    kinds = Counter(tuple(group) for group in groups)
    seen = Counter(one for group in groups for one in group)
    whole = figure(seen)
    if whole is None:
        return None
    size = sum(seen.values()) / len(groups)
    told = {one: figure({**seen, one: seen.get(one, 0) + size}) for one in others}
    known = {one: value for one, value in told.items() if value is not None}
    least, most = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    rng = random.Random(seed)
    ends: tuple[list[float], list[float]] = ([], [])
    for _ in range(draws_for(len(kinds))):
        drawn: dict[T, float] = {}
        for kind, n in kinds.items():
            weight = rng.gammavariate(n, 1.0)
            for one in kind:
                drawn[one] = drawn.get(one, 0.0) + weight
        more = rng.expovariate(1.0) * size
        for one, found in zip((least, most), ends, strict=True):
            value = figure({**drawn, one: drawn.get(one, 0.0) + more})
            if value is not None:
                found.append(value)
    low, high = (sorted(found) for found in ends)
    last = len(low) - 1
    lower = min(whole, low[math.floor(0.025 * last)])
    upper = max(whole, high[math.ceil(0.975 * (len(high) - 1))])
    return Measured(whole, Interval(lower, upper), "walley")


def draws_for(rows: int) -> int:
    """How often so many rows are drawn."""
    return max(_LEAST, min(_DRAWS, _MOST // rows))


def of_cells(
    figure: Callable[[Counter[T]], float | None],
) -> Callable[[Sequence[T]], float | None]:
    """A figure of counts as one of what is counted."""
    return lambda answers: figure(Counter(answers))
