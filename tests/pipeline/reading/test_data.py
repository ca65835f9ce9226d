"""Data with values of other types than asked, at any depth: one reading, or none.

A second call for `{"people": "4"}` buys nothing: there is one number that it can mean.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from weft.pipeline.adapters import adapter_of
from weft.pipeline.errors import ParseError
from weft.pipeline.ground import strictjson
from weft.pipeline.reading.data import between_commas, listed, repaired
from weft.pipeline.signature.forms import make_signature


class Order(BaseModel):
    """With a field of each closed type."""

    people: int
    price: float | None
    vegan: bool
    kind: Literal["eat in", "take-away"]
    day: datetime.date
    paid: Decimal
    note: str


PLAIN: dict[str, Any] = {
    "people": 4,
    "price": 3.5,
    "vegan": True,
    "kind": "eat in",
    "day": "2024-02-29",
    "paid": "3.50",
    "note": "by the window",
}
RIGHT = Order.model_validate(PLAIN)
OTHERWISE: list[tuple[str, Any]] = [
    ("people", "4"),
    ("people", "**4**"),
    ("people", "4 people"),
    ("people", 4.0),
    ("people", "4.0"),
    ("price", "3.5"),
    ("price", "$3.50"),
    ("vegan", "yes"),
    ("vegan", "True"),
    ("kind", "Eat-in."),
    ("day", "2024-02-29."),
    ("day", "`2024-02-29`"),
]


@pytest.mark.parametrize(("name", "value"), OTHERWISE, ids=str)
@pytest.mark.parametrize("form", ["json", "chat"])
def test_a_place_in_data_is_read_as_a_field_of_its_type_is(
    form: str, name: str, value: Any
) -> None:
    """And noted."""
    order = strictjson.dumps(PLAIN | {name: value})
    reply = {"json": f'{{"order": {order}}}', "chat": f"[[ order ]]\n{order}"}[form]
    signature = make_signature("q -> order: Order", types={"Order": Order})

    parsed = adapter_of(form).parse(reply, signature)

    assert parsed.values["order"] == RIGHT
    assert parsed.repairs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("people", "four"),
        ("people", "4 or 5"),
        ("people", 4.5),
        ("people", "1,5"),
        ("people", True),
        ("people", None),
        ("people", "null"),
        ("price", "cheap"),
        ("price", True),
        ("vegan", "maybe"),
        ("vegan", 1),
        ("kind", "to go"),
        ("day", "02/03/2024"),
        ("paid", "$3.50"),
        ("note", 1.10),
        ("note", None),
        ("note", ["by the window"]),
    ],
    ids=str,
)
def test_what_has_no_one_reading_is_an_error(name: str, value: Any) -> None:
    """A missing value, two readings, or none."""
    reply = strictjson.dumps({"order": PLAIN | {name: value}})
    signature = make_signature("q -> order: Order", types={"Order": Order})

    with pytest.raises(ParseError):
        adapter_of("json").parse(reply, signature)


LISTS: list[tuple[str, str, Any]] = [
    ("list[str]", "- one\n- two", ["one", "two"]),
    ("list[str]", "1. one\n2. two", ["one", "two"]),
    ("list[str]", "Here they are:\n* one\n* two, or three", ["one", "two, or three"]),
    ("list[str] | None", "- one", ["one"]),
    ("list[int]", "- 1\n- 2", [1, 2]),
    ("list[int]", "1, 2, 3", [1, 2, 3]),
    ("list[int]", "1\n2", [1, 2]),
    ("list[float]", "0.5, 1", [0.5, 1.0]),
    ("list[bool]", "yes, no", [True, False]),
    ("list[Literal['cards', 'top ups']]", "Cards, Top-ups", ["cards", "top ups"]),
    ("list[Literal['cards', 'top ups']]", "Cards", ["cards"]),
    ("set[int]", "1\n2\n2", {1, 2}),
    ("list[str]", "one, two", None),
    ("list[str]", "one", None),
    ("list[str]", "- one\n  and more", None),
    ("list[str]", "- one\n* two", None),
    ("list[str]", "2. one\n3. two", None),
    ("list[str]", "- one\n  - two", None),
    ("list[int]", "3", None),
    ("list[int]", "1,234", None),
    ("list[float]", "1,5", None),
    ("list[int]", "one, two", None),
    ("list[Literal['cards', 'top ups']]", "Cards, coins", None),
    ("list[list[int]]", "- 1\n- 2", None),
    ("list[str] | str", "- one\n- two", "- one\n- two"),
]


@pytest.mark.parametrize(("kind", "text", "right"), LISTS)
@pytest.mark.parametrize("form", ["chat", "xml", "plain"])
def test_a_list_may_stand_on_lines(form: str, kind: str, text: str, right: Any) -> None:
    """As people write it."""
    signature = make_signature(f"q -> items: {kind}")
    reply = {
        "chat": f"[[ items ]]\n{text}\n[[ /end ]]",
        "xml": f"<items>{text}</items>",
        "plain": f"items: {text}",
    }[form]

    if right is None:
        with pytest.raises(ParseError):
            adapter_of(form).parse(reply, signature)
    else:
        assert adapter_of(form).parse(reply, signature).values == {"items": right}


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
LEAVES = LEAVES | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*PLAIN, "other"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(DATA)
def test_mending_twice_is_mending_once_and_what_fits_is_left_alone(data: Any) -> None:
    """Whatever the data is."""
    schema = Order.model_json_schema()

    once = repaired(data, schema)

    assert repaired(once, schema) == once
    assert repaired(PLAIN, schema) is PLAIN


@given(st.text(alphabet="-*1. ab,\n:", max_size=40))
def test_items_are_parts_of_the_text(text: str) -> None:
    """None is made up, and none comes twice."""
    for items in (listed(text), between_commas(text)):
        at = 0
        for item in items:
            at = text.index(item, at) + len(item)
