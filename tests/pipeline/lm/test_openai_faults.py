"""Every fault of a server over HTTP has one typed error, within a bounded time."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from tests.pipeline.lm.support import KEY, asking, completion, fault
from tests.server import Reply, Server
from weft.pipeline.errors import (
    AuthError,
    BillingError,
    ConnectError,
    ContentFiltered,
    ContextLengthError,
    DeadlineExceeded,
    InvalidRequest,
    ModelError,
    NotFoundError,
    Overloaded,
    ProtocolError,
    RateLimited,
    ServerError,
    TimeoutConflict,
    TooLarge,
)
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.wire.faults import Refusal, Unreached, parse_retry_after, redacted


def lm_for(server: Server, **options: Any) -> LM:
    """A model at the server."""
    return LM(
        "openai/m", api_base=server.url, **{"api_key": KEY, "timeout": 5, **options}
    )


FAULTS: dict[str, tuple[Reply, type[ModelError]]] = {
    "302": (Reply(status=302, headers={"Location": "http://x/"}), NotFoundError),
    "400": (fault(400), InvalidRequest),
    "401": (fault(401), AuthError),
    "402": (fault(402), BillingError),
    "403": (fault(403), AuthError),
    "404": (fault(404), NotFoundError),
    "408": (fault(408), TimeoutConflict),
    "409": (fault(409), TimeoutConflict),
    "413": (fault(413), InvalidRequest),
    "418": (fault(418), InvalidRequest),
    "422": (fault(422), InvalidRequest),
    "429": (fault(429), RateLimited),
    "429 quota": (fault(429, code="insufficient_quota"), BillingError),
    "500": (fault(500), ServerError),
    "502": (Reply(status=502, body=b"<html>bad gateway</html>"), ServerError),
    "503": (fault(503), Overloaded),
    "504": (Reply(status=504, body=b""), ServerError),
    "529": (fault(529), Overloaded),
    "llama.cpp's context": (
        fault(400, "request (18031 tokens) exceeds the available context size"),
        ContextLengthError,
    ),
    "context code": (fault(400, code="context_length_exceeded"), ContextLengthError),
    "context words": (
        fault(400, "This model's maximum context length is 9 tokens"),
        ContextLengthError,
    ),
    "filtered prompt": (fault(400, code="content_filter"), ContentFiltered),
    "filtered answer": (Reply(finish_reason="content_filter"), ContentFiltered),
    "refusal": (completion({"content": None, "refusal": "no"}), ContentFiltered),
    "html": (Reply(body=b"<!doctype html><p>hi"), ProtocolError),
    "bad JSON": (Reply(body=b'{"choices": ['), ProtocolError),
    "deep JSON": (Reply(body=b"[" * 100_000), ProtocolError),
    "a list": (Reply(body=b"[]"), ProtocolError),
    "no choices": (Reply(body=b'{"choices": []}'), ProtocolError),
    "choices null": (Reply(body=b'{"choices": null}'), ProtocolError),
    "no message": (Reply(body=b'{"choices": [{}]}'), ProtocolError),
    "content null": (completion({"content": None}), ProtocolError),
    "content number": (completion({"content": 5}), ProtocolError),
    "surrogate": (completion({"content": "\ud800"}), ProtocolError),
    "empty body": (Reply(body=b""), ProtocolError),
    "200 with error": (Reply(body=b'{"error": {"code": 429}}'), RateLimited),
    "too short": (Reply(length=10_000), ProtocolError),
    "cut": (Reply(cut=20), ProtocolError),
    "reset": (Reply(reset=True), ConnectError),
    "too large": (Reply(body=b" " * (2**23 + 1)), TooLarge),
    "claims too much": (Reply(length=2**33), TooLarge),
    "endless": (Reply(endless=True), TooLarge),
    "gzip bomb": (
        Reply(body=gzip.compress(b" " * 2**26), headers={"Content-Encoding": "gzip"}),
        TooLarge,
    ),
    "no gzip": (
        Reply(body=b"x" * 9, headers={"Content-Encoding": "gzip"}),
        ProtocolError,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_taxonomy(server: Server, name: str) -> None:
    """Every fault is one request and one typed error, without the key in it."""
    reply, expected = FAULTS[name]
    server.script(reply)
    lm = lm_for(server)

    with pytest.raises(ModelError) as caught:
        await lm.complete(asking(lm))

    assert type(caught.value) is expected
    assert server.count == 1
    assert caught.value.model == "m"
    if reply.status != 200:
        assert caught.value.status == reply.status
    assert KEY not in repr(caught.value) + str(caught.value.__cause__)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_carries_the_key_away(server: Server, status: int) -> None:
    """Where a server sends us elsewhere, nobody there hears of us."""
    with Server() as elsewhere:
        server.answer = lambda _: Reply(
            status=status, headers={"Location": f"{elsewhere.url}/chat/completions"}
        )
        lm = lm_for(server)

        with pytest.raises(NotFoundError):
            await lm.complete(asking(lm))

        assert (server.count, elsewhere.count) == (1, 0)


async def test_a_key_that_the_server_repeats(server: Server) -> None:
    """A server that quotes the key or a header does not get it into our message."""
    server.script(fault(401, f"Incorrect API key provided: {KEY} from HEADER-CANARY."))
    lm = lm_for(server, headers={"X": "HEADER-CANARY"})

    with pytest.raises(AuthError, match=r"provided: \*\*\* from \*\*\*\.") as caught:
        await lm.complete(asking(lm))

    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "quoted"),
    [
        ("Basic not-base64", "not-base64"),
        ("Basic n\u00f6t", "n\u00f6t"),
        ("basic dXNlcjpzZXNhbWU=", "sesame"),
    ],
)
async def test_a_login_in_a_header(server: Server, header: str, quoted: str) -> None:
    """A login that a user's own header holds is kept secret, and may be nonsense."""
    server.script(fault(401, f"no such login: {quoted}"))
    lm = LM("m", api_base=server.url, headers={"authorization": header})

    with pytest.raises(AuthError, match=r"no such login: \*\*\*") as caught:
        await lm.complete(asking(lm))

    assert quoted not in str(caught.value)


