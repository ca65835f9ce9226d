"""An agent on a real model: what it reaches with native calls, and in text.

`WEFT_LLAMA_PYTHON=... python -m bench agents --models smollm2=FILE.gguf` serves the
file by llama.cpp, or asks an address that is given in its place. Twenty questions take
one tool each, an area that is looked up or a sum; `--rows` takes fewer. What is
counted: right answers, runs in which a tool gave something, and runs that ended in an
error.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import weft
from weft.errors import WeftError

from . import Findings, Row
from .real.serving import models_of, served

__all__ = ["run"]

AREAS: Final = {
    "Malta": 316,
    "Andorra": 468,
    "Monaco": 2,
    "Belize": 22966,
    "Gabon": 267668,
    "Qatar": 11586,
    "Bhutan": 38394,
    "Togo": 56785,
    "Fiji": 18274,
    "Oman": 309500,
}
_MOST_STEPS: Final = 3


@weft.tool
def area(country: str) -> int:
    """The area of a country in square kilometres.

    Args:
        country: Its name in English.
    """
    return AREAS[country]


@weft.tool
def add(a: int, b: int) -> int:
    """The sum of two whole numbers."""
    return a + b


@dataclass
class Reached:
    """What came of the questions."""

    right: int = 0
    given: int = 0
    steps: int = 0
    errors: Counter[str] = field(default_factory=Counter[str])


def questions() -> list[tuple[str, int]]:
    """Each question with its answer: ten areas, then ten sums."""
    asked = "What is the area of {} in square kilometres?"
    rows = [(asked.format(name), size) for name, size in AREAS.items()]
    sums = [(17 * n + 3, 29 * n + 8) for n in range(1, 11)]
    return rows + [(f"What is {a} plus {b}?", a + b) for a, b in sums]


def run(models: str = "", rows: int = 20) -> list[Row]:
    """The rows of this part; none without a model.

    Args:
        models: As `--models` gives them.
        rows: How many questions.
    """
    made: list[Row] = []
    details: list[str] = []
    for model in models_of(models):
        with served(model) as (url, _):
            lm = weft.LM(
                model.name,
                api_base=url,
                api_key="none",
                temperature=0,
                max_tokens=160,
                timeout=120,
            )
            for calls in ("native", "text"):
                found = _reached(lm, calls, questions()[:rows])
                made.append(Row(f"{model.name}, {calls}: right of {rows}", found.right))
                made.append(Row("  runs in which a tool gave something", found.given))
                details.append(f"{model.name} {calls}: {found}")
    return Findings(made, "\n".join(details))


def _reached(
    lm: Any, calls: Literal["native", "text"], rows: list[tuple[str, int]]
) -> Reached:
    agent = weft.ReAct(
        "question -> answer: int",
        tools=[area, add],
        calls=calls,
        max_steps=_MOST_STEPS,
        name="agent",
    )
    found = Reached()
    with weft.use(lm=lm, cache=None):
        for question, answer in rows:
            try:
                made = agent(question=question)
            except WeftError as error:
                found.errors[type(error).__name__] += 1
                steps = weft.trajectory_of(error)
            else:
                found.right += made.answer == answer
                steps = weft.trajectory_of(made)
            found.steps += len(steps)
            found.given += any(step.observation for step in steps)
    return found
