"""When a search ends: what is luck, and what a few rows say of the program."""

from __future__ import annotations

import zlib

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    classifier,
    learner,
    model,
    planted_rows,
    under_way,
)
from weft.compilers.pacing import fails_most, luck_alone
from weft.compilers.racing.gains import gains_of, shrunk_gain
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.task import Task
from weft.metrics import exact
from weft.pipeline.data.rows import read_rows
from weft.pipeline.measure.row_result import RowResult
from weft.pipeline.measure.score import Score

SEED = Candidate()
ROWS = 40


def named(number: int) -> Candidate:
    """A candidate that differs from all others."""
    return Candidate({"classify/instruction": f"Way {number}."}, parent=SEED.id)


def scored(right: dict[Candidate, int], rounds: int) -> Task:
    """After so many rounds, of candidates that pass the first so many of the rows."""
    task = under_way(None, [], read_rows(planted_rows(ROWS), ["text"]))
    for candidate, count in right.items():
        for at, row in enumerate(task.rows):
            score = Score(float(at < count))
            task.cells[candidate.id, row.digest] = RowResult(row, "K0", score)
    task.archive = sorted(right, key=lambda one: -right[one])
    task.number = rounds
    return task


def of_many(ahead: int, many: int, rounds: int = 2) -> Task:
    """The leader is ahead by some rows; the others are as good as the program."""
    others = {named(n): 28 for n in range(1, many)}
    return scored({named(0): 28 + ahead, SEED: 28, **others}, rounds)


@pytest.mark.parametrize(("ahead", "lucky"), [(2, True), (10, False)])
def test_a_lead_that_is_luck_ends_the_search(ahead: int, lucky: bool) -> None:
    """Of a dozen that are no better the best is some rows ahead; by ten it is not."""
    said = luck_alone(of_many(ahead, 12))

    assert said == (
        "the best of 12 candidates was ahead by no more than luck" if lucky else ""
    )


def test_the_same_lead_says_more_where_few_were_tried() -> None:
    """The best of many owes its lead to all of them."""
    assert luck_alone(of_many(3, 30))
    assert not luck_alone(of_many(3, 1))


def test_one_round_is_too_little_to_call_a_lead_luck() -> None:
    """What it found has not met yet."""
    assert not luck_alone(of_many(2, 12, rounds=1))


def test_a_program_that_surely_fails_most_rows_goes_on() -> None:
    """There is more to gain than a few rounds can be trusted to show."""
    others = {named(n): 8 for n in range(1, 12)}

    assert not luck_alone(scored({named(0): 9, SEED: 8, **others}, 2))


def test_a_leader_that_met_few_rows_is_not_judged() -> None:
    """It is told apart from the program first."""
    task = of_many(2, 12)
    for row in task.rows[10:]:
        del task.cells[named(0).id, row.digest]

    assert not luck_alone(task)


@pytest.mark.parametrize(
    ("right", "fails"), [(0, True), (12, True), (18, False), (30, False), (40, False)]
)
def test_a_program_fails_most_rows_where_that_is_no_chance(
    right: int, fails: bool
) -> None:
    """18 of 40 may be half of all."""
    assert fails_most(scored({SEED: right}, 1)) is fails


def test_a_program_of_which_nothing_is_known_is_not_given_up() -> None:
    """No row and one row tell nothing."""
    assert fails_most(scored({}, 1))


def test_gains_are_of_rows_that_both_have_met() -> None:
    """The others show which rows were luckier, not who is better."""
    task = scored({named(0): 30, SEED: 28}, 1)
    del task.cells[SEED.id, task.rows[28].digest]

    assert sum(gains_of(task, named(0), SEED, task.rows)) == 1.0
    assert len(gains_of(task, named(0), SEED, task.rows)) == ROWS - 1
    assert shrunk_gain(task, named(0), SEED) == pytest.approx(1 / (ROWS - 1 + 8))
    assert shrunk_gain(task, named(1), SEED) == 0.0


def test_a_compile_that_only_luck_leads_keeps_most_of_its_calls() -> None:
    """The report says why; what led is verified all the same."""

    def chance(asked: Asked) -> dict[str, str]:
        """Right on three texts in five, others for each wording of the request."""
        if not asked.classifies:
            return learner(asked)
        word = next(word for word in WORDS if word in asked.said)
        right = zlib.crc32(f"{asked.task}{asked.said}".encode()) % 5 < 3
        return {"label": CODES[WORDS.index(word)] if right else "K9"}

    with weft.use(lm=model(chance, name="chance"), cache=None):
        result = weft.compile(
            classifier(),
            planted_rows(60),
            planted_rows(60, 1),
            metric=exact("label"),
            budget="1000 calls",
            seed=2,
        )

    assert not result.report.improved
    assert "was ahead by no more than luck" in result.report.stopped
    assert result.report.calls < 500
