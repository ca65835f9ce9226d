"""The most coverage whose risk is within what was asked, with a bound that holds.

Selective prediction: answers are given from a confidence on, and the others are
`unsure`. Thresholds are tested one after the other, from few answers to many, and after
the first that fails little is left to test with: Learn then Test (Angelopoulos et al.
2021, arXiv 2110.01052, section 4) with the fallback procedure for a fixed sequence
(Wiens 2003, Pharmaceutical Statistics 2, 211-215); the exact bound is that of Geifman
and El-Yaniv 2017 (arXiv 1705.08500). So many thresholds are looked at, and the risk is
still held with the probability that was asked for.

Which thresholds are tested is settled by ranks before any label is read: a threshold
lies right above the confidence of a row, and the rows above that are, given it, draws
of those that would be answered. The bound holds where answers are not wrong more often
the surer they are; that is what a confidence is for, and no test says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from .bounds import tail, upper_bound

_STEPS: Final = 20
_SPARE: Final = 1
"""Wrong answers that the first test allows."""
_LATER: Final = (0.5, 0.75, 1.0)
"""The coverages at which a sequence that failed begins anew, with a part of the
level."""


class Answer(NamedTuple):
    """One row: how sure its decision is, in [0, 1], and whether it is right."""

    confidence: float
    right: bool


@dataclass(frozen=True)
class Within:
    """A threshold from which on answers are within a risk.

    Args:
        threshold: Answers are given from this confidence on; 0 gives all of them.
        answered: Rows that were answered.
        wrong: How many of them wrongly.
        bound: The exact one-sided upper bound of the risk at this threshold.
    """

    threshold: float
    answered: int
    wrong: int
    bound: float


def within(answers: Sequence[Answer], risk: float, sure: float = 0.9) -> Within | None:
    """The lowest threshold that a test passes, or None where none does.

    Args:
        answers: One a row, in any order.
        risk: The share of answers that may be wrong, in (0, 1).
        sure: With which probability it is no more, in (0, 1).

    >>> rows = [Answer(0.9, True)] * 60 + [Answer(0.6, n % 2 > 0) for n in range(20)]
    >>> found = within(rows, risk=0.05)
    >>> found.threshold, found.answered, round(found.bound, 3)
    (0.75, 60, 0.038)
    >>> within(rows, risk=0.01) is None
    True
    """
    ranked = sorted(answers, key=lambda one: -one.confidence)
    wrongs = [0]
    for one in ranked:
        wrongs.append(wrongs[-1] + (not one.right))
    found: tuple[float, int, int] | None = None
    level = 0.0
    for rank, share in _tests(len(ranked), risk, sure):
        level += share
        last = rank == len(ranked)
        below = -1.0 if last else ranked[rank].confidence
        above = rank
        while above and ranked[above - 1].confidence <= below:
            above -= 1  # those that are as sure as the next one are not above it
        wrong = wrongs[above]
        if not above or tail(wrong, above, risk) > level:
            level = 0.0
            continue
        least = ranked[above - 1].confidence
        between = (least + below) / 2
        threshold = between if between > below else least  # two floats side by side
        found = 0.0 if last else threshold, above, wrong
    if found is None:
        return None
    return Within(*found, upper_bound(found[2], found[1], sure))


def least_rows(wrong: int, risk: float, level: float, most: int) -> int:
    """The fewest answers of which so many may be wrong; 0 where `most` are too few.

    >>> least_rows(0, 0.05, 0.1, 100), least_rows(1, 0.05, 0.1, 100)
    (45, 77)
    """
    low, high = wrong + 1, most
    if high < low or tail(wrong, high, risk) > level:
        return 0
    while low < high:
        middle = (low + high) // 2
        if tail(wrong, middle, risk) <= level:
            high = middle
        else:
            low = middle + 1
    return low


def _tests(rows: int, risk: float, sure: float) -> list[tuple[int, float]]:
    """How many of the surest rows each test takes, and what level it brings.

    None for too few rows. The first is the least on which one wrong answer is still
    within the risk at half of the level; the other half is kept for larger coverages.
    With fewer rows than that all of it goes to the first, on which one or none may be
    wrong.
    """
    whole = 1 - sure
    first = least_rows(_SPARE, risk, whole / 2, rows)
    anew = [n for n in (round(rows * share) for share in _LATER) if n > first > 0]
    if not anew:
        starts = (least_rows(n, risk, whole, rows) for n in range(_SPARE, -1, -1))
        first = next(filter(None, starts), rows + 1)
    shares = {first: whole / 2 if anew else whole}
    shares |= {n: whole / 2 / len(anew) for n in anew}
    tested = {*range(first, rows, max(1, rows // _STEPS)), *anew, rows}
    return [(n, shares.get(n, 0.0)) for n in sorted(tested) if first <= n <= rows]
