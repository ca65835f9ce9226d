"""Data with values of other types than asked, at any depth: one reading, or none.

A second call for `{"people": "4"}` buys nothing: there is one number that it can mean.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

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
    ("paid", "$3.50"),
    ("paid", "3.50 euros"),
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
        ("paid", "cheap"),
        ("paid", "3.50 or 4.50"),
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


class Found(BaseModel):
    """With texts of formats, which may begin and end with anything."""

    path: Path
    word: SecretStr
    seen: datetime.date | None
    count: int
    share: int | float = 0


FOUND = {"path": ".notes_", "word": "none.", "seen": None, "count": 4, "share": 0}


@pytest.mark.parametrize(
    "otherwise", [{"count": "4"}, {"seen": "null"}, {"count": 4.0, "seen": "None"}]
)
def test_what_is_as_it_should_be_is_left_alone(otherwise: dict[str, Any]) -> None:
    """Beside a value that is mended."""
    signature = make_signature("q -> found: Found", types={"Found": Found})

    parsed = adapter_of("json").parse(
        strictjson.dumps({"found": FOUND | otherwise}), signature
    )

    assert parsed.values["found"] == Found.model_validate(FOUND)


@pytest.mark.parametrize(
    "member",
    ['"count": 10.000', '"count": "10.000"', '"share": "1,234"', '"share": "25%"'],
)
def test_a_number_of_two_readings_is_none_in_data(member: str) -> None:
    """Thousands, or a part; as where it is a field."""
    signature = make_signature("q -> found: Found", types={"Found": Found})
    name = member.split('"')[1]
    rest = strictjson.dumps({k: v for k, v in FOUND.items() if k != name})
    reply = f'{{"found": {{{member}, {rest[1:]}}}'

    with pytest.raises(ParseError):
        adapter_of("json").parse(reply, signature)


class Cat(BaseModel):
    """One of two kinds."""

    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    """The other one."""

    kind: Literal["dog"]
    lives: str


PETS = [Cat | Dog, Annotated[Cat | Dog, Field(discriminator="kind")], Cat | Dog | None]


@pytest.mark.parametrize("kind", PETS, ids=["union", "tagged", "or none"])
def test_a_tag_says_as_what_an_object_is_read(kind: Any) -> None:
    """So do the members that it has; without either nothing is mended."""
    signature = make_signature("q -> pet: Pet", types={"Pet": kind})

    def read(pet: dict[str, Any]) -> Any:
        return adapter_of("json").parse(strictjson.dumps({"pet": pet}), signature)

    assert read({"kind": "cat", "lives": "9"}).values["pet"].lives == 9
    assert read({"kind": "Dog.", "lives": 9}).values["pet"].lives == "9"
    assert read({"Kind": "cat", "Lives": 9.0}).values["pet"].lives == 9
    for lost in ({"lives": "9"}, {"kind": "cow", "lives": "9"}, {"kind": "cat"}):
        with pytest.raises(ParseError):
            read(lost)


@pytest.mark.parametrize(
    ("kind", "data", "right"),
    [
        ("list[str]", '["a, b"]', ["a, b"]),
        ("list[int]", '["1", 2.0]', [1, 2]),
        ("dict[str, int]", '{"a": "1"}', {"a": 1}),
        ("list[dict[str, int]]", ['{"a": 1}'], [{"a": 1}]),
        ("list[str] | str", '["a"]', '["a"]'),
        ("list[int]", "[1,", None),
        ("list[int]", '{"a": 1}', None),
    ],
)
def test_json_within_a_text_is_what_it_says(kind: str, data: Any, right: Any) -> None:
    """Where no text may stand."""
    signature = make_signature(f"q -> items: {kind}")
    reply = strictjson.dumps({"items": data})

    if right is None:
        with pytest.raises(ParseError):
            adapter_of("json").parse(reply, signature)
    else:
        assert adapter_of("json").parse(reply, signature).values == {"items": right}


def test_a_key_that_a_pattern_knows_keeps_its_name() -> None:
    """It stands for itself."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "n": {"type": "integer"}},
        "patternProperties": {"^A": {"type": "string"}},
    }

    assert repaired({"A": "x", "n": "4"}, schema) == {"A": "x", "n": 4}


