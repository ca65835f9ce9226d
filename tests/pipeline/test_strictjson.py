"""Strict JSON: a value or a ValueError, and never more than linear time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import plain_data, texts
from tests.timing import LINEAR, bounded, growth, steps
from weft.pipeline.ground import strictjson
from weft.pipeline.lm.request import strict_loads

REFUSED = {
    "NaN": "NaN is not a JSON number",
    "[-Infinity]": "-Infinity is not a JSON number",
    "1e400": "the number 1e400 is too large",
    '{"a": 1, "a": 2}': "the key 'a' occurs twice",
    '[{"b": {"a": 1, "a": 1}}]': "the key 'a' occurs twice",
    r'"\ud800"': "a lone surrogate is no character",
    r'{"\udfff": 1}': "a lone surrogate is no character",
    '"\ud800"': "a lone surrogate is no character",
    "[" * 101 + "]" * 101: "nested deeper than 100",
    '{"a":' * 101: "nested deeper than 100",
    "9" * 1001: "a number of more than 1000 digits",
    " " * (strictjson.MAX_CHARS + 1): "longer than",
    "": "Expecting value",
    "[1,]": "Illegal trailing comma|Expecting value",
    "{'a': 1}": "Expecting property name",
    "1 2": "Extra data",
    "\ufeff1": "BOM|Expecting value",
    '"a\nb"': "Invalid control character",
    "01": "Extra data",
    "+1": "Expecting value",
    "True": "Expecting value",
}
FLOODS: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "[" * n,
    "braces": lambda n: '{"a":' * (n // 5),
    "empty lists": lambda n: "[" + "[]," * (n // 3) + "[]]",
    "brackets in a text": lambda n: '"' + "[" * n + '"',
    "unterminated text": lambda n: '"' + "[" * n,
    "escaped quotes": lambda n: '"' + '\\"[' * (n // 3),
    "backslashes": lambda n: "[" * 101 + '"' + "\\" * n,
    "short texts": lambda n: "[" * 99 + '"[",' * (n // 4),
    "digits": lambda n: "[" + "1" * n + "]",
    "fraction": lambda n: "[0." + "1" * n + "]",
    "keys": lambda n: "{" + ",".join(f'"{i}":1' for i in range(n // 10)) + "}",
    "blanks": lambda n: " " * n + "1",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda t: ascii(t[:20]))
def test_what_json_should_not_hold_is_refused_by_name(text: str) -> None:
    """Each rule that a text breaks is named in a ValueError."""
    with pytest.raises(ValueError, match=REFUSED[text]):
        strictjson.loads(text)


def test_a_hundred_levels_are_read() -> None:
    """The depth limit counts brackets outside texts alone."""
    text = "[" * 100 + '"' + "[" * 500 + '\\""' + "]" * 100

    assert str(strictjson.loads(text)).count("[") == 600


def test_a_surrogate_pair_in_escapes_is_one_character() -> None:
    """Escapes that make up one character are no lone surrogates."""
    assert strictjson.loads(r'"\ud83e\uddf5"') == "🧵"


@given(plain_data)
@settings(max_examples=150)
def test_what_is_written_is_read_back_the_same(data: Any) -> None:
    """loads(dumps(x)) is x, type by type, for all JSON data."""
    again = strictjson.loads(strictjson.dumps(data))

    assert again == data
    assert repr(again) == repr(data)


@given(plain_data)
@settings(max_examples=60)
def test_canonical_text_forgets_the_order_of_keys_alone(data: Any) -> None:
    """Two orders of one object have one canonical text, which reads back the same."""
    text = strictjson.canonical({"a": data, "b": 1})

    assert text == strictjson.canonical({"b": 1, "a": data})
    assert strictjson.loads(text) == {"a": data, "b": 1}


@pytest.mark.parametrize("write", [strictjson.dumps, strictjson.canonical])
@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", {"\udc00": 1}])
def test_what_cannot_be_sent_cannot_be_written(
    write: Callable[[Any], str], value: Any
) -> None:
    """Writing refuses what reading refuses."""
    with pytest.raises(ValueError, match=r"surrogate|not JSON compliant"):
        write([value])


@given(st.text(alphabet='{}[]",:\\u0d8ntrue1e-.+ \n', max_size=30) | texts)
@settings(max_examples=300)
def test_it_accepts_no_more_than_python_does(text: str) -> None:
    """Any text is a value, the one Python's reader gives, or a ValueError."""
    try:
        value = strictjson.loads(text)
    except ValueError:
        return

    assert repr(value) == repr(json.loads(text))


@pytest.mark.parametrize("name", FLOODS)
def test_work_grows_in_line_with_the_text(name: str) -> None:
    """Reading takes steps in line with the text, whatever it is made of; 2 MB end."""

    def steps_of(size: int) -> int:
        text = FLOODS[name](size)
        return steps(lambda: strictjson.loads(text), ValueError)

    assert growth(steps_of, 1 << 13) <= LINEAR
    megabytes = FLOODS[name](1 << 21)
    bounded(lambda: strictjson.loads(megabytes), ValueError)


@pytest.mark.parametrize(
    "write", [strictjson.dumps, strictjson.canonical, strictjson.keepable]
)
def test_a_long_number_is_refused_in_words_of_its_own(write: Any) -> None:
    """Python's name one of its settings, which nobody here should change."""
    with pytest.raises(ValueError, match=r"^a number of more than 1000 digits$"):
        write({"n": 10**5000})


def test_a_server_that_counts_far_is_refused_in_these_words() -> None:
    """And what is no number of JSON's, as everywhere else."""
    with pytest.raises(ValueError, match=r"^a number of more than 1000 digits$"):
        strict_loads(f'{{"n": {"1" * 5000}}}')
    with pytest.raises(ValueError, match=r"^NaN is not a JSON number$"):
        strict_loads('{"n": NaN}')
