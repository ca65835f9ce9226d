"""Repeated rows: several answers to one row are one observation, not several.

An interval over all answers would take repeats for further rows, and be too narrow: the
rows are the sample, so each counts once, with the mean of its scores (a cluster
bootstrap's clusters; Cameron, Gelbach and Miller 2008, Review of Economics and
Statistics 90, 414-427).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..ground.words import counted

if TYPE_CHECKING:
    from .evaluate import Evaluation
    from .row_result import RowResult

Row = tuple[int, str]


def scores_by_row(results: Sequence[RowResult], repeats: int) -> dict[Row, float]:
    """The mean score of each row that was scored at least once, in row order.

    Args:
        results: All rows, repeat after repeat.
        repeats: How often each row was run.

    Returns:
        Means in [0, 1] by position and content, so that two evaluations of the same
        rows can be paired.
    """
    rows = len(results) // repeats
    found: dict[Row, float] = {}
    for at in range(rows):
        scores = [r.score.value for r in results[at::rows] if r.score is not None]
        if scores:
            row = (at, results[at].example.digest)
            found[row] = scores[0] if repeats == 1 else sum(scores) / len(scores)
    return found


def rows_told(found: Evaluation) -> str:
    """How many rows a score is about, in words."""
    if found.repeats == 1:
        return counted(len(found.values), "row")
    rows = len(found.rows) // found.repeats
    return f"{counted(rows, 'row')}, {found.repeats} times each"
