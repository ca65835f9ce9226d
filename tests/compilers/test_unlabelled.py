"""Rows that hold inputs alone: whoever needs no label compiles on them all the same."""

from __future__ import annotations

from typing import Any, Literal

import weft
from tests.compilers.every import every
from tests.compilers.worlds import Asked, model
from weft import compilers

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
