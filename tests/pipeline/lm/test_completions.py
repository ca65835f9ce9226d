"""A text to be continued goes to `/completions`, and its continuation comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.lm.support import KEY, lm_for
from tests.server import Reply, Server
from weft.pipeline.calls.call import call
from weft.pipeline.calls.store import MemoryCache
from weft.pipeline.errors import (
    ContentFiltered,
    InvalidRequest,
    NotFoundError,
    ProtocolError,
)
from weft.pipeline.lm.abilities import Abilities
from weft.pipeline.lm.lm import LanguageModel
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Message, Request, Response, Usage
from weft.pipeline.lm.route import OPENAI
from weft.pipeline.lm.wire.completion import body_of

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "reply", "schema": SCHEMA},
}


def continuing(
    lm: LanguageModel, *turns: Message, text: str = "2 + 2 =", **fields: Any
) -> Request:
    """A request that continues a text."""
    messages = turns or (Message("user", text),)
    base = Request(lm.model, messages, lm.sampling, endpoint=lm.endpoint, **fields)
    return Request(**{**vars(base), "continues": True})


async def test_a_text_is_continued(server: Server) -> None:
    """The body holds the text as the prompt, and no turn; the answer is its end."""
    server.script(Reply(" 4"))
    lm = lm_for(server, temperature=0, stop=["\n"])

    response = await lm.complete(continuing(lm))

    (seen,) = server.seen
    assert seen.path == "/v1/completions"
    assert seen.body == {
        "model": "m",
        "prompt": "2 + 2 =",
        "max_tokens": 4096,
        "temperature": 0,
        "stop": ["\n"],
    }
    assert response == Response(" 4", Usage(4, 1), "stop", "m", request_id="chatcmpl-1")


class Listener:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.text = ""

    def restart(self) -> None:
        self.text = ""

    def show(self, text: str) -> None:
        self.text += text


@pytest.mark.parametrize("width", [1, 2, 5, 100])
async def test_a_continuation_is_streamed(server: Server, width: int) -> None:
    """Its pieces are texts, and no turn's; the whole is the same as at once."""
    server.script(Reply(" four, and so on", width=width))
    lm, listener = lm_for(server), Listener()

    response = await lm.stream(continuing(lm), listener)

    assert response.text == listener.text == " four, and so on"
    assert response.usage == Usage(4, 4)
    assert server.seen[0].path == "/v1/completions"
    assert server.seen[0].body["stream_options"] == {"include_usage": True}


async def test_a_continuation_that_the_limit_cut(server: Server) -> None:
    """Why it ended is said as for an answer."""
    server.script(Reply(" 4, 5,", finish_reason="length"))
    lm = lm_for(server)

    response = await lm.complete(continuing(lm))

    assert response.finish_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_schema_under_both_names(server: Server, stream: bool) -> None:
    """vLLM reads `response_format`, llama.cpp `json_schema`, each not the other's."""
    lm = lm_for(server)
    request = continuing(lm, response_format=FORMAT)

    await (lm.stream(request, Listener()) if stream else lm.complete(request))

    body = server.seen[0].body
    assert (body["response_format"], body["json_schema"]) == (FORMAT, SCHEMA)


def test_openai_is_sent_no_field_that_it_lacks() -> None:
    """There the older name of the bound is the only one, and no schema goes apart."""
    lm = LM("openai/babbage-002", api_key=KEY)

    body = body_of(continuing(lm, response_format=FORMAT), lm.abilities)

    assert lm.endpoint == OPENAI
    assert b'"max_tokens"' in body
    assert b"max_completion_tokens" not in body
    assert b'"json_schema":{"type":"object"' not in body


@pytest.mark.parametrize(
    "turns",
    [
        (Message("system", "a"), Message("user", "b")),
        (Message("user", "a"), Message("assistant", "b"), Message("user", "c")),
        (Message("assistant", "a"),),
    ],
)
async def test_turns_are_no_text(server: Server, turns: tuple[Message, ...]) -> None:
    """A conversation cannot be continued as one text, and nothing is sent."""
    lm = lm_for(server)

    with pytest.raises(InvalidRequest, match="one message of the user"):
        await lm.complete(continuing(lm, *turns))

    assert server.count == 0


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ({}, ProtocolError),
        ({"text": None}, ProtocolError),
        ({"text": "no", "finish_reason": "content_filter"}, ContentFiltered),
    ],
)
async def test_what_is_no_continuation(
    server: Server, choice: dict[str, Any], kind: type[Exception]
) -> None:
    """A choice without a text, or withheld, is the error that it is for an answer."""
    server.script(Reply(body=json.dumps({"choices": [choice]}).encode()))
    lm = lm_for(server)

    with pytest.raises(kind):
        await lm.complete(continuing(lm))


async def test_a_text_and_a_turn_are_two_questions(server: Server) -> None:
    """The cache never answers one with the other."""
    server.script(Reply("a turn"), Reply("a text"))
    lm, cache = lm_for(server), MemoryCache()
    text = continuing(lm)
    turn = Request(**{**vars(text), "continues": False})

    first = await call(turn, lm, cache=cache)
    second = await call(text, lm, cache=cache)

    assert (first.text, second.text) == ("a turn", "a text")
    assert text.key != turn.key


async def test_a_thinking_base_model_is_none(server: Server) -> None:
    """A text that goes on with a thought of the model's form is read like an answer."""
    server.script(Reply("<think>a</think>4"))
    lm = lm_for(server)

    response = await lm.complete(continuing(lm))

    assert (response.text, response.reasoning) == ("4", "a")


async def test_through_litellm(server: Server) -> None:
    """litellm is asked for texts too, and the same request goes out."""
    server.script(Reply(" 4"), Reply(" 4"))
    ours = lm_for(server, "openai/m", temperature=0)
    theirs = lm_for(server, "litellm/openai/m", temperature=0)

    one = await ours.complete(continuing(ours, response_format=FORMAT))
    other = await theirs.complete(continuing(theirs, response_format=FORMAT))

    assert one == other
    assert [seen.path for seen in server.seen] == ["/v1/completions"] * 2
    assert server.seen[0].body == server.seen[1].body


async def test_litellm_continues_over_our_connection(server: Server) -> None:
    """It follows no redirect with the key in hand, as it would on its own."""
    with Server() as elsewhere:
        there = {"Location": f"{elsewhere.url}/completions"}
        server.script(Reply(status=307, headers=there))
        lm = lm_for(server, "litellm/openai/m")

        with pytest.raises(NotFoundError):
            await lm.complete(continuing(lm))

        assert (server.count, elsewhere.count) == (1, 0)


async def test_a_provider_that_continues_nothing() -> None:
    """litellm would make a turn of the text in silence; so it is not asked."""
    lm = LM("anthropic/claude-haiku-4-5", api_key=KEY)

    with pytest.raises(InvalidRequest, match="continues no texts"):
        await lm.complete(continuing(lm))


def test_a_body_by_what_is_known() -> None:
    """Without anything known, the body is the request and no more."""
    request = Request("m", (Message("user", "a"),), {"seed": 1}, continues=True)

    body = body_of(request, Abilities(seed=False))

    assert body == b'{"model":"m","prompt":"a"}'
