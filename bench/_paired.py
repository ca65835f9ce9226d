"""Paired outcomes that are planted: what verification is measured on, without a model.

A draw is a search: rows, a seed program, candidates of known true gains, a choice on
select rows (halving, once or in three turns), and sealed rows. What is measured is the
library's own code (`Contest`), beside the rule that it replaced: all sealed rows at
once, the higher mean comes back, and a gain is claimed by the two-sided exact test.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from weft.compilers.driving.verify import Contest
from weft.compilers.statistics.looks import Looks
from weft.pipeline.measure.stats import Comparison, Interval, compare

from ._data import DATA, read_lines

__all__ = [
    "KINDS",
    "OUTCOMES",
    "POOLS",
    "Draw",
    "Outcome",
    "before",
    "drawn",
    "planned",
    "single",
]

POOLS = "pools"
OUTCOMES = DATA / "outcomes.jsonl"
_FIRST, _GROWTH, _KEEP = 8, 3.0, 0.4
_TURNS = 3


@dataclass(frozen=True)
class Draw:
    """One search that came to an end.

    Args:
        chosen: The winner's score less the seed's, one a select row.
        sealed: The same on sealed rows.
        gain: The winner's true gain, in score.
        met: The share of the select rows that each candidate met.
    """

    chosen: tuple[float, ...]
    sealed: tuple[float, ...]
    gain: float
    met: tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """What a rule makes of a draw.

    Args:
        improved: Whether a gain is claimed.
        returned: Whether the candidate comes back.
        rows: Sealed rows that were bought, for each of two programs.
        interval: 95 % interval of the gain, of the sealed rows alone.
        pooled: The same with the select rows, less luck.
    """

    improved: bool
    returned: bool
    rows: int
    interval: Interval
    pooled: Interval


def before(draw: Draw) -> Outcome:
    """The rule that was replaced."""
    found = _compared(draw.sealed)
    returned = found.difference > 0
    shown = found.shown and returned
    rows, sure = len(draw.sealed), found.interval
    return Outcome(shown, returned, rows, sure, sure)


def planned(draw: Draw) -> Outcome:
    """The library's: planned looks, and a choice that counts the select rows too."""
    looks = Looks(len(draw.sealed))
    contest = Contest(looks, draw.chosen, draw.met)
    seen = draw.sealed
    for stop in looks.stops:
        seen = draw.sealed[:stop]
        if contest.is_settled(seen):
            break
    claim = contest.claim(seen)
    found = contest.estimate(seen)
    return Outcome(
        claim.shown,
        contest.is_won(seen, claim),
        len(seen),
        claim.widened(_compared(seen).interval),
        found.interval,
    )


@dataclass(frozen=True)
class Kind:
    """Candidates by their true gains.

    Args:
        words: What they are.
        gain: A true gain, drawn.
    """

    words: str
    gain: Callable[[random.Random], float]


def _of_three(rng: random.Random) -> float:
    found = rng.random() < 0.3
    return rng.uniform(0.05, 0.3) if found else rng.gauss(-0.03, 0.05)


KINDS = {
    "null": Kind("none is better or worse", lambda _: 0.0),
    "worse": Kind("all are worse, by some points", lambda r: -abs(r.gauss(0, 0.06))),
    "small": Kind("gains of some points, up or down", lambda r: r.gauss(-0.01, 0.04)),
    "found": Kind("three in ten gain 5 to 30 points", _of_three),
}


def drawn(
    kind: str, select: int, sealed: int, rivals: int, rng: random.Random
) -> Iterator[Draw]:
    """Searches without end; those whose seed won are left out.

    Every second one is a climb in three turns, in which the next candidates change the
    winner so far; its luck adds up. Of real outcomes there are no climbs.
    """
    turns = 1
    while True:
        if kind == POOLS:
            found = _replayed(select, sealed, rivals, rng)
        else:
            found = _climbed(KINDS[kind], select, sealed, rivals, turns, rng)
        if found is not None:
            yield found
        turns = _TURNS + 1 - turns


def single(gain: float, differ: float, rows: int, rng: random.Random) -> Draw:
    """A candidate that nobody chose; `differ` is the share of rows that differ."""
    up, down = (differ + gain) / 2, (differ - gain) / 2
    throws = (rng.random() for _ in range(rows))
    sealed = (1.0 if t < up else -1.0 if t < up + down else 0.0 for t in throws)
    return Draw((), tuple(sealed), gain, ())


