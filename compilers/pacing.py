"""Pacing: how many rounds a budget pays for, who proposes in them, and when to stop.

A search in one round learns nothing from what it finds; one in many rounds tells
nothing apart. So there are as many rounds as can each make a few proposals, see them on
a first rung of rows, and follow it up; what they share is what the ledger affords.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..pipeline.data.rows import Example
from .propose.meeting import Meet, findings, spoken_of, union_over
from .racing.gains import (
    gains_of,
    met_shares,
    rows_of_both,
    shrunk_gain,
    worth_of,
)
from .racing.race import DEEPER, FIRST, TOLD_APART, buy_cells
from .recipe import MET_AGAIN, SPOKEN, Draw, Recipe
from .search.candidate import Candidate
from .search.task import Task
from .statistics.luck import estimate

_LEAN = 3
"""Proposals of the narrowest round that is still worth one."""
_WIDER = 2.0
"""How much more the first round may spend: nothing is known yet."""
_SHALLOW = 1.25
"""First rungs that a proposal of a paced round is given on the mean."""

_CLEAR = 0.2
"""The shrunk gain from which a candidate is ahead beyond doubt."""
_FRONT = 3
"""How many of the best candidates may be that sign."""
TELLING = 8
"""Failing rows that a trial run looks for: as many as are shown to who mends."""
_MOSTLY = 0.5
"""The mean score of the program below which it fails too many rows to give it up."""
_ROUNDS = 2
"""Rounds after which a lead that is luck ends the search."""
_TRIED = 4
"""Candidates that have to be seen before a task is given up."""
_HOPE = 1.5
"""Rows' scores that a union has to gain, for a task not to be given up."""
_PRIOR_GAIN = 0.02
_PRIOR_CALLS = 20
_LOST = 3
"""Instructions that have to lose before their writer is asked no more."""


def depth(recipe: Recipe) -> float:
    """First rungs of rows that a round is planned to buy for each proposal.

    A round that others follow need not tell the last two apart: what it finds meets
    again. One by itself must follow up what leads after the first rung.
    """
    return _SHALLOW if recipe.paced else DEEPER


def rounds_in(task: Task, recipe: Recipe) -> int:
    """How many rounds the room pays for, one at least, and no more than there are."""
    room, most = task.room(), len(recipe.rounds)
    if math.isinf(room):
        return most
    rung = min(FIRST, len(task.rows)) * task.allowance.a_row
    return max(1, min(most, int(room / (_LEAN * DEEPER * rung))))


def share_of(at: int, of: int) -> float:
    """The share of the room that a round may spend; the rest is left to later ones.

    Args:
        at: The round's number, from 0.
        of: How many rounds there are.

    >>> [share_of(at, 4) for at in range(4)]
    [0.4, 0.3333333333333333, 0.5, 1.0]
    """
    own = _WIDER if at == 0 else 1.0
    return own / (own + (of - at - 1))


def in_doubt(
    task: Task, leader: Candidate, *, ended: bool = False
) -> list[tuple[Candidate, Example]]:
    """Cells of the program as it was that would tell whether the leader is ahead of it.

    A race leaves the program behind after a few rows, and goes on with who was luckier
    on those. So the program meets the rows that the leader met, unless that is ahead
    beyond doubt, or so much is left to gain that the search goes on anyway. Once that
    has ended, the verification counts the select rows that both have met, and no other.

    Args:
        task: The compile under way.
        leader: The best candidate of all rounds so far.
        ended: Whether no further round follows.
    """
    seed = Candidate()
    if leader == seed or shrunk_gain(task, leader, seed) >= _CLEAR:
        return []
    if not ended and (fails_most(task) or _plainly_behind(task, leader)):
        return []
    met = [row for row in task.rows if task.result(leader, row) is not None]
    return [(seed, row) for row in met if task.result(seed, row) is None]


def no_headroom(task: Task, tried: Sequence[Candidate]) -> str:
    """Why more rounds would gain nothing worth their calls, or empty.

    None of the best of all that was tried is ahead of the program as it was by more
    than chance makes of a few rows: each gain is shrunk as if eight more rows had shown
    none. Estimates on all rows would be shrunk far more, and give up what is
    promising. There is a look after each round. A program that fails most rows is not
    given up: there is more to gain than a few rounds can be trusted to show.

    Args:
        task: The compile under way.
        tried: The candidates of all rounds so far, the best first.
    """
    seed, least = Candidate(), min(FIRST, len(task.rows))
    gains = [
        shrunk_gain(task, candidate, seed)
        for candidate in tried
        if rows_of_both(task, candidate, seed) >= least
    ]
    best = max(gains[:_FRONT], default=0.0)
    if fails_most(task) or len(gains) < _TRIED or best >= worth_of(task, seed):
        return ""
    return f"none of {len(gains)} candidates was ahead of the program by more than luck"


