"""Decimals keep every digit that a model wrote, wherever they stand."""

import copy
import pickle
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic
import pytest
from typing_extensions import TypedDict

import weft
from weft.pipeline.ground import strictjson
from weft.pipeline.ground.strictjson import Written
from weft.pipeline.signature.field import FieldSpec

LONG = "0.1234567890123456789"


class Bill(pydantic.BaseModel):
    total: Decimal
    share: float = 0.0
    parts: list[Decimal] = []


class Line(TypedDict):
    price: Decimal


@dataclass
class Order:
    lines: list[Line]


class Tree(pydantic.BaseModel):
    price: Decimal
    under: "list[Tree]" = []


class Euro(pydantic.BaseModel):
    kind: str = "euro"
    amount: Decimal


class Dollar(pydantic.BaseModel):
    sort: str = "dollar"
    bill: Bill


def read(kind: Any, data: str, adapter: str) -> Any:
    module = weft.Predict("q -> a: X", types={"X": kind}, name="m", adapter=adapter)
    chat = f"[[ a ]]\n{data}\n[[ /end ]]"
    return module.parse(chat if adapter == "chat" else f'{{"a": {data}}}').a


@pytest.mark.parametrize("adapter", ["chat", "json"])
@pytest.mark.parametrize(
    ("kind", "data", "of"),
    [
        (Decimal, LONG, lambda a: a),
        (Decimal | None, LONG, lambda a: a),
        (list[Decimal], f"[1, {LONG}]", lambda a: a[1]),
        (dict[str, Decimal], f'{{"x": {LONG}}}', lambda a: a["x"]),
        (tuple[int, Decimal], f"[1, {LONG}]", lambda a: a[1]),
        (Bill, f'{{"total": {LONG}}}', lambda a: a.total),
        (Bill, f'{{"total": {LONG}, "share": 0.50}}', lambda a: a.total),
        (Bill, f'{{"total": 1, "parts": [{LONG}]}}', lambda a: a.parts[0]),
        (Order, f'{{"lines": [{{"price": {LONG}}}]}}', lambda a: a.lines[0]["price"]),
        (
            Tree,
            f'{{"price": 1, "under": [{{"price": {LONG}}}]}}',
            lambda a: a.under[0].price,
        ),
        (Euro | Dollar, f'{{"amount": {LONG}}}', lambda a: a.amount),
        (Euro | Dollar, f'{{"bill": {{"total": {LONG}}}}}', lambda a: a.bill.total),
    ],
)
def test_every_digit_is_kept(kind: Any, data: str, of: Any, adapter: str) -> None:
    """By each form of a reply."""
    assert str(of(read(kind, data, adapter))) == LONG


@pytest.mark.parametrize(
    "text", ["10.50", "0.10", "1E+3", "-0.0", "5.0", "12345678901234567"]
)
def test_a_decimal_is_what_was_written(text: str) -> None:
    """Cents included; the text reads the same in quotes."""
    assert str(read(Decimal, text, "chat")) == str(Decimal(text))
    assert str(read(Decimal, f'"{text}"', "chat")) == str(Decimal(text))


def test_nearly_json_keeps_the_digits_too() -> None:
    """What is mended is the comma, not the number."""
    assert read(list[Decimal], f"[{LONG},]", "chat") == [Decimal(LONG)]


def test_what_a_decimal_counts_is_left_out() -> None:
    """One word behind it changes no digit."""
    assert str(read(Decimal, "10.50 dollars", "chat")) == "10.50"


@pytest.mark.parametrize("kind", [float, float | str, Decimal | float, Any])
def test_what_may_be_a_float_stays_one(kind: Any) -> None:
    """Nothing becomes a text that was a number."""
    value = FieldSpec("a", "output", kind).load(strictjson.loads(LONG))

    assert (type(value), value) == (float, float(LONG))


def test_rules_of_a_decimal_hold() -> None:
    """Where the digits count, they are counted."""
    kind = Annotated[Decimal, pydantic.Field(decimal_places=2)]
    field = FieldSpec("a", "output", kind)

    assert field.load(strictjson.loads("1.50")) == Decimal("1.50")
    with pytest.raises(ValueError, match="decimal places"):
        field.load(strictjson.loads("1.505"))


def test_a_written_number_is_a_float_in_every_way() -> None:
    """Equal, hashed, copied and written as one; its text comes along."""
    number = strictjson.loads("10.50")

    assert (number, hash(number), repr(number)) == (10.5, hash(10.5), "10.5")
    assert strictjson.dumps([number]) == "[10.5]"
    assert strictjson.canonical([number]) == "[10.5]"
    for again in (copy.deepcopy(number), pickle.loads(pickle.dumps(number))):
        assert isinstance(again, Written)
        assert again.text == "10.50"
    assert type(strictjson.loads("10.5")) is float


@pytest.mark.parametrize("data", ["2.0", "2.00", "true"])
def test_a_number_of_another_kind_is_still_refused(data: str) -> None:
    """However many digits it has."""
    field = FieldSpec("a", "output", Literal[1, 2])

    with pytest.raises(ValueError, match="another type"):
        field.load(strictjson.loads(data))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("**1.10**", "1.10"),
        ("$1,000.50", "1000.50"),
        ("`-3`", "-3"),
        ("7.", "7"),
        ("0.12345678901234567890.", "0.12345678901234567890"),
        ("1,234,567", "1234567"),
        ("\u22122.50", "-2.50"),
        ("\\boxed{1.0}", "1.0"),
        ("**1.10**\n\nAs it says.", "1.10"),
        ("sum: **1.10**", "1.10"),
        ("1.10\nor 1.20", None),
        ("1,000", None),
        ("1.10 or 1.20", None),
        ("about 1.10", None),
        ("1.1.1", None),
        ("12%", None),
        ("half", None),
        ("$", None),
        ("NaN", None),
    ],
)
@pytest.mark.parametrize("kind", [Decimal, Decimal | None])
def test_a_decimal_loses_its_edges_as_other_numbers_do(
    kind: Any, text: str, digits: str | None
) -> None:
    """What a person would put around it, and none of its digits."""
    read = weft.Predict("bill -> sum: T", types={"T": kind}, name="m")
    reply = f"[[ sum ]]\n{text}\n[[ /end ]]"

    if digits is None:
        with pytest.raises(weft.errors.ParseError):
            read.parse(reply)
    else:
        assert str(read.parse(reply).sum) == digits
