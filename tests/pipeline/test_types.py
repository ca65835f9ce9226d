"""Types read from text, compared as a checker would, and put in words."""

from __future__ import annotations

import collections.abc as abc
import datetime
import enum
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Optional, Union

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import texts
from weft.errors import SignatureError
from weft.pipeline.signature.forms import parse_type
from weft.pipeline.signature.types import (
    choices_of,
    fits,
    members_of,
    type_name,
)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Word(enum.StrEnum):
    A = "a"


class Animal(pydantic.BaseModel):
    name: str


class Dog(Animal):
    age: int = 0


@dataclass
class Point:
    x: int
    y: int


class Pair(typing.NamedTuple):
    a: int


class Row(typing.TypedDict):
    a: int


class Shaped(typing.Protocol):
    def area(self) -> float: ...


UserId = NewType("UserId", str)

READ = {
    "str": str,
    " int ": int,
    "list[str]": list[str],
    "List[str]": list[str],
    "dict[str, list[int]]": dict[str, list[int]],
    "tuple[int, str]": tuple[int, str],
    "tuple[int, ...]": tuple[int, ...],
    "set[int]": set[int],
    "int | None": Optional[int],  # noqa: UP045 - what the text makes
    "Optional[int]": Optional[int],  # noqa: UP045 - what the text makes
    "Union[int, str]": Union[int, str],  # noqa: UP007 - what the text makes
    'Literal["a", -1, True, None]': Literal["a", -1, True, None],
    "Any": Any,
    "date": datetime.date,
    "None": None,
    "Animal": Animal,
    "list[Animal] | None": Optional[list[Animal]],  # noqa: UP045 - what the text makes
}
NO_TYPES = [
    "",
    "lst[str",
    "__import__('os').system('id')",
    "str.__class__",
    "None#1",
    "(lambda: str)()",
    "[str for str in ()]",
    "str if 1 else int",
    "f'{open(0)}'",
    "x := str",
    "await str",
    "*str",
    "list[*str]",
    "list[int:str]",
    "int and str",
    "'str'",
    "1",
    "...",
    "list[...]",
    "dict[str, ...]",
    "list[int, str]",
    "dict[str]",
    "Optional[int, str]",
    "tuple[()]",
    "int[str]",
    "None[str]",
    "Literal",
    "Optional",
    "Literal[()]",
    "Literal[1.5]",
    "Literal[b'a']",
    "Literal[--1]",
    "Literal[-True]",
    "Literal[f'{1}']",
    "\x00",
    "\ud800",
    "[" * 300,
    "list[" * 3000 + "int" + "]" * 3000,
    "-" * 100_000 + "1",
    "int|" * 5000 + "int",
]
FITS: list[tuple[Any, Any, bool]] = [
    (str, str, True),
    (int, float, True),
    (float, int, False),
    (bool, int, False),
    (int, bool, False),
    (int, str, False),
    (str, Any, True),
    (Any, str, True),
    (str, object, True),
    (str, str | None, True),
    (str | None, str, False),
    (None, str | None, True),
    (int | str, str | int | None, True),
    (int | bytes, int | str, False),
    (list[str], list, True),
    (list, list[str], True),
    (list[str], list[str], True),
    (list[int], list[float], True),
    (list[int], list[str], False),
    (list[str], abc.Sequence[str], True),
    (list[str], abc.Iterable[str], True),
    (set[str], abc.Sequence[str], False),
    (str, abc.Sequence[str], True),
    (str, abc.Sequence[int], False),
    (str, list[str], False),
    (dict[str, int], abc.Mapping[str, float], True),
    (dict[str, int], abc.Mapping[str, str], False),
    (dict[str, int], abc.Iterable[str], True),
    (dict[str, int], abc.Iterable[int], False),
    (tuple[int, int], tuple[int, ...], True),
    (tuple[int, ...], tuple[int, int], False),
    (tuple[int, str], tuple[int, str], True),
    (tuple[int, str], tuple[int, int], False),
    (tuple[int], tuple[int, int], False),
    (tuple[int, int], abc.Sequence[float], True),
    (tuple[int, str], abc.Sequence[int], False),
    (tuple[int, int], list[int], False),
    (Literal["a"], Literal["a", "b"], True),
    (Literal["a", "c"], Literal["a", "b"], False),
    (Literal["a"], str, True),
    (Literal["a", 1], str, False),
    (Literal["a", None], str | None, True),
    (Literal[1], Literal[True], False),
    (Literal[True], bool, True),
    (str, Literal["a"], False),
    (list[Literal["a"]], list[str], True),
    (Literal["red"], Colour, False),
    (Colour, Colour, True),
    (Word, str, True),
    (str, Word, False),
    (Dog, Animal, True),
    (Animal, Dog, False),
    (list[Dog], abc.Sequence[Animal], True),
    (Point, Point, True),
    (Point, Animal, False),
    (Annotated[int, pydantic.Field(ge=0)], int, True),
    (int, Annotated[float, pydantic.Field(ge=0)], True),
    (UserId, str, True),
    (str, UserId, False),
    (UserId, UserId, True),
    (UserId, str | None, True),
    (Row, dict[str, Any], True),
    (dict[str, int], Row, False),
    (dict[Literal["a"], int], Row, True),
    (dict[Literal["a"], str], Row, False),
    (dict[Literal["a"], int | str], Row, False),
    (dict[Literal["b"], int], Row, False),
    (dict[Literal["a", "b"], int], Row, False),
    (dict[Any, Any], Row, False),
    (Point, Shaped, False),
    (typing.TypeVar("T"), str, True),
    (abc.Callable[[int], str], abc.Callable, True),
]


