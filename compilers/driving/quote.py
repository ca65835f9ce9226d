"""The quote: what a compile will cost, counted before anything is spent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...pipeline.graph.program import Program
from ..propose.proposer import has_work
from ..racing.race import FIRST, first_rows
from ..recipe import LOTS, MEETINGS, MET_AGAIN, SPOKEN, Draw, Recipe
from ..search.candidate import Candidate
from ..search.cost import FREE, NO_TRAINING, Calls, Quote
from ..search.counting import (
    behind_decisions,
    calls_bound,
    calls_least,
    calls_likely,
    calls_plain,
    is_bounded,
    pool_calls,
)
from ..search.judge import NO_JUDGE, Judging
from ..search.keeping import Keeping
from ..search.task import Split
from ..search.teacher import Teacher
from ..statistics.looks import Looks
from .estimate import guess_of
from .verify import LEAST

_ALL = Keeping()
"""Everything may change."""


@dataclass(frozen=True)
class Work:
    """What a recipe does: rows run to learn from, requests to a writer, cells raced.

    `behind` are cells of which only what lies behind a decision is asked anew.
    """

    lessons: Calls
    requests: Calls
    cells: Calls
    behind: Calls = FREE


def quote_of(
    program: Program[..., Any],
    split: Split,
    recipes: Sequence[Recipe],
    judging: Judging = NO_JUDGE,
    teacher: Teacher | None = None,
    widest: Program[..., Any] | None = None,
    keeping: Keeping = _ALL,
) -> Quote:
    """What recipes cost on these rows; no model is called.

    `widest` is the program as it may call the most, with what a candidate may hold.
    Of what no candidate may change, by `keeping`, nobody proposes anything. What the
    form hides may be shown in another form, which a search may find: high counts it.

    Low is what it comes to where nothing is found that is worth a race, and the first
    look at sealed rows tells enough. High assumes that everything that may happen does,
    repairs included.
    """
    about = program, split, judging, teacher, widest or program
    quote = _counted(_asked(recipes, keeping, program), *about)
    if not keeping.unshown(Candidate()) or not any(map(_may_reform, recipes)):
        return quote
    other = _counted(_asked(recipes, Keeping(keeping.frozen), program), *about)
    low = {name: quote.accounts.get(name, FREE) for name in other.accounts}
    most = {n: low[n]._replace(high=calls.high) for n, calls in other.accounts.items()}
    return replace(quote, accounts=most)


def _may_reform(recipe: Recipe) -> bool:
    """Whether a candidate may ask in another form than the program."""
    anything = any(not proposer.changes for proposer in recipe.proposers)
    return recipe.legible or bool(recipe.forms) or anything


def _asked(
    recipes: Sequence[Recipe], keeping: Keeping, program: Program[..., Any]
) -> list[Recipe]:
    """Recipes without those who have nothing to change, or no more to propose."""
    return [
        replace(one, rounds=tuple(_rounds(one.rounds, keeping, program)))
        for one in recipes
    ]


def _rounds(
    rounds: Iterable[Sequence[Draw]], keeping: Keeping, program: Program[..., Any]
) -> Iterator[tuple[Draw, ...]]:
    made = Counter[str]()
    for draws in rounds:
        left = list[Draw]()
        for draw in draws:
            name = draw.proposer.name
            n = min(draw.n, draw.proposer.distinct(program) - made[name])
            if n > 0 and has_work(draw.proposer, keeping, program):
                made[name] += int(n)
                left.append(replace(draw, n=int(n)))
        yield tuple(left)


def _counted(
    recipes: Sequence[Recipe],
    program: Program[..., Any],
    split: Split,
    judging: Judging,
    teacher: Teacher | None,
    widest: Program[..., Any],
) -> Quote:
    """The quote of recipes as they are."""
    shown = program if teacher is None else teacher.in_place_of(program)
    rows, pools = split.rows, _of_pools(program, recipes)
    shapes = [program, shown, widest, *pools]
    plain = max(calls_plain(each, rows) for each in shapes)
    likely = max(calls_likely(each, rows) for each in shapes)
    bound = max(calls_bound(each, rows) for each in shapes)
    outputs = sum(len(m.spec.outputs) for m in program.deciders.values())
    work = [work_of(recipe, split, outputs) for recipe in recipes]
    head = _headroom(recipes, len(split.train))
    lessons = FREE.plus(*(w.lessons for w in work))
    cells = FREE.plus(*(w.cells for w in work))
    sealed = len(split.sealed)
    ruled = all(recipe.decides for recipe in recipes)
    both = 1 if ruled else 2  # of one that decides otherwise the same is asked
    last = Calls(sealed, both * sealed, both * sealed)
    behind = FREE.plus(*(w.behind for w in work))
    later = Calls(0, sealed, sealed) if ruled else FREE
    late = (
        behind_decisions(program, rows),
        math.ceil(behind_decisions(program, rows, longest=True)),
    )
    every = head.plus(lessons, cells, last, behind, later)
    accounts = {
        "bootstrap": head.plus(lessons).times(likely, bound),
        "propose": FREE.plus(*(w.requests for w in work)),
        "evaluate": cells.times(likely, bound).plus(
            behind.times(*late), _pooled(program, recipes, len(split.train))
        ),
        "judge": every.times(judging.plain, judging.most),
        "verify": last.times(likely, bound).plus(later.times(*late)),
    }
    least = {
        "bootstrap": _least_tried(program, split, head.low),
        "verify": _least_verified(program, split),
    }
    accounts = {
        name: calls._replace(low=least.get(name, 0)) for name, calls in accounts.items()
    }
    row = plain + judging.plain
    first = min(
        (d.proposer.calls(1, len(split.train), row).low for d in recipes[0].rounds[0]),
        default=0,
    )
    rung = first_rows(len(split.select)) if recipes[0].racer else 0
    rung = len(split.select) if recipes[0].decides else rung
    verified = min(sealed, LEAST)
    aside = both * verified * row
    smallest = first + (head.expected + rung) * row + aside
    kept = {name: calls for name, calls in accounts.items() if calls.high}
    proposers = [proposer for recipe in recipes for proposer in recipe.proposers]
    models = {name: lm for recipe in recipes for name, lm in recipe.models.items()}
    guess = guess_of(program, split.train, proposers, [*models.values()])
    bounded = is_bounded(program, rows) and is_bounded(shown, rows)
    training = NO_TRAINING.plus(*(p.trains for p in proposers))
    return Quote(
        kept, smallest, aside, verified, sealed, bounded, guess, training=training
    )


def _of_pools(
    program: Program[..., Any], recipes: Sequence[Recipe]
) -> list[Program[..., Any]]:
    """The program as candidates make it that show the nearest demos of a pool."""
    if not any(p.pools for recipe in recipes for p in recipe.proposers):
        return []
    nearest = {f"{path}/nearest": 1 for path in program.modules}
    return [program.with_parameters(nearest)]


def _pooled(program: Program[..., Any], recipes: Sequence[Recipe], train: int) -> Calls:
    """An embedder's calls for the demos of pools: those there, and those proposed."""
    own = sum(
        pool_calls(len(module.parameters.demos))
        for module in program.modules.values()
        if module.parameters.nearest > 0
    )
    proposed = sum(
        _share(draw, draws) * len(program.modules) * pool_calls(min(size, train))
        for recipe in recipes
        for draws in recipe.rounds
        for draw in draws
        if (size := draw.proposer.pools)
    )
    return Calls(0, own + proposed, own + proposed)


