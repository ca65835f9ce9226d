"""What a candidate would score on all rows, from those that it was seen on.

Races buy the rows that tell candidates apart first, so a mean of what was bought is
biased: who was seen on hard rows alone looks bad. An estimate adds to the scores that
were seen what those that were not seen are expected to be: what others scored there,
moved by how much better or worse than they the candidate did on rows that it was seen
on. It is the linear step of a Rasch model (Rasch 1960) with a prior at no difference,
and the plain mean where every row was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

Column = Sequence[float | None]
"""A candidate's scores in [0, 1] in the order of the rows; None where not seen."""

_PRIOR_ROWS = 40
"""As many rows of the usual spread as showed no difference to the others."""
_ALIKE = 1.0
"""Spread between candidates over spread between rows, where nothing tells of it."""
_SURELY = 2.0
_MANY = 16
"""Rows from which on equal differences on all of them are no luck."""
_LEAST = 1e-9
_SMALL = 0.01
"""Of an even chance's variance: no variance is taken to be less."""


class Estimate(NamedTuple):
    """A mean on all rows in [0, 1], and its standard error; 0 where all were seen."""

    mean: float
    error: float


@dataclass(frozen=True)
class RowModel:
    """What is known of rows, in their order.

    Args:
        expected: The score that a candidate like those met so far has there.
        spread: The variance of candidates' scores there.
        differ: The same, as far as those met so far did differ there.
        apart: Whether they disagree there, more than on the usual row.
    """

    expected: tuple[float, ...]
    spread: tuple[float, ...]
    differ: tuple[float, ...]
    apart: tuple[bool, ...]

    def estimate(self, column: Column) -> Estimate:
        """What a candidate would score on all of these rows.

        >>> model = row_model([[1, 1, 0, 0], [1, 0, 1, 0]])
        >>> model.estimate([1, 1, 1, 0])
        Estimate(mean=0.75, error=0.0)
        >>> model.estimate([None, 0, 0, None]).mean < 0.5
        True
        """
        seen = gain = known = left = unseen = 0.0
        missing = 0
        for score, expected, spread in zip(
            column, self.expected, self.spread, strict=True
        ):
            if score is None:
                missing += 1
                unseen += expected
                left += spread
            else:
                seen += score
                gain += score - expected
                known += spread
        if missing == len(column):
            return Estimate(0.0, math.inf)
        rows = len(column)
        if not missing:
            return Estimate(seen / rows, 0.0)
        weight = max(_LEAST, known + _PRIOR_ROWS * (known + left) / rows)
        unseen = min(max(unseen + left * gain / weight, 0.0), float(missing))
        return Estimate(
            (seen + unseen) / rows, math.sqrt(left + left * left / weight) / rows
        )


def row_model(columns: Sequence[Column]) -> RowModel:
    """What the candidates with these columns tell of rows.

    Only those count that were seen on at least half as many rows as anybody, and are
    not surely worse than the best of them: where the good ones agree, a bad one that
    fails says nothing of the next good one.
    """
    known = references(columns)
    met = _Sums.of(known, columns)
    cells = sum(met.counts)
    mean = sum(met.totals) / cells if cells else 0.5
    # How far candidates differ on a row, all of them say where one alone is known well.
    wide = met if len(known) > 1 else _Sums.of(columns, columns)
    usual, ratio, scale = _variances(met, wide, mean)
    rows = list(zip(met.counts, met.totals, met.squares, strict=True))
    expected = [(total + ratio * mean) / (n + ratio) for n, total, _ in rows]
    even = [p * (1.0 - p) for p in expected]
    differ = [
        (square + p * (n + ratio) / (n + ratio + 1.0)) / max(1, n)
        for (n, _, square), p in zip(rows, even, strict=True)
    ]
    return RowModel(
        tuple(expected),
        tuple(scale * p for p in even),
        tuple(differ),
        tuple(square > usual * (n - 1) + _LEAST for n, _, square in rows),
    )


def references(columns: Sequence[Column]) -> list[Column]:
    """The columns of those that were seen on many rows and are not surely worse."""
    counts = [len(column) - column.count(None) for column in columns]
    most = max(counts, default=0)
    many = [c for c, n in zip(columns, counts, strict=True) if n and 2 * n >= most]
    if len(many) < 2:
        return many
    best = max(many, key=_mean)
    return [c for c in many if c is best or paired_z(*_both(best, c)) < _SURELY]


def paired_z(one: Sequence[float], other: Sequence[float]) -> float:
    """Standard errors by which one beats the other, paired; the shorter one counts.

    >>> paired_z([1, 1, 1, 1], [0, 0, 1, 1])
    1.7320508075688774
    """
    differences = [a - b for a, b in zip(one, other, strict=False)]
    n = len(differences)
    if n < 2:
        return 0.0
    mean = sum(differences) / n
    spread = sum((d - mean) ** 2 for d in differences) / (n - 1)
    if not spread:
        return math.copysign(math.inf, mean) if mean and n >= _MANY else 0.0
    return mean / math.sqrt(spread / n)


class _Sums(NamedTuple):
    """Of each row: how many scores, their sum, and squares of their distances."""

    counts: list[int]
    totals: list[float]
    squares: list[float]

    @classmethod
    def of(cls, columns: Sequence[Column], shape: Sequence[Column]) -> _Sums:
        """The sums of some columns; `shape` says how many rows there are."""
        width = len(shape[0]) if shape else 0
        counts, totals, squares = [0] * width, [0.0] * width, [0.0] * width
        for column in columns:
            for at, score in enumerate(column):
                if score is not None:
                    counts[at] += 1
                    totals[at] += score
                    squares[at] += score * score
        for at, n in enumerate(counts):
            if n:
                squares[at] = max(0.0, squares[at] - totals[at] * totals[at] / n)
        return cls(counts, totals, squares)


def _variances(met: _Sums, wide: _Sums, mean: float) -> tuple[float, float, float]:
    """Variance in a row, over that between rows, and of all over an even chance's.

    The first two as in an analysis of variance with one factor, the rows; the first
    from `wide`, which may hold more scores of each row.
    """
    chance = max(_LEAST, mean * (1.0 - mean))
    seen = [
        (n, total / n) for n, total in zip(met.counts, met.totals, strict=True) if n
    ]
    free = sum(n - 1 for n in wide.counts if n)
    if not free or len(seen) < 2:
        return _ALIKE * chance / (1 + _ALIKE), _ALIKE, 1.0
    within = max(sum(wide.squares) / free, _SMALL * chance)
    each = sum(1 / n for n, _ in seen) / len(seen)
    centre = sum(m for _, m in seen) / len(seen)
    spread = sum((m - centre) ** 2 for _, m in seen) / len(seen)
    between = max(spread - within * each, _SMALL * chance)
    return within, within / between, min(1.0, (within + between) / chance)


def _mean(column: Column) -> float:
    seen = [score for score in column if score is not None]
    return sum(seen) / len(seen)


def _both(one: Column, other: Column) -> tuple[list[float], list[float]]:
    pairs = [
        (a, b)
        for a, b in zip(one, other, strict=True)
        if a is not None and b is not None
    ]
    return [a for a, _ in pairs], [b for _, b in pairs]
