"""The verification: what is claimed, who comes back, and how many rows it takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import weft
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
from weft.compilers import APE, TRIPLE, LabeledFewShot
from weft.compilers.driving.verify import LEAST, Contest, Verified, sealed_rows, verify
from weft.compilers.search.allowance import Allowance
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.cost import CallGuess
from weft.compilers.search.task import Split, Task
from weft.compilers.statistics.looks import Looks
from weft.pipeline.data.rows import read_rows

RULE = dict(zip(WORDS, CODES, strict=False))


def _told(words: int) -> Candidate:
    said = "; ".join(f"{word} = {RULE[word]}" for word in WORDS[:words])
    return Candidate({"classify/instruction": f"Go by {said or 'no rule'}."})


def _verified(
    best: Candidate,
    rows: int = 60,
    *,
    aside: int | None = None,
    budget: Any = None,
    whole: bool = False,
) -> tuple[Task, Verified]:
    task = under_way(classifier(), budget=budget)
    task.split = Split((), (), tuple(read_rows(planted_rows(rows), ["text"])))
    with weft.use(lm=model(), cache=None):
        count = rows if aside is None else aside
        found = asyncio.run(verify(task, best, count, whole=whole))
    return task, found


def test_where_the_seed_is_the_best_no_row_needs_two_programs() -> None:
    """It is seen alone, on a few rows, and on no more than were set aside for one."""
    task, found = _verified(Candidate(), 60, aside=20)

    assert task.spent == LEAST
    assert [len(results) for results in found.rows.values()] == [LEAST]
    assert _verified(Candidate(), 60, aside=9)[0].spent == 9
    assert not found.claim.shown
    assert not found.won


def test_a_large_gain_is_claimed_before_all_rows_are_bought() -> None:
    """And the claim stands on those that were."""
    task, found = _verified(_told(len(WORDS)), 60)
    seen = len(next(iter(found.rows.values())))

    assert found.claim.shown
    assert found.won
    assert seen == found.claim.rows < 30
    assert task.spent == 2 * seen
    assert not found.stopped


def test_where_nothing_differs_little_is_bought() -> None:
    """Nobody comes back; select rows say it too, so the sealed ones end sooner."""
    _, found = _verified(_told(0), 60)
    chosen = (1.0, -1.0, *[0.0] * 58)
    contest = Contest(Looks(30), chosen, met=(1.0,) * 4)

    assert not found.claim.shown
    assert not found.won
    assert found.claim.rows < 60
    assert contest.is_settled([0.0] * 20)


def test_where_all_rows_are_wanted_all_are_bought() -> None:
    """A shorter prompt is to score no less on every one of them."""
    _, found = _verified(_told(len(WORDS)), 60, whole=True)

    assert found.claim.rows == 60
    assert found.claim.looks == 1


def test_both_programs_meet_the_same_rows_where_the_budget_ends() -> None:
    """Looks are planned for those that it holds, and the report says how many."""
    task, found = _verified(_told(1), 60, aside=10, budget=29)
    ids = [[r.example.id for r in results] for results in found.rows.values()]

    assert task.spent <= 29
    assert ids[0] == ids[1]
    assert len(ids[0]) == 14
    assert found.stopped == "the budget held 14 of 60 sealed rows"


@pytest.mark.parametrize("calls_a_row", [1, 3])
@pytest.mark.parametrize("budget", [280, 1_000, 4_000])
def test_what_is_set_aside_is_a_quarter_or_what_a_gain_needs(
    calls_a_row: int, budget: int
) -> None:
    """Where a row costs three calls 280 are no longer half gone before the search."""
    ledger = weft.Ledger(weft.Budget.of(budget))
    rows = sealed_rows(Allowance(ledger, calls_a_row, CallGuess()), 95)
    calls = 2 * rows * calls_a_row

    assert rows == LEAST or calls <= budget / 4
    assert calls <= 0.35 * budget


WON = [1.0] * 40 + [0.0] * 20
LOST = [-1.0] * 3 + [0.0] * 13


@pytest.mark.parametrize(
    ("select", "sealed", "won"),
    [
        (WON, [1.0, 0.0, 0.0, 0.0] * 4, True),
        (WON, LOST, False),
        ([0.0] * 60, [1.0, 0.0, 0.0, 0.0] * 2 + [0.0] * 8, False),
        ([], [1.0, 0.0, 0.0, 0.0] * 2 + [0.0] * 8, True),
    ],
    ids=["both speak for it", "sealed rows against it", "chance", "not chosen"],
)
def test_who_comes_back(select: list[float], sealed: list[float], won: bool) -> None:
    """Select rows count less the luck of the best of eight; sealed rows have a veto."""
    met = (1.0,) * 8 if select else ()
    contest = Contest(Looks(len(sealed)), tuple(select), met)

    assert contest.is_won(sealed, contest.claim(sealed)) is won


def _compiled(compiler: Any, rule: Callable[[Asked], Any] = learner) -> Any:
    with weft.use(lm=model(rule)):
        return weft.compile(
            classifier(), planted_rows(120), metric=exact, compiler=compiler
        )


def test_a_report_says_what_was_claimed_and_what_luck_would_show() -> None:
    """In words and in JSON, at which look, and of how many candidates."""
    report = _compiled(APE(candidates=4)).report
    data = json.loads(report.to_json())
    raced = sum(1 for line in report.tried if line.parent and line.rows)

    assert data["claim"]["p"] <= data["claim"]["level"] <= 0.05
    assert data["p"] == data["claim"]["p"]
    assert data["luck"]["rivals"] == raced
    assert data["luck"]["luck"] > 0
    assert f"  luck       {report.estimate}" in str(report)
    assert "no better, on 24 select rows; less that the gain is +" in str(report)


def test_a_search_that_kept_the_seed_says_nothing_of_luck() -> None:
    """There is no winner that could owe something to it."""
    report = _compiled(APE(candidates=4), lambda _: {"label": "K9"}).report

    assert report.estimate is None
    assert json.loads(report.to_json())["luck"] is None
    assert "luck" not in str(report)


def test_who_has_seen_the_sealed_rows_is_counted(tmp_path: Path) -> None:
    """By the digest of the rows, down the line of artifacts; nobody else is known."""
    rows = planted_rows(120)
    given: dict[str, Any] = {"metric": exact, "compiler": LabeledFewShot()}
    with weft.use(lm=model()):
        first = weft.compile(classifier(), rows, **given)
        path = first.save(tmp_path / "classify.weft.json")
        again = weft.compile(weft.load(path), rows, **given)
        here = weft.compile(first.program, rows, **given)
        other = weft.compile(weft.load(path), rows, seed=1, **given)
        moved = weft.recompile(
            path, rows, lm=model(name="other"), metric=exact, budget=300
        )

    assert first.provenance["sealed"] == {"digest": first.report.sealed[0], "looks": 1}
    assert again.report.sealed == (first.report.sealed[0], 2)
    assert here.report.sealed == again.report.sealed
    assert "2 compiles that led here have seen these rows" in str(again.report)
    assert other.report.sealed[1] == 1
    assert moved.report.sealed == again.report.sealed


def test_a_broken_count_in_an_artifact_is_not_believed(tmp_path: Path) -> None:
    """Whoever wrote it by hand wrote nothing that is counted on."""
    rows = planted_rows(60)
    given: dict[str, Any] = {"metric": exact, "compiler": LabeledFewShot()}
    with weft.use(lm=model()):
        first = weft.compile(classifier(), rows, **given)
        made = {**first.provenance, "sealed": {**first.provenance["sealed"]}}
        made["sealed"]["looks"] = "many"
        path = tmp_path / "classify.weft.json"
        replace(first, provenance=made).save(path)
        again = weft.compile(weft.load(path), rows, **given)

    assert again.report.sealed[1] == 1


def test_a_small_gain_that_may_be_chance_is_returned_and_not_claimed() -> None:
    """Two questions: whether it is shown, and who is likelier the better."""
    pool = (f"Go by {WORDS[0]} = {RULE[WORDS[0]]}.",)
    with weft.use(lm=model()):
        report = weft.compile(
            classifier(),
            planted_rows(54),
            metric=exact,
            compiler=TRIPLE(instructions=pool),
        ).report

    assert report.returned
    assert not report.improved
    assert report.verdict.endswith("returned because it is likelier better than not")
