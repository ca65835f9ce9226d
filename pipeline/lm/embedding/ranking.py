"""Rankings: the nearest vectors, and several rankings as one.

Vectors are compared exactly, each with the query. Some thousands take milliseconds with
numpy, where that is installed, and some tens of them without.
"""

from __future__ import annotations

import heapq
import math
import operator
from collections.abc import Sequence
from typing import Any, Final

from ...ground.arrays import numpy_here
from .packing import Vector

RANKS: Final = 60
"""The k of reciprocal rank fusion: how little the first places stand out."""

_DIGITS: Final = 6
"""Scores are rounded to so many, or two machines would order equals differently."""


class Vectors:
    """Vectors of length 1, to be compared with queries.

    Args:
        vectors: One for each passage, all of one size.
    """

    def __init__(self, vectors: Sequence[Vector]) -> None:
        self.size = len(vectors[0])
        numpy = numpy_here()
        if numpy is None:
            self._matrix: Any = None
            self._rows = [_unit(vector) for vector in vectors]
        else:
            made = numpy.array(vectors, dtype=numpy.float64)
            norms = numpy.linalg.norm(made, axis=1, keepdims=True)
            whole = made / numpy.where(norms == 0, 1, norms)
            self._matrix = whole.astype(numpy.float32)

    def nearest(self, query: Sequence[float], count: int) -> list[tuple[int, float]]:
        """The nearest passages' numbers with their cosines, the nearest first."""
        unit = _unit(query)
        if self._matrix is not None:
            told: list[float] = (self._matrix @ numpy_here().array(unit, "f4")).tolist()
        else:
            told = [sum(map(operator.mul, row, unit)) for row in self._rows]
        return best([round(cosine, _DIGITS) for cosine in told], count)


def best(scores: Sequence[float], count: int) -> list[tuple[int, float]]:
    """The highest scores with their numbers; of equals the earlier comes first.

    >>> best([0.5, 0.9, 0.9], 2)
    [(1, 0.9), (2, 0.9)]
    """
    pairs = zip(scores, range(0, -len(scores), -1), strict=True)
    return [(-number, score) for score, number in heapq.nlargest(count, pairs)]


def fused(
    rankings: Sequence[Sequence[int]], count: int, k: int = RANKS
) -> list[tuple[int, float]]:
    """Several rankings as one: each place adds 1 / (k + place), from 1 on.

    Reciprocal rank fusion: Cormack, Clarke and Buettcher, SIGIR 2009. Scores of the
    rankings are on scales of their own, and only the places count. Of equals the lower
    number comes first.

    >>> fused([[7, 8, 9], [9, 7]], 2)
    [(7, 0.032522), (9, 0.032266)]
    """
    sums: dict[int, float] = {}
    for ranking in rankings:
        for place, number in enumerate(ranking, 1):
            sums[number] = sums.get(number, 0.0) + 1 / (k + place)
    told = [(number, round(score, _DIGITS)) for number, score in sums.items()]
    return sorted(told, key=lambda one: (-one[1], one[0]))[:count]


def _unit(vector: Sequence[float]) -> list[float]:
    norm = math.sqrt(sum(map(operator.mul, vector, vector)))
    return [value / norm for value in vector] if norm else [*vector]
