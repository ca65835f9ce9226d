"""Questions of several hops on small real models: asked at once, or by the gold steps.

MuSiQue takes each of its questions apart. Asked by steps, a model answers these one
after the other, each with its own answers before in the place of `#1`, and the answer
to the last one is the answer. Only the passages that the question needs are shown, the
same in both ways. Answers are kept under runs/, so that a start goes on from the last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

import weft
from weft.pipeline.measure.stats import compare

from . import Findings, Row
from ._data import lines_of
from ._local import local_lm
from .real.serving import models_of

__all__ = ["run"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "bench-hops.md"
ANSWERS = ROOT / "runs" / "hops"
ROWS, MOST = 8, 48
F1 = weft.metrics.f1("answer")
LONGEST: Final = 40
ONE = weft.Predict(
    "passages: list[str], question -> answer: Short",
    "Answer the question from the passages, in a few words.",
    name="one",
    types={"Short": Annotated[str, Field(max_length=LONGEST)]},
)
"""Asks one question. A bound on the answer: a small model would ramble to the limit."""
_REFERS: Final = re.compile(r"#(\d+)")
_HEAD = """\
# Several hops, measured

Written by `python -m bench hops --models {models} --write`; nothing in it is chosen by
hand. {rows} questions of [MuSiQue](https://github.com/StonyBrookNLP/musique)'s test
split, of {hops:.2f} hops on average, with the passages that each needs and no others.

*at once* asks the question itself in one call. *by gold steps* asks the steps into
which MuSiQue takes it, one after the other: the model's own answers stand in the place
of `#1`, `#2`, and the last one is the answer. An answer has at most {longest}
characters, which the enforced form sees to; temperature 0. F1 is SQuAD's, in percent,
by the answer or an alias of it; *right* are answers that have it all. A reply that
could not be used scores 0. Intervals are of 95 %; the difference is of pairs.

| model | at once, F1 | right | by gold steps, F1 | right | more by steps |
|---|---:|---:|---:|---:|---:|
"""


@weft.step(uses=[ONE])
async def by_steps(passages: list[str], steps: list[str]) -> str:
    """The answer to the last of some questions, each asked with those before it."""
    answers: list[str] = []
    for step in steps:
        asked = _REFERS.sub(lambda found: answers[int(found[1]) - 1], step)
        made = await ONE.acall(question=asked, passages=passages)
        answers.append(str(made.answer))
    return answers[-1]


@weft.program
def at_once(question: str, passages: list[str]) -> str:
    """One call."""
    answer: str = ONE(question=question, passages=passages).answer
    return answer


@weft.program
def in_steps(passages: list[str], steps: list[str]) -> str:
    """A call for each gold step."""
    return by_steps(passages=passages, steps=steps)


def run(
    models: str = "smollm2=smollm2", rows: int | None = None, write: bool = False
) -> list[Row]:
    """Measure both ways on each model.

    Args:
        models: NAME=WHERE with commas between; WHERE is what `local/` takes. One whose
            name ends in "gemma" is a base model.
        rows: Only so many questions.
        write: Write the page.

    Raises:
        BenchError: The rows are not there.
    """
    asked = questions("test", rows or ROWS)
    made: list[Row] = []
    lines: list[str] = []
    for model in models_of(models):
        with weft.use(lm=local_lm(model, MOST), cache=ANSWERS):
            once = weft.evaluate(at_once, asked, F1, concurrency=1)
            steps = weft.evaluate(in_steps, asked, F1, concurrency=1)
        # By place: the two ask for different inputs of one row.
        more = compare(steps.values, once.values, seed=0)
        lines.append(
            f"| {model.name} | {_shown(once)} | {_shown(steps)} | {more.points} |"
        )
        made.append(Row(f"F1: {model.name}, by steps less at once", more.difference))
    hops = sum(len(row["steps"]) for row in asked) / len(asked)
    head = _HEAD.format(models=models, rows=len(asked), hops=hops, longest=LONGEST)
    page = head + "\n".join(lines) + "\n"
    if write:
        PAGE.write_text(page, "utf-8")
    return Findings(made, page)


def questions(split: str, most: int) -> list[dict[str, Any]]:
    """The first questions of a split, with their steps and what these need.

    Raises:
        BenchError: The rows are not there.
    """
    rows = lines_of("musique")
    return [_row(row) for row in rows if row["split"] == split][:most]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    needed = {*row["meta"]["supporting_titles"]}
    pages = row["inputs"]["context"]
    return {
        "id": row["id"],
        "question": row["inputs"]["question"],
        "passages": [page["text"] for page in pages if page["title"] in needed],
        "steps": [_asked(one["question"]) for one in row["meta"]["decomposition"]],
        "answer": [row["outputs"]["answer"], *row["meta"]["aliases"]],
    }


def _asked(step: str) -> str:
    """A step as a question: MuSiQue writes some as `subject >> relation`.

    >>> _asked("Green >> performer"), _asked("When did #1 open?")
    ('Green: what is its performer?', 'When did #1 open?')
    """
    subject, arrow, relation = step.partition(" >> ")
    return f"{subject}: what is its {relation}?" if arrow else step


def _shown(found: Any) -> str:
    """Two cells of the table."""
    right = _share(found.values)
    return f"{100 * found.mean:.1f} {found.interval.in_points()} | {right}"


def _share(values: Sequence[float]) -> str:
    return f"{sum(value == 1 for value in values)} of {len(values)}"