def luck_alone(task: Task) -> str:
    """Why the leader of some rounds owes its lead to luck, or empty.

    The more candidates were tried, the further the best of them is ahead by luck, and a
    further round adds to that. So the search ends where the leader's gain without it is
    not likely one. It may be one all the same: the sealed rows tell.
    """
    seed, leader = Candidate(), task.archive[0]
    gains = gains_of(task, leader, seed, task.rows)
    told = len(gains) >= min(TOLD_APART, len(task.rows))
    if task.number < _ROUNDS or leader == seed or not told or fails_most(task):
        return ""
    met = met_shares(task, len(gains))
    if estimate(gains, (), met).likely:
        return ""
    return f"the best of {len(met)} candidates was ahead by no more than luck"


async def told_apart(task: Task) -> None:
    """Have the program meet the rows of whoever is ahead, as long as that is ahead."""
    while cells := in_doubt(task, task.archive[0])[:FIRST]:
        if await buy_cells(task, cells) < len(cells):
            return


async def met_again(task: Task) -> None:
    """Have all that was written meet over the leader, on the rows that it speaks of.

    A race sees a few rows of each candidate, and few of those tell anything of a line
    that speaks of one kind of row. So the union and the leader meet rows that the
    union's lines speak of, and the union leads where it is ahead there. What lines
    tried so far gained on such a row counts as one row more, so that a draw is decided
    by how well the writer wrote. Where the union is behind, the lines that lost are
    left out, and the rest meets once more. It takes what calls the search has left:
    rows kept for it would be missing where a task is small.
    """
    tried: list[Candidate] = []
    for _ in range(MET_AGAIN):
        leader, *rest = task.archive
        union = _united(task, leader)
        if union is None or union in tried:
            return
        tried.append(union)
        hoped = _record(task)
        rows = spoken_of(task, union, leader)[:SPOKEN]
        both = [(one, row) for row in rows for one in (leader, union)]
        await buy_cells(task, [cell for cell in both if task.result(*cell) is None])
        if not task.scores(union, task.rows):
            return
        rest = [one for one in rest if one != union]
        task.archive = [leader, union, *rest]
        gain = task.gain(union, leader)
        if gain is None:
            return
        leads = gain * rows_of_both(task, union, leader) + hoped > 0
        task.archive = [union, leader, *rest] if leads else task.archive


def _record(task: Task) -> float:
    """What the lines that were written gained on a row that they speak of, so far."""
    pool = [*task.archive, *task.waiting]
    best = task.archive[0]
    paths = [path for path in task.program.modules if task.keeping.free(path, best)]
    found = [one for path in paths for one in findings(task, path, pool)]
    rows = sum(one.spoken for one in found)
    return sum(one.support for one in found) / rows if rows else 0.0


def _united(task: Task, base: Candidate) -> Candidate | None:
    """All that was written over a candidate, as far as it may change."""
    union = union_over(task, base)
    made = union and replace(task.keeping.within(union), by=Meet().name)
    return None if made == base else made


async def still_hoped(task: Task) -> bool:
    """Whether what was written shows on rows it speaks of what a race did not see.

    A gain on one kind of row in ten is hardly seen in a race, and plainly on rows of
    that kind. A union of all edits can gain on rows that the program fails alone, so it
    meets those first, and then as many that the program passes, where it may lose; it
    leads where it gained more than luck.
    """
    seed = Candidate()
    union = _united(task, seed)
    if union is None:
        return False
    rows = spoken_of(task, union, seed)
    for passing in (False, True):
        some = [
            r for r in rows if (s := task.scores(seed, [r])) and (s[0] >= 1) is passing
        ]
        cells = [(union, row) for row in some[:FIRST]]
        await buy_cells(task, [cell for cell in cells if task.result(*cell) is None])
        if not task.scores(union, task.rows):
            return False
        # Whether it leads or not: the best of many owes its luck to all of them.
        task.archive = list(dict.fromkeys([*task.archive, union]))
        if (task.gain(union, seed) or 0.0) * rows_of_both(task, union, seed) < _HOPE:
            return False
    if shrunk_gain(task, union, seed) < worth_of(task, seed):
        return False
    task.archive.sort(key=lambda candidate: candidate != union)
    return True


