"""Room for every field: bounds in the enforced schema, from the tokens of a reply."""

from __future__ import annotations

import copy
import datetime
import enum
import json
from typing import Any, Literal

import jsonschema
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from weft.pipeline.adapters.schema import object_schema, with_room
from weft.pipeline.lm.form import form_of
from weft.pipeline.parameters import Parameters
from weft.pipeline.run.prompt import rendered_for
from weft.pipeline.signature.signature import spec_of

pytestmark = pytest.mark.usefixtures("asked_as_by_users")


BUDGETS = (64, 128, 256, 512, 1024, 4096, 100_000)


class Tone(enum.Enum):
    """How a text sounds."""

    KIND = "kind"
    COLD = "cold"


class Place(pydantic.BaseModel):
    """Where something is."""

    street: str
    town: str = pydantic.Field(max_length=12)
    zip: int | None = None


class Order(pydantic.BaseModel):
    """An order, which may hold further ones."""

    note: str
    at: Place
    tone: Tone = Tone.KIND
    more: list[Order] = []


TYPES: dict[str, Any] = {
    "Place": Place,
    "Order": Order,
    "Tone": Tone,
    "date": datetime.date,
    "Label": Literal["one", "two", "three"],
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "reasoned": ("reasoning, answer: int", {"reasoning": "So.", "answer": 4}),
    "two texts": ("why, answer", {"why": "So.", "answer": "four"}),
    "texts": ("words: list[str], n: int", {"words": ["a", "b"], "n": 1}),
    "choices": (
        "labels: list[Label], n: int",
        {"labels": ["one", "two", "three"], "n": 1},
    ),
    "mapping": ("by_name: dict[str, int], n: int", {"by_name": {"a": 1}, "n": 1}),
    "nested": (
        "at: Place, n: int",
        {"at": {"street": "Main", "town": "Rome", "zip": 9}, "n": 1},
    ),
    "recursive": (
        "order: Order, n: int",
        {
            "order": {
                "note": "x",
                "at": {"street": "Main", "town": "Rome", "zip": None},
                "tone": "cold",
                "more": [],
            },
            "n": 1,
        },
    ),
    "models": (
        "all: list[Place], n: int",
        {"all": [{"street": "Main", "town": "Rome", "zip": None}], "n": 1},
    ),
    "enums": ("tones: list[Tone], n: int", {"tones": ["kind", "cold"], "n": 1}),
    "numbers": ("all: list[int], n: int", {"all": [1, 2, 3, 4, 5, 6, 7], "n": 1}),
    "optional": (
        "why: str | None, day: date, n: int",
        {"why": None, "day": "2026-01-31", "n": 1},
    ),
    "either": ("what: Place | str, n: int", {"what": "there", "n": 1}),
    "lists": ("rows: list[list[str]], n: int", {"rows": [["a"], ["b"]], "n": 1}),
}


def schema_of(outputs: str) -> dict[str, Any]:
    """The schema of a reply with these outputs."""
    module = weft.Predict(f"text -> {outputs}", types=TYPES)
    return object_schema(spec_of(module.signature))


def texts_in(schema: Any) -> list[dict[str, Any]]:
    """Every free text in a schema, wherever it stands."""
    if isinstance(schema, list):
        return [found for part in schema for found in texts_in(part)]
    if not isinstance(schema, dict):
        return []
    free = schema.get("type") == "string" and not {"enum", "format"} & schema.keys()
    return [schema] * free + [f for part in schema.values() for f in texts_in(part)]


@pytest.mark.parametrize("tokens", BUDGETS)
@pytest.mark.parametrize("what", CASES)
def test_a_bounded_schema_admits_a_fitting_reply(what: str, tokens: int) -> None:
    """It is a JSON Schema still, and forbids nothing but length."""
    outputs, reply = CASES[what]
    schema = schema_of(outputs)
    before = copy.deepcopy(schema)

    made = with_room(schema, tokens)

    assert schema == before
    jsonschema.Draft202012Validator.check_schema(made)
    jsonschema.validate(reply, made)
    assert list(made["properties"]) == list(schema["properties"])


@pytest.mark.parametrize("tokens", BUDGETS)
@pytest.mark.parametrize("what", [name for name in CASES if name != "mapping"])
def test_every_text_before_a_field_is_bounded(what: str, tokens: int) -> None:
    """In models, lists and alternatives too."""
    outputs, _ = CASES[what]

    made = with_room(schema_of(outputs), tokens)

    texts = texts_in(made)
    if what == "two texts":
        assert "maxLength" not in texts.pop()
    assert all("maxLength" in text for text in texts)
    assert all(text["maxLength"] >= 12 for text in texts)


def test_the_last_text_is_left_free() -> None:
    """Nothing stands behind it, and a limit that cuts it is no silent loss."""
    made = with_room(schema_of("answer"), 256)

    assert made == schema_of("answer")


