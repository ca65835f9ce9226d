"""Figures of a confusion matrix: accuracy, F1 and Cohen's kappa.

A cell is a pair of the class that was wanted and the one that was given, None for no
usable answer. scikit-learn has the figures too, without intervals; it was refused as a
dependency, since they are sums over one table. The tests compare with its values.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

Cell = tuple[str, str | None]
Cells = Mapping[Cell, int]
Weighed = Mapping[Cell, float]
"""A confusion matrix whose rows count by weights of their own."""
Weights = Literal["none", "linear", "quadratic"]


class Tally(NamedTuple):
    """How often a class was wanted, was given, and was both."""

    wanted: int
    given: int
    right: int

    @property
    def either(self) -> int:
        """How often it was wanted or given."""
        return self.wanted + self.given - self.right

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 where it was never right."""
        both = self.wanted + self.given
        return 2 * self.right / both if both else 0.0


def tallies(cells: Cells) -> dict[str, Tally]:
    """By class, for every class that was wanted or given.

    >>> tallies({("a", "a"): 2, ("a", "b"): 1})["b"]
    Tally(wanted=0, given=1, right=0)
    """
    wanted, given = Counter[str](), Counter[str]()
    for (gold, got), n in cells.items():
        wanted[gold] += n
        if got is not None:
            given[got] += n
    return {
        name: Tally(wanted[name], given[name], cells.get((name, name), 0))
        for name in dict.fromkeys((*wanted, *given))
    }


def macro_f1(cells: Cells) -> float | None:
    """The mean F1 of the classes that were wanted or given.

    >>> round(macro_f1({("a", "a"): 2, ("a", "b"): 1, ("b", "b"): 1}), 3)
    0.733
    """
    found = [one.f1 for one in tallies(cells).values() if one.either]
    return math.fsum(found) / len(found) if found else None


def accuracy(cells: Cells) -> float | None:
    """The share of answers that were right."""
    n = sum(cells.values())
    return sum(k for (gold, got), k in cells.items() if gold == got) / n if n else None


def kappa(
    cells: Weighed, order: Sequence[str] = (), weights: Weights = "none"
) -> float | None:
    """Cohen's kappa: agreement beyond chance (Cohen 1960, EPM 20, 37-46).

    Weighted kappa (Cohen 1968, Psychological Bulletin 70, 213-220) counts a
    disagreement by how far apart the two classes stand in their order, or by the square
    of it. No answer disagrees with every class, as far as classes can be apart.

    Args:
        cells: The confusion matrix.
        order: The classes from the least to the most, where they are weighted.
        weights: "none", "linear" or "quadratic".

    Returns:
        1 for full agreement, 0 for that of chance, and less for less; None where both
        only ever say one class, which is no evidence of anything.

    >>> round(kappa({("a", "a"): 20, ("a", "b"): 5, ("b", "a"): 10, ("b", "b"): 15}), 3)
    0.4
    """
    n = sum(cells.values())
    wanted: dict[str, float] = {}
    given: dict[str | None, float] = {}
    for (gold, got), k in cells.items():
        wanted[gold] = wanted.get(gold, 0) + k
        given[got] = given.get(got, 0) + k
    apart = _apart(order, weights)
    seen = math.fsum(k * apart(*cell) for cell, k in cells.items())
    if weights == "none":
        same = math.fsum(k * given.get(name, 0) for name, k in wanted.items())
        expected = sum(wanted.values()) * sum(given.values()) - same
    else:
        expected = math.fsum(
            a * b * apart(gold, got)
            for gold, a in wanted.items()
            for got, b in given.items()
        )
    return 1 - n * seen / expected if expected > 0 else None


def _apart(
    order: Sequence[str], weights: Weights
) -> Callable[[str, str | None], float]:
    """How far a class is from another one, from 0 to 1."""
    place = {name: at for at, name in enumerate(order)}
    far = max(1, len(order) - 1)

    def apart(one: str, other: str | None) -> float:
        if one == other:
            return 0.0
        if weights == "none" or other is None:
            return 1.0
        steps = abs(place[one] - place[other]) / far
        return steps if weights == "linear" else steps * steps

    return apart


def unseen(cells: Cells, order: Sequence[str]) -> list[Cell]:
    """What one more row might be, as far as it may move kappa the most.

    Pairs of the classes at the ends of the order, of the most and the least frequent
    ones, and of the first two: with many classes no other is farther apart or rarer.

    >>> unseen({("a", "a"): 3, ("b", "a"): 1}, ["a", "b"])
    [('a', 'a'), ('a', 'b'), ('b', 'a'), ('b', 'b')]
    """
    counts = {name: one.wanted + one.given for name, one in tallies(cells).items()}
    by_count = sorted(order, key=lambda name: counts.get(name, 0))
    names = dict.fromkeys((*order[:2], *order[-1:], *by_count[:1], *by_count[-1:]))
    return [(gold, got) for gold in names for got in names]


def mixed_up(cells: Cells) -> list[tuple[str, str, int]]:
    """(Wanted, given, how often) of classes that were taken for others, most first.

    >>> mixed_up({("a", "b"): 1, ("b", "a"): 3, ("a", "a"): 9, ("a", None): 2})
    [('b', 'a', 3), ('a', 'b', 1)]
    """
    pairs = [
        (gold, got, n)
        for (gold, got), n in cells.items()
        if got is not None and got != gold
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))
