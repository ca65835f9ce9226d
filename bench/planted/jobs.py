"""Which compiles are made: families by writer, faulty modules, claims.

The sizes of `FULL` are those that the bars speak of; the default is a look of about two
minutes. Jobs are in an order in which any first part of them is a fair look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from .compiles import Job
from .families import FAMILIES, WORKING
from .lessons import WRITERS

__all__ = ["FULL", "GAINS", "HARMS", "LOOK", "PARTS", "SIZES", "Sizes", "jobs_of"]

PARTS = ("families", "fault", "claims")
CALLS = 280
MANY = 1_000
CALLS_OF = {"chain3": 575, "silent3": 575, "chain5": 960}
AT_MANY = ("ceiling", "flat", "small", "policy")
GAINS = (0.05, 0.1, 0.2, 0.3)
HARMS = (-0.05, -0.1)
SIZES = ((60, 60, 280), (140, 140, 700), (240, 240, 1_200))
"""Rows to learn from, rows to select on, and calls: some 30, 70 and 120 sealed rows."""

_FAULT_SEEDS = 500
_CLAIM_SEEDS = 2_000


@dataclass(frozen=True)
class Sizes:
    """How much of each part is run.

    Attributes:
        seeds: Vocabularies of each family, with every writer.
        fault: Programs of 3 and of 5 modules, together.
        null: Compiles in which no candidate is better.
        graded: The same with scores between 0 and 1.
        power: Compiles of each true gain and number of rows, and of each true loss.
    """

    seeds: int
    fault: int
    null: int
    graded: int
    power: int


LOOK = Sizes(seeds=1, fault=8, null=16, graded=8, power=1)
FULL = Sizes(seeds=5, fault=200, null=300, graded=280, power=30)


def jobs_of(
    sizes: Sizes, parts: Sequence[str] = PARTS, families: Sequence[str] = ()
) -> list[Job]:
    """The compiles of some parts, those of several parts by turns."""
    names = families or tuple(FAMILIES)
    made = {
        "families": _families(sizes.seeds, names),
        "fault": _faults(sizes.fault),
        "claims": _claims(sizes),
    }
    turns = zip_longest(*(made[part] for part in parts))
    return [job for job in chain.from_iterable(turns) if job is not None]


def _families(seeds: int, names: Sequence[str]) -> Iterator[Job]:
    for seed in range(seeds):
        for writer in WRITERS:
            for name in names:
                yield Job("families", name, writer, seed, CALLS_OF.get(name, CALLS))
                if name in AT_MANY and name in WORKING:
                    yield Job("families", name, writer, seed, MANY)


def _faults(count: int) -> Iterator[Job]:
    writers = list(WRITERS)
    for at in range(count):
        family = ("chain3", "chain5")[at % 2]
        writer = writers[at // 2 % len(writers)]
        yield Job("fault", family, writer, _FAULT_SEEDS + at // 2, CALLS_OF[family])


def _claims(sizes: Sizes) -> Iterator[Job]:
    powers = [
        _claim(turn, size, gain)
        for turn in range(sizes.power)
        for gain in GAINS
        for size in SIZES
    ]
    harms = [
        _claim(turn, SIZES[0], harm) for turn in range(sizes.power) for harm in HARMS
    ]
    nulls = [_claim(at, SIZES[at % 4 == 3], 0.0) for at in range(sizes.null)]
    graded = [_claim(at, SIZES[0], 0.0, graded=True) for at in range(sizes.graded)]
    turns = zip_longest(nulls, powers, graded, harms)
    return (job for job in chain.from_iterable(turns) if job is not None)


def _claim(
    turn: int, size: tuple[int, int, int], gain: float, *, graded: bool = False
) -> Job:
    train, select, budget = size
    seed = _CLAIM_SEEDS + turn
    return Job("claims", "claim", "feedback", seed, budget, train, select, gain, graded)