@pytest.mark.parametrize("text", READ)
def test_a_type_is_read_from_its_text(text: str) -> None:
    """What Python writes as a type is understood, without running it."""
    assert parse_type(text, {"Animal": Animal}) == READ[text]


@pytest.mark.parametrize("text", NO_TYPES, ids=lambda t: ascii(t[:25]))
def test_what_is_no_type_is_refused_with_a_remedy(text: str) -> None:
    """Calls, attributes, f-strings and floods alike: refused, never evaluated."""
    with pytest.raises(SignatureError) as caught:
        parse_type(text)

    assert len(str(caught.value)) < 500


@given(texts | st.text(alphabet="listrndc[](),|'\" .:_", max_size=25))
@settings(max_examples=200)
def test_any_text_is_a_type_or_a_signature_error(text: str) -> None:
    """Nothing else can come out of reading a type."""
    try:
        parse_type(text)
    except SignatureError:
        return

    assert set(text.strip()) <= set(
        "abcdefghijklmnopqrstuvwxyzLAOUDN[](),|'\" .\t\n\x0c_"
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("lst[str]", "Did you mean 'list'?"),
        ("Literl['a']", "Did you mean 'Literal'?"),
        ("Animl", "Did you mean 'Animal'?"),
        (
            "Vehicle",
            'Pass types={"Vehicle": Vehicle}, or write the signature as a class',
        ),
        ("Literal", "Write Literal[...]"),
        ("a b", "Write for example list[str] or int | None"),
        ("Literal[1.5]", 'Write for example Literal["yes", "no"]'),
    ],
)
def test_the_remedy_fits_the_mistake(text: str, hint: str) -> None:
    """A near name is offered, and for an unknown one the ways to make it known."""
    with pytest.raises(SignatureError) as caught:
        parse_type(text, {"Animal": Animal})

    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    FITS,
    ids=[f"{type_name(s)} -> {type_name(t)}" for s, t, _ in FITS],
)
def test_fits(source: Any, target: Any, expected: bool) -> None:
    """Values flow where a type checker would let them, and never through a loss."""
    assert fits(source, target) is expected


@pytest.mark.parametrize("kind", [source for source, _, _ in FITS])
def test_every_type_fits_itself_and_its_optional(kind: Any) -> None:
    """`T` goes where `T`, `T | None` or anything is wanted."""
    assert fits(kind, kind)
    assert fits(kind, Optional[kind])  # noqa: UP045 - made at run time
    assert fits(kind, Any)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (list[str] | None, "list[str] | None"),
        (Literal["a", 1], "Literal['a', 1]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Annotated[int, 1], "int"),
        (dict[str, Animal], "dict[str, Animal]"),
        (None, "None"),
        (Any, "Any"),
    ],
)
def test_a_type_is_named_as_people_write_it(kind: Any, name: str) -> None:
    """Messages show `list[str] | None`, not `typing.Optional[list[str]]`."""
    assert type_name(kind) == name


def test_closed_choices_are_told_as_they_stand_in_json() -> None:
    """Literals and enums are choices; nothing else is."""
    assert choices_of(Literal["a", 1]) == ("a", 1)
    assert choices_of(Annotated[Colour, 1]) == ("red", "blue")
    assert choices_of(str | None) == ()


def test_members_are_told_for_structured_types_alone() -> None:
    """Models, dataclasses and named tuples have typed members."""
    assert members_of(Dog) == {"name": str, "age": int}
    assert members_of(Point) == {"x": int, "y": int}
    assert members_of(Pair) == {"a": int}
    assert members_of(str) is None
    assert members_of(list[str]) is None