def test_a_text_that_ends_within_a_secret() -> None:
    """Where a body is cut, the start of a key does not stay at its end."""
    for cut in range(5, len(KEY) + 1):
        assert redacted(f"bad key {KEY[:cut]}", [KEY]) == "bad key ***"
    assert redacted("a basic fact", ["Basic fantasy"]) == "a basic fact"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"message": "no credit", "code": "insufficient_quota"}, BillingError),
        ({"message": "maximum context length is 5 tokens"}, ContextLengthError),
        ({"message": "odd"}, ProtocolError),
    ],
)
def test_an_error_under_a_status_of_success(
    said: dict[str, str], kind: type[ModelError]
) -> None:
    """Its words say what it is, where its status does not."""
    error = Refusal(200, json.dumps({"error": said})).as_error()

    assert type(error) is kind


async def test_what_the_server_said(server: Server) -> None:
    """A refusal carries the server's words, its id of the request, and its wish."""
    server.script(
        Reply(
            status=429,
            headers={"Retry-After": "7", "x-request-id": "req_1"},
            body=b'{"error": {"message": "slow\\ndown"}}',
        )
    )
    lm = lm_for(server)

    with pytest.raises(RateLimited, match="answered 429: slow down") as caught:
        await lm.complete(asking(lm))

    assert (caught.value.retry_after, caught.value.request_id) == (7.0, "req_1")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (
            "Unsupported parameter: 'logit_bias' is not supported with this model.",
            "Leave logit_bias out for this model",
        ),
        (
            "Unsupported parameter: 'top_p' is not supported with this model.",
            "Leave top_p out for this model",
        ),
        ("Unsupported value: 'messages[0].role' does not support 'tool'.", ""),
    ],
)
async def test_an_option_that_a_model_does_not_take(
    server: Server, said: str, remedy: str
) -> None:
    """The remedy names the option; what is no option gets none."""
    server.script(fault(400, said))
    lm = lm_for(server, temperature=0)

    with pytest.raises(InvalidRequest) as caught:
        await lm.complete(asking(lm))

    assert caught.value.hint == remedy


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "0.2"}, 0.2),
        ({"retry-after": "2"}, 2.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "3600"}, 3600.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:16:45 GMT"}, 5.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "1_0"}, None),
        ({"Retry-After": "\u0665"}, None),
        ({"Retry-After": "Thu, 99 Jan 1970"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """A wait is read as seconds, milliseconds or a date; nonsense is no wait."""
    assert parse_retry_after(headers, now=1000.0) == seconds


async def test_nobody_listens() -> None:
    """Where nothing listens, nothing was sent, and the error knows that."""
    lm = LM("m", api_base="http://127.0.0.1:9/v1")

    with pytest.raises(Unreached, match=r"no connection to 127\.0\.0\.1:9"):
        await lm.complete(asking(lm))


@pytest.mark.parametrize(
    "reply",
    [Reply(hang=True), Reply(rate=20), Reply(delay=30)],
    ids=["hang", "drip", "late"],
)
async def test_deadline(server: Server, reply: Reply) -> None:
    """The deadline is wall-clock time, whatever the server does."""
    server.script(reply)
    lm = lm_for(server, timeout=0.3)
    started = time.monotonic()

    with pytest.raises(DeadlineExceeded, match=r"within 0\.3 s"):
        await lm.complete(asking(lm))

    assert time.monotonic() - started < 2.0


async def test_a_flood_is_cheap(server: Server) -> None:
    """An endless or an exploding answer takes little memory before it is refused."""
    bomb = gzip.compress(b" " * 2**27)
    server.script(
        Reply(endless=True), Reply(body=bomb, headers={"Content-Encoding": "gzip"})
    )
    lm = lm_for(server)
    tracemalloc.start()

    for _ in range(2):
        with pytest.raises(TooLarge):
            await lm.complete(asking(lm))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 * 2**20


async def test_a_refusal_in_pieces_is_read_to_its_end() -> None:
    """What it means, and the key that it quotes, may stand in the second piece."""
    unpaid = fault(429, "x" * 300 + KEY, code="insufficient_quota")
    with Server(lambda _: replace(unpaid, rate=20_000)) as server:
        lm = lm_for(server)
        with pytest.raises(BillingError) as found:
            await lm.complete(asking(lm))

    assert KEY[:8] not in str(found.value)


async def test_a_refusal_whose_body_does_not_come_is_known_by_its_status() -> None:
    """A wrong key is not tried again for want of an explanation."""
    with Server(lambda _: replace(fault(401), unclosed=True)) as server:
        lm = lm_for(server)
        with pytest.raises(AuthError):
            await lm.complete(asking(lm))


async def test_a_count_beyond_all_measure_is_none() -> None:
    """No model writes so many tokens; the call is booked at its bound."""
    usage = {"prompt_tokens": 10**400, "completion_tokens": 1}
    with Server(lambda _: Reply(usage=usage)) as server:
        lm = lm_for(server)
        assert (await lm.complete(asking(lm))).usage is None


async def test_a_key_is_taken_out_before_an_answer_is_cut() -> None:
    """A cut through the key would leave a part of it standing."""
    body = b"A" * 72 + KEY.encode()
    with Server(lambda _: Reply(body=body)) as server:
        lm = lm_for(server)
        with pytest.raises(ProtocolError) as found:
            await lm.complete(asking(lm))

    assert KEY[:4] not in str(found.value)
