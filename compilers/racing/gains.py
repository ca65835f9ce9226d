"""What one candidate gained on another, where both were seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...pipeline.data.rows import Example
from ..search.candidate import Candidate
from ..search.task import Task

_MORE = 8
"""Rows without a gain that are added to those that were seen."""
_WORTH = 0.06
"""The shrunk gain in score from which a candidate is a sign of headroom."""


def gains_of(
    task: Task, one: Candidate, other: Candidate, rows: Sequence[Example]
) -> list[float]:
    """One's score less the other's, on those of some rows that both have met."""
    pairs = zip(task.column(one, rows), task.column(other, rows), strict=True)
    return [a - b for a, b in pairs if a is not None and b is not None]


def rows_of_both(task: Task, one: Candidate, other: Candidate) -> int:
    """How many select rows two candidates have both met."""
    return len(gains_of(task, one, other, task.rows))


def met_shares(task: Task, rows: int) -> tuple[float, ...]:
    """The share of so many select rows that each candidate met, of those that met any.

    So many rivals has whoever came out best: one that left a race after a tenth of the
    rows is a tenth of one.
    """
    counts = (len(task.scores(c, task.rows)) for c in task.archive if c.values)
    return tuple(min(1.0, count / rows) for count in counts if count and rows)


def shrunk_gain(task: Task, one: Candidate, other: Candidate) -> float:
    """What one gained on another, as if eight more rows had shown no gain."""
    gains = gains_of(task, one, other, task.rows)
    return math.fsum(gains) / (len(gains) + _MORE)


def worth_of(task: Task, candidate: Candidate) -> float:
    """The shrunk gain that is more than luck, of one that rarely fails half of that."""
    failing = 1 - task.mean(candidate, (*task.split.train, *task.rows))
    return min(_WORTH, failing / 2)
