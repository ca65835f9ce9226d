"""Fields: what they accept, how values become text, and how text becomes values."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import TypedDict

from tests.hostile import plain_data, texts
from weft.errors import ParseError, SignatureError, ValidationError
from weft.pipeline.reading.fields import read_text
from weft.pipeline.signature.field import FieldSpec


class Colour(enum.Enum):
    RED = "red"
    BLUE = "sky blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Item(pydantic.BaseModel):
    name: str
    count: int = 0
    tags: list[str] = []
    next: Optional[Item] = None  # noqa: UP045 - pydantic resolves it at run time


class Twin(pydantic.BaseModel):
    name: str
    count: int = 0


class Aliased(pydantic.BaseModel):
    kind: str = pydantic.Field(alias="type")
    seen: frozenset[str] = frozenset()


@dataclass
class Point:
    x: int
    labels: set[str]


class Pair(NamedTuple):
    a: int
    b: str


UserId = NewType("UserId", str)


class Row(TypedDict):
    a: int
    b: list[str]


WORDS = ("a", "b c", "", '"q"', "null", "1", " x ")

items = st.builds(
    Item,
    name=texts,
    count=st.integers(),
    tags=st.lists(texts, max_size=2),
    next=st.none() | st.builds(Item, name=texts),
)
VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "str": (str, texts),
    "annotated": (Annotated[str, pydantic.Field(max_length=500)], texts),
    "int": (int, st.integers(-(10**20), 10**20)),
    "float": (float, st.floats(allow_nan=False, allow_infinity=False)),
    "bool": (bool, st.booleans()),
    "optional text": (str | None, st.none() | texts),
    "optional number": (int | None, st.none() | st.integers()),
    "text or number": (int | str, st.integers() | texts),
    "list": (list[str], st.lists(texts, max_size=3)),
    "nested list": (list[list[int]], st.lists(st.lists(st.integers()), max_size=3)),
    "set": (set[str], st.sets(texts, max_size=4)),
    "dict": (dict[str, int], st.dictionaries(texts, st.integers(), max_size=3)),
    "keyed": (dict[int, str], st.dictionaries(st.integers(), texts, max_size=3)),
    "tuple": (tuple[int, str], st.tuples(st.integers(), texts)),
    "literal": (Literal[WORDS], st.sampled_from(WORDS)),
    "mixed literal": (Literal["a", 1, True, None], st.sampled_from(["a", 1, True])),
    "optional literal": (Literal["a", "b"] | None, st.sampled_from(["a", None])),
    "enum": (Colour, st.sampled_from(Colour)),
    "int enum": (Level, st.sampled_from(Level)),
    "model": (Item, items),
    "models": (list[Item], st.lists(items, max_size=2)),
    "optional model": (Item | None, st.none() | items),
    "alias": (Aliased, st.builds(Aliased, type=texts, seen=st.frozensets(texts))),
    "dataclass": (Point, st.builds(Point, st.integers(), st.sets(texts, max_size=3))),
    "named tuple": (Pair, st.builds(Pair, st.integers(), texts)),
    "typed dict": (Row, st.fixed_dictionaries({"a": st.integers(), "b": st.just([])})),
    "anything": (Any, plain_data),
    "date": (datetime.date, st.dates()),
    "datetime": (datetime.datetime, st.datetimes()),
    "duration": (datetime.timedelta, st.timedeltas(max_value=datetime.timedelta(99))),
    "decimal": (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    "uuid": (uuid.UUID, st.uuids()),
    "bytes": (bytes, texts.map(str.encode)),
}
RULES: list[tuple[Any, dict[str, Any], list[Any], list[Any]]] = [
    (int, {"ge": 1, "le": 3}, [1, 3], [0, 4]),
    (float, {"gt": 0, "lt": 1}, [0.5], [0.0, 1.0]),
    (int, {"multiple_of": 5}, [0, 10], [3]),
    (str, {"min_length": 1, "max_length": 3}, ["a", "äöü"], ["", "abcd"]),
    (str, {"pattern": "^[a-z]+$"}, ["abc"], ["ABC", "", "a b"]),
    (list[int], {"max_length": 2}, [[], [1, 2]], [[1, 2, 3]]),
    (list[str], {"min_length": 1}, [["a"]], [[]]),
    (int | None, {"ge": 0}, [None, 0], [-1]),
    (Annotated[int, pydantic.Field(ge=0)], {"le": 9}, [0, 9], [-1, 10]),
    (Literal["a", "b"], {}, ["a"], ["c", "ab", None]),
    (dict[str, int], {"max_length": 1}, [{"a": 1}], [{"a": 1, "b": 2}]),
]
UNSENDABLE: list[tuple[Any, Any]] = [
    (str, "a\ud800"),
    (str | None, "\udfff"),
    (list[str], ["ok", "\ud83e"]),
    (dict[str, Any], {"\ud800": 1}),
    (Item, Item(name="\ud800")),
    (Any, {"a": ["\ud800"]}),
    (float, math.nan),
    (float, math.inf),
    (float, 10**400),
    (list[float], [0.0, -math.inf]),
    (Any, math.nan),
    (Any, [math.inf]),
    pytest.param(Any, object(), id="an object"),
    (Any, {"f": print}),
    (bytes, b"\xff"),
]


def field(kind: Any, **constraints: Any) -> FieldSpec:
    return FieldSpec("answer", "output", kind, constraints=constraints)


@pytest.mark.parametrize("name", VALUES)
def test_every_value_comes_back_from_its_text(name: str) -> None:
    """read(write(dump(x))) is x, of the same type, with nothing mended on the way."""
    kind, values = VALUES[name]
    spec = field(kind)

    @given(values)
    @settings(max_examples=60)
    def comes_back(value: Any) -> None:
        checked = spec.check(value)
        reading = read_text(spec, spec.write(spec.dump(checked)))

        assert reading.value == value == checked
        assert type(reading.value) is type(value)
        assert reading.repair == ""

    comes_back()


@pytest.mark.parametrize("name", VALUES)
def test_every_value_comes_back_from_its_data(name: str) -> None:
    """load(dump(x)) is x, and dump gives the same data each time."""
    kind, values = VALUES[name]
    spec = field(kind)

    @given(values)
    @settings(max_examples=25)
    def comes_back(value: Any) -> None:
        data = spec.dump(spec.check(value))

        assert spec.load(data) == value
        assert spec.dump(spec.load(data)) == data

    comes_back()


@pytest.mark.parametrize(("kind", "rules", "good", "bad"), RULES)
def test_constraints_hold_both_ways(
    kind: Any, rules: dict[str, Any], good: list[Any], bad: list[Any]
) -> None:
    """A rule is enforced on what goes in and on what a model writes."""
    spec = field(kind, **rules)

    for value in good:
        assert spec.check(value) == value
        assert read_text(spec, spec.write(value)).value == value
    for value in bad:
        with pytest.raises(ValueError, match="got"):
            spec.check(value)
        with pytest.raises(ValidationError, match="field 'answer'"):
            read_text(spec, spec.write(value))


@pytest.mark.parametrize(("kind", "value"), UNSENDABLE, ids=ascii)
def test_what_no_model_can_be_sent_is_refused(kind: Any, value: Any) -> None:
    """NaN, lone surrogates and objects are refused where they come in."""
    with pytest.raises(
        ValueError, match=r"cannot be sent|surrogate|another type|Input"
    ):
        field(kind).check(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, "3"),
        (int, 3.0),
        (int, True),
        (bool, 1),
        (str, 3),
        (Literal[1, 2], True),
        (Literal[1, 2], 1.0),
        (Level, True),
        (list[int], [1, "2"]),
        (dict[str, int], {1: 2}),
        (Item, {"name": 3}),
    ],
)
def test_values_are_checked_strictly(kind: Any, value: Any) -> None:
    """A value of another type is an error, and never turned into one that fits."""
    with pytest.raises(ValueError, match=r"Input should be|another type|is not"):
        field(kind).check(value)


def test_plain_data_becomes_the_type() -> None:
    """What came from JSON fits where its type is wanted."""
    assert field(Colour).check("red") is Colour.RED
    assert field(Item).check({"name": "x"}) == Item(name="x")
    assert field(Item).check(Twin(name="x")) == Item(name="x"), "a class of one shape"
    assert field(list[int]).check((1, 2)) == [1, 2]
    assert field(set[str]).check(["a", "a"]) == {"a"}
    assert field(float).check(3) == 3.0
    assert field(datetime.date).check("2024-02-29") == datetime.date(2024, 2, 29)


def test_sets_are_written_in_an_order_of_their_own() -> None:
    """Two processes with different hash seeds write the same prompt."""
    words = {f"w{n}" for n in range(50)}

    assert field(set[str]).dump(words) == sorted(words)
    assert field(Point).dump(Point(1, words))["labels"] == sorted(words)
    assert field(Aliased).dump(Aliased(type="t", seen=frozenset(words))) == {
        "type": "t",
        "seen": sorted(words),
    }
    assert field(Any).dump({"a": [words]}) == {"a": [sorted(words)]}


READ: list[tuple[Any, str, Any, bool]] = [
    (str, "  hello\n", "hello", False),
    (str, '"quoted"', "quoted", False),
    (str, '"a" or "b"', '"a" or "b"', False),
    (str, "```py\nx\n```", "```py\nx\n```", False),
    (Literal["cards", "top-ups"], "Cards.", "cards", True),
    (Literal["cards", "top-ups"], "**top ups**", "top-ups", True),
    (Literal["cards", "top-ups"], '"cards"', "cards", False),
    (Colour, "Sky_Blue", Colour.BLUE, True),
    (int, "```json\n3\n```", 3, True),
    (list[str], '```\n["a"]\n```', ["a"], True),
    (bool, "True", True, True),
    (bool | None, "FALSE", False, True),
    (str | None, "None", None, True),
    (int | None, "", None, True),
    (str | None, "bare words", "bare words", True),
    (Literal["a", "b"] | None, "a", "a", True),
    (datetime.date | None, "2024-02-29", datetime.date(2024, 2, 29), True),
]


@pytest.mark.parametrize(("kind", "text", "value", "mended"), READ)
def test_what_models_tend_to_write_is_understood(
    kind: Any, text: str, value: Any, mended: bool
) -> None:
    """Small slips of form are mended, and that they were is told."""
    reading = read_text(field(kind), text)

    assert reading.value == value
    assert bool(reading.repair) is mended


UNREAD: list[tuple[Any, str, type[ParseError], str]] = [
    (int, "three", ParseError, "'three' is not a whole number"),
    (int, "3.5", ValidationError, "a whole number"),
    (Literal["a", "b"], "c", ValidationError, "'c' is no choice; wanted one of \"a\""),
    (Literal["yes", "YES"], "Yes", ValidationError, "is no choice"),
    (Literal["c", "C."], "c*", ValidationError, "is no choice"),
    (list[int], "[1, 2", ParseError, "not JSON"),
    (list[int], '["a"]', ValidationError, "0: 'a' is not a whole number"),
    (Item, '{"count": 1}', ValidationError, "name: Field required"),
    (datetime.date, "2020", ValidationError, "Timestamp is not an exact date"),
    (datetime.datetime, "1600000000", ValidationError, "another type"),
    (int | None, "many", ParseError, "'many' is not null or a whole number"),
]


@pytest.mark.parametrize(("kind", "text", "error", "says"), UNREAD)
def test_what_is_not_understood_says_what_came_and_what_was_wanted(
    kind: Any, text: str, error: type[ParseError], says: str
) -> None:
    """The error names the field, the text and the type in words."""
    with pytest.raises(ParseError, match="field 'answer'") as caught:
        read_text(field(kind), text)

    assert type(caught.value) is error
    assert says in caught.value.message
    assert caught.value.text == text
    assert caught.value.wanted == field(kind).wanted


@given(texts | st.text(alphabet='{}[]",:0123e.-ntrue ', max_size=20))
@settings(max_examples=150)
def test_any_text_is_a_value_or_a_parse_error(text: str) -> None:
    """Reading raises ParseError and nothing else, for every kind of field."""
    for kind, _ in VALUES.values():
        spec = field(kind)
        try:
            value = read_text(spec, text).value
        except ParseError:
            continue

        assert spec.check(value) == value


FLOOD = "x" * 100_000


@pytest.mark.parametrize(
    "call",
    [
        lambda: read_text(field(int), FLOOD),
        lambda: read_text(field(Literal["a"]), FLOOD),
        lambda: read_text(field(list[int]), f'["{FLOOD}"]'),
        lambda: read_text(field(dict[str, int]), f'{{"{FLOOD}": "a"}}'),
        lambda: field(int).check(FLOOD),
        lambda: field(Any).check({FLOOD: math.nan}),
        lambda: field(str).check(FLOOD + "\ud800"),
    ],
)
def test_messages_stay_short(call: Callable[[], object]) -> None:
    """A flood of text is quoted in part."""
    with pytest.raises((ValueError, ParseError)) as caught:
        call()

    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("kind", "rules", "words"),
    [
        (str, {}, "text"),
        (str, {"max_length": 9}, "text, at most 9 characters"),
        (int, {"ge": 0, "lt": 5}, "a whole number, at least 0, less than 5"),
        (bool, {}, "true or false"),
        (float, {}, "a number"),
        (list[str], {"max_length": 3}, "a JSON list of text, at most 3 items"),
        (Literal["a", 1], {}, 'one of "a", 1'),
        (Colour, {}, 'one of "red", "sky blue"'),
        (list[Literal["a", "b"]], {}, 'a JSON list, each item one of "a", "b"'),
        (datetime.date, {}, "text, as a date"),
        (int | None, {}, "null, or a whole number"),
        (Literal["a", "b"] | None, {}, 'null, or one of "a", "b"'),
        (Colour | None, {}, 'null, or one of "red", "sky blue"'),
        (list[int], {}, "a JSON list of whole numbers"),
        (Item, {}, "JSON that fits this schema: "),
    ],
)
def test_wanted_says_type_and_rules_in_words(
    kind: Any, rules: dict[str, Any], words: str
) -> None:
    """Models and people read what is wanted in the same words."""
    wanted = field(kind, **rules).wanted

    assert wanted == words or (words.endswith(": ") and wanted.startswith(words))


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        pytest.param(object(), {}, id="an object"),
        (Callable[[int], int], {}),
        (int, {"max_length": 3}),
        (int | None, {"pattern": "a"}),
        (str | int, {"ge": 0}),
        (bool, {"ge": 0}),
        (UserId, {"gt": 1}),
        (int, {"ge": "x"}),
        (str, {"max_length": -1}),
        (str, {"pattern": "("}),
        (Literal, {}),
        (socket := type("Socket", (), {}), {}),
        (list[socket], {}),
    ],
    ids=str,
)
def test_types_that_cannot_be_checked_are_signature_errors(
    kind: Any, rules: dict[str, Any]
) -> None:
    """Whatever pydantic says, weft's error names the field and a remedy."""
    with pytest.raises(SignatureError, match="field 'answer' has a type") as caught:
        _ = field(kind, **rules).schema

    assert caught.value.hint.startswith("Use a standard type or a pydantic model")


def test_a_default_is_fresh_each_time() -> None:
    """Whoever changes a default that was handed out changes nobody else's."""
    spec = FieldSpec("tags", "input", list[str], default=[])

    spec.fallback().append("x")

    assert spec.fallback() == []
