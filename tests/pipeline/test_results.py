"""Results: as mappings, as what they came of, and as JSON."""

from __future__ import annotations

import datetime
import enum
import json
from decimal import Decimal
from typing import Any

import pydantic
import pytest

import weft
from weft import Input, Output, Signature
from weft.errors import CallError


class Mood(enum.Enum):
    """A closed choice."""

    GLAD = "glad"
    SAD = "sad"


class Source(pydantic.BaseModel):
    """A nested value."""

    title: str
    day: datetime.date


class Told(Signature):
    """Tell."""

    text: str = Input()
    k: int = Input(default=3)
    mood: Mood = Output()
    price: Decimal = Output()
    sources: list[Source] = Output()
    note: str | None = Output(default=None)


REPLY = (
    '{"mood": "glad", "price": "1.50", "note": null, '
    '"sources": [{"title": "a", "day": "2026-11-30"}]}'
)
OUTPUTS = ["mood", "price", "sources", "note"]


@pytest.fixture
def told() -> Any:
    """What a call gave."""
    with weft.use(lm=weft.FunctionLM(lambda _: REPLY), cache=None):
        return weft.Predict(Told, adapter="json")(text="hi")


def test_a_result_is_a_mapping_of_its_outputs(told: Any) -> None:
    """Unpacked, as a dict, as keywords, or gone through."""

    def taken(**given: Any) -> dict[str, Any]:
        return given

    assert list({**told}) == list(dict(told)) == list(told.keys()) == OUTPUTS
    assert taken(**told) == dict(told) == {n: told[n] for n in OUTPUTS}
    assert [name for name, _ in told] == OUTPUTS
    assert {"text": "mine", **told}["text"] == "mine"


def test_the_values_stay_what_they_are(told: Any) -> None:
    """Enums, decimals and models are not turned into data by `dict`."""
    made = dict(told)

    assert made["mood"] is Mood.GLAD
    assert made["price"] == Decimal("1.50")
    assert made["sources"][0].day == datetime.date(2026, 11, 30)


def test_what_a_call_was_given(told: Any) -> None:
    """Defaults are there too, and inputs can be read as before."""
    assert weft.inputs_of(told) == {"text": "hi", "k": 3}
    assert told.text == told["text"] == "hi"
    assert "text" in told
    assert "team" not in told


def test_what_was_only_parsed_was_given_nothing() -> None:
    """A text has no inputs."""
    made = weft.Predict("a -> b").parse("[[ b ]]\nx")

    assert weft.inputs_of(made) == {}
    assert {**made} == {"b": "x"}


def test_a_result_as_json(told: Any) -> None:
    """Plain data, all of which `json.dumps` takes."""
    made = weft.to_dict(told)

    assert json.loads(json.dumps(made)) == made
    assert made["mood"] == "glad"
    assert made["sources"] == [{"title": "a", "day": "2026-11-30"}]
    assert list(made) == OUTPUTS


def test_what_a_module_asks_beside_is_an_output() -> None:
    """A chain of thought has its reasoning."""
    made = weft.ChainOfThought("a -> b").parse("[[ reasoning ]]\nwhy\n[[ b ]]\nx")

    assert dict(made) == {"reasoning": "why", "b": "x"}


@pytest.mark.parametrize("thing", ["x", 3, {"a": 1}, None, [1]])
def test_other_things_are_no_results(thing: Any) -> None:
    """A run, a text or a dict is refused, with what to give."""
    for function in (weft.inputs_of, weft.to_dict):
        with pytest.raises(CallError, match=r"Give the result itself.*\.value"):
            function(thing)


def test_a_field_may_be_called_keys() -> None:
    """It is read as any other; JSON has it too."""
    made = weft.Predict("a -> keys: list[str]").parse('[[ keys ]]\n["x"]')

    assert made.keys == ["x"]
    assert weft.to_dict(made) == {"keys": ["x"]}


def test_an_evaluation_is_json_whatever_its_labels_are() -> None:
    """A workbook has dates in columns that no metric reads."""
    ask = weft.Predict("text -> mood", name="ask")
    further = {"day": datetime.date(2027, 1, 2), "price": Decimal("1.5"), "tags": {"a"}}
    rows = [{"text": "x", "mood": "glad", **further}]
    with weft.use(lm=weft.ScriptedLM([{"mood": "glad"}]), cache=None):
        found = weft.evaluate(ask, rows, weft.metrics.exact("mood"))

    labels = json.loads(found.to_json())["rows"][0]["labels"]
    assert (labels["mood"], labels["day"]) == ("glad", "2027-01-02")
