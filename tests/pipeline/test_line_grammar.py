"""The grammar of a reply in lines: whatever it lets through can be read."""

from __future__ import annotations

import datetime
import json
import re
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

import weft
from weft.pipeline.adapters import adapter_of
from weft.pipeline.adapters.schema import line_grammar
from weft.pipeline.errors import ValidationError
from weft.pipeline.signature.signature import spec_of

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

ODD = (
    'say "yes"',
    "back\\slash",
    "caf\u00e9",
    "\u4e16\u754c",
    "a|b",
    "(x)",
    "it's",
    "#1",
)
TYPES: dict[str, Any] = {
    "Label": Literal["cards", "top-ups"],
    "Odd": Literal[ODD],
    "Level": Literal[1, 2, 10],
    "Mixed": Literal["a", 1, True],
    "date": datetime.date,
}
SIMPLE = (
    "str",
    "int",
    "float",
    "bool",
    "date",
    "Label",
    "Odd",
    "Level",
    "Mixed",
    "int | None",
    "float | None",
    "str | None",
    "bool | None",
    "Label | None",
    "date | None",
    "int | str",
)
_TOKEN = re.compile(
    r'(?P<literal>"(?:[^"\\]|\\.)*")|(?P<set>\[(?:[^\]\\]|\\.)*\])'
    r"|(?P<count>\{\d+(?:,\d*)?\})|(?P<sign>[()|?+*])|(?P<blank>\s+)"
)


def regex_of(grammar: str) -> str:
    """A grammar of one rule as a regular expression.

    Raises:
        AssertionError: It holds what llama.cpp's notation does not.
    """
    rule = grammar.removeprefix("root ::= ")
    assert rule != grammar
    made, at = "", 0
    while at < len(rule):
        token = _TOKEN.match(rule, at)
        assert token is not None, rule[at:]
        at = token.end()
        if token["literal"]:
            assert re.fullmatch(r'(?:[^\\]|\\["\\nrtxuU])*', token[0]), token[0]
            made += f"(?:{re.escape(json.loads(token['literal']))})"
        elif not token["blank"]:
            made += "(?:" if token[0] == "(" else token[0]
    return made


ENDS: dict[str, Any] = {
    "Stars": Annotated[int, Field(ge=1, le=5)],
    "Even": Annotated[int, Field(ge=-4, le=4, multiple_of=2)],
    "Count": Annotated[int, Field(ge=0)],
    "Many": Annotated[int, Field(gt=0, le=5000)],
    "Low": Annotated[int, Field(le=7)],
    "Share": Annotated[float, Field(ge=0, le=1)],
    "Open": Annotated[float, Field(gt=0, lt=1)],
    "Degrees": Annotated[float, Field(ge=0, le=99.5)],
    "Length": Annotated[float, Field(ge=0)],
    "Any": Annotated[float, Field(le=3)],
}
REACHED = {
    "Stars": ("1", "5"),
    "Even": ("-4", "0", "2"),
    "Count": ("0", "12345"),
    "Many": ("1", "5000"),
    "Low": ("-3", "7"),
    "Share": ("0", "0.25", "1", "1.0"),
    "Open": ("0.5",),
    "Degrees": ("0", "98.75", "99.5"),
    "Length": ("0.1", "250"),
    "Any": ("-2.5", "3"),
    "date": ("2024-02-29", "1999-12-31", "2026-04-30"),
}
LEFT_OUT = {
    "Stars": ("0", "6", "51", "-1"),
    "Even": ("-3", "6"),
    "Count": ("-1", "007"),
    "Many": ("0", "50001"),
    "Share": ("-0.5", "1.5", "2"),
    "Open": ("1", "1.0"),
    "Degrees": ("100", "-1"),
    "date": ("2024-15-01", "2024-02-30", "2024-04-31", "2024-00-10", "2024-01-40"),
}


def ruled(kind: str) -> re.Pattern[str]:
    """What the newest edition lets through of one field of a type."""
    spec = spec_of(signature_of(f"value: {kind}"))
    rule = adapter_of("completion/4:grammar").grammar(spec, "", 512)
    return re.compile(regex_of(rule))


@pytest.mark.parametrize("kind", REACHED)
@pytest.mark.parametrize("optional", ["", " | None"])
def test_numbers_keep_to_the_ends_of_their_types(kind: str, optional: str) -> None:
    """And dates to months: what may be is let through, and what may not is left out."""
    rule, edge = ruled(f"{kind}{optional}"), '"' if optional and kind == "date" else ""

    for text in REACHED[kind]:
        assert rule.fullmatch(f" {edge}{text}{edge}"), text
    for text in LEFT_OUT.get(kind, ()):
        assert not rule.fullmatch(f" {edge}{text}{edge}"), text


