"""Every recipe keeps every promise."""

from __future__ import annotations

import inspect
import json
import random
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.every import RECIPES, TRAINED, compiled, every
from tests.compilers.worlds import (
    CODES,
    Asked,
    artifact,
    classifier,
    last_line,
    learner,
    model,
    planted_rows,
)
from weft import compilers as c


def test_every_public_compiler_is_held_to_it() -> None:
    """A new name in `weft.compilers` is a new row here."""
    public = [getattr(c, name) for name in c.__all__]
    named = {
        kind
        for kind in public
        if inspect.isclass(kind) and issubclass(kind, c.Compiler)
    }

    assert {type(recipe) for recipe in RECIPES} == named - {c.Compiler, *TRAINED}


@every
def test_a_recipe_is_short_and_names_its_settings(recipe: c.Compiler) -> None:
    """At most 80 lines a file, and every setting is documented."""
    path = inspect.getsourcefile(type(recipe))
    assert path is not None
    doc = inspect.getdoc(type(recipe)) or ""
    settings = set(recipe.describe()) - {"name"}

    assert len(Path(path).read_text(encoding="utf-8").splitlines()) <= 80
    assert all(f"{name}:" in doc for name in settings)
    assert json.loads(json.dumps(recipe.describe())) == recipe.describe()


@every
def test_the_given_program_is_untouched(recipe: c.Compiler) -> None:
    """And so are the rows."""
    program, rows = classifier(), planted_rows(40)
    before = program.parameters
    with weft.use(lm=model()):
        result = compiled(recipe, rows, program=program)

    assert program.parameters == before
    assert rows == planted_rows(40)
    assert result.seed.instruction == "Give the label."


@every
@pytest.mark.parametrize("budget", [None, 130])
def test_concurrency_and_latency_change_no_byte(
    recipe: c.Compiler, budget: int | None, tmp_path: Path
) -> None:
    """Same seed and answers, same artifact."""
    made: set[bytes] = set()
    for concurrency, slow in ((1, False), (64, True)):
        with weft.use(lm=model(slow=slow), cache=weft.MemoryCache()):
            result = compiled(recipe, budget=budget, concurrency=concurrency)
        made.add(artifact(result, tmp_path))

    assert len(made) == 1


@every
def test_what_is_returned_is_no_worse_or_says_so(recipe: c.Compiler) -> None:
    """On the sealed rows, with a metric that is mostly noise."""

    def noisy(example: weft.Example, prediction: Any) -> float:
        right = prediction.label == example.label
        heard = random.Random(f"{example.id}/{prediction.label}").random()
        return float(right) if heard < 0.7 else heard

    for seed in range(3):
        with weft.use(lm=model()):
            report = compiled(recipe, metric=noisy, seed=seed).report

        assert not report.returned or report.score.mean >= report.seed_score.mean
        assert report.improved == report.verdict.startswith("improved")


TINY = {
    "four rows": planted_rows(4),
    "one class": [{**row, "label": "K1"} for row in planted_rows(12)],
    "contradictory": [
        {"text": row["text"], "label": label}
        for row in planted_rows(10)
        for label in ("K0", "K1")
    ],
}


@every
@pytest.mark.parametrize("kind", TINY)
def test_poor_data_bring_a_result_and_no_false_claim(
    recipe: c.Compiler, kind: str
) -> None:
    """Few rows can show nothing, and the report does not pretend that they do."""
    with weft.use(lm=model()):
        report = compiled(recipe, TINY[kind]).report

    assert report.verdict
    assert kind == "one class" or not report.improved


@every
def test_a_model_that_never_answers_well_changes_nothing(recipe: c.Compiler) -> None:
    """Its replies score 0, and the program comes back as it was."""
    with weft.use(lm=weft.FunctionLM(lambda _: "I would rather not.")):
        result = compiled(recipe, planted_rows(20))

    assert not result.report.returned or isinstance(recipe, c.Compress)
    assert not result.improved


@every
def test_a_report_survives_json(recipe: c.Compiler) -> None:
    """All of it is plain data."""
    with weft.use(lm=model()):
        report = compiled(recipe).report

    assert json.loads(report.to_json()) == report.describe()


def _looped() -> Any:
    """note -> judge, in a program of its own -> refine, twice -> classify."""
    note = weft.Predict("text -> gist", "Shorten it.", name="note")
    judge = weft.ChainOfThought("gist -> view", "Judge it.", name="judge")
    refine = weft.Predict("draft -> view", "Say it better.", name="refine")
    say = classifier(CODES, "view")

    @weft.program
    def inner(gist: str) -> str:
        return judge(gist=gist).view

    @weft.program
    def outer(text: str) -> str:
        first = inner(gist=note(text=text).gist)
        last = weft.loop(first, lambda view: refine(draft=view).view, at_most=2)
        return say(view=last).label

    return outer


def through(asked: Asked) -> dict[str, str]:
    """Hands the word on from module to module; only the last one judges."""
    if asked.outputs and asked.outputs[-1][0] in ("gist", "view"):
        return {"gist": last_line(asked.said), "view": last_line(asked.said)}
    return learner(asked)


@every
def test_a_program_with_a_loop_and_a_program_in_it_compiles(
    recipe: c.Compiler,
) -> None:
    """Only known slots change, and no call beside the budget is made."""
    lm = model(through)
    with weft.use(lm=lm):
        result = compiled(recipe, planted_rows(24), program=_looped(), budget=900)

    assert lm.calls <= 900
    assert set(result.program.parameters) == set(_looped().parameters)
    assert "sealed" not in result.report.stopped
