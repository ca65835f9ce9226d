"""Wrong labels are found where good programs agree against them, and hardly else."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from weft.errors import ConfigError, DataError
from weft.pipeline.measure.row_result import RowResult
from weft.pipeline.measure.suspects import suspects_among

ROWS, SEEDS = 120, 20


class World(NamedTuple):
    """How labels and programs are drawn.

    Args:
        labels: How many there are.
        programs: How many programs, right on 70 to 90 % of the rows.
        wrong: How many labels are wrong.
        hard: How far the rows' difficulties lie apart, in logits.
        drawn: Share of wrong answers that a row's own value draws.
    """

    labels: int = 10
    programs: int = 6
    wrong: int = 8
    hard: float = 0.0
    drawn: float = 0.0


WORLDS = {
    "errors of each one's own": World(),
    "four labels": World(labels=4),
    "three programs": World(programs=3),
    "two labels, twelve programs": World(labels=2, programs=12),
    "hard rows": World(hard=1.0),
    "hard rows, with values that draw": World(hard=1.0, drawn=0.5),
}


def planted(world: World, seed: int) -> tuple[list[list[RowResult]], set[str]]:
    """Each program's results, and the ids of the rows whose label is wrong."""
    rng = random.Random(seed)
    names = [f"K{n}" for n in range(world.labels)]

    def other(name: str) -> str:
        return rng.choice([one for one in names if one != name])

    truth = [rng.choice(names) for _ in range(ROWS)]
    wrong = set(rng.sample(range(ROWS), world.wrong))
    rows = [
        weft.Example(f"r{at}", {"q": at}, {"a": other(t) if at in wrong else t})
        for at, t in enumerate(truth)
    ]
    hard = [(rng.gauss(0, world.hard), other(t)) for t in truth]
    results: list[list[RowResult]] = []
    for _ in range(world.programs):
        skill = rng.uniform(0.7, 0.9)
        wide = math.sqrt(1 + 0.346 * world.hard**2)  # so that the mean stays
        logit = wide * math.log(skill / (1 - skill))
        said: list[RowResult] = []
        for row, t, (easier, draws) in zip(rows, truth, hard, strict=True):
            right = rng.random() < 1 / (1 + math.exp(-logit - easier))
            miss = draws if rng.random() < world.drawn else other(t)
            answer = t if right else miss
            score = weft.Score(float(answer == row.a))
            said.append(RowResult(row, answer, score))
        results.append(said)
    return results, {f"r{at}" for at in wrong}


@pytest.mark.parametrize("kind", WORLDS)
def test_wrong_labels_are_named_and_right_ones_hardly(kind: str) -> None:
    """Of 8 in 120 rows at least 6, and at most 1 % of the others, on the mean."""
    world, found, false = WORLDS[kind], 0, 0
    for seed in range(SEEDS):
        results, wrong = planted(world, seed)
        named = {one.example.id for one in suspects_among(results)}
        found += len(named & wrong)
        false += len(named - wrong)

    assert found / SEEDS >= 6
    assert false / SEEDS <= 0.01 * (ROWS - world.wrong)


def test_where_no_label_is_wrong_hardly_any_is_named() -> None:
    """Though programs miss the same hard rows."""
    world = World(wrong=0, hard=1.0, drawn=0.5)
    named = [len(suspects_among(planted(world, seed)[0])) for seed in range(SEEDS)]

    assert sum(named) / SEEDS <= 0.01 * ROWS


def test_a_suspect_says_what_should_stand_there() -> None:
    """The value most programs give, how many, and how sure it is; the surest first."""
    results, wrong = planted(World(), 1)
    named = suspects_among(results)
    best = next(one for one in named if one.example.id in wrong)
    data = best.describe()

    assert [one.probability for one in named] == sorted(
        (one.probability for one in named), reverse=True
    )
    assert best.value != best.example.a
    assert data["value"] == best.value
    assert data["labels"] == {"a": best.example.a}
    assert 3 <= data["agree"] <= data["of"] == 6
    assert f"{best.agree} of 6 say '{best.value}'" in str(best)


def test_programs_that_answer_alike_count_as_one() -> None:
    """A copy of a program is no second witness."""
    first, *_ = planted(World(), 2)[0]

    assert suspects_among([first] * 5) == []