def unseen(task: Task) -> bool:
    """Whether candidates were made and none ran: the rest is left to the last rows."""
    tried = [candidate for candidate in task.archive if candidate.values]
    seen = any(task.results(candidate, task.rows) for candidate in tried)
    return bool(tried) and not seen and not math.isinf(task.room())


def _plainly_behind(task: Task, candidate: Candidate) -> bool:
    """Whether it gained nothing on the rows of two rungs."""
    seed = Candidate()
    gain, rows = task.gain(candidate, seed), rows_of_both(task, candidate, seed)
    return gain is not None and gain <= 0 and rows >= TOLD_APART


def fails_most(task: Task) -> bool:
    """Whether the program as it was surely fails most rows: much is left to be gained.

    A few rows make a program that passes more than half look worse than it is, so it
    counts with a standard error more than was seen.
    """
    scores = task.scores(Candidate(), _seen(task))
    if len(scores) < 2:
        return True
    error = statistics.stdev(scores) / math.sqrt(len(scores))
    return statistics.fmean(scores) + error < _MOSTLY


def _seen(task: Task) -> tuple[Example, ...]:
    return (*task.split.train, *task.rows)


@dataclass
class Credit:
    """Gain in score points and calls by proposer; a bandit without randomness.

    A proposer has no slot by right: each slot of a round goes to whoever gained the
    most for its calls, less the more slots it has. One that has not been tried counts
    as if it had gained a little. A writer whose first instructions gained nothing
    between them, and lost where they changed anything, is asked no more.

    Args:
        gains: The best gain of each round over the incumbent, added up, by proposer.
        calls: What its proposals and their races have cost.
        writers: The proposers that have a model write.
        written: What each written candidate gained, until some gained or enough lost.
        mute: Whether the writing model's first instructions all lost.
    """

    gains: dict[str, float] = field(default_factory=dict[str, float])
    calls: dict[str, int] = field(default_factory=dict[str, int])
    writers: frozenset[str] = frozenset()
    written: list[float] = field(default_factory=list[float])
    mute: bool = False

    @classmethod
    def of(cls, recipe: Recipe) -> Credit:
        """An empty book for a recipe's proposers."""
        names = sorted({proposer.name for proposer in recipe.proposers})
        writers = frozenset(one.name for one in recipe.proposers if one.asks)
        return cls(dict.fromkeys(names, 0.0), dict.fromkeys(names, 0), writers)

    def paid(self, name: str, calls: int) -> None:
        """Book what a proposer's proposals cost."""
        self.calls[name] = self.calls.get(name, 0) + calls

    def judge(
        self, task: Task, incumbent: Candidate, fresh: Sequence[Candidate]
    ) -> None:
        """Book what raced candidates cost, and gained by estimates on all rows."""
        gains = dict.fromkeys(self.gains, 0.0)
        found = task.estimates([incumbent, *fresh])
        for candidate in fresh:
            # An estimate is shrunk where few rows were seen, which say little.
            gain = found[candidate].mean - found[incumbent].mean
            name, seen = candidate.by, len(task.scores(candidate, task.rows))
            gains[name] = max(gains.get(name, 0.0), gain)
            self.calls[name] = self.calls.get(name, 0) + seen * task.calls_plain
            if name in self.writers and seen:
                self.written.append(gain)
        for name, gain in gains.items():
            self.gains[name] = self.gains.get(name, 0.0) + gain
        first = self.written
        if len(first) >= _LOST and max(first) <= 0.0 and min(first) < 0.0:
            self.mute = True

    def shared(self, draws: Sequence[Draw], total: int | None = None) -> list[Draw]:
        """So many proposals, or as many as before, by what was gained for the calls."""
        open_ = [d for d in draws if d.n and not self._silent(d.proposer.name)]
        counts = [0] * len(draws)
        wanted = sum(draw.n for draw in draws) if total is None else total
        worth: Mapping[int, float] = {
            at: self._worth(draw.proposer.name)
            for at, draw in enumerate(draws)
            if draw in open_
        }
        for _ in range(wanted if worth else 0):
            counts[max(worth, key=lambda at: worth[at] / (counts[at] + 1))] += 1
        pairs = zip(draws, counts, strict=True)
        return [Draw(draw.proposer, n) for draw, n in pairs if n]

    def _silent(self, name: str) -> bool:
        return self.mute and name in self.writers

    def _worth(self, name: str) -> float:
        gain = self.gains.get(name, 0.0) + _PRIOR_GAIN
        return gain / (self.calls.get(name, 0) + _PRIOR_CALLS)
