"""The verification: the best candidate and the seed on the sealed rows, in looks.

    rows in a seeded order -> [ buy up to the next look -> claimed, or settled? ]*
                           -> what is claimed, and which of the two comes back

Two questions are kept apart. *Claimed* is what a test on sealed rows alone shows, at
looks planned beforehand (`measure.looks`). *Returned* is who is likelier the better,
by the sealed rows and by the select rows less the luck of whoever was chosen on them
(`measure.luck`). Rows are bought as long as they may change either answer: the claim,
or the choice by more than half a point on the mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.measure.looks import Claim, Looks
from ...pipeline.measure.luck import Estimate, estimate
from ...pipeline.measure.row_result import RowResult
from ..propose.rows import proportional
from ..search.allowance import Allowance
from ..search.candidate import Candidate
from ..search.task import Task

LEAST: Final = 16
"""Sealed rows that are set aside on the tightest budget, on which a gain can show."""
_BLOCK: Final = 64
_SHARE: Final = 0.25
_HALF_A_POINT: Final = 0.005


@dataclass(frozen=True)
class Verified:
    """What the sealed rows say.

    Args:
        rows: Results by candidate id, all on the same rows.
        claim: What the test shows of the candidate.
        estimate: Its gain, with select rows; None where the seed is the best.
        stopped: Why some rows are missing though they were wanted, or empty.
    """

    rows: dict[str, list[RowResult]]
    claim: Claim
    estimate: Estimate | None
    stopped: str


def sealed_rows(allowance: Allowance, rows: int) -> int:
    """How many sealed rows to set aside for each of two candidates.

    All of them, but on a tight budget no more than a quarter of it pays for: a search
    that was left nothing has nothing to verify. Never fewer than 16, on which a gain
    can show. What the search leaves over is used as well, where it may still tell.
    """
    return int(min(rows, max(LEAST, allowance.rows(_SHARE) / 2)))


async def verify(task: Task, best: Candidate, aside: int, *, whole: bool) -> Verified:
    """See the best candidate and the seed on sealed rows, until enough is known.

    Both are seen on the same rows: where the ledger ends early, on those that both
    could still meet. The seed alone has nothing to show, and is seen on no more rows
    than were set aside for one of two.

    Args:
        task: Its sealed rows.
        best: Whom the search chose; the seed, where nobody was better.
        aside: How many rows were set aside for each.
        whole: Whether all rows that can be paid for are wanted, whatever they show.
    """
    candidates = list(dict.fromkeys((Candidate(), best)))
    rows = proportional(task.split.sealed, task.rng("sealed order"))
    looks = Looks(_affordable(task, len(candidates), len(rows), aside))
    if whole:
        looks = Looks(len(rows), most=1)
    wanted = rows[: looks.rows]
    done: list[Example] = []
    settled = False
    while len(done) < len(wanted) and not settled:
        ends = (stop for stop in looks.stops if stop > len(done))
        end = min(next(ends, len(wanted)), len(done) + _BLOCK)
        block = wanted[len(done) : end]
        bought = await _bought(task, candidates, block)
        done += bought
        if len(bought) < len(block):
            break
        if best.values and len(done) in looks.stops:
            settled = _is_settled(task, best, looks, done)
    short = len(done) < len(rows) and not settled and bool(best.values)
    stopped = f"the budget held {len(done)} of {len(rows)} sealed rows" if short else ""
    gains = _gains(task, best, done)
    claim = looks.claim(gains, task.seed, ended=not settled)
    found = {c.id: [task.cells[c.id, row.digest] for row in done] for c in candidates}
    if not best.values:
        return Verified(found, Claim(), None, stopped)
    return Verified(found, claim, evidence(task, best, gains), stopped)


def evidence(task: Task, best: Candidate, sealed: Sequence[float]) -> Estimate:
    """The gain of the best candidate over the seed, with the select rows of both.

    Args:
        task: What was bought.
        best: Whom the search chose.
        sealed: Its score less the seed's, one a sealed row.
    """
    chosen = _gains(task, best, task.rows)
    rivals = sum(1 for candidate, _ in task.raced() if candidate.values)
    return estimate(chosen, sealed, max(1, rivals), _turns(task, best))


def _affordable(task: Task, candidates: int, rows: int, aside: int) -> int:
    """How many rows to plan for: those paid for by all that is left, or set aside."""
    if candidates == 1:
        return min(rows, aside)
    return int(min(rows, max(aside, task.allowance.rows(1.0) / candidates)))


async def _bought(
    task: Task, candidates: Sequence[Candidate], rows: Sequence[Example]
) -> list[Example]:
    """Those of some rows that every candidate met; fewer where the ledger ended."""
    done: list[Example] = []
    while len(done) < len(rows):
        left = rows[len(done) :]
        reach = task.rows_in_reach(len(candidates), len(left))
        if not reach and math.isinf(task.allowance.sure()):
            # Where only time is short, one by one would be the slowest way.
            reach = task.allowance.beside // len(candidates)
        # At least one row is tried: the ledger refuses what it cannot hold. One by
        # one, or it would hang on their speed whom the last calls go to.
        block = left[: max(1, reach)]
        turns = [candidates] if reach else [[candidate] for candidate in candidates]
        try:
            for turn in turns:
                await task.observe_all(turn, block, "verify")
        except BudgetExceeded:
            done += [r for r in block if all(task.result(c, r) for c in candidates)]
            break
        done += block
    return done


def _is_settled(
    task: Task, best: Candidate, looks: Looks, done: Sequence[Example]
) -> bool:
    """Whether further rows would change neither what is claimed nor who comes back."""
    gains = _gains(task, best, done)
    if looks.claim(gains, task.seed).shown:
        return True
    left = looks.rows - len(done)
    if not left or looks.within_reach(gains):
        return False
    return evidence(task, best, gains).worth(left) < _HALF_A_POINT


def _gains(task: Task, best: Candidate, rows: Sequence[Example]) -> list[float]:
    """The best candidate's score less the seed's, on the rows that both have met."""
    pairs = ((task.result(best, r), task.result(Candidate(), r)) for r in rows)
    return [
        ours.score.value - theirs.score.value
        for ours, theirs in pairs
        if ours and theirs and ours.score and theirs.score
    ]


def _turns(task: Task, best: Candidate) -> int:
    """How many candidates lie between the seed and the best one, itself among them."""
    by_id = {candidate.id: candidate for candidate in task.archive}
    met = set[str]()
    at: Candidate | None = best
    while at is not None and at.values and at.id not in met:
        met.add(at.id)
        at = by_id.get(at.parent)
    return max(1, len(met))
