"""The search: rounds of propose, drop doubles, race; the archive is what is left.

    headroom run of the seed
    -> rounds of: parents -> proposals -> drop doubles -> race on one row order
    -> the archive, best first

A round is cut to what the ledger still affords, so that a small budget makes fewer
proposals rather than none that was compared.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.measure.row_result import RowResult
from ..pacing import (
    TELLING,
    Credit,
    depth,
    fails_most,
    in_doubt,
    luck_alone,
    met_again,
    no_headroom,
    rounds_in,
    share_of,
    still_hoped,
    told_apart,
    unseen,
)
from ..propose.meeting import by_turns, together
from ..propose.proposer import has_work, proposed
from ..propose.rows import ordered, proportional
from ..racing.race import FIRST, Full, buy, buy_cells, by_estimate
from ..recipe import LOTS, MEETINGS, Draw, Recipe
from ..search.candidate import Candidate
from ..search.task import Split, Task, passes
from .border import Border, Steered
from .forms import most_legible

_TRIAL = 0.1
_LESSONS = 0.2
"""The share of a budget up to which a trial run looks for more that fails."""
_PLACE = 2
"""Where in a round what helps only together stands: behind the first of each half."""
_log = logging.getLogger("weft")
_LATEST = 300
"""Scores that are looked through after each round."""
SPENT = "the budget ended the search"
_DOUBT = 2.0


@dataclass
class Search:
    """How the search goes: why it ended early, and the ids of all that was proposed.

    `border` is asked before each round; `advised` is what was said of the metric.
    """

    stopped: str
    known: set[str]
    kept: Callable[[Candidate], None]
    border: Border = Steered
    start: Candidate = field(default_factory=Candidate)
    advised: tuple[str, ...] = ()


async def search(
    task: Task,
    recipes: Sequence[Recipe],
    kept: Callable[[Candidate], None],
    border: Border = Steered,
) -> str:
    """Run recipes one after the other; the archive ends with the best in front.

    Args:
        task: Its archive is filled.
        recipes: Each goes on from the best of those before it, unless it is fresh.
        kept: Called with the best candidate after each round.
        border: Asked before each round, which it may change.

    Returns:
        Why the search ended early, or an empty text.
    """
    split = task.split
    rows = tuple(proportional(split.select, task.rng("select order")))
    task.split = Split(split.train, rows, split.sealed)
    task.archive = [Candidate()]
    found = Search("", {Candidate().id}, kept, border)
    for recipe in recipes:
        before = task.archive
        if recipe.fresh:
            task.archive = [Candidate()]
        if not await _headroom(task, recipe, found):
            return found.stopped
        _advise(task, found)
        if recipe.legible and len(task.archive) == 1:
            tried = ordered(task.split.train, task.rng("headroom"))[: recipe.headroom]
            await most_legible(task, tried)
        if not await _at_top(task, recipe, found):
            await _rounds(task, recipe, found)
            if recipe.paced and found.stopped in ("", SPENT):
                await _followed(task)
                if recipe.meeting:
                    await met_again(task)
                # Only rows that the program has met too count in the verification.
                await buy_cells(task, in_doubt(task, task.archive[0], ended=True))
        if recipe.fresh:
            await _join(task, before)
        if found.stopped == SPENT:
            break
    raced = any(recipe.racer for recipe in recipes)
    return found.stopped or (SPENT if raced and unseen(task) else "")


def _advise(task: Task, found: Search) -> None:
    """Say once what is odd about the metric, while the budget can still be saved."""
    if not found.advised:
        found.advised = task.advice(_LATEST)
        for line in found.advised:
            _log.warning("%s", line)


async def _rounds(task: Task, recipe: Recipe, found: Search) -> None:
    credit = Credit.of(recipe)
    found.start = task.archive[0]
    idle = 0
    rounds = recipe.rounds
    if recipe.paced:
        rounds = rounds[: rounds_in(task, recipe)]
    for at, named in enumerate(rounds):
        kept, made = task.keeping, task.program
        draws = [d for d in named if has_work(d.proposer, kept, made, task.archive)]
        best = task.archive[0]
        share = share_of(at, len(rounds)) if recipe.paced else 1.0
        with task.allowance.part(share):
            shares = _shares(task, recipe, draws, credit)
            if draws and not shares:
                found.stopped = SPENT
                return
            steered = _steered(task, recipe, shares, found)
            await _round(task, steered.recipe, steered.draws, found, credit)
        _advise(task, found)
        task.number += 1
        found.kept(task.archive[0])
        if recipe.paced:
            await told_apart(task)
            why = no_headroom(task, task.archive)
            if why and not (recipe.meeting and await still_hoped(task)):
                # What is ahead by luck alone is not worth the sealed rows of two.
                task.archive.sort(key=lambda candidate: candidate != found.start)
                found.stopped = why
                return
        idle = 0 if task.archive[0] != best else idle + 1
        # Where most rows fail, calls that are left are better spent than kept.
        patient = recipe.paced and fails_most(task)
        if recipe.patience and idle >= recipe.patience and not patient:
            return
        lucky = luck_alone(task) if recipe.paced else ""
        if why := lucky or ("" if recipe.goes_on else _at_ceiling(task)):
            found.stopped = why
            return


async def _followed(task: Task) -> None:
    """Spend what rounds left over on who may still be the best, all rows each.

    A paced round sees a few rows of each newcomer, which on a noisy model is a draw of
    lots: whoever is not surely behind (two standard errors) gets the rest of them, the
    highest bound first.
    """
    rows = task.rows
    for _ in range(len(task.archive) if not math.isinf(task.room()) else 0):
        found = task.estimates(task.archive)
        best = max(one.mean for one in found.values())
        bounds = {c: one.mean + _DOUBT * one.error for c, one in found.items()}
        left = [c for c in task.archive if len(task.scores(c, rows)) < len(rows)]
        hopeful = [c for c in left if bounds[c] > best]
        if not hopeful:
            break
        candidate = max(hopeful, key=lambda c: bounds[c])
        if await buy(task, [candidate], rows) < len(rows):
            break
    task.archive = by_estimate(task, task.archive, rows)


def _shares(
    task: Task, recipe: Recipe, draws: Sequence[Draw], credit: Credit
) -> list[Draw]:
    """Who proposes how many in a round: as many as fit, by credit where it is kept."""
    fitting = _fitting(task, recipe, draws)
    if not recipe.credited or not fitting:
        return fitting
    count = sum(draw.n for draw in fitting)
    # The first round is as its recipe says: nobody has gained anything.
    return fitting if not any(credit.calls.values()) else credit.shared(draws, count)


def _steered(
    task: Task, recipe: Recipe, draws: Sequence[Draw], found: Search
) -> Steered:
    """A round as it is after what was said just before it; what it draws fits."""
    steered = found.border(recipe)
    if steered == Steered(recipe):
        return Steered(recipe, draws)
    now = steered.recipe
    return Steered(now, _fitting(task, now, [*steered.draws, *draws]))


async def _round(
    task: Task, recipe: Recipe, draws: Sequence[Draw], found: Search, credit: Credit
) -> None:
    incumbents = recipe.selector.incumbents(task)
    made: list[Candidate] = []
    # What is written now meets what was found before: a line costs no race of its own.
    meeting = [Draw(recipe.meeting, MEETINGS)] if recipe.meeting and task.number else []
    with task.allowance.aside(_first_rows(task, recipe)):
        for draw in [*draws, *meeting]:
            parents = recipe.selector.parents(task, draw.n)
            before = task.spent
            try:
                new = await proposed(draw.proposer, task, parents, draw.n)
            except BudgetExceeded:
                found.stopped, new = SPENT, []
            new = [replace(c, by=draw.proposer.name) for c in new]
            if draw in meeting:
                made = [*new, *made]
            else:
                made += new
                task.waiting += new
            credit.paid(draw.proposer.name, task.spent - before)
    if recipe.meeting:
        made = by_turns(made)
        both = together(made)
        made[_PLACE:_PLACE] = [replace(both, by=recipe.meeting.name)] if both else []
    allowed = dict.fromkeys(map(task.keeping.within, made))
    fresh = [c for c in allowed if c.id not in found.known]
    fresh = _raceable(task, recipe, fresh, len(incumbents))
    found.known.update(c.id for c in fresh)
    if not fresh:
        return
    if recipe.racer is None:
        task.archive = [fresh[0], *task.archive, *fresh[1:]]
        return
    racing = [*incumbents, *fresh]
    rest = [c for c in task.archive if c not in incumbents]
    raced = await recipe.racer.race(task, racing, task.rows)
    credit.judge(task, incumbents[0], fresh)
    task.archive = [*raced, *rest]
    if recipe.shorter:
        task.archive = _shortest_first(task, found.start)


def _fitting(task: Task, recipe: Recipe, draws: Sequence[Draw]) -> list[Draw]:
    """As many proposals as can be made, seen on a first rung of rows, and followed up.

    As much again as the first rung takes is kept for the rungs after it, unless there
    would then be no proposal at all.
    """
    room = task.room()
    if math.isinf(room):
        return [draw for draw in draws if draw.n]
    rung = min(FIRST, len(task.rows)) if recipe.racer else 0
    each = rung * task.allowance.a_row
    seen = len(recipe.selector.incumbents(task)) * each
    deeper = depth(recipe)
    followed = _within(task, draws, deeper * each, room - deeper * seen)
    return followed or _within(task, draws, each, room - seen)


def _within(task: Task, draws: Sequence[Draw], each: float, left: float) -> list[Draw]:
    """Draws cut to what fits, in turns; a proposal costs `each` beside its making."""
    row = task.calls_plain
    counts = [0] * len(draws)
    costs = [0] * len(draws)
    for turn in range(max((draw.n for draw in draws), default=0)):
        for at, draw in enumerate(draws):
            low = draw.proposer.calls(turn + 1, len(task.split.train), row).low
            if turn < draw.n and each + low - costs[at] <= left:
                left -= each + low - costs[at]
                counts[at], costs[at] = counts[at] + 1, low
    return [Draw(d.proposer, n) for d, n in zip(draws, counts, strict=True) if n]


def _raceable(
    task: Task, recipe: Recipe, fresh: list[Candidate], incumbents: int
) -> list[Candidate]:
    """The first newcomers: those whom what proposing left can pay a race for.

    Better two that are told apart than eight of whom little is seen.
    """
    room = task.room()
    if recipe.racer is None or math.isinf(room):
        return fresh
    each = _first_rows(task, recipe) * task.allowance.a_row
    return fresh[: max(1, int(room / each) - incumbents)]


def _first_rows(task: Task, recipe: Recipe) -> int:
    rung = min(FIRST, len(task.rows))
    return math.ceil(depth(recipe) * rung) if recipe.racer else 0


async def _headroom(task: Task, recipe: Recipe, found: Search) -> bool:
    """Run the seed first; False where it passes every row that it is shown.

    Where the first rows all pass, two more lots are tried, as far as they are cheap.
    So they are in a paced search while few rows failed: who mends learns from failures,
    and of a program that passes most rows a first lot shows hardly any.
    """
    rows = ordered(task.split.train, task.rng("headroom"))
    # On a tight budget no more than a small share of it.
    size = int(min(recipe.headroom, max(FIRST, task.allowance.rows(_TRIAL))))
    most = max(size, task.allowance.rows(_LESSONS))
    wanted = TELLING if recipe.paced else 1
    shown = failing = 0
    while shown < LOTS * size and failing < wanted:
        lot = rows[shown : shown + size]
        if failing:
            lot = lot[: int(min(FIRST, most - shown))]
        if not lot or (shown and len(lot) * task.allowance.a_row > task.room() / 10):
            break
        results = await _observed(task, lot)
        failing += sum(not passes(result) for result in results)
        shown += len(results)
        if len(results) < len(lot):
            break
    if failing or shown < size or not size:
        return True
    found.stopped = f"the program already passes all {shown} rows of a trial run"
    return False


async def _at_top(task: Task, recipe: Recipe, found: Search) -> bool:
    """Whether the best so far passes all select rows: no race could be won then.

    Races buy these cells anyway; they are bought beforehand up to the first that fails,
    unless the budget is tight.
    """
    best, seen = task.archive[0], 0
    if not recipe.looks_first:
        return False
    while seen < len(task.rows):
        lot = task.rows[seen : seen + FIRST]
        if len(lot) * task.allowance.a_row > task.room() / 10:
            return False
        with contextlib.suppress(BudgetExceeded):
            await task.observe(best, lot, "evaluate")
        if min(task.scores(best, lot), default=0.0) < 1.0:
            return False
        seen += len(lot)
    why = _at_ceiling(task)
    found.stopped = why or found.stopped
    return bool(why)


async def _observed(task: Task, rows: list[Example]) -> list[RowResult]:
    try:
        return await task.observe(Candidate(), rows, "bootstrap")
    except BudgetExceeded:
        return []


async def _join(task: Task, before: list[Candidate]) -> None:
    """Put another search's archive beside this one's: their best race each other."""
    best = list(dict.fromkeys([before[0], task.archive[0]]))
    rest = [c for c in dict.fromkeys([*before, *task.archive]) if c not in best]
    if len(best) > 1:
        best = await Full().race(task, best, task.rows)
    task.archive = [*best, *rest]


def _shortest_first(task: Task, start: Candidate) -> list[Candidate]:
    """Who scores no less than the start on all select rows, the shortest first."""
    bar = task.mean(start, task.rows)
    whole = [
        c
        for c in task.archive
        if len(task.scores(c, task.rows)) == len(task.rows)
        and task.mean(c, task.rows) >= bar
    ]
    whole.sort(key=task.size)
    rest = [c for c in task.archive if c not in whole]
    return [*whole, *by_estimate(task, rest, task.rows)]


def _at_ceiling(task: Task) -> str:
    """Why nothing can score higher than the best candidate, or empty."""
    best = task.archive[0]
    scores = task.scores(best, task.rows)
    if not scores or len(scores) < len(task.rows) or min(scores) < 1.0:
        return ""
    who = "the best candidate" if best.values else "the program already"
    return f"{who} passes all {len(scores)} select rows"