@pytest.mark.parametrize(
    "kind", sorted({*SIMPLE, *ENDS} - {"Degrees", "Low", "Any", "Many"})
)
@given(st.data())
@settings(max_examples=60)
def test_what_the_newest_grammar_lets_through_is_a_value(
    kind: str, data: st.DataObject
) -> None:
    """Of the type, to its ends; days that only some years have are refused, by rule."""
    signature = signature_of(f"value: {kind}")
    reply = data.draw(st.from_regex(ruled(kind), fullmatch=True))

    try:
        adapter_of("completion/4:grammar").parse(reply, signature)
    except ValidationError:
        odd = kind == "Open" and float(reply) == 0
        assert odd or (
            kind.startswith("date") and ("02-29" in reply or "0000" in reply)
        )


def test_earlier_editions_send_what_they_sent() -> None:
    """Any digits: an artifact that was compiled so keeps its grammar."""
    spec = spec_of(signature_of("day: date, stars: Stars"))
    rules = {
        n: adapter_of(f"completion/{n}:grammar").grammar(spec, "", 9) for n in "123"
    }

    assert len({*rules.values()}) == 1
    assert '[0-9]{4} "-" [0-9]{2} "-" [0-9]{2}' in rules["3"]


def signature_of(outputs: str) -> Any:
    """The signature of a module with these outputs."""
    return weft.Predict(f"text -> {outputs}", types={**TYPES, **ENDS}).signature


@pytest.mark.parametrize("kind", SIMPLE)
@given(st.data())
@settings(max_examples=60)
def test_what_the_grammar_lets_through_is_read(kind: str, data: st.DataObject) -> None:
    """As a value of the type; only a day that there is not is refused, by its rule."""
    signature = signature_of(f"first: {kind}, last: {kind}")
    grammar = line_grammar(spec_of(signature), "", 512)
    assert grammar is not None
    reply = data.draw(st.from_regex(regex_of(grammar), fullmatch=True))

    try:
        parsed = adapter_of("completion/1:grammar").parse(reply, signature)
    except ValidationError:
        assert "date" in kind
        return

    assert [*parsed.values] == ["first", "last"]


@pytest.mark.parametrize("outputs", ["odd: Odd", "odd: Odd, why", "why, odd: Odd"])
def test_each_choice_is_written_and_read(outputs: str) -> None:
    """With quotes, backslashes, and letters of other alphabets."""
    signature = signature_of(outputs)
    spec, adapter = spec_of(signature), adapter_of("completion/1:grammar")
    rule = re.compile(regex_of(line_grammar(spec, "", None) or ""))
    for label in ODD:
        values = {name: {"odd": label, "why": "so"}[name] for name in spec.outputs}
        written = adapter.write(spec.outputs.values(), values, "")
        reply = written.removeprefix(f"{next(iter(spec.outputs))}:")

        assert rule.fullmatch(reply), label
        assert adapter.parse(reply, signature).values == values


@pytest.mark.parametrize(
    "kind", ["list[str]", "dict[str, int]", "Any", "list[Label]", "int | list[str]"]
)
def test_what_is_nested_has_no_grammar(kind: str) -> None:
    """It is better written as an object, also beside what is simple."""
    module = weft.Predict(f"text -> n: int, found: {kind}", types={**TYPES, "Any": Any})
    spec = spec_of(module.signature)

    assert line_grammar(spec, "", 512) is None
    assert adapter_of("completion/1:grammar").grammar(spec, "", 512) == ""


def test_the_fence_is_in_the_grammar() -> None:
    """The marks of a call are what the model is to write."""
    grammar = line_grammar(spec_of(signature_of("a: int, b: int")), "#7", None)

    assert '"b#7:"' in (grammar or "")


def test_texts_before_other_fields_end() -> None:
    """Within their share of the reply; the last one is as long as it likes."""
    spec = spec_of(signature_of("why, more, last"))

    assert (line_grammar(spec, "", 96) or "").count("{1,32}") == 2
    assert (line_grammar(spec, "", None) or "").count("{1,256}") == 2
    assert (line_grammar(spec, "", 1) or "").count("{1,16}") == 2
    assert (line_grammar(spec, "", 96) or "").endswith("[^\\n]+")


def test_the_users_own_bounds_stay_where_they_are_tighter() -> None:
    """And where they are not, the share holds; nobody repeats a rule 9,000 times."""

    class Bounded(weft.Signature):
        """Say it."""

        text: str = weft.Input()
        short: str = weft.Output(max_length=20)
        long: str = weft.Output(max_length=9000)
        last: str = weft.Output(max_length=9000)

    grammar = line_grammar(spec_of(Bounded), "", 512) or ""

    assert re.findall(r"\{1,(\d+)\}|(\+)$", grammar) == [
        ("20", ""),
        ("170", ""),
        ("", "+"),
    ]
