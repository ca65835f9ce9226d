"""Replies in lines: what decorates a name, what begins a value, and where it ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from tests.pipeline.reading.replies import arrived, read, texts_of
from weft.errors import ParseError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.signature.forms import make_signature

ONE = make_signature("q -> x: str")
TWO = make_signature("q -> x: str, y: str")

TEXTS = [
    ("completion", "__init__", "__init__"),
    ("completion", "```py\nx\n```", "```py\nx\n```"),
    ("completion", "* item", "* item"),
    ("completion", "`x` is it", "`x` is it"),
    ("completion", "<think>hm</think>it", "it"),
    ("completion", "x: **bold**", "**bold**"),
    ("plain", "x:`code` now", "`code` now"),
    ("plain", "x:__init__", "__init__"),
    ("plain", "x: **bold**", "**bold**"),
    ("plain", "**x**: value", "value"),
    ("plain", "**x:** value", "value"),
    ("plain", "**x:** **value**", "**value**"),
    ("plain", "- **`x`:** value", "value"),
    ("plain", "**`x:`** value", "value"),
    ("plain", "_x_: value", "value"),
    ("plain", "`x:` `value`", "`value`"),
]


@pytest.mark.parametrize(("name", "reply", "text"), TEXTS)
def test_what_begins_a_value_is_kept(name: str, reply: str, text: str) -> None:
    """Only what was opened before a name is closed behind it; whole and in pieces."""
    adapter = adapter_of(name)

    assert read(adapter, ONE, reply) == {"x": text}
    for step in (1, 3, 100):
        assert arrived(adapter, ONE, reply, step=step) == {"x": text}


def test_a_thought_without_end_is_no_value() -> None:
    adapter = adapter_of("completion")

    assert read(adapter, ONE, "<think>hm, it") is None
    assert arrived(adapter, ONE, "<think>hm, it") == {}


SCRAPS = [
    *("x:", "y:", "**x:**", "`y`:", "**y**:", "*x:*", "**y:", "q:", "- ", " ", "\n"),
    *("\n\n", "*", "**", "`", "_", "__init__", "word", "::", '"', "<", " \n"),
]


@pytest.mark.parametrize("name", ["plain", "completion"])
@pytest.mark.parametrize("signature", [ONE, TWO], ids=["one", "two"])
@settings(max_examples=250)
@given(parts=st.lists(st.sampled_from(SCRAPS), max_size=12))
def test_pieces_say_what_the_whole_says(
    name: str, signature: type[weft.Signature], parts: list[str]
) -> None:
    """However lines are decorated, doubled or broken off."""
    adapter, reply = adapter_of(name), "".join(parts)

    values = read(adapter, signature, reply)

    if values is not None:
        for step in (1, 10**9):
            told = arrived(adapter, signature, reply, step=step)
            assert told == texts_of(values, signature)


AGAINST: list[tuple[str, str]] = [
    ("int", "The answer is 3.\nThe answer is 4."),
    ("int", "3\nor 4"),
    ("int", "\\boxed{3}\nor \\boxed{4}"),
    ("bool", "yes\nOr rather no."),
    ("list[str]", '["a"]\nor ["b"]'),
    ("dict[str, int]", '{"a": 1}\n{"b": 2}'),
    ("Literal['cards', 'transfers']", "cards\nor rather transfers"),
]


@pytest.mark.parametrize(("kind", "text"), AGAINST)
def test_the_first_of_two_answers_is_not_taken(kind: str, text: str) -> None:
    """In lines as under headings and between tags."""
    signature = make_signature(f"q -> x: {kind}")
    replies = {
        "plain": f"x: {text}",
        "chat": f"[[ x ]]\n{text}",
        "xml": f"<x>{text}</x>",
    }

    for name, reply in replies.items():
        with pytest.raises(ParseError):
            adapter_of(name).parse(reply, signature)


FOR: list[tuple[str, str, Any]] = [
    ("bool", "yes\nFor it is so.", True),
    ("list[str]", '["a"]\nThat is all.', ["a"]),
    ("Literal['cards', 'transfers']", "Cards.\nIt never came.", "cards"),
]


@pytest.mark.parametrize(("kind", "text", "right"), FOR)
def test_what_explains_an_answer_is_passed_over(
    kind: str, text: str, right: Any
) -> None:
    """Where it names no other."""
    signature = make_signature(f"q -> x: {kind}")

    assert read(adapter_of("plain"), signature, f"x: {text}") == {"x": right}


@pytest.mark.parametrize("text", ["3\n4 more rows", "3\nand 4", "3\n\nx: 4"])
def test_a_text_that_runs_on_says_its_value_first(text: str) -> None:
    """A base model goes on with rows that it makes up."""
    signature = make_signature("q -> x: int")

    assert read(adapter_of("completion"), signature, text) == {"x": 3}


@pytest.mark.parametrize("reply", ["cards", "cards\nIt never came."])
def test_a_gap_filled_in_a_turn_is_read_as_under_a_heading(reply: str) -> None:
    """The first of two answers is none."""
    team = weft.Predict(
        "q -> x: Literal['cards', 'transfers']",
        adapter=weft.cloze("[q]: [z]"),
        name="p",
    )

    assert team.parse(reply).x == "cards"
    with pytest.raises(ParseError):
        team.parse("cards\nor rather transfers")
