"""Planned looks on 0/1 scores, worked out exactly: no draw, no noise.

A row is won, lost or tied with known chances. What is claimed and when the looks end
depend on counts alone, so every history of counts is followed with its probability.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from weft.compilers.driving.verify import Contest
from weft.compilers.statistics.looks import LEVEL, Looks
from weft.pipeline.measure.stats import chance_of_at_most, compare

__all__ = ["Power", "fixed", "looked", "two_sided"]

_Counts = dict[tuple[int, int], float]


@dataclass(frozen=True)
class Power:
    """What becomes of a candidate of a true gain.

    Args:
        claimed: The chance that its gain is claimed.
        rows: Sealed rows that are bought on the mean.
    """

    claimed: float
    rows: float


def looked(gain: float, differ: float, rows: int) -> Power:
    """The library's planned looks.

    Args:
        gain: The true gain, at most `differ` from 0.
        differ: The share of rows on which the two programs differ.
        rows: How many sealed rows there are.
    """
    going: _Counts = {(0, 0): 1.0}
    claimed = bought = 0.0
    at = 0
    for stop in Looks(rows).stops:
        for _ in range(stop - at):
            going = _row(going, gain, differ)
        bought += (stop - at) * sum(going.values())
        at = stop
        left: _Counts = {}
        for (wins, losses), chance in going.items():
            settled, shown = _at(rows, stop, wins, losses)
            claimed += chance * shown
            if not settled:
                left[wins, losses] = chance
        going = left
    return Power(claimed, bought)


def fixed(gain: float, differ: float, rows: int) -> float:
    """Power of McNemar's exact test, one-sided at 5 %, on so many rows at once."""
    return _at_once(gain, differ, rows, _is_exact)


def two_sided(gain: float, differ: float, rows: int) -> float:
    """Power of the rule before: a difference that `compare` calls shown."""
    return _at_once(gain, differ, rows, functools.partial(_is_shown, rows))


def _at_once(
    gain: float, differ: float, rows: int, test: Callable[[int, int], bool]
) -> float:
    found: _Counts = {(0, 0): 1.0}
    for _ in range(rows):
        found = _row(found, gain, differ)
    return sum(chance for counts, chance in found.items() if test(*counts))


def _row(counts: _Counts, gain: float, differ: float) -> _Counts:
    """One row more."""
    up, down = (differ + gain) / 2, (differ - gain) / 2
    found: _Counts = defaultdict(float)
    for (wins, losses), chance in counts.items():
        found[wins + 1, losses] += chance * up
        found[wins, losses + 1] += chance * down
        found[wins, losses] += chance * (1 - up - down)
    return found


@functools.cache
def _at(rows: int, seen: int, wins: int, losses: int) -> tuple[bool, bool]:
    """Whether the looks end here, and with a claim."""
    contest = Contest(Looks(rows))
    gains = [1.0] * wins + [-1.0] * losses + [0.0] * (seen - wins - losses)
    shown = contest.claim(gains).shown
    return shown or seen == rows or contest.is_settled(gains), shown


@functools.cache
def _is_exact(wins: int, losses: int) -> bool:
    return chance_of_at_most(losses, wins + losses) <= LEVEL


@functools.cache
def _is_shown(rows: int, wins: int, losses: int) -> bool:
    ties = [0.0] * (rows - wins - losses)
    ours, theirs = [1.0] * wins + [0.0] * losses, [0.0] * wins + [1.0] * losses
    found = compare([*ours, *ties], [*theirs, *ties], seed=0)
    return found.shown and found.difference > 0
