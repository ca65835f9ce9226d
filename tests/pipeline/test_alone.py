"""A module on its own offers what programs do: run, stream, batch, and async forms."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal

import pytest

import weft
from weft import errors, events


class Feel(weft.Signature):
    """Say how the writer feels."""

    text: str = weft.Input()
    mood: Literal["glad", "sad"] = weft.Output()


feel = weft.Predict(Feel)
answer: Any = weft.ChainOfThought("question -> answer")


@weft.predict
def sentiment(text: str) -> Literal["glad", "sad"]:
    """Say how the writer feels."""
    raise NotImplementedError


@weft.step(uses=[feel])
def both(text: str) -> str:
    run = feel.run(text=text)
    [first] = feel.batch([{"text": text}])
    return f"{run.value.mood} {first.mood}"


@weft.program
def twice(text: str) -> str:
    return both(text)


ROWS = [{"text": f"glad {n}"} for n in range(5)] + [{"text": "sad"}]


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - a fixture
    with weft.use(lm="embedded", cache=None):
        yield


def test_a_batch_is_in_the_order_of_the_rows() -> None:
    """As a program's: the values that single calls give, side by side."""
    assert feel.batch(ROWS, concurrency=3) == [feel(text=row["text"]) for row in ROWS]
    assert sentiment.batch(ROWS) == [sentiment(row["text"]) for row in ROWS]


def test_a_batch_keeps_errors_where_it_is_told_to() -> None:
    """An unusable reply stands in its row's place."""
    lm = weft.FunctionLM(lambda request: "[[ mood ]]\nblue")

    with weft.use(lm=lm):
        [kept] = feel.with_(repairs=0).batch([{"text": "x"}], on_error="keep")

    assert isinstance(kept, errors.ParseError)


def test_a_row_that_does_not_fit_is_named() -> None:
    """Before anything is asked."""
    lm = weft.RefusingLM()
    rows: list[dict[str, Any]] = [{"text": "x"}, {"text": 3}]

    with weft.use(lm=lm), pytest.raises(errors.DataError, match="'feel' got a wrong"):
        feel.batch(rows)

    assert lm.calls == 0


def test_a_run_tells_how_the_value_came_about() -> None:
    """One node at the module's own path, with its call."""
    run = feel.run(text="glad")

    [node] = run.trace.nodes
    assert (node.path, len(node.calls), run.cost) == ("feel", 1, 0.0)
    assert run.value == feel(text="glad")
    assert sentiment.run("glad").value == "glad"


def test_a_run_takes_what_an_earlier_one_found() -> None:
    """As a program's `reuse`: the same inputs are not asked again."""
    run = feel.run(text="glad")

    again = feel.run(text="glad", reuse=run)
    other = feel.with_(instruction="Be brief.").run(text="glad", reuse=run)

    assert [again.trace.nodes[0].reused, other.trace.nodes[0].reused] == [True, False]
    assert again.value == run.value


def test_a_stream_tells_what_happens_while_it_happens() -> None:
    """Both forms end with the value."""

    async def last() -> events.Event:
        found = [event async for event in answer.astream(question="Why?")]
        return found[-1]

    seen = list(answer.stream(question="Why?"))

    fields = {e.field for e in seen if isinstance(e, events.FieldDelta)}
    assert fields == {"reasoning", "answer"}
    for end in (seen[-1], asyncio.run(last())):
        assert isinstance(end, events.Finished)
        assert end.value == answer(question="Why?")


def test_the_async_forms_are_the_same() -> None:
    """They run side by side on the caller's own loop."""

    async def together() -> tuple[Any, Any]:
        run, values = await asyncio.gather(feel.arun(text="sad"), feel.abatch(ROWS))
        return run.value, values

    assert asyncio.run(together()) == (feel(text="sad"), feel.batch(ROWS))


def test_inside_a_step_paths_stay_as_they_are() -> None:
    """The module's node stands below the step, however it is run."""
    run = twice.run(text="glad")

    assert [n.path for n in run.trace.nodes] == ["both", "both/feel", "both/feel"]
    tuned = twice.with_parameters({"both/feel/instruction": "Only glad or sad."})
    asked = tuned.run(text="glad").trace.calls
    assert all("Only glad or sad." in call.messages[0].content for call in asked)


def test_a_changed_copy_runs_with_its_changes() -> None:
    """What was made for the original is not run for the copy."""
    assert feel.run(text="glad").trace.nodes[0].path == "feel"

    renamed = feel.with_(name="mood", instruction="Look at the words.")

    [node] = renamed.run(text="glad").trace.nodes
    assert node.path == "mood"
    assert "Look at the words." in node.calls[0].messages[0].content
    assert renamed.inputs.name == "mood"
