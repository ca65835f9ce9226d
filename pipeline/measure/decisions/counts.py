"""Figures of a confusion matrix: accuracy, F1 and Cohen's kappa.

A cell is a pair of the class that was wanted and the one that was given, None for no
usable answer. scikit-learn has the figures too, without intervals; it was refused as a
dependency, since they are sums over one table. The tests compare with its values.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

Cell = tuple[str, str | None]
Cells = Mapping[Cell, int]
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


def chance_of_agreement(cells: Cells) -> float:
    """How often both would agree if they were independent; their shares are kept."""
    n = sum(cells.values())
    found = tallies(cells).values()
    return math.fsum(one.wanted * one.given for one in found) / (n * n) if n else 0.0


def kappa(
    cells: Cells, order: Sequence[str] = (), weights: Weights = "none"
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
    place = {name: at for at, name in enumerate(order)}
    far = max(1, len(order) - 1)

    def apart(one: str, other: str | None) -> float:
        if one == other:
            return 0.0
        if weights == "none" or other is None:
            return 1.0
        steps = abs(place[one] - place[other]) / far
        return steps if weights == "linear" else steps * steps

    wanted, given = Counter[str](), Counter[str | None]()
    for (gold, got), k in cells.items():
        wanted[gold] += k
        given[got] += k
    seen = math.fsum(k * apart(*cell) for cell, k in cells.items())
    expected = math.fsum(
        a * b * apart(gold, got)
        for gold, a in wanted.items()
        for got, b in given.items()
    )
    return 1 - n * seen / expected if expected else None


def mixed_up(cells: Cells, least: int = 1) -> list[tuple[str, str, int]]:
    """(Wanted, given, how often) of classes that were taken for others, most first.

    >>> mixed_up({("a", "b"): 1, ("b", "a"): 3, ("a", "a"): 9, ("a", None): 2})
    [('b', 'a', 3), ('a', 'b', 1)]
    """
    pairs = [
        (gold, got, n)
        for (gold, got), n in cells.items()
        if got is not None and got != gold and n >= least
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


def cells_of(pairs: Iterable[Cell]) -> Counter[Cell]:
    """The confusion matrix of pairs of classes."""
    return Counter(pairs)
