"""What one class's decisions are worth: counts, and shares with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..stats import Interval, wilson
from .answers import Answers
from .counts import Cells, tallies
from .resampling import Measured


@dataclass(frozen=True)
class ClassFigures:
    """What one class's decisions are worth.

    Args:
        label: The class.
        wanted: How many answers should have been it.
        given: How many were.
        right: How many were rightly.
        precision: The share of those given that are right; None where none was given.
        recall: The share of those wanted that were given; None where none was wanted.
        f1: Their harmonic mean; None where the class was neither wanted nor given.
        auroc: The area under the ROC curve against all other classes; None without
            probabilities, or where all answers or none should have been it.
    """

    label: str
    wanted: int
    given: int
    right: int
    precision: Measured | None
    recall: Measured | None
    f1: Measured | None
    auroc: Measured | None = None


def by_class(read: Answers, cells: Cells) -> list[ClassFigures]:
    """The counts of each class; shares as Wilson has them.

    F1 is a share too, seen rightly: 2s / (1 + s), where s is the share of the right
    among those wanted or given (Jaccard's index), and grows with it, so that its
    interval is that of s. Several answers to a row count as one row's worth.
    """
    known, worth = tallies(cells), _worth(read)
    made: list[ClassFigures] = []
    for name in read.classes:
        one = known.get(name)
        if one is None:
            made.append(ClassFigures(name, 0, 0, 0, None, None, None))
            continue
        counts = one.given, one.wanted, one.either
        pairs = zip(counts, worth[name], strict=True)
        shares = [_part(one.right, n, rows) for n, rows in pairs]
        same = shares[2]
        low, high = (
            (2 * s / (1 + s) for s in (same.interval.low, same.interval.high))
            if same
            else (0.0, 1.0)
        )
        f1 = Measured(one.f1, Interval(low, high), "wilson") if same else None
        made.append(ClassFigures(name, *one, shares[0], shares[1], f1))
    return made


def _worth(read: Answers) -> Mapping[str, tuple[float, ...]]:
    """How many rows stand behind each class: given, wanted, either of these."""
    answers = Counter(one.row for one in read.of)
    parts: dict[str, tuple[list[float], ...]] = {}
    for one in read.of:
        part = 1 / answers[one.row]
        for name in {one.wanted, one.wanted if one.given is None else one.given}:
            given, wanted, either = parts.setdefault(name, ([], [], []))
            either.append(part)
            if name == one.given:
                given.append(part)
            if name == one.wanted:
                wanted.append(part)
    return {name: tuple(map(math.fsum, held)) for name, held in parts.items()}


def _part(right: int, n: int, worth: float) -> Measured | None:
    """A share with Wilson's interval, of as many rows as there are behind it."""
    if not n:
        return None
    rows, value = max(1, round(worth)), right / n
    found = wilson(round(value * rows), rows)
    ends = Interval(min(found.low, value), max(found.high, value))
    return Measured(value, ends, "wilson")


def share(right: int, n: int) -> Measured:
    """The share of the right among so many, with Wilson's interval."""
    return Measured(right / n, wilson(right, n), "wilson")


def mean_recall(classes: Sequence[ClassFigures]) -> Measured | None:
    """The mean recall of the classes that were wanted, with its 95 % interval.

    Recalls of different classes are of different rows, so that the distances to the
    ends of their own intervals add up as squares (MOVER: Zou and Donner 2008,
    Statistics in Medicine 27, 1693-1702).
    """
    found = [one.recall for one in classes if one.recall is not None]
    if not found:
        return None
    n = len(found)
    value = math.fsum(one.value for one in found) / n
    below = math.fsum((one.value - one.interval.low) ** 2 for one in found)
    above = math.fsum((one.interval.high - one.value) ** 2 for one in found)
    low = max(0.0, value - math.sqrt(below) / n)
    high = min(1.0, value + math.sqrt(above) / n)
    return Measured(value, Interval(low, high), "mover")
