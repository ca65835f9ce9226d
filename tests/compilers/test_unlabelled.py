"""Rows that hold inputs alone: whoever needs no label compiles on them all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

import weft
from tests.compilers.every import every
from tests.compilers.worlds import Asked, model
from weft import compilers, errors

ROWS = [{"text": f"How far is it to stop {n}?"} for n in range(40)]
polite = weft.Predict(
    "text, reply -> verdict: Verdict",
    "Is the reply polite?",
    name="polite",
    types={"Verdict": Literal["yes", "no"]},
)


def manners(asked: Asked) -> dict[str, str]:
    """A model that is polite when told so, a judge of that, and a writer."""
    names = [name for name, _ in asked.outputs]
    if "reply" in names:
        told = "Be polite." in asked.task
        return {"reply": "Two miles, dear friend." if told else "Two."}
    if "verdict" in names:
        return {"verdict": "yes" if "dear friend" in asked.said else "no"}
    return {name: "" if name == "old" else "Be polite." for name in names}


def program() -> Any:
    """It answers, and is not told how."""
    return weft.Predict("text -> reply", "Answer.", name="answer")


def friendly(example: weft.Example, prediction: Any) -> bool:
    """A metric that reads no label."""
    return "friend" in prediction.reply


async def judged(example: weft.Example, prediction: Any) -> bool:
    """One that asks a model."""
    reply = prediction.reply
    return (await polite.acall(text=example.text, reply=reply)).verdict == "yes"


@every
def test_every_recipe_takes_rows_without_labels(recipe: compilers.Compiler) -> None:
    """It may find nothing to show, and then the program stays as it was."""
    with weft.use(lm=model(manners)):
        result = weft.compile(
            program(), ROWS, metric=friendly, compiler=recipe, budget="600 calls"
        )

    assert result.report.seed_score.mean == 0
    assert result.report.score.mean in (0, 1)
    assert result.report.improved is ("Be polite." in str(result.program.parameters))


def test_a_judge_alone_shows_the_way() -> None:
    """Reflection reads what the judge thought of each answer."""
    with weft.use(lm=model(manners)):
        result = weft.compile(program(), ROWS, metric=judged, budget="600 calls")

    assert result.report.improved
    assert "Be polite." in str(result.program.parameters)


@dataclass(frozen=True)
class Way:
    """A structure, of which there is none that says nothing."""

    miles: int


way = weft.Predict("text -> way: Way", "Answer.", name="way", types={"Way": Way})
reply = weft.Predict("text -> reply", "Answer.", name="answer")


@weft.step
def loud(text: str) -> str:
    """What a step makes of an answer."""
    return text.upper()


@weft.program
def structured(text: str) -> Way:
    """Its result is a structure."""
    return way(text=text).way


@weft.program
def shouted(text: str) -> str:
    """Its result is a step's."""
    return loud(text=reply(text=text).reply)


@pytest.mark.parametrize("made", [structured, shouted], ids=lambda p: p.name)
@pytest.mark.parametrize("labelled", [False, True])
def test_a_label_that_lacks_is_missed_before_anything_is_paid(
    made: Any, labelled: bool
) -> None:
    """Whatever the kind of the result, and whether other rows have labels."""
    lm = model(manners)
    others = [{**row, "wanted": "Two.", "hint": "far"} for row in ROWS]

    def own(example: weft.Example, prediction: Any) -> bool:
        return bool(example.wanted == prediction)

    def by_key(example: weft.Example, prediction: Any) -> bool:
        return bool(example.labels["wanted"] == prediction)

    for metric in (own, by_key):
        with weft.use(lm=lm), pytest.raises(errors.DataError, match="'wanted'"):
            weft.compile(made, ROWS, others[:20] if labelled else None, metric=metric)
    assert lm.calls == 0


@pytest.mark.parametrize("made", [structured, shouted], ids=lambda p: p.name)
def test_a_metric_that_needs_no_label_may_score_any_kind_of_result(made: Any) -> None:
    """What it thinks of an answer that says nothing does not count."""

    def near(example: weft.Example, prediction: Any) -> bool:
        return len(prediction) > 3 if made is shouted else prediction.miles < 3

    with weft.use(lm=model(manners)):
        quote = weft.quote(made, ROWS, metric=near)

    assert quote.calls.high > 0


def test_a_judge_that_refuses_an_empty_answer_is_no_reason_to_stop() -> None:
    """Nobody gave that answer."""
    judge = weft.Predict("miles: int -> verdict", "Is it near?", name="near")

    async def near(example: weft.Example, prediction: Any) -> bool:
        miles = getattr(prediction, "miles", None)
        return bool((await judge.acall(miles=miles)).verdict)

    with weft.use(lm=model(manners)):
        assert weft.quote(structured, ROWS, metric=near).calls.high > 0
