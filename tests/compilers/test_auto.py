"""Auto: who proposes in its rounds, how many there are, and when it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import weft
from tests.compilers.test_race import new_task
from tests.compilers.test_race import told as raced_told
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    classifier,
    exact,
    learner,
    model,
    planted_rows,
    under_way,
)
from weft.compilers import Auto
from weft.compilers.pacing import (
    TELLING,
    Credit,
    in_doubt,
    no_headroom,
    rounds_in,
    told_apart,
)
from weft.compilers.propose.demos import BootstrapDemos
from weft.compilers.propose.edits import DropDemos
from weft.compilers.propose.reflection import Reflect
from weft.compilers.recipe import Draw, Recipe
from weft.compilers.search.candidate import Candidate
from weft.pipeline.data.rows import read_rows


def compiled(rule: Any, budget: int | None = 280) -> weft.Result[..., Any, Any]:
    """Auto on a planted world, by a model that follows a rule."""
    with weft.use(lm=model(rule), cache=None):
        return weft.compile(
            classifier(),
            planted_rows(60),
            planted_rows(60, 1),
            metric=exact,
            compiler=Auto(),
            budget=budget and f"{budget} calls",
        )


def test_both_learners_write_in_the_first_round() -> None:
    """One from solved rows and one from what went wrong, before any race."""
    asked: list[str] = []

    def watched(request: Asked) -> dict[str, str]:
        if not request.classifies:
            asked.append(request.outputs[-1][0])
        return learner(request)

    compiled(watched)
    first = asked[:5]

    assert {"new", "instruction"} <= set(first)


def test_a_budget_pays_for_a_few_rounds() -> None:
    """280 calls for three or four, as many rows more for more; no limit for all."""
    recipe = Auto(rounds=9).recipes()[0]
    rows = read_rows(planted_rows(90), ["text"])
    counts = [
        rounds_in(under_way(None, rows[:45], rows[45:], budget), recipe)
        for budget in ("60 calls", "204 calls", "400 calls", None)
    ]

    assert counts == [1, 4, 8, 10]


def test_draws_of_demos_have_several_sizes() -> None:
    """All, a few, half of them: a few may be as good, and cost less."""
    rows = read_rows(planted_rows(60), ["text"])
    task = under_way(None, rows[:48], rows[48:])
    proposer = BootstrapDemos(sparing=True, sizes=(16, 4, 8))
    with weft.use(lm=model()):
        made = asyncio.run(proposer.propose(task, [Candidate()] * 3, 3))

    assert [len(c.values["classify/demos"]) for c in made] == [16, 4, 8]


def test_a_pool_is_shown_by_the_input_where_only_that_helps() -> None:
    """A model that is right only where most of its demos are like the input."""
    made = compiled(_like_its_demos)

    assert made.improved
    assert made.program.parameters.nearest
    assert made.report.winner.by == "NearestDemos"


def _like_its_demos(request: Asked) -> dict[str, str]:
    """Right where most demos show the word of the input; it writes nothing useful."""
    if not request.classifies:
        return {}
    word = next(w for w in WORDS if w in request.said)
    like = [said for said, _ in request.demos if word in said]
    return learner(request) if 2 * len(like) > len(request.demos) else {"label": "K9"}


def test_draws_of_demos_have_the_labels_shares_in_turn() -> None:
    """What demos say of the shares moves a weak model, so both are raced."""
    usual, rare = CODES[:2]
    given = [
        {"text": f"row {n}", "label": rare if n % 8 == 0 else usual} for n in range(64)
    ]
    rows = read_rows(given, ["text"])
    task = under_way(None, rows[:48], rows[48:])
    proposer = BootstrapDemos(sparing=True, sizes=(16, 8), natural=True)
    with weft.use(lm=model()):
        made = asyncio.run(proposer.propose(task, [Candidate()] * 4, 4))
    shown = [[d.values["label"] for d in c.values["classify/demos"]] for c in made]

    assert [len(one) for one in shown] == [16, 8, 16, 8]
    natural, balanced = shown[::3], shown[1:3]
    assert [one.count(rare) for one in natural] == [2, 1]
    assert [one.count(rare) for one in balanced] == [4, 4]


def test_a_task_without_headroom_ends_early() -> None:
    """Nothing that anybody writes or shows moves this model."""

    result = compiled(knowing(4))

    assert not result.report.returned
    assert result.report.calls <= 140
    assert "ahead of the program by more than luck" in result.report.stopped


def knowing(count: int) -> Any:
    """A model that knows so many of the six words, and learns nothing."""
    known = dict(zip(WORDS[:count], CODES[:count], strict=True))

    def rule(request: Asked) -> dict[str, str]:
        if not request.classifies:
            return learner(request)
        return {"label": next((c for w, c in known.items() if w in request.said), "K9")}

    return rule


@pytest.mark.parametrize(
    ("known", "ahead", "met"), [(5, 0, 24), (3, 3, 16), (0, 1, 16)]
)
def test_the_program_meets_the_rows_of_whoever_may_lead_by_luck(
    known: int, ahead: int, met: int
) -> None:
    """Not of one that is far ahead, nor where most rows fail anyway."""
    task = new_task()
    leader = raced_told(known + ahead)
    task.archive = [leader, Candidate()]
    with weft.use(lm=model(knowing(known) if known else _helpless)):
        asyncio.run(task.observe_all([Candidate()], task.rows[:16], "evaluate"))
    with weft.use(lm=model(learner)):
        asyncio.run(task.observe_all([leader], task.rows[:24], "evaluate"))

    cells = in_doubt(task, leader)

    assert [row.id for _, row in cells] == [row.id for row in task.rows[16:met]]
    assert in_doubt(task, Candidate()) == []


def test_once_the_search_ends_the_program_meets_the_leaders_rows_anyway() -> None:
    """The verification counts the select rows that both have met, and no others."""
    task = new_task()
    leader = raced_told(1)
    task.archive = [leader, Candidate()]
    with weft.use(lm=model(_helpless)):
        asyncio.run(task.observe_all([Candidate()], task.rows[:8], "evaluate"))
    with weft.use(lm=model(learner)):
        asyncio.run(task.observe_all([leader], task.rows[:24], "evaluate"))
    cells = in_doubt(task, leader, ended=True)

    assert [row.id for _, row in cells] == [row.id for row in task.rows[8:24]]
    assert in_doubt(task, leader) == []


def test_the_program_meets_no_more_rows_of_whoever_is_not_ahead() -> None:
    """After the rows of two rungs: who is level there need not be told apart."""
    task = new_task()
    leader = raced_told(5)
    task.archive = [leader, Candidate()]
    with weft.use(lm=model(knowing(5))):
        asyncio.run(task.observe_all([leader], task.rows, "evaluate"))
        asyncio.run(task.observe_all([Candidate()], task.rows[:8], "evaluate"))
        asyncio.run(told_apart(task))

    assert len(task.scores(Candidate(), task.rows)) == 24


@pytest.mark.parametrize("known", [2, 5])
def test_a_trial_run_looks_for_failures_to_learn_from(known: int) -> None:
    """Where a first lot shows few, more rows are run, before anybody writes."""
    asked: list[bool] = []
    rule = knowing(known)

    def watched(request: Asked) -> dict[str, str]:
        asked.append(request.classifies)
        return rule(request)

    compiled(watched, 1000)
    trial = asked.index(False)
    failing = trial * (1 - known / len(WORDS))

    assert trial == 16 or failing <= TELLING + 4
    assert (trial > 16) == (known == 5)


def test_a_program_that_fails_most_rows_is_not_given_up() -> None:
    """A few rounds show too little where nearly all is to be gained."""
    task = new_task()
    task.archive = [Candidate(), *(raced_told(n) for n in range(5))]
    asyncio.run(_observed(task, _helpless))
    task.number = 3

    assert no_headroom(task, task.archive[1:]) == ""


def _helpless(request: Asked) -> dict[str, str]:
    del request
    return {"label": "K9"}


async def _observed(task: Any, rule: Any) -> None:
    with weft.use(lm=model(rule)):
        await task.observe_all(task.archive, task.rows, "evaluate")


@pytest.mark.parametrize("gains", [(-0.1, -0.2, -0.1), (0.2, -0.2, -0.1)])
def test_a_writer_whose_instructions_all_lose_is_asked_no_more(
    gains: tuple[float, ...],
) -> None:
    """Who calls no model goes on; one instruction that gains is enough to go on."""
    draws = (Draw(Reflect(), 2), Draw(DropDemos(), 2))
    credit = Credit.of(Recipe((draws,)))
    credit.written += gains
    credit.judge(new_task(), Candidate(), [])
    names = {draw.proposer.name for draw in credit.shared(draws)}

    assert "DropDemos" in names
    assert ("Reflect" in names) == (max(gains) > 0)
