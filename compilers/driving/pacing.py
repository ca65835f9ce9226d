"""Pacing: how many rounds a budget pays for, what each may spend, and when to stop.

A search in one round learns nothing from what it finds; one in many rounds tells
nothing apart. So there are as many rounds as can each make a few proposals, see them on
a first rung of rows, and follow it up; what they share is what the ledger affords.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..racing.race import DEEPER, FIRST
from ..recipe import Recipe
from ..search.candidate import Candidate
from ..search.task import Task

_LEAN = 3
"""Proposals of the narrowest round that is still worth one."""
_WIDER = 2.0
"""How much more the first round may spend: nothing is known yet."""
_SHALLOW = 1.25
"""First rungs that a proposal of a paced round is given on the mean."""

_WORTH = 0.06
"""The shrunk gain in score from which a candidate is a sign of headroom."""
_TRIED = 4
"""Candidates that have to be seen before a task is given up."""


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


def rows_kept(task: Task, at: int, of: int) -> int:
    """Rows that a round leaves to those after it, at what a row takes.

    Args:
        task: The compile under way.
        at: The round's number, from 0.
        of: How many rounds there are.
    """
    room = task.room()
    if math.isinf(room) or at + 1 >= of:
        return 0
    own = _WIDER if at == 0 else 1.0
    share = own / (own + (of - at - 1))
    return int((1 - share) * room / task.allowance.a_row)


def no_headroom(task: Task, tried: Sequence[Candidate]) -> str:
    """Why more rounds would gain nothing worth their calls, or empty.

    Of all that was tried nobody is ahead of the program as it was by more than chance
    makes of a few rows: each gain is shrunk as if `FIRST` more rows had shown none. A
    look after each round, so what gains little on few rows may yet be seen on more.

    Args:
        task: The compile under way.
        tried: The candidates of all rounds so far.
    """
    seed = Candidate()
    gains: list[float] = []
    for candidate in tried:
        gain, rows = task.gain(candidate, seed), _both(task, candidate, seed)
        if gain is not None and rows >= min(FIRST, len(task.rows)):
            gains.append(gain * rows / (rows + FIRST))
    if len(gains) < _TRIED or max(gains) >= _WORTH:
        return ""
    return f"none of {len(gains)} candidates was ahead of the program by more than luck"


def _both(task: Task, one: Candidate, other: Candidate) -> int:
    return sum(1 for r in task.rows if task.result(one, r) and task.result(other, r))
