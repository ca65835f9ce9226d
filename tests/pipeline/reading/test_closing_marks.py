"""A field that a model closes by a mark of its name, which the form does not have."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.reading.replies import arrived, read, texts_of
from weft.pipeline.adapters import adapter_of
from weft.pipeline.signature.forms import make_signature

ONE = make_signature("q -> x: str")
CHAT = adapter_of("chat")
CLOSED = [
    "[[ x ]]\nParis\n[[ /x ]]",
    "[[ x ]] Paris [[ /x ]]\n",
    "[[ x ]]\nParis\n[[ /x ]]<|im_end|>",
    "[[ x ]]\nParis\n[[ /x ]]\n[[ q ]]\nAnd now?",
    '[[ x ]]\n"Paris"\n[[ /x ]]',
]


@pytest.mark.parametrize("reply", CLOSED)
def test_it_is_left_out_at_the_end(reply: str) -> None:
    """With a note; and never shown while the reply comes in."""
    parsed = CHAT.parse(reply, ONE)

    assert parsed.values == {"x": "Paris"}
    assert "its own closing mark left out" in parsed.repairs
    for step in (1, 4, 100):
        assert arrived(CHAT, ONE, reply, step=step) == {"x": "Paris"}


TEXT = [
    ("[[ x ]]\nParis\n[[ /x ]]\n[[ /end ]]", "Paris\n[[ /x ]]"),
    ("[[ x ]]\nWrite [[ /x ]] behind it.", "Write [[ /x ]] behind it."),
    ("[[ x ]]\nParis\n[[ /y ]]", "Paris\n[[ /y ]]"),
    ("[[ x ]]\nParis\n[[ /x ]", "Paris\n[[ /x ]"),
]


@pytest.mark.parametrize(("reply", "text"), TEXT)
def test_elsewhere_it_is_text(reply: str, text: str) -> None:
    """As in a reply that keeps to the form."""
    assert read(CHAT, ONE, reply) == {"x": text}
    assert arrived(CHAT, ONE, reply) == {"x": text}


def test_one_that_an_input_holds_is_quoted() -> None:
    """The model may have copied it."""
    reply, given = "[[ x ]]\nParis [[ /x ]]", "Copy: Paris [[ /x ]]"

    assert read(CHAT, ONE, reply, echoed=given) == {"x": "Paris [[ /x ]]"}
    assert arrived(CHAT, ONE, reply, echoed=given) == {"x": "Paris [[ /x ]]"}


SCRAPS = ["Paris", "\n", " ", "[[ /x ]]", "[[ /end ]]", "[[ q ]]", "[[", "[[ /", "["]
TOKENS = ["<|im_end|>", "<|im_start|>", "</s>", "<", '"', "[[ /x", "]]"]


@settings(max_examples=400)
@given(parts=st.lists(st.sampled_from([*SCRAPS, *TOKENS]), max_size=9))
def test_pieces_say_what_the_whole_says(parts: list[str]) -> None:
    """Whatever stands around such a mark."""
    reply = "[[ x ]]\n" + "".join(parts)

    values = read(CHAT, ONE, reply)

    if values is not None:
        for step in (1, 10**9):
            assert arrived(CHAT, ONE, reply, step=step) == texts_of(values, ONE)
