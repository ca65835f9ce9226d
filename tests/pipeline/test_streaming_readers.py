"""Replies read while they arrive: any cut gives the same fields, and only fields."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timing import LINEAR, bounded, growth, steps
from weft.pipeline.adapters import adapter_of
from weft.pipeline.events import Partial
from weft.pipeline.lm.request import Message, Request
from weft.pipeline.lm.wire.thinking import Curtain
from weft.pipeline.run.stream import Telling
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
    "plain": [
        ("answer: ", " "),
        ("", " "),
        ("answer: x\n", "\t"),
        ("", "answer"),
        ("answer: ", "\n"),
        ("", "- "),
    ],
    "completion": [("", " "), ("", "\n"), ("answer: x\n", "\t")],
}


@pytest.mark.parametrize("cut", [7, 10**9], ids=["in pieces", "at once"])
@pytest.mark.parametrize(
    ("name", "start", "flood"),
    [(name, *flood) for name in FLOODS for flood in FLOODS[name]],
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
    bounded(lambda: read(1 << 17))


@pytest.mark.parametrize(
    ("name", "start", "blank"),
    [
        *((name, start, "\n") for name in FLOODS for start in ("", "value")),
        *((name, "", " ") for name in ("plain", "completion")),
    ],
)
def test_a_flood_of_blanks_arrives_in_single_characters(
    name: str, start: str, blank: str
) -> None:
    """Nothing that is gathered copies what was gathered before it."""
    begun = {"chat": "[[ answer ]]\n", "json": '{"answer": "', "xml": "<answer>"}
    head = begun.get(name, "answer: ") if start else ""
    told = list[object]()
    adapter = adapter_of(name)

    def read() -> None:
        telling = Telling("ask", (0,), told.append, lambda: adapter.reader(SPEC, ""))
        telling.restart()
        for character in f"{head}{start}{blank * 300_000}":
            telling.show(character)
        telling.finish()

    bounded(read)


def test_what_is_told_of_a_long_field_is_joined_once() -> None:
    """Each piece is told as it comes; the field as a whole when it ends."""
    told = list[object]()

    def read() -> None:
        reader = adapter_of("chat").reader
        telling = Telling("ask", (0,), told.append, lambda: reader(SPEC, ""))
        telling.restart()
        for piece in ["[[ answer ]]\n", *(["word "] * 400_000)]:
            telling.show(piece)
        telling.finish()

    bounded(read)

    assert isinstance(told[-1], Partial)
    assert len(told[-1].fields["answer"]) == 5 * 400_000 - 1


def test_many_thoughts_beside_a_long_input_are_read_in_linear_work() -> None:
    """The input is prepared for comparing once, and not for each new beginning."""
    given = '{"answer": "x y z"} ' * 20_000

    def read(size: int) -> None:
        reader = adapter_of("json").reader(SPEC, "", given)
        for _ in range(size // 8):
            for _ in reader.feed("</think>"):
                pass

    bounded(lambda: read(1 << 16))


@pytest.mark.parametrize("blank", ["\n", " "])
def test_blanks_before_a_thought_are_passed_over_in_linear_work(blank: str) -> None:
    """Before a reply has begun it is not known whether it begins with a thought."""
    request = Request("m", (Message("user", "hi"),))
    curtain, shown = Curtain(request), list[str]()

    def read() -> None:
        for character in [*(blank * 400_000), "y", "e", "s"]:
            shown.append(curtain.feed(character).text)

    bounded(read)

    assert "".join(shown) == blank * 400_000 + "yes"
