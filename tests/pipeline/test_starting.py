"""Many rows start a few at a time, so that the first calls go out at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft

ROWS = 64
notes: list[tuple[str, str]] = []


@weft.step
async def noted(text: str) -> str:
    """Something that waits for one turn of the loop."""
    notes.append(("begun", text))
    await asyncio.sleep(0)
    notes.append(("ended", text))
    return text


@weft.program
def one(text: str) -> str:
    """One text."""
    return noted(text)


@weft.program
def many(texts: list[str]) -> list[str]:
    """Many texts."""
    return weft.each(texts, noted)


def texts() -> list[str]:
    """As many as there are rows."""
    return [f"text {number}" for number in range(ROWS)]


def rows() -> list[dict[str, Any]]:
    """The texts as rows."""
    return [{"text": text, "result": text} for text in texts()]


@pytest.mark.parametrize(
    "run",
    [
        lambda _: one.batch(rows(), concurrency=ROWS),
        lambda _: weft.evaluate(one, rows(), lambda *_: 1.0, concurrency=ROWS),
        lambda folder: weft.batch_to(one, rows(), folder / "out", concurrency=ROWS),
        lambda _: many(texts()),
    ],
    ids=["batch", "evaluate", "batch_to", "each"],
)
def test_the_first_rows_go_on_before_the_last_begin(
    run: Callable[[Path], object], tmp_path: Path
) -> None:
    notes.clear()
    run(tmp_path)
    assert [text for what, text in notes if what == "begun"] == texts()
    first = notes.index(("ended", texts()[0]))
    assert first < ROWS / 2, f"{first} rows began before the first of them went on"