def test_what_went_wrong_is_no_answer() -> None:
    """A reply that could not be used says nothing of a label."""
    results, _ = planted(World(), 3)
    named = {one.example.id for one in suspects_among(results)}
    silent = [
        [
            RowResult(r.example, None, weft.Score(0.0, "unusable"), "unusable", True)
            if r.example.id in named
            else r
            for r in some
        ]
        for some in results
    ]

    assert named
    assert not named & {one.example.id for one in suspects_among(silent)}


def test_a_label_that_no_program_knows_is_not_suspected() -> None:
    """Where they agree for once on such rows, and elsewhere do not, they all guess."""
    results, _ = planted(World(wrong=0), 5)
    rows = [weft.Example(f"x{n}", {"q": -n}, {"a": "unheard"}) for n in range(6)]
    for at, some in enumerate(results):
        for n, row in enumerate(rows):
            guess = "K1" if n == 0 else f"K{at}"
            some.append(RowResult(row, guess, weft.Score(0.0)))

    assert not [one for one in suspects_among(results) if one.example.a == "unheard"]


def test_further_labels_beside_the_one_asked_for_do_not_matter() -> None:
    """Such as what a judge reads: a row is known by the label that answers give."""
    results, wrong = planted(World(labels=3, programs=5), 6)
    plain = suspects_among(results)
    noted = [
        [
            RowResult(
                weft.Example(
                    r.example.id,
                    r.example.inputs,
                    {"note": r.example.id, "a": r.example.a},
                ),
                r.prediction,
                r.score,
            )
            for r in some
        ]
        for some in results
    ]

    assert {one.example.id for one in plain} & wrong
    assert [one.example.id for one in suspects_among(noted)] == [
        one.example.id for one in plain
    ]


def _evaluation(results: list[RowResult]) -> weft.Evaluation:
    return weft.Evaluation("p", "exact", tuple(results))


def test_evaluations_of_three_programs_on_the_same_rows_are_asked_for() -> None:
    """With fewer, or of other rows, there is nothing to tell."""
    results, wrong = planted(World(), 4)
    found = weft.suspect_labels([_evaluation(some) for some in results])
    others = [
        RowResult(weft.Example("x", {"q": "x"}, {"a": "K0"}), "K1", weft.Score(0.0))
    ]

    assert {one.example.id for one in found} & wrong
    with pytest.raises(DataError, match="Give those of 3 programs or more"):
        weft.suspect_labels([_evaluation(some) for some in results[:2]])
    with pytest.raises(DataError, match="no row in common"):
        weft.suspect_labels([_evaluation(s) for s in (*results[:2], others)])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_answers_have_probabilities_in_order(data: Any) -> None:
    """Whatever was answered, on whichever rows."""
    words = st.sampled_from(["a", "b", " A ", "c", None, 3, ["x"]])
    rows = [weft.Example(f"r{n}", {"q": n}, {"a": data.draw(words)}) for n in range(8)]
    results = [
        [
            RowResult(row, said, weft.Score(float(said == row.labels["a"])))
            for row in rows
            if data.draw(st.booleans())
            for said in [data.draw(words)]
        ]
        for _ in range(4)
    ]
    named = suspects_among(results, least=0.1)
    sure = [one.probability for one in named]

    assert sure == sorted(sure, reverse=True)
    assert all(0.1 <= each <= 1 for each in sure)
    assert named == suspects_among(results, least=0.1)


@pytest.mark.parametrize("least", [math.nan, 2, -1, "x", None, True])
def test_a_probability_is_from_0_to_1(least: Any) -> None:
    """NaN compares with nothing, and named every row."""
    results, _ = planted(World(), 4)

    with pytest.raises(ConfigError, match="Give a number from 0 to 1"):
        weft.suspect_labels([_evaluation(some) for some in results], least=least)


@pytest.mark.parametrize("given", [None, 3, "abc", [1, 2, 3]])
def test_what_is_no_evaluation_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match="is no evaluation"):
        weft.suspect_labels(given)


def test_evaluations_by_several_metrics_are_refused() -> None:
    """One metric's 1 says nothing of another's; a generator of one's is taken."""
    results, _ = planted(World(), 4)
    made = [_evaluation(some) for some in results]
    other = replace(made[0], metric="another")

    assert weft.suspect_labels(one for one in made) == weft.suspect_labels(made)
    with pytest.raises(ConfigError, match=r"several metrics: .*another"):
        weft.suspect_labels([*made[1:], other])