@dataclass(frozen=True, eq=False)
class _Program:
    """Which rows it gets right, and how much better than the seed it truly is."""

    rows: tuple[bool, ...]
    gain: float = 0.0


def _climbed(
    kind: Kind, select: int, sealed: int, rivals: int, turns: int, rng: random.Random
) -> Draw | None:
    share = rng.uniform(0.2, 0.7)
    seed = _Program(tuple(rng.random() < share for _ in range(select + sealed)))
    race = _Race(select)
    best = seed
    for turn in range(turns):
        count = rivals // turns + (turn < rivals % turns)
        made = [_changed(best, kind, share, turns, rng) for _ in range(count)]
        best = race.winner([best, *made])
    return race.draw(seed, best)


def _replayed(select: int, sealed: int, rivals: int, rng: random.Random) -> Draw | None:
    """A race of what real models did: one prompt of a pool as the seed, and others."""
    pool = rng.choice(_pools())
    at = rng.sample(range(pool[0].bit_length() - 1), select + sealed)
    columns = rng.choices(pool, k=rivals + 1)
    means = [_share(column) for column in columns]
    seed, *others = [
        _Program(tuple(bool(column >> row & 1) for row in at), mean - means[0])
        for column, mean in zip(columns, means, strict=True)
    ]
    race = _Race(select)
    return race.draw(seed, race.winner([seed, *others]))


@functools.cache
def _pools() -> list[list[int]]:
    """The outcomes of each pool: a whole number a prompt, a bit a row, a 1 above."""
    found: list[list[int]] = []
    for data in read_lines(OUTCOMES):
        items, columns = data["items"], data["columns"]
        spare = 8 * (len(columns[0]) // 2) - items
        found.append([(int(text, 16) >> spare) | 1 << items for text in columns])
    return found


def _share(column: int) -> float:
    return (column.bit_count() - 1) / (column.bit_length() - 1)


class _Race:
    """Sequential halving on one order of rows, and who met how many of them."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._met = dict[_Program, int]()

    def winner(self, pool: Sequence[_Program]) -> _Program:
        """The best of some; ties go to the earlier one."""
        alive, seen = list(pool), min(_FIRST, self._rows)
        while True:
            self._met |= dict.fromkeys(alive, seen)
            order = sorted(alive, key=lambda one: -sum(one.rows[:seen]))
            if seen >= self._rows:
                return order[0]
            kept = set(order[: max(2, math.ceil(len(alive) * _KEEP))])
            alive = [one for one in alive if one in kept]
            grown = math.ceil(seen * _GROWTH)
            last = len(alive) <= 2 or grown * 1.25 >= self._rows
            seen = self._rows if last else grown

    def draw(self, seed: _Program, best: _Program) -> Draw | None:
        """The search as its verification sees it; None where the seed won."""
        if best is seed:
            return None
        gains = [a - b for a, b in zip(best.rows, seed.rows, strict=True)]
        values = tuple(map(float, gains))
        met = (count / self._rows for one, count in self._met.items() if one != seed)
        return Draw(values[: self._rows], values[self._rows :], best.gain, tuple(met))


def _changed(
    parent: _Program, kind: Kind, share: float, turns: int, rng: random.Random
) -> _Program:
    """A candidate: some rows that were right go wrong, and the other way."""
    right = min(0.95, max(0.05, share + parent.gain))
    gain = min(0.95 - right, max(0.05 - right, kind.gain(rng) / turns))
    differ = max(abs(gain), rng.uniform(0.05, 0.35) / turns)
    up = min(1.0, (differ + gain) / 2 / (1 - right))
    down = min(1.0, (differ - gain) / 2 / right)
    rows = tuple(
        rng.random() >= down if was else rng.random() < up for was in parent.rows
    )
    return _Program(rows, parent.gain + up * (1 - right) - down * right)


def _compared(gains: Sequence[float]) -> Comparison:
    """As `Evaluation.compare` sees them: each row's two scores are 0 or 1."""
    ours = [max(0.0, gain) for gain in gains]
    theirs = [max(0.0, -gain) for gain in gains]
    return compare(ours, theirs, seed=0)
