"""What a refusal means in servers' own words: too long, wait, and who it was about."""

from __future__ import annotations

import json
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import asking
from tests.server import Reply, Server
from weft.errors import (
    AuthError,
    ConfigError,
    ConnectError,
    ContextLengthError,
    InvalidRequest,
    ModelError,
    RateLimited,
)
from weft.pipeline.lm.wire.faults import Refusal, wait_said

TOO_LONG = [
    (400, "the request exceeds the available context size"),
    (400, "request (5000 tokens) exceeds the available context size (4096 tokens)"),
    (400, "Input length (40000 tokens) exceeds the maximum allowed length (32768)."),
    (400, "The input (40000 tokens) is longer than the model's context length (8192)."),
    (400, "This model's maximum context length is 4096 tokens. However, you asked 9."),
    (
        400,
        "The decoder prompt (length 9) is longer than the maximum model length of 4.",
    ),
    (400, "prompt is too long: 200251 tokens > 200000 maximum"),
    (
        400,
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
    ),
    (
        400,
        "The input token count exceeds the maximum number of tokens allowed 1048575.",
    ),
    (
        400,
        "Prompt contains 9 tokens, too large for model with 8 maximum context length",
    ),
    (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081"),
    (400, "Input is too long for requested model."),
    (400, "Too many input tokens. Max input tokens: 8192, request input tokens: 9000"),
    (400, "This model's maximum prompt length is 131072 but the request has 140000."),
    (400, "Range of input length should be [1, 30720]"),
    (400, "Invalid request: Your request exceeded model token limit: 8192"),
    (400, "Please reduce the length of the messages or completion."),
    (400, "Your input exceeds the context window of this model."),
    (400, "Input tokens exceed the configured limit of 272000 tokens."),
    (400, "context window exceeds limit (2013)"),
    (400, "Prompt length (5000) exceeds maximum input length (4096)."),
    (
        400,
        "Request prompt has 5000 tokens in total, larger than the model capacity 4096.",
    ),
    (400, "The number of tokens to keep is greater than the context length"),
    (
        400,
        "The prompt is 9 tokens long, but the maximum supported sequence length is 8",
    ),
    (
        422,
        "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000",
    ),
    (422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs`"),
    (413, "Request too large for model `m`: please reduce your message size"),
    (413, "Request body too large for gpt-4o model. Max size: 8000 tokens."),
    (429, "Request too large for m on tokens per min (TPM): Limit 100, Requested 900."),
    (500, "The prompt is too long: 40000, model maximum context length: 32767"),
]
NOT_TOO_LONG = [
    (400, "The maximum tokens you requested exceeds the model limit of 4096."),
    (400, "Unsupported parameter: 'context_length' is not supported here."),
    (400, "Invalid input: temperature is too large"),
    (400, "max_tokens is too large: 100000. This model supports at most 16384."),
    (400, "Unknown model: 'long-context'"),
    (429, "Rate limit reached: too many tokens per minute, please wait."),
    (413, "no"),
    (404, "the model 'context window' does not exist"),
]


@pytest.mark.parametrize(("status", "said"), TOO_LONG)
def test_a_prompt_that_is_too_long(status: int, said: str) -> None:
    """Whatever the server's words: a candidate scores 0 by it, and no compile ends."""
    for body in (
        {"error": {"message": said}},
        {"object": "error", "message": said, "code": status},
        {"error": said},
        {"detail": said},
    ):
        error = Refusal(status, json.dumps(body)).as_error()

        assert type(error) is ContextLengthError, body


@pytest.mark.parametrize(("status", "said"), NOT_TOO_LONG)
def test_a_refusal_of_something_else(status: int, said: str) -> None:
    """An option, a rate or a name is no prompt that is too long."""
    error = Refusal(status, json.dumps({"error": {"message": said}})).as_error()

    assert type(error) is not ContextLengthError


def test_a_page_that_says_too_large() -> None:
    """A proxy before the server refuses a long body with a page."""
    page = "<html><title>413 Request Entity Too Large</title></html>"

    assert type(Refusal(413, page).as_error()) is ContextLengthError


def test_numbers_beyond_measure() -> None:
    """A refusal that names a number of a thousand digits says nothing of a length."""
    said = f"This model's maximum context length is {'9' * 5000} tokens"
    error = Refusal(400, json.dumps({"error": {"message": said}})).as_error()

    assert type(error) is ContextLengthError


WAITS: list[tuple[Any, float | None]] = [
    ({"details": [{"@type": "x.RetryInfo", "retryDelay": "45.8s"}]}, 45.8),
    ({"details": [{"retryDelay": {"seconds": 30}}]}, 30.0),
    ({"message": "Please try again in 20s. Visit ..."}, 20.0),
    ({"message": "Rate limit reached. Please try again in 1m2.5s."}, 62.5),
    ({"message": "Limit 3 / min. Please try again in 120ms."}, 0.12),
    ({"message": "Please retry after 9 seconds."}, 9.0),
    ({"message": "Please retry in 45.8s."}, 45.8),
    ({"message": "Too many requests, wait 2 minutes and 5 seconds"}, 125.0),
    ({"message": "try again in 7h12m"}, 25_920.0),
    ({"message": "busy", "retry_after": 12}, 12.0),
    ({"message": "busy", "retry_after_ms": 1500}, 1.5),
    ({"message": "busy", "retryAfter": "3"}, 3.0),
    ({"message": "loading", "estimated_time": 20.5}, 20.5),
    ({"message": "busy", "metadata": {"headers": {"Retry-After": "4"}}}, 4.0),
    ({"message": "60 requests per 60s are allowed"}, None),
    ({"message": "busy", "retry_after": -1}, None),
    ({"message": "busy", "retry_after": True}, None),
    ({"message": "busy", "retry_after": "soon"}, None),
    ({"message": f"try again in {'9' * 400}s"}, None),
]


@pytest.mark.parametrize(("fault", "seconds"), WAITS)
def test_a_wait_in_the_body(fault: dict[str, Any], seconds: float | None) -> None:
    """It is obeyed as one in the head is, and the head's wins."""
    body = json.dumps({"error": fault})
    error = Refusal(429, body).as_error()

    assert type(error) is RateLimited
    assert error.retry_after == (None if seconds is None else pytest.approx(seconds))
    assert Refusal(429, body, retry_after=7.0).as_error().retry_after == 7.0
    assert Refusal(400, body).as_error().retry_after is None


@pytest.mark.parametrize("body", ["[" * 60_000, "", "try again in 5s", "[5, null]"])
def test_a_wait_in_any_body(body: str) -> None:
    """A body that is no JSON, or deep, is read as far as it can be."""
    assert wait_said(body) == (5.0 if "5s" in body else None)


async def test_the_wait_of_a_litellm_provider() -> None:
    """What Gemini says in its body is known through litellm, too."""
    details = [{"@type": "type.googleapis.com/x.RetryInfo", "retryDelay": "45.8s"}]
    fault = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded."}
    body = json.dumps({"error": {**fault, "details": details}}).encode()
    with Server(lambda _: Reply(status=429, body=body)) as server:
        lm = weft.LM("gemini/m", api_base=server.url, api_key="k" * 20)
        with pytest.raises(RateLimited) as caught:
            await lm.complete(asking(lm))

    assert caught.value.retry_after == 45.8


@pytest.mark.parametrize(
    "said",
    [
        "Unsupported parameter: 'max_tokens' is not supported with this model.",
        "Extra inputs are not permitted: max_tokens",
        "max_tokens: Extra inputs are not permitted",
        "Unrecognized request argument supplied: max_tokens",
    ],
)
async def test_a_bound_that_a_server_does_not_take(said: str, server: Server) -> None:
    """What is sent unasked can be left out, and the error says how."""
    body = json.dumps({"error": {"message": said}}).encode()
    server.answer = lambda asked: (
        Reply(status=400, body=body) if "max_tokens" in asked else Reply("ok")
    )
    lm = weft.LM("any", api_base=server.url)
    with pytest.raises(InvalidRequest, match=r'abilities=\{"without"'):
        await lm.complete(asking(lm))

    freed = weft.LM("any", api_base=server.url, abilities={"without": ("max_tokens",)})
    assert (await freed.complete(asking(freed))).text == "ok"


# A proxy ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", ["any", "openai/m", "litellm/openai/m", "anthropic/m"]
)
async def test_a_proxy_is_gone_through(model: str) -> None:
    """Where only a proxy leads out, an option names it."""
    answer: dict[str, Any] = {"id": "1", "type": "message", "role": "assistant"}
    answer |= {"content": [{"type": "text", "text": "ok"}], "model": "m"}
    answer |= {"stop_reason": "end_turn", "usage": {"input_tokens": 1}}
    answer["usage"]["output_tokens"] = 1
    body = json.dumps(answer).encode() if model == "anthropic/m" else None
    with Server(lambda _: Reply(body=body)) as proxy:
        address = proxy.url.removesuffix("/v1").replace(
            "http://", "http://me:pass1234@"
        )
        lm = weft.LM(
            model, api_base="http://models.invalid/v1", api_key="k" * 20, proxy=address
        )

        assert (await lm.complete(asking(lm))).text == "ok"

    [seen] = proxy.seen
    assert seen.path.startswith("http://models.invalid/v1/")
    assert seen.headers["proxy-authorization"] == "Basic bWU6cGFzczEyMzQ="
    assert "pass" not in repr(lm)


async def test_the_error_names_the_option() -> None:
    """Who cannot reach a server reads how to name a proxy."""
    lm = weft.LM("any", api_base="http://127.0.0.1:9/v1")

    with pytest.raises(ConnectError, match="proxy='http://HOST:PORT'"):
        await lm.complete(asking(lm))


async def test_a_proxy_that_refuses() -> None:
    """A login that is missing is no fault of the server's, and shows no password."""
    with Server(lambda _: Reply(status=407)) as proxy:
        address = proxy.url.removesuffix("/v1").replace(
            "http://", "http://me:pass1234@"
        )
        for scheme in ("http", "https"):
            lm = weft.LM("any", api_base=f"{scheme}://models.invalid/v1", proxy=address)
            with pytest.raises(ModelError) as caught:
                await lm.complete(asking(lm))
            assert type(caught.value) is AuthError
            assert "pass1234" not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    "proxy",
    ["", "localhost", "localhost:3128", "ftp://x", "http://", "http://x:pass\n"],
)
def test_what_is_no_proxy(proxy: str) -> None:
    """It is said when the model is made, without showing what may hold a login."""
    with pytest.raises(
        ConfigError, match="proxy is no http or https address"
    ) as caught:
        weft.LM("any", api_base="http://x/v1", proxy=proxy)

    assert "pass" not in str(caught.value)


def test_no_proxy_leads_here() -> None:
    """What answers in this process takes no proxy, and says so."""
    with pytest.raises(ConfigError, match="no proxy leads there"):
        weft.LM("embedded", proxy="http://localhost:3128")


# Short keys ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("x", "the next index exceeds the maximum"),
        ("EMPTY", "the prompt is EMPTY"),
        ("ollama", "pull the model with ollama pull"),
        ("not-needed", "a key is not-needed here"),
        ("none", "none of the models is loaded"),
        ("ab1", "slab1 is out of memory"),
        ("ab1c2", "slab1c2 is out of memory"),
    ],
)
async def test_words_stay_in_a_message(key: str, said: str) -> None:
    """Local servers take any key, and a word for one is no secret in a message."""
    body = json.dumps({"error": {"message": said}}).encode()
    with Server(lambda _: Reply(status=400, body=body)) as server:
        for options in ({"api_key": key}, {"headers": {"X-Team": key}}):
            lm = weft.LM("any", api_base=server.url, **options)
            with pytest.raises(InvalidRequest) as caught:
                await lm.complete(asking(lm))

            assert said in str(caught.value)


@pytest.mark.parametrize("key", ["ab1c2", "hunter2", "Sesame-open", "sk-0123456789"])
async def test_short_keys_are_taken_out_as_words(key: str) -> None:
    """What is no word is a key, however short."""
    body = json.dumps({"error": {"message": f"no such key: {key}."}}).encode()
    with Server(lambda _: Reply(status=401, body=body)) as server:
        lm = weft.LM("any", api_base=server.url, api_key=key)
        with pytest.raises(AuthError, match=r"no such key: \*\*\*"):
            await lm.complete(asking(lm))
