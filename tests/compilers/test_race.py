"""Races buy the cells that decide, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    WORDS,
    kinds_of,
    model,
    planted_rows,
    under_way,
)
from tests.timing import PATIENCE
from weft.compilers.racing.elimination import Elimination
from weft.compilers.racing.race import Full, Halving, Racer
from weft.compilers.racing.racers import (
    UCB,
    EvenHalving,
    FirstFail,
    Gate,
    Minibatch,
    PairedRace,
    RandomGate,
)
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.task import Task
from weft.compilers.statistics.estimates import paired_z
from weft.pipeline.data.rows import read_rows

ROWS = read_rows(planted_rows(48), ["text"])
KNOWN = ["blick = K0", "norp = K1", "tavi = K2", "zude = K3", "grell = K4", "mosk = K5"]


def told(count: int) -> Candidate:
    """A candidate that knows so many of the six words."""
    text = "; ".join(KNOWN[:count])
    return Candidate({"classify/instruction": f"Go by {text}."} if count else {})


def new_task(budget: Any = None) -> Task:
    """A compile under way on planted rows."""
    return under_way(select=ROWS, budget=budget)


def run(racer: Racer, task: Task, candidates: Sequence[Candidate]) -> list[Candidate]:
    """A race from start to end."""
    with weft.use(lm=model()):
        return asyncio.run(racer.race(task, candidates, task.rows))


FIELD = [told(count) for count in (0, 2, 5, 1, 3, 4)]
RACERS = [
    Full(),
    Halving(),
    Gate(),
    PairedRace(),
    FirstFail(allowed=4),
    UCB(share=0.5),
    RandomGate(),
    Minibatch(rows=24),
    EvenHalving(evaluations=200),
    Elimination(),
]


def test_every_racer_is_held_to_it() -> None:
    """A new one is a new row here."""
    assert {type(racer) for racer in RACERS} == kinds_of(Racer)


@pytest.mark.parametrize("racer", RACERS, ids=lambda r: type(r).__name__)
def test_the_best_wins_and_nobody_is_lost(racer: Racer) -> None:
    """All candidates come back, each once, the best first."""
    order = run(racer, new_task(), FIELD)

    assert order[0] == told(5)
    assert sorted(c.id for c in order) == sorted(c.id for c in FIELD)


# Of two that score alike elimination, the last in the list, takes the cheaper one.
@pytest.mark.parametrize("racer", RACERS[:-1], ids=lambda r: type(r).__name__)
def test_a_tie_goes_to_the_earlier_candidate(racer: Racer) -> None:
    """The seed, given first, loses only to something better."""
    seed, twin = Candidate(), Candidate({"classify/instruction": "Other words."})

    assert run(racer, new_task(), [seed, twin]) == [seed, twin]


@pytest.mark.parametrize("racer", RACERS, ids=lambda r: type(r).__name__)
def test_a_race_buys_no_more_than_it_says(racer: Racer) -> None:
    """`cells` is the bound that quotes rest on."""
    task = new_task()
    run(racer, task, FIELD)

    assert len(task.cells) <= racer.cells(len(FIELD), len(ROWS))


def test_halving_buys_half_of_the_grid_at_most() -> None:
    """Most candidates are out after the first rung."""
    task = new_task()
    run(Halving(), task, FIELD)

    assert len(task.cells) <= len(FIELD) * len(ROWS) / 2


@pytest.mark.parametrize(
    ("field", "spares"), [((1, 1, 0, 1, 0), True), (range(5), False)]
)
def test_a_sparing_race_ends_where_nobody_is_ahead_of_the_first(
    field: Sequence[int], spares: bool
) -> None:
    """After the rows of two rungs; whoever is ahead is followed up as ever."""
    texts = [f"Go by {'; '.join(KNOWN[:n])}. Try {at}." for at, n in enumerate(field)]
    twins = [Candidate({"classify/instruction": text}) for text in texts]
    plain, sparing = new_task(), new_task()
    order = run(Halving(), plain, twins)

    assert run(Halving(sparing=True), sparing, twins)[0] == order[0]
    assert (len(sparing.cells) < len(plain.cells)) == spares
    assert max(len(sparing.scores(c, ROWS)) for c in twins) == (24 if spares else 48)


def test_the_hopeless_stop_loses_nothing() -> None:
    """Who is dropped could not have won even with perfect scores on the rest."""
    task = new_task()
    order = run(Full(), task, [told(6), told(0)])

    assert order[0] == told(6)
    assert len(task.scores(told(0), ROWS)) < len(ROWS)


@pytest.mark.parametrize("racer", RACERS, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("budget", [0, 1, 7, 40, 100])
def test_a_race_ends_with_its_budget(racer: Racer, budget: int) -> None:
    """Whatever was bought decides; every candidate is still there."""
    task = new_task(budget)
    task.archive = FIELD[:1]
    order = run(racer, task, FIELD)

    assert task.spent <= budget
    assert len(order) == len(FIELD)


def test_cells_of_a_block_run_side_by_side() -> None:
    """Concurrency is used across candidates, behind the first row of a compile."""
    running = most = 0
    cells, together = len(FIELD) * 4 - 1, asyncio.Event()
    task = new_task()

    async def reply(request: weft.Request) -> str:
        nonlocal running, most
        if not task.cells:
            return "[[ label ]]\nK0\n[[ /end ]]"
        running += 1
        most = max(most, running)
        if running == cells:
            together.set()
        async with asyncio.timeout(PATIENCE):
            await together.wait()
        running -= 1
        return "[[ label ]]\nK0\n[[ /end ]]"

    with weft.use(lm=weft.FunctionLM(reply)):
        asyncio.run(task.observe_all(FIELD, ROWS[:4], "evaluate"))

    assert most == cells


def test_a_cell_is_never_bought_twice() -> None:
    """A second look costs nothing."""
    task = new_task()
    with weft.use(lm=model(), cache=None):
        asyncio.run(task.observe_all(FIELD, ROWS[:8], "evaluate"))
        spent = task.spent
        asyncio.run(task.observe_all(FIELD, ROWS[:8], "verify"))

    assert task.spent == spent == len(FIELD) * 8


def test_few_rows_send_nobody_away_of_whom_more_is_known() -> None:
    """Else a later race could end with somebody worse than the best so far."""
    task = new_task()
    best = Candidate({"classify/instruction": f"Go by {'; '.join(KNOWN[2:])}."})
    run(Full(), task, [best, told(0)])
    lucky = [  # they know the words of the first two rows alone
        Candidate({"classify/instruction": f"{way} {'; '.join(KNOWN[:2])}."})
        for way in ("Go by", "Use", "Follow", "Take", "Mind")
    ]

    assert all(WORDS[at] in ROWS[at].text for at in (0, 1))
    assert run(Halving(first=2), task, [best, *lucky])[0] == best


def test_a_gate_keeps_out_who_is_no_better_than_the_parent() -> None:
    """It never meets the rows behind the gate."""
    task = new_task()
    seed = told(0)
    better = Candidate(told(3).values, "child", seed.id)
    twin = seed.but({"classify/instruction": "Other words."}, "child")
    task.archive = [seed]
    order = run(Gate(rows=6), task, [seed, twin, better])

    assert order[0] == better
    assert len(task.scores(twin, ROWS)) == 6
    assert len(task.scores(better, ROWS)) > 6


def test_half_of_a_gate_is_rows_that_the_parent_fails() -> None:
    """Three random rows hold such a one only seldom when most pass."""
    task = new_task()
    nearly = told(5)
    task.archive = [nearly]
    with weft.use(lm=model()):
        asyncio.run(task.observe(nearly, ROWS, "evaluate"))
    order = run(
        Gate(rows=4), task, [nearly, Candidate(told(6).values, "child", nearly.id)]
    )

    assert order[0] == told(6)


def test_a_paired_race_drops_who_is_surely_worse() -> None:
    """After a block or two, not after all rows."""
    task = new_task()
    run(PairedRace(), task, FIELD)

    assert len(task.cells) <= len(FIELD) * len(ROWS) * 0.75


def test_the_first_failures_end_a_candidates_race() -> None:
    """Who knows less falls earlier."""
    task = new_task()
    run(FirstFail(allowed=2), task, FIELD)
    seen = [len(task.scores(told(count), ROWS)) for count in (0, 3, 5)]

    assert seen == sorted(seen)
    assert seen[0] < seen[2]


def test_half_a_score_is_a_failure_only_where_somebody_has_more() -> None:
    """Else a graded metric would send everybody away at once."""

    def half(example: weft.Example, prediction: Any) -> float:
        return 0.5 if prediction.label == example.label else 0.1

    task = new_task()
    task.metric = half
    best, *others = run(FirstFail(allowed=2), task, [told(0), told(5), told(6)])

    assert best == told(6)
    assert len(task.scores(best, ROWS)) > len(task.scores(told(0), ROWS))
    assert set(others) == {told(0), told(5)}


def test_a_bandit_pulls_the_good_arms_more() -> None:
    """The share of the grid that it may buy goes where the best may be."""
    task = new_task()
    run(UCB(share=0.5), task, FIELD)

    assert len(task.scores(told(5), ROWS)) > len(task.scores(told(0), ROWS))


def test_paired_differences_tell_what_means_hide() -> None:
    """Five points on every row are more than five points here and there."""
    steady = paired_z([0.55, 0.25, 0.85, 0.45], [0.5, 0.2, 0.8, 0.41])
    mixed = paired_z([1.0, 0.0, 1.0, 0.2], [0.5, 0.5, 0.5, 0.5])

    assert steady > 3
    assert abs(mixed) < 1


DRAWN = (RandomGate, Minibatch)
AS_GIVEN = (*DRAWN, EvenHalving, Elimination)
ORDERED = [racer for racer in RACERS if not isinstance(racer, AS_GIVEN)]
# But for a gate, of which half is rows that the parent fails.
GIVEN = [
    Full(order="given"),
    Halving(order="given"),
    PairedRace(order="given"),
    FirstFail(order="given"),
    UCB(order="given"),
]
LATER = [
    told(5),
    Candidate({"classify/instruction": "Go by nothing."}),
    *FIELD[:2],
    told(1),
]


def second_race(racer: Racer, budget: Any = None, concurrency: int = 64) -> Task:
    """A task whose archive holds three candidates that were seen on all rows."""
    task = new_task(budget)
    task.concurrency = concurrency
    task.archive = [told(4), ONLY_MOSK, told(3)]
    with weft.use(lm=model()):
        asyncio.run(task.observe_all(task.archive, ROWS, "evaluate"))
    task.archive = run(racer, task, [told(4), *LATER])
    return task


ONLY_MOSK = Candidate({"classify/instruction": f"Go by {'; '.join(KNOWN[2:])}."})
BOUGHT = 3 * len(ROWS)


@pytest.mark.parametrize("racer", ORDERED, ids=lambda r: type(r).__name__)
def test_known_cells_cost_nothing_and_the_best_wins(racer: Racer) -> None:
    """A later race of newcomers against who is known on all rows."""
    task = second_race(racer)

    assert task.archive[0] == told(5)
    assert task.spent - BOUGHT <= racer.cells(1 + len(LATER), len(ROWS))


@pytest.mark.parametrize("racer", RACERS, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("more", [0, 1, 7, 40])
def test_a_later_race_ends_with_its_budget_too(racer: Racer, more: int) -> None:
    """Everybody is still there, and who is known is not lost to a few lucky rows."""
    task = second_race(racer, BOUGHT + more)

    assert task.spent <= BOUGHT + more
    assert len(task.archive) == 1 + len(LATER)


@pytest.mark.parametrize("racer", RACERS, ids=lambda r: type(r).__name__)
def test_a_later_race_is_the_same_at_any_concurrency(racer: Racer) -> None:
    """The same cells are bought, and the same order comes out."""
    one, many = second_race(racer, concurrency=1), second_race(racer, concurrency=64)

    assert one.archive == many.archive
    assert one.cells.keys() == many.cells.keys()


@pytest.mark.parametrize("racer", ORDERED, ids=lambda r: type(r).__name__)
def test_newcomers_meet_first_the_rows_that_tell_candidates_apart(racer: Racer) -> None:
    """Not those that every known candidate passes, or none does."""
    task = second_race(racer, BOUGHT + 30)
    met = [row for row in ROWS if task.result(LATER[0], row)]
    known = [told(4), ONLY_MOSK, told(3)]

    assert met
    assert all(0 < sum(task.mean(c, [row]) for c in known) < 3 for row in met)


@pytest.mark.parametrize("racer", GIVEN, ids=lambda r: type(r).__name__)
def test_rows_come_as_given_where_a_paper_has_it_so(racer: Racer) -> None:
    """From the first on, whatever is known of them."""
    task = second_race(racer, BOUGHT + 30)
    met = [row for row in ROWS if task.result(LATER[0], row)]

    assert met == list(ROWS[: len(met)])
    assert met


def test_another_round_is_gated_by_other_rows() -> None:
    """Else who is better on rows that were never looked at would leave each time."""
    task = second_race(Halving())
    gate = {row.id for row in ROWS if task.result(LATER[1], row)}
    late = Candidate({"classify/instruction": "Go by your feeling."})
    task.archive = run(Halving(), task, [task.archive[0], late])
    again = {row.id for row in ROWS if task.result(late, row)}

    assert gate
    assert len(gate & again) < len(gate) / 2
