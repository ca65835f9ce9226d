"""What a recipe may come to, counted before it begins: rows run, requests written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..propose.base import FREE, Calls
from ..racing.race import FIRST
from ..recipe import Draw, Recipe
from .task import Split


@dataclass(frozen=True)
class Work:
    """Counts of one recipe: at least, as expected, at most.

    Args:
        lessons: Runs of programs on training rows, for demos and evidence.
        requests: Requests to whoever writes proposals.
        cells: Runs of candidates on select rows.
    """

    lessons: Calls
    requests: Calls
    cells: Calls


def work_of(recipe: Recipe, split: Split) -> Work:
    """The work of a recipe.

    At most every proposer whose share may grow gets all of its round, every candidate
    that was made stays in the archive, and nobody drops out of a race. Of rounds that
    only come about where those before them gained, each is expected in half of the
    searches that came to the one before it, and whoever was best before it is known.
    """
    train, select = len(split.train), len(split.select)
    lessons = requests = cells = FREE
    archive = 1
    if recipe.looks_first:
        cells = Calls(0, 0, select)  # of the best so far, before the first race
    for at, draws in enumerate(recipe.rounds):
        part = 2 ** max(0, at - recipe.patience) if recipe.patience else 1
        for draw in draws:
            most = _share(draw, draws) if recipe.credited else draw.n
            ran, whole = _counts(draw, draw.n, train)
            ran_most, whole_most = _counts(draw, most, train)
            lessons = lessons.plus(
                Calls(0 if at else ran.low, ran.expected // part, ran_most.high)
            )
            requests = requests.plus(
                Calls(
                    0 if at else whole.low - ran.low,
                    (whole.expected - ran.expected) // part,
                    whole_most.high - ran_most.high,
                )
            )
        count = sum(draw.n for draw in draws)
        if recipe.racer is not None:
            expected = recipe.racer.likely(1 + count, select)
            beside = min(archive, recipe.selector.most)
            high = recipe.racer.cells(beside + count, select)
            low = 0 if at else min(expected, 2 * FIRST)
            known = min(expected // 2, select) if at else 0  # the best one's so far
            cells = cells.plus(Calls(low, (expected - known) // part, high))
        archive += count
    if recipe.fresh:  # its best meets the best of those before
        cells = cells.plus(Calls(0, 0, 2 * select))
    return Work(lessons, requests, cells)


def _counts(draw: Draw, n: int, train: int) -> tuple[Calls, Calls]:
    return draw.proposer.running(n, train, 1), draw.proposer.calls(n, train, 1)


def _share(draw: Draw, draws: Sequence[Draw]) -> int:
    """The most proposals that a draw may get where gain per call decides."""
    others = sum(1 for other in draws if other.n and other is not draw)
    return max(1, sum(other.n for other in draws) - others) if draw.n else 0
