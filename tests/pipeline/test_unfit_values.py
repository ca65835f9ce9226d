"""A value that fits no module that takes it fails its row, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.answers import model
from weft import errors

note = weft.Predict("q -> note", name="note")
last = weft.Predict("note -> answer", name="last")
ROWS = [{"q": str(at), "answer": "x"} for at in range(12)]


@weft.step
def kept(note: str) -> str:
    """The note, but of one row nothing."""
    return None if note == "7" else note  # type: ignore[return-value]


@weft.step(uses=[last])
def asks(note: str) -> str:
    """A step that calls a module itself."""
    return last(note=kept.function(note)).answer


@weft.step(uses=[last])
def misspells(note: str) -> str:
    """A call that fits no row."""
    return last(nota=note).answer  # type: ignore[call-arg]


@weft.program
def inner(note: str) -> str:
    """A program that is given the value."""
    return last(note=note).answer


@weft.program
def to_module(q: str) -> str:
    """The value goes into a module."""
    return last(note=kept(note(q=q).note)).answer


@weft.program
def to_program(q: str) -> str:
    """It goes into a program."""
    return inner(kept(note(q=q).note))


@weft.program
def in_step(q: str) -> str:
    """A step gives it to a module."""
    return asks(note(q=q).note)


@weft.program
def wrongly(q: str) -> str:
    """A step calls by a name that there is not."""
    return misspells(note(q=q).note)


def number(given: Mapping[str, str], field: str) -> str:
    """The row's number as the note, and an x as every answer."""
    return given["q"] if field == "note" else "x"


@pytest.mark.parametrize("program", [to_module, to_program, in_step])
def test_one_row_fails_and_the_others_are_scored(program: Any, tmp_path: Path) -> None:
    with weft.use(lm=model(number), cache=None):
        found = weft.evaluate(program, ROWS, weft.metrics.exact("answer"))
        answers = program.batch(ROWS, on_error="keep")
        done = weft.batch_to(program, ROWS, tmp_path / "out.jsonl", on_error="keep")
    assert [bool(row.error) for row in found.rows] == [at == 7 for at in range(12)]
    assert found.mean == 1.0
    assert [type(one) for one in answers].count(errors.StepError) == 1
    assert done.failed == 1


def test_the_error_names_where_the_value_came_from() -> None:
    said = "'last' got a wrong 'note': None is not text; it came from kept"
    with (
        weft.use(lm=model(number), cache=None),
        pytest.raises(errors.StepError, match=said),
    ):
        to_module(q="7")


def test_a_call_from_outside_is_a_wrong_call() -> None:
    with (
        weft.use(lm=model(number), cache=None),
        pytest.raises(errors.CallError) as raised,
    ):
        last(note=None)  # type: ignore[arg-type]
    assert raised.value.field == "note"


def test_a_name_that_is_misspelt_in_a_step_stops_all_rows() -> None:
    with (
        weft.use(lm=model(number), cache=None),
        pytest.raises(errors.CallError, match="nota"),
    ):
        weft.evaluate(wrongly, ROWS, weft.metrics.exact("answer"))
