"""Texts that look like something else, and replies of nothing."""

from __future__ import annotations

from typing import Any

import pytest

import weft
from tests.pipeline.reading.replies import arrived, read
from weft.errors import ParseError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.lm.form import form_of
from weft.pipeline.signature.forms import make_signature
from weft.pipeline.signature.wording import NOT_GIVEN

TEXT_FORMS = ("chat", "xml", "plain", "completion")
FORMS = (*TEXT_FORMS, "json")
SILENT = ("", "\n\n", " ", "<think>hm</think>", "<think>hm", "<|im_end|>")
OPTIONAL = (
    *("int | None", "float | None", "bool | None", "str | None", "date | None"),
    *("list[str] | None", "dict[str, int] | None", "Literal['a', 'b'] | None"),
)


@pytest.mark.parametrize("reply", SILENT, ids=range(len(SILENT)))
@pytest.mark.parametrize("kind", OPTIONAL)
@pytest.mark.parametrize("name", FORMS)
def test_an_empty_reply_is_no_null(name: str, kind: str, reply: str) -> None:
    """Nobody said that there is no value: it was left out."""
    signature = make_signature(f"q -> x: {kind}")

    with pytest.raises(ParseError):
        adapter_of(name).parse(reply, signature)


@pytest.mark.parametrize("form", ["cloze/1|[q] is [z]", "cloze/1:text|[q] is [z]"])
def test_an_empty_reply_fills_no_gap_with_a_null(form: str) -> None:
    """Nor in a template of one's own, in a turn or over a text."""
    signature = make_signature("q -> x: int | None")

    with pytest.raises(ParseError):
        adapter_of(form_of(form)).parse("", signature)
    assert adapter_of(form_of(form)).parse("none", signature).values == {"x": None}


def test_over_the_wire_an_empty_reply_is_asked_again() -> None:
    """It holds no value, whatever was thought before it."""
    replies = [weft.Response(""), weft.Response("", reasoning="Hm."), "[[ x ]]\n5"]
    lm = weft.ScriptedLM(replies)
    module = weft.Predict("q -> x: int | None", adapter="chat", name="p", repairs=2)

    with weft.use(lm=lm, cache=None):
        assert module(q="?").x == 5


FRAMED = {
    "chat": "[[ x ]]\n\n[[ /end ]]",
    "xml": "<x></x>",
    "plain": "x:",
    "json": '{"x": null}',
}


@pytest.mark.parametrize("kind", OPTIONAL)
@pytest.mark.parametrize("name", FRAMED)
def test_a_field_that_stands_empty_in_its_frame_is_null(name: str, kind: str) -> None:
    """There the model said so."""
    signature = make_signature(f"q -> x: {kind}")

    assert read(adapter_of(name), signature, FRAMED[name]) == {"x": None}


REFUSED = object()
LIKE_JSON: list[tuple[str, str, Any]] = [
    ("str | None", "1871", "1871"),
    ("str | None", "true", "true"),
    ("str | None", "[]", "[]"),
    ("str | None", "{}", "{}"),
    ("str | None", "null", None),
    ("str | None", '"1871"', "1871"),
    ("str | None", "Paris", "Paris"),
    ("list[str] | str | None", "1871", "1871"),
    ("list[str] | str | None", '["a"]', ["a"]),
    ("list[str] | str | None", "null", None),
    ("list[str] | str", "[1]", REFUSED),
    ("dict[str, int] | str", '{"a": "b"}', REFUSED),
    ("dict[str, int] | str", "[1]", "[1]"),
    ("int | str", "3", 3),
    ("int | str", "5.0", "5.0"),
    ("int | str", "1e3", "1e3"),
    ("int | str", "true", "true"),
    ("int | str", "[1]", "[1]"),
    ("int | str", '"3"', "3"),
    ("int | str", "null", "null"),
    ("float | str", "5.0", 5.0),
    ("int", "true", REFUSED),
]


@pytest.mark.parametrize(("kind", "text", "right"), LIKE_JSON)
@pytest.mark.parametrize("name", TEXT_FORMS)
def test_a_text_may_look_like_json(name: str, kind: str, text: str, right: Any) -> None:
    """Where a union has texts, and nothing of the kind that it looks like."""
    signature = make_signature(f"q -> x: {kind}")
    reply = {
        "chat": f"[[ x ]]\n{text}\n[[ /end ]]",
        "xml": f"<x>{text}</x>",
        "plain": f"x: {text}",
        "completion": f" {text}\n\nq: next",
    }[name]

    values = read(adapter_of(name), signature, reply)

    assert (REFUSED if values is None else values["x"]) == right
    assert values is None or type(values["x"]) is type(right)


@pytest.mark.parametrize("kind", ["str", "str | None"])
def test_in_json_a_number_is_the_text_that_it_is_spelled_as(kind: str) -> None:
    """To its last digit, whole and in pieces."""
    signature = make_signature(f"q -> x: {kind}")

    assert read(adapter_of("json"), signature, '{"x": 1871}') == {"x": "1871"}
    assert read(adapter_of("json"), signature, '{"x": 1.10}') == {"x": "1.10"}
    assert read(adapter_of("json"), signature, '{"x": true}') == {"x": "true"}
    for step in (1, 100):
        told = arrived(adapter_of("json"), signature, '{"x": 1.10}', step=step)
        assert told == {"x": "1.10"}
    assert read(adapter_of("json"), signature, '{"x": "1871"}') == {"x": "1871"}


@pytest.mark.parametrize("name", ["chat", "xml", "json", "plain"])
def test_what_a_demo_shows_for_no_value_is_no_answer(name: str) -> None:
    """A model that copies it has given no reasons, or has not answered."""
    solve = weft.ChainOfThought("question -> answer", adapter=name, repairs=0)
    copied = {"reasoning": NOT_GIVEN, "answer": "4"}

    with weft.use(lm=weft.ScriptedLM([copied, {**copied, "answer": NOT_GIVEN}])):
        run = solve.run(question="2 + 2?")
        with pytest.raises(ParseError, match="as in a demo that has no such value"):
            solve(question="3 + 3?")

    assert (run.value.reasoning, run.value.answer) == ("", "4")
    assert any(
        "is no value" in note for node in run.trace.nodes for note in node.repairs
    )


def test_a_demo_without_an_output_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask = weft.Predict("question -> answer", name="ask")

    ask.with_(demos=[weft.Demo({"question": "q", "answer": "a"}, "r1")])
    assert not caplog.records
    ask.with_(demos=[weft.Demo({"question": "q"}, "r1")])

    assert "'ask': 1 demo has no output" in caplog.text
