"""A prompt that does not fit is not sent, and an answer asks for what is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.lm.support import asking, fault, lm_for, quick
from tests.server import Reply, Server
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.calls.call import call
from weft.pipeline.calls.store import MemoryCache
from weft.pipeline.errors import ContextLengthError
from weft.pipeline.lm.context import (
    Window,
    fewest_tokens,
    output_said,
    room_for,
    token_bounds,
    window_said,
)
from weft.pipeline.lm.fakes import ScriptedLM
from weft.pipeline.lm.request import Message, Request

WORDS: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("refusals.json").read_text("utf-8")
)


def counting(context: int, bytes_a_token: float = 3.0) -> Any:
    """A server that counts a token for so many bytes, and refuses as vLLM does."""

    def answer(body: dict[str, Any]) -> Reply:
        texts = [m["content"] for m in body.get("messages", [])] or [body["prompt"]]
        tokens = round(sum(len(t.encode()) for t in texts) / bytes_a_token) + 8
        if tokens >= context:
            return fault(
                400,
                f"This model's maximum context length is {context} tokens. However, "
                f"your request has {tokens} input tokens. Please reduce the length of "
                "the input messages.",
            )
        most = body["max_tokens"]
        if tokens + most > context:
            return fault(
                400,
                f"'max_tokens' or 'max_completion_tokens' is too large: {most}. This "
                f"model's maximum context length is {context} tokens and your request "
                f"has {tokens} input tokens ({most} > {context} - {tokens}).",
            )
        return Reply("ok")

    return answer


# What is known before the call


async def test_the_bound_shrinks_to_what_is_left(server: Server) -> None:
    """The default of 4096 tokens is no reason for a server of 2048 to refuse."""
    server.answer = counting(2048, bytes_a_token=4.5)
    lm = lm_for(server, abilities={"context": 2048})
    request = asking(lm, "word " * 100)

    await lm.complete(request)

    (seen,) = server.seen
    assert 1500 < seen.body["max_tokens"] < 2000
    assert request.sampling["max_tokens"] == 4096


async def test_what_fits_is_sent_as_it_is(server: Server) -> None:
    """Where there is room for all, nothing shrinks."""
    lm = lm_for(server, max_tokens=100, abilities={"context": 2048})

    await lm.complete(asking(lm))

    assert server.seen[0].body["max_tokens"] == 100


async def test_a_prompt_that_cannot_fit_is_not_sent(server: Server) -> None:
    """The error names both numbers; nothing is sent, retried, or counted as a call."""
    lm, ledger = lm_for(server, abilities={"context": 64}), Ledger(Budget(calls=5))

    with pytest.raises(ContextLengthError, match=r"at least 64 tokens.* has 64") as bad:
        await call(asking(lm, "word " * 64), lm, ledger=ledger, retry=quick())

    assert (server.count, ledger.spent().calls) == (0, 0)
    assert "fewer or shorter demos" in bad.value.hint
    assert ledger.snapshot()["run"]["calls"] == 0


async def test_an_answer_that_is_there_needs_no_room(server: Server) -> None:
    """A cached answer is one, whatever the context is by now."""
    lm, cache = lm_for(server), MemoryCache()
    request = asking(lm, "word " * 64)
    await call(request, lm, cache=cache)

    later = lm_for(server, abilities={"context": 64})
    again = await call(asking(later, "word " * 64), later, cache=cache)

    assert again.cached


async def test_what_may_fit_is_sent(server: Server) -> None:
    """No estimate refuses a prompt: one long word may be one token."""
    lm = lm_for(server, abilities={"context": 64})

    await lm.complete(asking(lm, "-" * 1000))

    assert server.seen[0].body["max_tokens"] == 1


async def test_a_fake_has_no_context() -> None:
    """Models that know of no abilities are asked whatever they are asked."""
    lm = ScriptedLM(["ok"])

    response = await call(asking(lm, "word " * 10_000), lm)

    assert response.text == "ok"


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog. " * 20,
        '{"a": [1, 2, 3], "b": {"c": "d"}}' * 20,
        "def f(x):\n    return x  # and so on\n" * 20,
        "我的卡还没有到。" * 20,
        "=" * 200 + "\n" + " " * 500 + "\n" + "-" * 64,
        "",
    ],
)
def test_the_bounds_hold_both_ways(text: str) -> None:
    """No more words than tokens, and no more tokens than bytes."""
    request = Request("m", (Message("user", text),))

    assert fewest_tokens(request) <= len(text.split()) <= token_bounds(request)[0]


@pytest.mark.parametrize("context", [None, 10**6])
def test_no_limit_where_there_is_room(context: int | None) -> None:
    """Nothing is known, or there is enough: both are no limit."""
    assert room_for(Request("m", (Message("user", "hi"),)), context) is None


# What a refusal tells


@pytest.mark.parametrize("case", WORDS["contexts"], ids=lambda case: case["from"])
def test_real_words(case: dict[str, Any]) -> None:
    """What servers write of a length: their context, and the tokens of the prompt."""
    window = window_said(case["said"])

    assert window == Window(case["context"], case["prompt"], case.get("exact", True))


@pytest.mark.parametrize("case", WORDS["contexts"], ids=lambda case: case["from"])
async def test_real_words_are_of_a_length(server: Server, case: dict[str, Any]) -> None:
    """Each of them is a prompt that is too long, where no shorter answer helps."""
    server.answer = lambda _: fault(400, case["said"])
    lm = lm_for(server)

    with pytest.raises(ContextLengthError):
        await lm.complete(asking(lm))

    assert lm.abilities.context == case["context"]


def test_words_of_something_else() -> None:
    """Numbers alone are no context."""
    for case in [*WORDS["options"], *WORDS["schemas"], *WORDS["bounds"]]:
        assert window_said(case["said"]) is None
    for case in [*WORDS["options"], *WORDS["schemas"], *WORDS["contexts"]]:
        assert output_said(case["said"]) is None


@pytest.mark.parametrize("bytes_a_token", [1.2, 2.0, 3.0, 4.5, 6.0])
async def test_a_context_is_learnt(server: Server, bytes_a_token: float) -> None:
    """The first refusal says the numbers; the same call works, and later ones too."""
    server.answer = counting(2048, bytes_a_token)
    lm, ledger = lm_for(server), Ledger(Budget(calls=2))

    for text in ("word " * 200, "more " * 200):
        response = await call(asking(lm, text), lm, ledger=ledger, retry=quick(0))
        assert (response.text, response.retries) == ("ok", 0)

    assert lm.abilities.context == 2048
    assert server.count <= 4


@pytest.mark.parametrize("bytes_a_token", [1.0, 1.5, 2.0, 3.0, 4.5])
async def test_a_server_that_stops_counting(
    server: Server, bytes_a_token: float
) -> None:
    """vLLM says only that the prompt has at least so many tokens as are too many."""
    context = 2048

    def answer(body: dict[str, Any]) -> Reply:
        text = body["messages"][0]["content"]
        tokens, most = round(len(text) / bytes_a_token), body["max_tokens"]
        if tokens + most <= context:
            return Reply("ok")
        seen = min(tokens, context - most + 1)
        return fault(
            400,
            f"This model's maximum context length is {context} tokens. However, you "
            f"requested {most} output tokens and your prompt contains at least {seen} "
            f"input tokens, for a total of at least {seen + most} tokens.",
        )

    server.answer = answer
    lm = lm_for(server)

    response = await lm.complete(asking(lm, "word " * 200))

    assert response.text == "ok"
    assert server.count <= 4


async def test_a_refused_prompt_is_refused_before_the_next_call(server: Server) -> None:
    """The server has told its context; what surely does not fit goes no more."""
    server.answer = counting(64)
    lm = lm_for(server)

    for _ in range(2):
        with pytest.raises(ContextLengthError):
            await lm.complete(asking(lm, "word " * 200))

    assert server.count == 1


async def test_room_for_too_little(server: Server) -> None:
    """A few tokens are no answer: the prompt is too long, and not the answer cut."""
    server.answer = counting(64, bytes_a_token=1.0)
    lm = lm_for(server)

    with pytest.raises(ContextLengthError):
        await lm.complete(asking(lm, "w" * 50))

    assert server.count == 1


async def test_llama_cpp_refuses_the_prompt_itself(server: Server) -> None:
    """Its refusal, as it came from a server of 2048 tokens."""
    body = {
        "code": 400,
        "message": "request (18031 tokens) exceeds the available context size (2048 "
        "tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 18031,
        "n_ctx": 2048,
    }
    server.script(Reply(status=400, body=json.dumps({"error": body}).encode()))
    lm = lm_for(server)

    with pytest.raises(ContextLengthError):
        await lm.complete(asking(lm, "word " * 18000))

    assert (server.count, lm.abilities.context) == (1, 2048)


async def test_a_text_that_is_continued_shrinks_too(server: Server) -> None:
    """It has the same context, and the same numbers."""
    server.answer = counting(2048)
    lm = lm_for(server)
    text = Message("user", "word " * 200)
    request = Request(
        lm.model, (text,), lm.sampling, endpoint=lm.endpoint, continues=True
    )

    response = await lm.complete(request)

    assert (response.text, server.count) == ("ok", 2)
