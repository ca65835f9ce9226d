"""Rows written worse, and inputs that nobody thought of."""

from __future__ import annotations

import json
import random
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

import weft
from tests.compilers.worlds import real_rows
from tests.gates.planted import ROWS, asked_of
from tests.hostile import texts
from weft.gates.hangul import is_syllable, slipped
from weft.gates.noise import NOISE, STYLES

KINDS = {**NOISE, **STYLES}


def of(row: dict[str, Any], kind: str, seed: int = 0) -> Any:
    return weft.perturb([row], [kind], inputs=["message"], seed=seed)[0]


@given(st.text(max_size=60) | texts, st.sampled_from(sorted(KINDS)), st.integers(0, 9))
def test_any_text_is_changed_the_same_way_each_time(
    text: str, kind: str, seed: int
) -> None:
    """A kind hangs on seed and row alone, keeps the label, and gives a text."""
    row = {"id": "a", "message": text.replace("\ud800", ""), "team": "cards"}
    try:
        one, other = of(row, kind, seed), of(row, kind, seed)
    except weft.errors.DataError:
        return  # a text that no row may hold

    assert one.inputs == other.inputs
    assert isinstance(one.message, str)
    assert (one.id, one.team, one.meta["of"]) == (f"a~{kind}", "cards", "a")


def test_each_kind_does_what_its_name_says() -> None:
    """By an example each; numbers keep their points, negations stay."""
    row = {"id": "a", "message": "Hello, could you please NOT pay 3.50 to Ann?"}
    found = {kind: of(row, kind).message for kind in KINDS}

    assert found["lower"] == "hello, could you please not pay 3.50 to ann?"
    assert found["no-punctuation"] == "Hello could you please NOT pay 3.50 to Ann"
    assert found["keywords"] == "NOT pay 3.50 Ann"
    assert found["terse"] == "NOT pay 3.50 to Ann"
    assert found["caps"] == "HELLO, COULD YOU PLEASE NOT PAY 3.50 TO ANN?"
    assert row["message"] in found["chatty"]
    assert found["hangul-slips"] == row["message"]
    slips, dropped = found["key-slips"], found["dropped-letters"]
    assert slips != row["message"]
    assert len(slips) == len(row["message"])
    assert 0 < len(row["message"]) - len(dropped) < 8
    assert of(row, "key-slips", seed=1).message != slips


@given(st.integers(0xAC00, 0xD7A3), st.integers(0, 99))
def test_every_syllable_slips_into_hangul(code: int, seed: int) -> None:
    """A slip gives another text of syllables and jamo, one key away."""
    made = slipped(chr(code), random.Random(seed))

    assert made != chr(code)
    assert 1 <= len(made) <= 2
    assert all(is_syllable(c) or "ㄱ" <= c <= "ㅣ" for c in made)


def test_korean_rows_slip() -> None:
    """Real Korean questions change in some syllables, and keep most of them."""
    rows = real_rows("chatbot_ko")["dev"][:50]
    noisy = weft.perturb(rows, ["hangul-slips"], inputs=["text"])

    for row, new in zip(rows, noisy, strict=True):
        kept = sum(c in new.text for c in row["text"])
        assert new.text != row["text"]
        assert kept >= 0.5 * len(row["text"]) - 1


def _loud(text: str, rng: random.Random) -> str:
    del rng
    return f"{text}!"


def _nothing(text: str, rng: random.Random) -> None:
    del text, rng


def test_a_model_may_rewrite_and_a_function_too() -> None:
    """A kind of one's own is asked once for each different text."""
    pirate = weft.Predict("text -> rewritten", "As a pirate would say it.")
    lm = weft.FunctionLM(
        lambda r: f"[[ rewritten ]]\nArr, {asked_of(r).split(chr(10))[1]}"
    )
    kinds: dict[str, Any] = {"pirate": pirate, "loud": _loud}
    rows = [*ROWS[:2], {**ROWS[0], "id": "again"}]
    with weft.use(lm=lm, cache=None):
        found = weft.perturb(rows, kinds, inputs=["message"])

    assert lm.calls == 2
    assert [row.message[:3] for row in found[:3]] == ["Arr"] * 3
    assert found[3].message == "My card never came, what now?!"


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ("lower", r"Write kinds=\['lower'\]"),
        (["lowr"], "Did you mean 'lower'"),
        ({"mine": 3}, "no change"),
        ({"two": weft.Predict("a, b -> c")}, "takes one text"),
        ({"none": _nothing}, "return a text"),
    ],
)
def test_what_is_no_change_is_said(kinds: Any, said: str) -> None:
    """A kind that is none is an error that says what to write."""
    with pytest.raises(weft.errors.ConfigError, match=said):
        weft.perturb(ROWS, kinds, inputs=["message"])
    with pytest.raises(weft.errors.DataError, match="Name them"):
        weft.perturb(ROWS)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Order(BaseModel):
    item: str
    amount: int = Field(ge=1, le=9)
    colour: Colour | None = None


class Odd(weft.Signature):
    """Read an order."""

    message: str = weft.Input()
    size: float = weft.Input(ge=0)
    tags: list[str] = weft.Input()
    kind: Literal["a", "b", "c"] = weft.Input()
    order: Order = weft.Input()
    again: bool = weft.Input()
    answer: str = weft.Output()


def test_each_type_has_its_edges_and_all_of_them_fit() -> None:
    """What a type refuses is left out; an object's fields take their turns."""
    cases = weft.edge_cases(weft.Predict(Odd))
    by_field: dict[str, set[str]] = {}
    for case in cases:
        by_field.setdefault(case.meta["field"], set()).add(case.meta["case"])

    assert {"empty", "blank", "huge", "other-script", "injection"} <= by_field[
        "message"
    ]
    assert {"not-a-text", "none-match", "odd-characters"} <= by_field["message"]
    assert by_field["size"] == {"zero", "huge", "fraction"}
    assert {"empty-list", "many-items", "item-empty"} <= by_field["tags"]
    assert by_field["kind"] == {"first-choice", "last-choice"}
    assert by_field["again"] == {"true", "false"}
    assert {"item-empty", "amount-least", "amount-most", "colour-null"} <= by_field[
        "order"
    ]
    assert not {"amount-zero", "empty-object"} & by_field["order"]
    assert len({case.id for case in cases}) == len(cases)
    huge = next(case for case in cases if case.id == "message:huge")
    assert len(huge.message) > 100_000
    spec = weft.Predict(Odd).spec
    for case in cases:
        spec.bind(case.inputs, "odd")
    json.dumps([dict(case.inputs) for case in cases], default=repr)


def test_the_first_row_says_what_is_usual() -> None:
    """Other inputs stand as that row has them; without a guess one is asked for."""
    module = weft.Predict("message, tries: int -> team")
    cases = weft.edge_cases(module, [{"message": "hello", "tries": 7, "team": "x"}])

    assert {c.tries for c in cases if c.meta["field"] == "message"} == {7}
    image = weft.Predict("image: Image -> label", types={"Image": weft.Image})
    with pytest.raises(weft.errors.ConfigError, match="Give rows="):
        weft.edge_cases(image)
