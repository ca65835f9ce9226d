"""The verification: the best candidate and the seed on the sealed rows, in looks.

    rows in a seeded order -> [ buy up to the next look -> claimed, or settled? ]*
                           -> what is claimed, and which of the two comes back

Two questions are kept apart. *Claimed* is what a test on sealed rows alone shows, at
looks planned beforehand (`statistics.looks`). *Returned* is who is likelier the better,
by the sealed rows and by the select rows less the luck of whoever was chosen on them
(`statistics.luck`). Rows are bought as long as they may change either answer: the
claim, or the choice by more than a tenth of a point on the mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.measure.row_result import RowResult
from ..propose.rows import proportional
from ..racing.gains import gains_of, met_shares
from ..search.allowance import Allowance
from ..search.candidate import Candidate
from ..search.task import Task
from ..statistics.looks import Claim, Looks
from ..statistics.luck import Estimate, estimate

LEAST: Final = 16
"""Sealed rows that are set aside on the tightest budget, on which a gain can show."""
_BLOCK: Final = 64
_SHARE: Final = 0.25
_TELLING: Final = 0.001


@dataclass(frozen=True)
class Contest:
    """The best candidate against the seed, as far as it was seen.

    Args:
        looks: When sealed rows are looked at.
        chosen: The candidate's score less the seed's, one a select row.
        met: The share of these rows that each candidate of the search met.
        seed: Seed of random draws.
    """

    looks: Looks
    chosen: tuple[float, ...] = ()
    met: tuple[float, ...] = ()
    seed: int = 0

    def claim(self, sealed: Sequence[float], *, ended: bool = False) -> Claim:
        """What the sealed rows seen so far show; `ended` where no more can be seen."""
        return self.looks.claim(sealed, self.seed, ended=ended)

    def estimate(self, sealed: Sequence[float]) -> Estimate:
        """The candidate's gain on select and sealed rows, less luck."""
        return estimate(self.chosen, sealed, self.met)

    def is_settled(self, sealed: Sequence[float]) -> bool:
        """Whether more rows would change neither what is claimed nor who comes back."""
        if self.claim(sealed).shown:
            return True
        left = self.looks.rows - len(sealed)
        if left <= 0 or self.looks.within_reach(sealed):
            return False
        return self.estimate(sealed).worth(left) < _TELLING

    def is_won(self, sealed: Sequence[float], claim: Claim) -> bool:
        """Whether the candidate comes back: claimed, or likelier better than not.

        Unless it is claimed, the sealed rows must not speak against it.
        """
        return claim.shown or (math.fsum(sealed) >= 0 and self.estimate(sealed).likely)


@dataclass(frozen=True)
class Verified:
    """What the sealed rows say.

    Args:
        rows: Results by candidate id, all on the same rows.
        claim: What the test shows of the candidate.
        estimate: Its gain, with select rows; None where the seed is the best.
        won: Whether the candidate is likelier the better than not.
        stopped: Why some rows are missing though they were wanted, or empty.
    """

    rows: dict[str, list[RowResult]]
    claim: Claim = field(default_factory=Claim)
    estimate: Estimate | None = None
    won: bool = False
    stopped: str = ""


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
    could still meet. The seed alone has nothing to show, and is seen on a few.

    Args:
        task: Its sealed rows.
        best: Whom the search chose; the seed, where nobody was better.
        aside: How many rows were set aside for each.
        whole: Whether all rows that can be paid for are wanted, whatever they show.
    """
    candidates = list(dict.fromkeys((Candidate(), best)))
    rows = proportional(task.split.sealed, task.rng("sealed order"))
    contest = _contest(task, best, len(rows), aside, whole=whole)
    looks = contest.looks
    wanted = rows[: looks.rows]
    done: list[Example] = []
    settled = False
    while len(done) < len(wanted) and not settled:
        end = next(stop for stop in looks.stops if stop > len(done))
        block = wanted[len(done) : min(end, len(done) + _BLOCK)]
        bought = await _bought(task, candidates, block)
        done += bought
        if len(bought) < len(block):
            break
        if best.values and len(done) in looks.stops:
            settled = contest.is_settled(gains_of(task, best, Candidate(), done))
    found = {c.id: [task.cells[c.id, row.digest] for row in done] for c in candidates}
    if not best.values:
        return Verified(found)
    gains = gains_of(task, best, Candidate(), done)
    claim = contest.claim(gains, ended=not settled)
    short = len(done) < len(rows) and not settled
    stopped = f"the budget held {len(done)} of {len(rows)} sealed rows" if short else ""
    won = contest.is_won(gains, claim)
    return Verified(found, claim, contest.estimate(gains), won, stopped)


def _contest(
    task: Task, best: Candidate, sealed: int, aside: int, *, whole: bool
) -> Contest:
    """What is planned for two, or for the seed alone."""
    if not best.values:
        return Contest(Looks(min(sealed, aside, LEAST), most=1))
    paid = min(sealed, max(aside, task.allowance.rows(1.0) / 2))
    looks = Looks(sealed, most=1) if whole else Looks(int(paid))
    chosen = tuple(_chosen(task, best))
    return Contest(looks, chosen, met_shares(task, len(chosen)), task.seed)


def _chosen(task: Task, best: Candidate) -> list[float]:
    """What chose the best on select rows: one that was fitted counts without its fit.

    On the rows that numbers were fitted to they flatter themselves.
    """
    pairs = (
        (task.fits.held.get((best.id, row.digest)), task.result(Candidate(), row))
        for row in task.rows
    )
    held = [
        ours - theirs.score.value
        for ours, theirs in pairs
        if ours is not None and theirs and theirs.score
    ]
    return held or gains_of(task, best, Candidate(), task.rows)


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
