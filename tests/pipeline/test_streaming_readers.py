"""Replies read while they arrive: any cut gives the same fields, and only fields."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timing import LINEAR, bounded, growth, steps
from weft.pipeline.adapters import adapter_of
from weft.pipeline.signature.forms import make_signature
from weft.pipeline.signature.signature import spec_of

SIGNATURE = make_signature("question -> reasoning: str, n: int, answer: str")
SPEC = spec_of(SIGNATURE)
ADAPTERS = ["chat", "json", "xml"]
TRICKY = [
    '"',
    '"a" b',
    "[[ answer ]]",
    "[[",
    "<answer>",
    "</",
    "\\",
    "\n\n",
    " ",
    "{",
    "é😀",
]
texts = st.lists(st.sampled_from([*TRICKY, "plain words", "x"]), max_size=6).map(
    " ".join
)


def pieces(text: str, cuts: list[int]) -> list[str]:
    """A text in pieces, cut anywhere."""
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(places)]


@pytest.mark.parametrize("name", ADAPTERS)
@settings(max_examples=150)
@given(reasoning=texts, answer=texts, cuts=st.lists(st.integers(0, 400), max_size=12))
def test_pieces_add_up(name: str, reasoning: str, answer: str, cuts: list[int]) -> None:
    """However a reply is cut, each text field's pieces add up to its value."""
    adapter = adapter_of(name)
    values = {"reasoning": reasoning, "n": 7, "answer": answer}
    fence = (
        "#3" if any(m in t for t in (reasoning, answer) for m in ("[[", "<")) else ""
    )
    reply = "Sure!\n" + adapter.write(SPEC.outputs.values(), values, fence) + "\n"
    reader = adapter.reader(SPEC, fence)

    seen = {"reasoning": "", "n": "", "answer": ""}
    for piece in pieces(reply, cuts):
        for delta in reader.feed(piece):
            seen[delta.field] += delta.text

    assert seen == {"reasoning": reasoning, "n": "7", "answer": answer}
    assert adapter.parse(reply, SIGNATURE, fence).values == values


@pytest.mark.parametrize("name", ADAPTERS)
def test_the_first_words_come_early(name: str) -> None:
    """A field's first words are given out long before the reply is complete."""
    adapter = adapter_of(name)
    values = {"reasoning": "First this. " * 20 + "Then that.", "n": 1, "answer": "a"}
    reply = adapter.write(SPEC.outputs.values(), values, "")
    reader = adapter.reader(SPEC, "")

    early = [delta for piece in reply[:80] for delta in reader.feed(piece)]

    assert "".join(delta.text for delta in early).startswith("First this.")


@pytest.mark.parametrize("name", ADAPTERS)
@settings(max_examples=100)
@given(text=st.text(max_size=300))
def test_nonsense_is_harmless(name: str, text: str) -> None:
    """Whatever arrives, the reader only ever names output fields and never raises."""
    reader = adapter_of(name).reader(SPEC, "")

    found = [
        delta for piece in pieces(text, [3, 9, 50]) for delta in reader.feed(piece)
    ]

    assert {delta.field for delta in found} <= set(SPEC.outputs)


FLOODS = {
    "chat": [
        ("[[ answer ]]\n", " "),
        ("", "\t"),
        ("[[ answer ]]\n", "\r"),
        ("[[ answer ]]\n", "\n"),
        ("[[ answer ]]\n", "<|im_end|>"),
        ("", "[[ /end ]]"),
        ("[[ answer ]]\n", "[["),
        ("", "</think>"),
        ("<think>", "<"),
        ("", "<think>"),
    ],
    "json": [
        ('{"answer": "', " "),
        ("", "{"),
        ('{"answer": "', '\\"'),
        ("", "{x {"),
        ('{"answer": "', "\\f"),
        ('{"a":', "["),
        ("", '{"a" }'),
        ("", "{a"),
        ("{", "//"),
        ("{", "/*"),
    ],
    "xml": [("<answer>", " "), ("", "<answer></answer>"), ("<answer>", "</")],
}


@pytest.mark.parametrize("cut", [7, 10**9], ids=["in pieces", "at once"])
@pytest.mark.parametrize(
    ("name", "start", "flood"),
    [(name, *flood) for name in ADAPTERS for flood in FLOODS[name]],
)
def test_reading_takes_linear_work(name: str, start: str, flood: str, cut: int) -> None:
    """A reply eight times as long takes about eight times the steps to read."""

    def read(size: int) -> None:
        text = start + flood * (size // len(flood))
        reader = adapter_of(name).reader(SPEC, "")
        for at in range(0, len(text), cut):
            for _ in reader.feed(text[at : at + cut]):
                pass

    assert growth(lambda size: steps(lambda: read(size)), 4_000) <= LINEAR
    bounded(lambda: read(1 << 19))
