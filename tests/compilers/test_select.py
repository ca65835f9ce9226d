"""Selectors: where the next proposals start from."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

import weft
from tests.compilers.test_race import ROWS, new_task, told
from tests.compilers.worlds import kinds_of, model
from weft.compilers.driving.steering import FromCandidate
from weft.compilers.pacing import Credit
from weft.compilers.propose.demos import LabeledDemos
from weft.compilers.propose.edits import DropSentence
from weft.compilers.racing.optuna_tpe import OptunaTPE
from weft.compilers.racing.select import (
    TPE,
    Beam,
    Best,
    InstancePareto,
    Selector,
    Softmax,
    Tournament,
)
from weft.compilers.recipe import Draw, Recipe
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.choices import Parzen, Sampler, Trial
from weft.compilers.search.task import Task

ONLY_MOSK = Candidate({"classify/instruction": "Go by mosk = K5."})
SELECTORS = [
    Best(),
    Beam(),
    InstancePareto(),
    Softmax(),
    Tournament(),
    TPE(),
    TPE(sampler=OptunaTPE()),
    FromCandidate(told(0), Best()),
]
SAMPLERS: list[Sampler] = [Parzen(), OptunaTPE()]


def raced(*candidates: Candidate) -> Task:
    """A task whose archive was seen on all rows."""
    task = new_task()
    task.archive = list(candidates)
    with weft.use(lm=model()):
        asyncio.run(task.observe_all(candidates, ROWS, "evaluate"))
    return task


def test_every_selector_and_sampler_is_held_to_it() -> None:
    """A new one is a new row here."""
    assert {type(selector) for selector in SELECTORS} == kinds_of(Selector)
    assert {type(sampler) for sampler in SAMPLERS} == kinds_of(Sampler)


@pytest.mark.parametrize("selector", SELECTORS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("count", [1, 3])
def test_there_are_always_parents_and_always_the_same(
    selector: Selector, count: int
) -> None:
    """As many as asked for, out of the archive, even before any race."""
    task = new_task()
    task.archive = [told(number) for number in range(count)]
    parents = selector.parents(task, 5)

    assert len(parents) == 5
    assert set(parents) <= set(task.archive)
    assert selector.parents(task, 5) == parents
    assert selector.incumbents(task)


def test_the_front_keeps_who_is_best_somewhere() -> None:
    """A poor candidate that alone knows one word, and nobody whom another covers."""
    task = raced(told(5), told(3), ONLY_MOSK, told(0))

    assert list(task.front(task.archive)) == [told(5), ONLY_MOSK]


def test_pareto_parents_come_as_often_as_they_are_best() -> None:
    """Five rows in six against one in six."""
    drawn = Counter(InstancePareto().parents(raced(told(5), ONLY_MOSK), 300))

    assert 220 <= drawn[told(5)] <= 280


def test_a_cooler_softmax_favours_the_best_more() -> None:
    """The temperature says how much a point is worth."""
    task = raced(told(5), told(2), told(0))
    cool = Counter(Softmax(temperature=0.1).parents(task, 200))[told(5)]
    warm = Counter(Softmax(temperature=2.0).parents(task, 200))[told(5)]

    assert cool > 180 > warm


def test_a_tournament_stays_in_the_population() -> None:
    """Who ranks below it has no children."""
    task = raced(told(5), told(4), told(3), told(2))
    drawn = Counter(Tournament(population=2, size=1).parents(task, 100))

    assert set(drawn) == {told(5), told(4)}


SPACE = {"instruction": ["old", "new"], "demos": ["none", "few", "many"]}
GOOD = {"instruction": "new", "demos": "few"}


def trials() -> list[Trial]:
    """Every combination twice; the better the more it shares with the good one."""
    made = [
        Trial({"instruction": i, "demos": d}, (i == "new") * 0.5 + (d == "few") * 0.4)
        for i in SPACE["instruction"]
        for d in SPACE["demos"]
    ]
    return sorted(made * 2, key=lambda trial: -trial.score)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: type(s).__name__)
def test_an_estimator_tries_what_the_good_ones_chose(sampler: Sampler) -> None:
    """Known choices alone, without doubles, the same again from the same seed."""
    drawn = sampler.sampled(SPACE, trials(), 3, random.Random(0))
    first = [
        sampler.sampled(SPACE, trials(), 1, random.Random(seed))[0]
        for seed in range(20)
    ]

    assert drawn == sampler.sampled(SPACE, trials(), 3, random.Random(0))
    assert all(d[slot] in SPACE[slot] for d in drawn for slot in SPACE)
    assert len({tuple(d.items()) for d in drawn}) == len(drawn) >= 1
    assert first.count(GOOD) >= 8
    assert sampler.sampled({}, [], 3, random.Random(0)) == []


def test_tpe_parents_make_the_choices_that_paid() -> None:
    """Whoever holds the best instruction comes first, as often as not."""
    task = raced(told(5), told(4), told(1), told(0))
    first: Counter[Candidate] = Counter()
    for seed in range(40):
        task.seed = seed
        first.update(TPE().parents(task, 1))

    assert first[told(5)] > 20 > first[told(1)] + first[told(0)]


def test_more_of_the_calls_go_where_they_gained() -> None:
    """Gain per call decides the shares, and nobody has a slot by right."""
    draws = (Draw(LabeledDemos(), 4), Draw(DropSentence(), 4))
    credit = Credit.of(Recipe((draws,)))
    credit.gains["LabeledDemos"] = 0.3
    credit.calls |= {"LabeledDemos": 40, "DropSentence": 40}
    shared = credit.shared(draws)
    credit.gains["DropSentence"] = 0.3
    even = credit.shared(draws)

    assert [(draw.proposer.name, draw.n) for draw in shared] == [("LabeledDemos", 8)]
    assert [draw.n for draw in even] == [4, 4]
