"""Text that is nearly JSON: one reading is read, and a guess is refused.

`near_json.jsonl` holds the texts of json_repair's own tests (github.com/mangiucugna/
json_repair, commit 600ede6, MIT) that it reads as an object, one a line: with the value
where they have one reading, else with the kind of guess that a value would be.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.hostile import plain_data
from tests.timing import LINEAR, bounded, growth, steps
from weft.pipeline.ground import strictjson
from weft.pipeline.reading import among, nearjson
from weft.pipeline.reading.nearjson import NotNearJSON

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__)
    .with_name("near_json.jsonl")
    .read_text("utf-8")
    .split("\n")
    if line
]
GUESSES = {
    "a quote inside a text, or one left out": 49,
    "cut off": 26,
    "several words, or no word, without quotes": 14,
    "brackets that do not fit": 12,
    "a number of another spelling": 5,
    "a value left out": 3,
    "a comma left out between texts": 2,
    "words between members": 2,
    "a comment that swallows what follows": 2,
    "parentheses that may be a tuple or not": 2,
    "a key twice": 2,
    "a line break or a tab in a name": 2,
    "an escape with two readings": 1,
    "two objects": 1,
}


def test_what_has_one_reading_is_read() -> None:
    """Each of them, with the value that stands in the table."""
    cases = [case for case in CASES if "value" in case]

    read = [among.sole(case["text"]).value for case in cases]

    assert read == [case["value"] for case in cases]
    assert len(read) == 81


def test_what_is_a_guess_is_refused() -> None:
    """Each of them; the reasons are counted."""
    guesses = [case for case in CASES if "guess" in case]

    for case in guesses:
        with pytest.raises(NotNearJSON):
            among.sole(case["text"])

    assert Counter(case["guess"] for case in guesses) == GUESSES


READ: list[tuple[str, Any]] = [
    ("{'a': 'it\\'s'}", {"a": "it's"}),
    ('{"a": "x",}', {"a": "x"}),
    ('{"a": [1, 2,], }', {"a": [1, 2]}),
    ('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}),
    ("{a: True, 'b': None, \u201cc\u201d: FALSE}", {"a": True, "b": None, "c": False}),
    ('{"a": positive}', {"a": "positive"}),
    ('{"a": 1 // one\n, /* two */ "b": 2 # three\n}', {"a": 1, "b": 2}),
    ('{\n"a": 1\n"b": "x"\n"c": 2}', {"a": 1, "b": "x", "c": 2}),
    (r'{"a": "\frac{1}{2} \alpha"}', {"a": r"\frac{1}{2} \alpha"}),
    (r'{"a": "\bar"}', {"a": r"\bar"}),
    (r'{"a": "C:\\folder\\bin"}', {"a": r"C:\folder\bin"}),
    (r'{"a": "\ud83e\uddf5"}', {"a": "\U0001f9f5"}),
    ("('a', 'b')", ["a", "b"]),
    ("('a',)", ["a"]),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_small_slips_are_mended(text: str, value: Any) -> None:
    """Quotes, commas, line breaks, Python's words, comments, backslashes."""
    assert nearjson.loads(text).value == value


REFUSED = [
    '{"a": 1,,}',
    '{, "a": 1}',
    '{"a": }',
    '{"a": "he said "no"", "b": 1}',
    "{'a': 'it's'}",
    '{"a": New York}',
    '{"a": ...}',
    '{"a": <a>}',
    '{"a": 1, "a": 1}',
    '{"a": NaN}',
    '{"a": undefined}',
    '{"a": .5}',
    '{"a": +1}',
    '{"a": 007}',
    '{"a": 1e999}',
    '{"a": "x" "b": "y"}',
    '["a" "b"]',
    r'{"a": "\ud83e"}',
    r'{"a": "\u12"}',
    r'{"a": "\_"}',
    r'{"a": "\alpha\nu"}',
    '{"a": "x"',
    '{"a": "x',
    "(1)",
    "{'a', 'b'}",
    "[" * 101 + "]" * 101,
]


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_guesses_are_refused(text: str) -> None:
    """A value left out, a quote inside, a word dropped, and their like."""
    with pytest.raises(NotNearJSON):
        nearjson.loads(text)


@given(plain_data)
@settings(max_examples=200)
def test_json_itself_is_read_as_ever(value: Any) -> None:
    """With nothing to mend the value is the same, and nothing is noted."""
    text = strictjson.spelled(strictjson.dumps(value))

    near = nearjson.loads(text)

    assert near.value == value == strictjson.loads(text)
    assert near.notes == ()


AMONG = [
    ("From the set {Rome, Paris}: {'a': 1}", {"a": 1}),
    ('I fill {"a": ...} in.\n{"a": 1}', {"a": 1}),
    ('Use { to begin. {"a": 1} ends with }', {"a": 1}),
    ('```json\n{"a": {"b": 1}}\n```\nDone {here}.', {"a": {"b": 1}}),
    ('[{"a": 1}]', {"a": 1}),
    (r"{\"a\": \"b\"}", {"a": "b"}),
]


@pytest.mark.parametrize(("text", "value"), AMONG)
def test_the_object_among_words_is_found(text: str, value: Any) -> None:
    """Braces of prose, templates and code fences are passed over."""
    assert among.sole(text).value == value


INSIDE = [
    '{"a": "he said "x"", "b": {"a": 2}}',
    '{"a": "x" }", "b": {"a": 2}}',
    '{"a": 1}, "b": 2}',
    '{"b": {"a": 1}',
    '{"a": 1} or {"a": 2}',
    "no object",
]


@pytest.mark.parametrize("text", INSIDE)
def test_a_part_of_what_cannot_be_read_is_no_value(text: str) -> None:
    """An object inside a broken one is not taken for the answer."""
    with pytest.raises(NotNearJSON):
        among.sole(text)


FLOODS = [
    *("[] {x {x ", '{"a":', "{", "{a:/*}", "{a://}", "{'", '{"a": "', '{"}', "}{"),
    *('{"a":{"a":1}}', "{a:'}", '{"k":[0,', '{"a" }', "{\u201ca", "{a:[{b:", "{ "),
    *('{"a":1 ', '{"a":"\\"', "[[", '["a",', "('a',"),
]


@pytest.mark.parametrize("flood", FLOODS)
def test_floods_take_little_work(flood: str) -> None:
    """Eight times the text takes about eight times the steps, and 2 MB end."""

    def text_of(size: int) -> str:
        return flood * (size // len(flood))

    def steps_of(size: int) -> int:
        text = text_of(size)
        return steps(lambda: among.parts(text), NotNearJSON)

    assert growth(steps_of, 4_000) <= LINEAR
    megabytes = text_of(1 << 21)
    bounded(lambda: among.parts(megabytes), NotNearJSON)