def work_of(recipe: Recipe, split: Split, outputs: int = 1) -> Work:
    """The work of a recipe; `outputs` is how many a program decides by probabilities.

    At most every proposer whose share may grow gets all of its round, every candidate
    that was made stays in the archive, and nobody drops out of a race. Of rounds that
    only come about where those before them gained, each is expected in half of the
    searches that came to the one before it, and whoever was best before it is known.
    """
    train, select = len(split.train), len(split.select)
    if recipe.decides:
        # Besides the likeliest choices a row's label is tried, and what is given else.
        rows, likely = select * outputs, recipe.decides
        most = (recipe.decides + 2) * len(recipe.rounds)
        once = Calls(0, select, select)
        return Work(FREE, FREE, once, Calls(0, rows * (likely - 1), rows * most))
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
        count += MEETINGS if recipe.meeting and at else 0
        if recipe.racer is not None:
            expected = recipe.racer.likely(1 + count, select)
            beside = min(archive, recipe.selector.most)
            high = recipe.racer.cells(beside + count, select)
            low = 0 if at else min(expected, 2 * FIRST)
            known = min(expected // 2, select) if at else 0  # the best one's so far
            cells = cells.plus(Calls(low, (expected - known) // part, high))
        archive += count
    if recipe.paced and recipe.meeting and recipe.racer is not None:
        # What was written meets once more after the rounds, and before it is given up.
        again, hoped = 2 * min(SPOKEN, select), min(2 * FIRST, select)
        most = MET_AGAIN * again + len(recipe.rounds) * hoped
        cells = cells.plus(Calls(0, again // 2, most))
    if recipe.fresh:  # its best meets the best of those before
        cells = cells.plus(Calls(0, 0, 2 * select))
    return Work(lessons, requests, cells)


def _counts(draw: Draw, n: int, train: int) -> tuple[Calls, Calls]:
    return draw.proposer.running(n, train, 1), draw.proposer.calls(n, train, 1)


def _share(draw: Draw, draws: Sequence[Draw]) -> int:
    """The most proposals that a draw may get where gain per call decides: all."""
    return sum(other.n for other in draws) if draw.n else 0


def _least_tried(program: Program[..., Any], split: Split, tried: int) -> int:
    """The fewest calls of a trial run that the verification does not make too."""
    both = calls_least(program, (*split.train, *split.sealed))
    a_row = calls_least(program, split.train[:1])
    left_out = (len(split.train) - tried) * a_row
    return max(0, both - calls_least(program, split.sealed) - left_out)


def _least_verified(program: Program[..., Any], split: Split) -> int:
    """The fewest calls of a verification, which may end at its first look."""
    sealed = len(split.sealed)
    first = min(Looks(rows).stops[0] for rows in (sealed, min(sealed, LEAST)))
    a_row = calls_least(program, split.sealed[:1])
    return max(0, calls_least(program, split.sealed) - (sealed - first) * a_row)


def _headroom(recipes: Sequence[Recipe], train: int) -> Calls:
    """Rows of trial runs: once for all recipes, or three lots of other rows each."""
    once = max((min(r.headroom, train) for r in recipes), default=0)
    first = min(train, *(r.headroom for r in recipes[:1]))
    return Calls(first, once, min(train, sum(LOTS * r.headroom for r in recipes)))
