"""Streamed answers as servers send them: whole, or an error and never a part."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any

import pytest

import weft
from weft.errors import ModelError, ProtocolError, RateLimited, ServerError
from weft.pipeline.lm.request import Request
from weft.pipeline.lm.wire.completion import response_from
from weft.pipeline.lm.wire.events import Assembly, EventReader


def event(text: str = "", finish: str | None = None, **fields: Any) -> bytes:
    """One event with a piece of the text in it."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    tree = {"id": "c", "model": "m", "choices": [choice], **fields}
    return b"data: " + json.dumps(tree).encode() + b"\n\n"


USAGE = {"prompt_tokens": 5, "completion_tokens": 3}
END = event(choices=[], usage=USAGE) + b"data: [DONE]\n\n"
ZEROS = event(choices=[], usage=dict.fromkeys(USAGE, 0))
WHOLE = event("hel") + event("lo") + event(finish="stop") + END


def read(body: bytes, step: int = 10**9) -> weft.Response:
    """The response in a streamed body that arrives in pieces of so many bytes."""
    reader, whole = EventReader(), Assembly("m")
    for at in range(0, len(body), step):
        for data in reader.feed(body[at : at + step]):
            whole.add(data)
        if whole.done:
            break
    return response_from(whole.whole(), Request("m", ()))


@pytest.mark.parametrize("step", [1, 7, 10**9])
@pytest.mark.parametrize(
    "body",
    [
        WHOLE,
        WHOLE.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + WHOLE,
        WHOLE.replace(b"data: ", b": a comment\n\nevent: message\nid: 1\ndata:"),
        WHOLE.replace(b"data: {", b"data: {\ndata: "),
        WHOLE.removesuffix(b"data: [DONE]\n\n"),
        event(choices=[]) + event(choices=None, error=None) + WHOLE,
        WHOLE.replace(b"data: [DONE]", ZEROS + b"data: [DONE]"),
    ],
    ids=["plain", "crlf", "mark", "comments", "lines", "no end", "no choices", "zeros"],
)
def test_forms_of_one_answer(body: bytes, step: int) -> None:
    """However a server writes its events, and however they are cut, it is the same."""
    response = read(body, step)

    assert (response.text, response.finish_reason) == ("hello", "stop")
    assert response.usage == weft.Usage(5, 3)


FAULTS: dict[str, tuple[bytes, type[ModelError]]] = {
    "coded": (b'data: {"error": {"message": "boom", "code": 500}}', ServerError),
    "a text": (b'data: {"error": "boom"}', ProtocolError),
    "an error object": (
        b'data: {"object": "error", "message": "boom", "code": 429}',
        RateLimited,
    ),
    "named": (b'event: error\ndata: {"message": "boom", "code": 500}', ServerError),
    "named twice": (
        b'event: error\ndata: {"error": {"message": "boom", "code": 500}}',
        ServerError,
    ),
    "named, no JSON": (b"event: error\ndata: boom", ProtocolError),
    "a finish": (event(finish="error").strip(), ProtocolError),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("end", [b"", END], ids=["cut", "ended"])
def test_an_error_in_mid_stream(name: str, end: bytes) -> None:
    """What came before an error is no answer, whether the stream goes on or not."""
    fault, expected = FAULTS[name]

    for start in (b"", event("hel"), event("hel") + event("lo")):
        with pytest.raises(expected) as caught:
            read(start + fault + b"\n\n" + end)
        assert type(caught.value) is expected
        assert name == "a finish" or "boom" in str(caught.value)


def test_a_named_event_is_named_once() -> None:
    """The name of one event says nothing about the next."""
    reader = EventReader()

    seen = list(reader.feed(b"event: error\n\n" + b'data: {"a": 1}\n\n'))

    assert seen == ['{"a": 1}']


def test_another_answer_is_left_out() -> None:
    """Where a server sends several answers, the first is the answer."""
    other = {"index": 1, "delta": {"content": "no"}}
    pieces = [event("hel"), event(choices=[other]), event("lo"), event(finish="stop")]

    assert read(b"".join(pieces) + END).text == "hello"


def test_a_stream_is_whole_or_an_error() -> None:
    """Cut anywhere, a stream is the whole answer or a typed error, never a part."""
    for cut, step in itertools.product(range(len(WHOLE)), (5, 10**9)):
        with contextlib.suppress(ProtocolError):
            assert read(WHOLE[:cut], step).text == "hello"
