"""Recipes named after a method say where they depart, and go by it where asked to."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import Any, cast

import pytest

import weft
from tests.compilers.every import PUBLISHED, compiled
from tests.compilers.worlds import classifier, exact, model, planted_rows, under_way
from weft import compilers as c
from weft.compilers.propose.reflection import Contrast, contrasts
from weft.compilers.racing.race import Full
from weft.compilers.racing.racers import (
    UCB,
    EvenHalving,
    Minibatch,
    PairedRace,
    RandomGate,
)
from weft.compilers.racing.select import (
    Beam,
    Best,
    InstancePareto,
    Softmax,
    Tournament,
)

METHODS = [
    *("ACE", "APE", "BootstrapFewShot", "BootstrapRandomSearch", "CAPO", "COPRO"),
    *("EvoPrompt", "GEPA", "InferRules", "KNNFewShot", "LabeledFewShot", "MIPRO"),
    *("OPRO", "PartsGrid", "ProTeGi", "PromptWizard", "SIMBA", "TRIPLE"),
]
ROWS = planted_rows(60)


def untimed(said: Any) -> Any:
    """A report without the seconds that were measured."""
    if isinstance(said, dict):
        items = cast("dict[str, Any]", said).items()
        return {k: untimed(v) for k, v in items if not k.startswith("seconds")}
    return [untimed(one) for one in said] if isinstance(said, list) else said


@pytest.mark.parametrize("name", METHODS)
def test_a_named_method_states_its_departures(name: str) -> None:
    """In a section of its own; its published form, if any, with the source."""
    kind = getattr(c, name)
    said = inspect.getdoc(kind) or ""
    departures = re.search(r"^Departures:\n((?:    .*\n?)+)", said, re.MULTILINE)
    published = re.search(r"^Published:\n((?:    .*\n?)+)", said, re.MULTILINE)

    assert departures is not None
    assert len(departures[1].split()) > 4
    assert ("published" in kind.__dataclass_fields__) == (published is not None)
    assert published is None or "(source: " in " ".join(published[1].split())


@pytest.mark.parametrize(
    ("recipe", "rounds", "proposals", "racer", "selector"),
    [
        (c.APE(published=True), 1, 50, UCB, Best),
        (c.BootstrapRandomSearch(published=True), 1, 18, Full, Best),
        (c.CAPO(published=True), 11, 49, PairedRace, Tournament),
        (c.COPRO(published=True), 3, 30, Full, Best),
        (c.GEPA(published=True), 120, 125, RandomGate, InstancePareto),
        (c.InferRules(published=True), 1, 10, Full, Best),
        (c.MIPRO(published=True), 3, 19, Minibatch, Best),
        (c.OPRO(published=True), 200, 1600, Full, Best),
        (
            c.PartsGrid(published=True, parts={"a": ("", "x"), "b": ("y", "z")}),
            1,
            4,
            Full,
            Best,
        ),
        (c.ProTeGi(published=True), 6, 72, UCB, Beam),
        (c.SIMBA(published=True), 8, 48, Minibatch, Softmax),
        (c.TRIPLE(instructions=("x", "y"), published=True), 1, 2, EvenHalving, Best),
    ],
)
def test_the_published_schedule(
    recipe: c.Compiler, rounds: int, proposals: int, racer: type, selector: type
) -> None:
    """Rounds, proposals in all of them, race and selection, and no early end."""
    (made,) = recipe.recipes()

    assert len(made.rounds) == rounds
    assert sum(draw.n for draws in made.rounds for draw in draws) == proposals
    assert isinstance(made.racer, racer)
    assert isinstance(made.selector, selector)
    assert made.patience == 0


@pytest.mark.parametrize("recipe", PUBLISHED, ids=lambda r: r.describe()["name"])
def test_a_published_schedule_keeps_to_a_budget(recipe: c.Compiler) -> None:
    """It gives the same at any concurrency, but for time, and says what it is."""
    results = list[weft.Result[..., Any, Any]]()
    for concurrency in (1, 16):
        with weft.use(lm=model(slow=concurrency > 1), cache=None):
            results.append(compiled(recipe, ROWS, budget=300, concurrency=concurrency))
    first, second = (result.report for result in results)

    assert first.calls == second.calls <= 300
    assert untimed(first.describe()) == untimed(second.describe())
    assert first.compiler["published"] is True


def test_samples_of_a_model_that_draws_none_are_told_to_be_equal() -> None:
    """Whether the module says so or its model; where no samples are drawn, nothing."""
    still = classifier().with_(sampling={"temperature": 0})
    asked: dict[str, Any] = {"metric": exact}
    with weft.use(lm=model(), cache=None):
        drawn = weft.quote(still, ROWS, compiler=c.SIMBA(published=True), **asked)
        free = weft.quote(classifier(), ROWS, compiler=c.SIMBA(published=True), **asked)
        once = weft.quote(still, ROWS, compiler=c.SIMBA(), **asked)

    assert drawn.greedy == ("classify",)
    assert "equal samples: temperature 0 is set for classify" in str(drawn)
    assert free.greedy == once.greedy == ()


def test_several_samples_of_a_row_are_contrasted() -> None:
    """One program that is right now and then gives a good run and a bad one."""
    task = under_way(None, weft.read_rows(planted_rows(12), ["text"]))

    def reply(request: weft.Request) -> str:
        code = "K0" if request.sample % 2 else "K9"
        return f"[[ label ]]\n{code}\n[[ /end ]]"

    with weft.use(lm=weft.FunctionLM(reply, model="now and then"), cache=None):
        task.metric = lambda example, prediction: float(prediction.label == "K0")
        asyncio.run(Contrast(samples=3).jobs(task, task.archive[:1], 1))
    pairs = contrasts(task)
    row = pairs[0][0].example

    assert len(pairs) == 12
    assert [r.score and r.score.value for r in task.runs(task.archive[0], row)] == [
        *(0.0, 1.0, 0.0)
    ]
    assert task.scores(task.archive[0], [row]) == [0.0]


def test_a_random_gate_is_drawn_anew_each_round() -> None:
    """And lets nobody through who is not strictly better on it."""
    task = under_way(None, (), weft.read_rows(planted_rows(30), ["text"]))
    seed = task.archive[0]
    good = seed.but({"classify/instruction": "blick = K0; norp = K1; tavi = K2"}, "")
    null = seed.but({"classify/instruction": "Say it."}, "")
    met: list[Any] = []
    with weft.use(lm=model(), cache=None):
        for task.number in (0, 1):
            task.cells.clear()
            raced = asyncio.run(
                RandomGate(rows=6).race(task, [seed, good, null], task.rows)
            )
            met.append({row.id for row in task.rows if task.result(null, row)})

    assert met[0] != met[1]
    assert [len(rows) for rows in met] == [6, 6]
    assert raced[0] == good
