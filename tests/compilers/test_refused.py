"""A model that refuses some requests: asked once each, whatever asks and resumes."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.compilers.worlds import CODES, Asked, artifact, learner, planted_rows
from weft.compilers import GEPA, Auto, BootstrapRandomSearch
from weft.pipeline.errors import ContentFiltered

TYPES = {"Label": Literal[CODES]}
ROWS = planted_rows(40)
RECIPES = [
    Auto(candidates=4, rounds=2),
    GEPA(rounds=2),
    BootstrapRandomSearch(candidates=4),
]


def right(row: weft.Example, label: str) -> bool:
    """Whether the program named the row's code."""
    return bool(label == row.label)


def shared() -> Any:
    """Two modules, the second of which is asked the same by many rows."""
    find = weft.Predict("text -> word", "Name the odd word.", name="find")
    pick = weft.Predict("word -> label: Label", "Give it.", name="pick", types=TYPES)

    @weft.program
    def solve(text: str) -> str:
        return pick(word=find(text=text).word).label

    return solve


def fussy(request: weft.Request) -> str:
    """Withholds one answer in five; which one hangs on the request alone."""
    if zlib.crc32(request.key.encode()) % 5 == 0:
        raise ContentFiltered("the provider withheld the answer")
    asked = Asked.read(request)
    said = request.messages[-1].content
    word = next(
        (w for w in ("blick", "norp", "tavi", "zude", "grell", "mosk") if w in said),
        "none",
    )
    return asked.reply({**learner(asked), "word": word})


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: type(r).__name__)
def test_refusals_are_the_same_at_any_concurrency_and_after_a_resume(
    recipe: Any, tmp_path: Path
) -> None:
    """Each was paid for once; nobody asks it again."""
    made: list[bytes] = []
    for at, concurrency in enumerate([1, 64, 64]):
        lm = weft.FunctionLM(fussy, model="fussy")
        folder = tmp_path / "run" if at else None
        with weft.use(lm=lm, cache=None):
            result = weft.compile(
                shared(),
                ROWS,
                metric=right,
                compiler=recipe,
                budget=500,
                concurrency=concurrency,
                run_dir=folder,
            )
        assert result.report.sent == lm.calls
        made.append(artifact(result, tmp_path))

    assert lm.calls == 0
    assert made[0] == made[1] == made[2]
