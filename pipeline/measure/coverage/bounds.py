"""Exact bounds of a share: binomial tails, without an approximation.

Clopper and Pearson 1934 (Biometrika 26, 404-413). A tail of the binomial is a
regularized incomplete beta function, which is read from its continued fraction
(Abramowitz and Stegun 26.5.8, by Lentz's method). scipy has it too; it was refused for
the same reason as in `stats`.
"""

from __future__ import annotations

import math
from typing import Final

from ..stats import Interval

_TINY: Final = 1e-300
_CLOSE: Final = 1e-15
_MOST_TERMS: Final = 10_000
_HALVINGS: Final = 60


def tail(hits: int, n: int, share: float) -> float:
    """The chance of at most so many hits in `n` draws that each hit with `share`.

    Raises:
        ValueError: `hits` lies outside 0..n, or `share` outside 0..1.

    >>> round(tail(0, 2, 0.5), 9), tail(2, 2, 0.5)
    (0.25, 1.0)
    """
    _check(hits, n)
    if not 0 <= share <= 1:
        raise ValueError(f"{share} is no share")
    if hits == n:
        return 1.0
    return _beta(1 - share, n - hits, hits + 1)


def upper_bound(hits: int, n: int, sure: float = 0.9) -> float:
    """The exact one-sided upper bound of a share; 1 where nothing was drawn.

    Args:
        hits: How often it was seen.
        n: Of how many draws.
        sure: With which probability the share is below, in (0, 1).

    Raises:
        ValueError: `hits` lies outside 0..n.

    >>> round(upper_bound(0, 45), 3), round(upper_bound(2, 100), 3)
    (0.05, 0.052)
    """
    _check(hits, n)
    return _largest(hits, n, 1 - sure) if n else 1.0


def exact_interval(hits: int, n: int) -> Interval:
    """The exact two-sided 95 % interval of a share; [0, 1] where nothing was drawn.

    Raises:
        ValueError: `hits` lies outside 0..n.

    >>> found = exact_interval(1, 20)
    >>> round(found.low, 4), round(found.high, 4)
    (0.0013, 0.2487)
    """
    _check(hits, n)
    if not n:
        return Interval(0.0, 1.0)
    half = (1 - 0.95) / 2
    return Interval(1.0 - _largest(n - hits, n, half), _largest(hits, n, half))


def _check(hits: int, n: int) -> None:
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share")


def _largest(hits: int, n: int, level: float) -> float:
    """The largest share with which so few hits are not rarer than the level."""
    if hits == n:
        return 1.0
    low, high = hits / n, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if tail(hits, n, middle) > level:
            low = middle
        else:
            high = middle
    return high


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(front + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 1.0 - front * _fraction(1 - x, b, a) / b
    return front * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """Its continued fraction, which is quick where x is below (a + 1) / (a + b + 2)."""
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    made = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 + term * d
            c = 1 + term / c
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            made *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return made