def test_the_users_own_bounds_stay_where_they_are_tighter() -> None:
    """And give way where the reply has no room for them."""

    class Bounded(weft.Signature):
        """Say it."""

        text: str = weft.Input()
        short: str = weft.Output(max_length=20, min_length=3)
        long: str = weft.Output(max_length=9000)
        few: list[str] = weft.Output(max_length=2)
        many: list[str] = weft.Output(min_length=70)
        code: str = weft.Output(pattern="^[a-z]+$")
        last: int = weft.Output()

    parts = with_room(object_schema(spec_of(Bounded)), 512)["properties"]

    assert (parts["short"]["maxLength"], parts["short"]["minLength"]) == (20, 3)
    assert parts["long"]["maxLength"] < 512
    assert parts["few"]["maxItems"] == 2
    assert (parts["many"]["minItems"], parts["many"]["maxItems"]) == (70, 70)
    assert "maxLength" not in parts["code"]


def test_a_text_is_never_bounded_below_its_own_least_length() -> None:
    """Such a schema would admit no reply at all."""

    class Long(weft.Signature):
        """Say it."""

        text: str = weft.Input()
        essay: str = weft.Output(min_length=300)
        last: int = weft.Output()

    essay = with_room(object_schema(spec_of(Long)), 64)["properties"]["essay"]

    assert essay["maxLength"] >= essay["minLength"]


def test_choices_in_a_list_may_all_come_and_not_for_ever() -> None:
    """A list of labels holds each of them, and ends."""
    made = with_room(schema_of("labels: list[Label], n: int"), 256)

    most = made["properties"]["labels"]["maxItems"]
    assert 3 <= most <= 6


@pytest.mark.parametrize("kind", ["int", "bool", "float", "Tone"])
def test_a_list_of_what_is_short_may_be_long(kind: str) -> None:
    """A number takes few tokens, so a reply holds many of them."""
    made = with_room(schema_of(f"many: list[{kind}], n: int"), 256)

    assert made["properties"]["many"]["maxItems"] >= (4 if kind == "Tone" else 32)


@given(
    st.lists(st.sampled_from(["str", "int", "bool", "Label"]), min_size=2, max_size=6),
    st.integers(200, 1000),
)
@settings(max_examples=60)
def test_bounded_fields_leave_room_for_the_rest(kinds: list[str], tokens: int) -> None:
    """At a token a character what is bounded takes no more than there is."""
    outputs = ", ".join(f"f{n}: {kind}" for n, kind in enumerate([*kinds, "int"]))

    made = with_room(schema_of(outputs), tokens)

    bounds = [text["maxLength"] for text in texts_in(made)]
    assert sum(bounds) <= tokens * (1 + tokens / 4096)
    assert sum(bounds) >= (tokens / 2 if bounds else 0)


def longest(schema: dict[str, Any], whole: dict[str, Any], depth: int = 0) -> int:
    """Characters of the longest reply that a schema admits, where that has an end."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return max(longest(part, whole, depth) for part in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return max(
            len(json.dumps(c)) for c in schema.get("enum", [schema.get("const")])
        )
    kind = schema.get("type")
    if kind == "object":
        parts = schema["properties"].items()
        return sum(len(n) + 6 + longest(p, whole, depth + 1) for n, p in parts)
    if kind == "array":
        return int(schema["maxItems"]) * (
            2 + longest(schema["items"], whole, depth + 1)
        )
    return int(schema.get("maxLength", 0)) + 2 if kind == "string" else 8


@pytest.mark.parametrize("tokens", [256, 384, 512])
@pytest.mark.parametrize(
    "what",
    [
        "reasoned",
        "texts",
        "choices",
        "nested",
        "models",
        "enums",
        "optional",
    ],
)
def test_the_longest_reply_fits(what: str, tokens: int) -> None:
    """At a token a character, frame and all, with a margin for what is not counted."""
    outputs, _ = CASES[what]

    made = with_room(schema_of(outputs), tokens)

    assert longest(made, made) <= 1.25 * tokens


def test_room_follows_from_the_tokens_of_the_call() -> None:
    """The module's `max_tokens`, else the model's, and never more than the context."""
    module = weft.Predict("text -> reasoning, answer: int", name="m")

    def bound(form: str, most: int, own: int | None = None) -> int | None:
        lm = weft.LM("jan/m", max_tokens=most)
        sampling = {"max_tokens": own} if own else {}
        made = rendered_for(
            form_of(form),
            module.signature,
            Parameters("x", sampling=sampling),
            {"text": "t"},
            lm,
        )
        assert made.response_format is not None
        schema: Any = made.response_format["json_schema"]
        found = schema["schema"]["properties"]["reasoning"].get("maxLength")
        return None if found is None else int(found)

    assert bound("json/1:schema", 256) is None
    assert bound("json/2:schema", 256) == bound("json/2:schema", 4000, own=256) == 252
    assert bound("json/2:schema,room=256", 4000) == 252
    assert bound("json/2:schema,room=9000", 256) == 252
