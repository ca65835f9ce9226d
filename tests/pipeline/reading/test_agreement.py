"""A reply read in pieces and the same reply read whole: one text for each field."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import FRAMING, ODD
from tests.pipeline.reading.replies import arrived, read, texts_of
from weft.pipeline.adapters import adapter_of
from weft.pipeline.signature.forms import make_signature

SIGNATURE = make_signature("question -> reasoning: str, n: int, answer: str")
COMMON = [
    *("<think>", "</think>", "<thinking>", "</thinking>", "[THINK]", "[/THINK]"),
    *("<|im_end|>", "<|im_start|>", "</s>", "<|endoftext|>", "<end_of_turn>"),
    *("```json\n", "```", "\n", " ", "Sure:", "7", "plain words", '"', "'", "<", "["),
]
SCRAPS = {
    "chat": [
        *("[[ reasoning ]]\nwhy\n", "[[ n ]]\n7\n", "[[ answer ]]\nParis\n"),
        *("[[ reasoning ]]", "[[ n ]]", "[[ answer ]]", "[[ /end ]]", "[[ question ]]"),
        *("[[ /end ]]", "\n[[ answer ]] here", "[[ answer", "[[", "**"),
    ],
    "json": [
        *('{"reasoning": "why", "n": 7, "answer": "Paris"}', '{"answer": "Rome"}'),
        *("{'reasoning': 'why', n: 7, \"answer\": \"a\nb\",}", "{Rome, Paris}", "{"),
        *('"reasoning": "r",', '"n": 7', '"answer": "a"', "}", ",", ":", "null"),
        *("\\frac", "\\n", "\\u00e9", "\\", "// c\n", '{"answer": ...}', "True"),
    ],
    "xml": [
        *("<reasoning>why</reasoning>", "<n>7</n>", "<answer>Paris</answer>"),
        *("<reasoning>", "</reasoning>", "<answer>", "</answer>", "<n>", "<question>"),
        *("</question>", "<ans", "</"),
    ],
}


@pytest.mark.parametrize("name", SCRAPS)
@settings(max_examples=250)
@given(data=st.data())
def test_pieces_say_what_the_whole_says(name: str, data: st.DataObject) -> None:
    """Whatever marks, thoughts and tokens stand in it, a reply that can be read tells
    the same texts while it comes in."""
    scraps = st.sampled_from([*SCRAPS[name], *COMMON])
    parts = st.lists(scraps | st.sampled_from([*FRAMING, *ODD]), max_size=12)
    whole = SCRAPS[name][: 3 if name != "json" else 1]
    framed = st.tuples(parts, parts).map(lambda p: [*p[0], *whole, *p[1]])
    reply = "".join(data.draw(framed | parts))
    adapter = adapter_of(name)

    values = read(adapter, SIGNATURE, reply)
    told = arrived(adapter, SIGNATURE, reply)
    at_once = arrived(adapter, SIGNATURE, reply, step=10**9)

    if values is not None:
        texts = texts_of(values, SIGNATURE)
        assert {k: v for k, v in told.items() if k in texts or k != "n"} == texts
        assert {k: v for k, v in at_once.items() if k != "n"} == texts


WHOLE = "".join(SCRAPS["chat"][:3])


@pytest.mark.parametrize(
    "reply",
    [
        "[[ answer ]] here [[ n ]] 7 </think>[[ /end ]]" + WHOLE,
        "[[ reasoning ]] a [[ n ]] 7 [[ answer ]] here</think>[[ question ]]" + WHOLE,
        "[[ reasoning ]] a </think>b<think>c" + WHOLE + "</think>d" + WHOLE,
        WHOLE + "</think><think>None[[ /end ]]" + WHOLE,
    ],
)
@pytest.mark.parametrize("step", [1, 10**9])
def test_what_a_closing_tag_stands_in_may_have_been_thought(
    reply: str, step: int
) -> None:
    """A number tells of no tag; behind one a thought may begin, as before an answer."""
    adapter = adapter_of("chat")

    values = read(adapter, SIGNATURE, reply)
    told = arrived(adapter, SIGNATURE, reply, step=step)

    assert values is not None
    assert told == {**texts_of(values, SIGNATURE), "n": "7"}


OBJECT = '{"reasoning": "why", "n": 7, "answer": "Paris"}'


@pytest.mark.parametrize(
    "before",
    [
        *('{"]]>', '{"]]>' * 3, '{"answer": "Rome"] ', '{"answer": "Rome", x]'),
        *('{"answer": "R}", "n" 7}', '{"x}": 1 2}', "{'} {\"n\" 7} '", "{//]\n 7}"),
        *('{"a": (1]}', '{"answer": ["]"}]', '{"a":\'}', '{"a}": "\\q3"}'),
        *("{#1", "{ #1}", "{\n# c\n", "{//]\n# c\n7}", "{ "),
        *('{"answer": \'Rome} ', '{"answer": "Rome" /* } ', '{"a":\'} {\u201cb} '),
    ],
)
def test_a_broken_object_ends_where_its_brackets_do(before: str) -> None:
    """A bracket in a text may end what cannot be read, whole and in pieces alike."""
    adapter = adapter_of("json")

    values = read(adapter, SIGNATURE, before + OBJECT)
    told = arrived(adapter, SIGNATURE, before + OBJECT)

    if values is not None:
        del told["n"]
        assert told == texts_of(values, SIGNATURE)


@pytest.mark.parametrize(
    "around",
    ["{}", "```json\n{}\n```", "{}<|im_end|>", "<think>a</think>{}", "so: {}", "{}}}"],
)
def test_an_escaped_object_is_told_as_it_is_read(around: str) -> None:
    """With its quotes escaped, as within a string: at the end, or not at all."""
    reply = around.format(OBJECT.replace('"', '\\"'))
    adapter = adapter_of("json")

    values = read(adapter, SIGNATURE, reply)
    told = arrived(adapter, SIGNATURE, reply)

    assert told.pop("n", "7") == "7"
    assert told == ({} if values is None else texts_of(values, SIGNATURE))