BOTH = ["tea", "this and that"]
LISTS: list[tuple[str, str, Any]] = [
    ("list[str]", "- one\n- two", ["one", "two"]),
    ("list[str]", "1. one\n2. two", ["one", "two"]),
    ("list[str]", "Here they are:\n* one\n* two, or three", ["one", "two, or three"]),
    ("list[str] | None", "- one", ["one"]),
    ("list[int]", "- 1\n- 2", [1, 2]),
    ("list[int]", "1, 2, 3", [1, 2, 3]),
    ("list[int]", "101, 102, and 205", [101, 102, 205]),
    ("list[int]", "[101, 102, and 205]", [101, 102, 205]),
    ("list[int]", "[101 and 205]", [101, 205]),
    ("list[str]", "[one, two, and three]", None),
    ("list[float]", "0.5 and 1", [0.5, 1.0]),
    ("list[Literal['this and that', 'tea']]", "Tea, and this and that", BOTH),
    ("list[int]", "between 1 and 2", None),
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
    ("list[str]", '- "one"\n- "two"', ["one", "two"]),
    ("list[int]", "100,200, 300", None),
    ("list[Path]", "one, two", None),
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
    signature = make_signature(f"q -> items: {kind}", types={"Path": Path})
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


class Item(BaseModel):
    """One of several."""

    name: str
    count: int


class Basket(BaseModel):
    """With a list, and one alone, inside."""

    items: list[Item]
    gift: Item | None = None


ONE, OTHER = '{"name": "egg", "count": 2}', '{"name": "cup", "count": 1}'
EGG, CUP = Item(name="egg", count=2), Item(name="cup", count=1)
FRAMED: list[tuple[str, str, Any]] = [
    ("list[Item]", ONE, [EGG]),
    ("list[Item] | None", ONE, [EGG]),
    ("list[Item]", f'{{"items": [{ONE}, {OTHER}]}}', [EGG, CUP]),
    ("list[Item]", f"{ONE}\n{OTHER}", [EGG, CUP]),
    ("list[Item]", f"{ONE},\n{OTHER}", [EGG, CUP]),
    ("list[Item]", f"1. {ONE}\n2. {OTHER}", [EGG, CUP]),
    ("list[Item]", f"Here they are:\n- {ONE}\n- {OTHER}", [EGG, CUP]),
    ("list[Item]", '{"Name": "egg", "Count": "2"}', [EGG]),
    ("Item", f"[{ONE}]", EGG),
    ("Item | None", f"[{ONE}]", EGG),
    ("Item", f'{{"item": {ONE}}}', EGG),
    ("Basket", f'{{"items": {ONE}}}', Basket(items=[EGG])),
    ("Basket", f'{{"items": [], "gift": [{ONE}]}}', Basket(items=[], gift=EGG)),
    ("Basket", f'{{"basket": {{"items": [{ONE}]}}}}', Basket(items=[EGG])),
]
NOT_FRAMED: list[tuple[str, str]] = [
    ("list[Item]", f"{ONE} or {OTHER}"),
    ("list[Item]", f"{ONE}\nNot sure about: {OTHER}"),
    ("list[Item]", '{"name": "egg"}'),
    ("list[Item]", f'{{"good": [{ONE}], "bad": [{OTHER}]}}'),
    ("list[Item]", f'{ONE}\n{{"name": "cup"'),
    ("Item", f"[{ONE}, {OTHER}]"),
    ("Item", "[]"),
    ("Item", f'{{"first": {ONE}, "second": {OTHER}}}'),
    ("Item", '{"item": {"name": "egg"}}'),
    ("list[str]", '"egg"'),
    ("list[int]", "3"),
    ("int", "[3, 4]"),
    ("bool", "[true, false]"),
    ("bool", "[]"),
    ("Literal['a', 'b']", '["a", "b"]'),
    ("int", "[]"),
    ("int", "[[3]]"),
]


def framed(kind: str, text: str) -> Any:
    """What a field of that type is read as; None where it is an error."""
    types = {"Item": Item, "Basket": Basket}
    signature = make_signature(f"q -> found: {kind}", types=types)
    try:
        parsed = adapter_of("chat").parse(f"[[ found ]]\n{text}", signature)
    except ParseError:
        return None
    assert parsed.repairs
    return parsed.values["found"]


@pytest.mark.parametrize("kind", ["bool", "Literal['a', 'b']"])
@pytest.mark.parametrize("form", ["chat", "json"])
def test_one_label_in_a_list_is_that_label(kind: str, form: str) -> None:
    """Small models write lists where a label is wanted."""
    signature, told = make_signature(f"q -> found: {kind}"), '["a"]'
    right, told = (False, "[false]") if kind == "bool" else ("a", told)
    texts = {"chat": f"[[ found ]]\n{told}", "json": f'{{"found": {told}}}'}

    parsed = adapter_of(form).parse(texts[form], signature)

    assert parsed.values == {"found": right}
    assert parsed.repairs


@pytest.mark.parametrize(("kind", "text", "right"), FRAMED)
def test_one_for_a_list_and_a_list_for_one(kind: str, text: str, right: Any) -> None:
    """An object that is one of what is wanted stands for a list of one, and so on."""
    assert framed(kind, text) == right


@pytest.mark.parametrize(("kind", "text"), NOT_FRAMED)
def test_several_and_others_are_no_one(kind: str, text: str) -> None:
    """Words between, two where one is wanted, and what lacks a member."""
    assert framed(kind, text) is None
