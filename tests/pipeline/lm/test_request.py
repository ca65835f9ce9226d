"""A request's key is its identity: the same everywhere, another where it differs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.pipeline.lm.as_json import (
    request_from_json,
    request_to_json,
    response_from_json,
    response_to_json,
)
from weft.pipeline.lm.request import Message, Request, Response, Usage

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(2**60), 2**60) | st.floats(
    allow_nan=False, allow_infinity=False
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
mappings = st.dictionaries(texts, values, max_size=4)
requests = st.builds(
    Request,
    model=texts,
    messages=st.lists(
        st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts),
        max_size=3,
    ).map(tuple),
    sampling=mappings,
    response_format=st.none() | mappings,
    endpoint=texts,
    sample=st.integers(0, 5),
)


def backwards(value: object) -> object:
    """The same JSON with every object's members in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(each) for each in value] if isinstance(value, list) else value


@given(requests)
def test_order_of_members(request_: Request) -> None:
    """The order of members never changes the key."""
    turned = replace(
        request_,
        sampling=backwards(request_.sampling),
        response_format=backwards(request_.response_format),
    )

    assert turned.key == request_.key


@given(requests, requests)
def test_key_is_identity(one: Request, two: Request) -> None:
    """Two requests share a key exactly when they say the same."""
    same = json.dumps(request_to_json(one), sort_keys=True) == json.dumps(
        request_to_json(two), sort_keys=True
    )

    assert (one.key == two.key) == same


@given(requests, st.data())
def test_any_change_changes_the_key(request_: Request, data: st.DataObject) -> None:
    """Whatever field is changed, the key changes with it."""
    change = data.draw(
        st.sampled_from(
            [
                {"model": request_.model + "x"},
                {"endpoint": request_.endpoint + "x"},
                {"sample": request_.sample + 1},
                {"messages": (*request_.messages, Message("user", ""))},
                {"sampling": {**request_.sampling, "one more": 1}},
                {"response_format": {"one more": request_.response_format}},
            ]
        )
    )

    assert replace(request_, **change).key != request_.key


@given(requests, st.integers(0, 3))
def test_a_beginning_goes_on_as_the_whole(request_: Request, at: int) -> None:
    """What is hashed once for many requests gives the keys that each would have."""
    turns = request_.messages
    begun = replace(request_, messages=turns[:at]).beginning()

    for rest in (turns[at:] or (Message("user", "Hi"),), (Message("user", "\u2028"),)):
        whole, made = (
            replace(request_, messages=(*turns[:at], *rest)),
            begun.ending(rest),
        )
        assert made == whole
        assert made.key == replace(made).key == whole.key
        assert made.canonical == whole.canonical


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": 0}, {"a": False}),
        ({"a": ""}, {"a": None}),
        ({"a": "1"}, {"a": 1}),
    ],
)
def test_near_values(one: dict[str, object], two: dict[str, object]) -> None:
    """Values that Python holds equal, or nearly, are different requests."""
    assert Request("m", (), one).key != Request("m", (), two).key


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_say(value: object) -> None:
    """A number that is not finite, or a lone surrogate, has no key."""
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        _ = Request("m", (), {"a": value}).key


def test_same_in_every_process() -> None:
    """The key does not depend on the process or its hash seed."""
    code = (
        "from weft.pipeline.lm.request import Message, Request;"
        "print(Request('m', (Message('user', 'h\\u00e9'),),"
        " {'b': 1, 'a': {'d': 2, 'c': 3}}).key)"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    here = Request("m", (Message("user", "hé"),), {"a": {"c": 3, "d": 2}, "b": 1}).key

    assert keys == {here + "\n"}


@given(requests)
def test_request_round_trip(request_: Request) -> None:
    """A request written as JSON and read again has the same key."""
    again = request_from_json(json.loads(json.dumps(request_to_json(request_))))

    assert again.key == request_.key


counts = st.integers(0, 10**9)
responses = st.builds(
    Response,
    text=st.text(max_size=50),
    usage=st.none() | st.builds(Usage, counts, counts, counts),
    finish_reason=texts,
    model=texts,
    cost=st.none() | st.floats(0, 1e6),
    request_id=texts,
)


@given(responses)
def test_response_round_trip(response: Response) -> None:
    """A response written as JSON and read again is the same, marked as cached."""
    again = response_from_json(json.loads(json.dumps(response_to_json(response))))

    assert again == replace(response, cached=True)


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        {},
        {"text": 1},
        {"text": "x", "finish_reason": "stop", "model": "m"},
        *(
            {"text": "x", "finish_reason": "s", "model": "m", "request_id": "", **bad}
            for bad in (
                {"usage": [1, 2]},
                {"usage": [1, 2, True]},
                {"usage": [1, 2, -3]},
                {"usage": "many"},
                {"cost": "dear"},
                {"cost": -1.0},
                {"cost": True},
            )
        ),
    ],
)
def test_no_response(tree: object) -> None:
    """Data of another form is no response."""
    with pytest.raises(ValueError, match=r"no |not "):
        response_from_json(tree)
