"""Every fault of a server over HTTP has one typed error, within a bounded time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.faults import FAULTS, MEANS, SLOW
from tests.pipeline.lm.support import KEY, asking, fault, lm_for
from tests.server import Reply, Server
from tests.timing import deadline
from weft.pipeline.errors import (
    AuthError,
    BillingError,
    ConnectError,
    ContextLengthError,
    DeadlineExceeded,
    InvalidRequest,
    ModelError,
    ModelFailure,
    NotFoundError,
    ProtocolError,
    RateLimited,
)
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.wire import openai_http
from weft.pipeline.lm.wire.faults import Refusal, Unreached, parse_retry_after
from weft.pipeline.lm.wire.secrets import redacted

ID = {"x-request-id": "req_7"}


@pytest.mark.parametrize("name", FAULTS)
async def test_taxonomy(server: Server, name: str) -> None:
    """Every fault is one request and one typed error, and nothing hides behind it."""
    reply, expected = FAULTS[name]
    server.script(replace(reply, headers={**reply.headers, **ID}))
    lm = lm_for(server)

    with pytest.raises(ModelError) as caught:
        await lm.complete(asking(lm))

    error, kind = caught.value, type(caught.value)
    assert kind is expected
    assert server.count == 1
    assert error.model == "m"
    if reply.status != 200:
        assert (error.status, error.request_id) == (reply.status, "req_7")
    if reply.status not in {200, 302} and "Retry-After" in reply.headers:
        assert error.retry_after == 7.0
    # The client's own error would hold the request, and the key in it.
    assert error.__cause__ is None
    assert error.__context__ is None
    assert KEY not in f"{error!r} {error} {vars(error)}"


@pytest.mark.parametrize("kind", MEANS)
def test_what_an_error_means(kind: type[ModelError]) -> None:
    """For the call, for a run of many rows, and for a score."""
    assert (kind.retryable, kind.aborts, issubclass(kind, ModelFailure)) == MEANS[kind]


def test_the_table_of_faults_has_every_error() -> None:
    """An error of the tree that no server's fault is would be untested."""
    found = {kind for _, kind in FAULTS.values()} | {DeadlineExceeded}

    assert found == MEANS.keys()


async def test_a_reset_in_the_body(server: Server) -> None:
    """Whether a part of it came or nothing: the call may be made again."""
    server.script(Reply(cut=20, reset=True, length=99))
    lm = lm_for(server)

    with pytest.raises((ConnectError, ProtocolError)) as caught:
        await lm.complete(asking(lm))

    assert server.count == 1
    assert KEY not in f"{caught.value!r} {vars(caught.value)}"


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
        (
            "Unsupported value: 'messages[0].role' does not support 'tool'.",
            "change what the server names",
        ),
    ],
)
async def test_an_option_that_a_model_does_not_take(
    server: Server, said: str, remedy: str
) -> None:
    """The remedy names the option; what is no option gets that of its kind."""
    server.script(fault(400, said))
    lm = lm_for(server, temperature=0)

    with pytest.raises(InvalidRequest) as caught:
        await lm.complete(asking(lm))

    assert remedy in caught.value.hint


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


@pytest.mark.parametrize("name", SLOW)
async def test_deadline(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadline that strikes ends a call, whatever the server does meanwhile."""
    server.answer = lambda _: SLOW[name]
    clock = deadline(lambda: server.count)
    monkeypatch.setattr(openai_http, "asyncio", clock)
    lm = lm_for(server, timeout=0.3)

    with pytest.raises(DeadlineExceeded, match=r"within 0\.3 s"):
        await lm.complete(asking(lm))

    assert (server.count, clock.asked) == (1, [0.3])


async def test_the_deadline_is_time_on_the_wall(server: Server) -> None:
    """It passes without anybody's doing, where a server never answers."""
    server.answer = lambda _: Reply(hang=True)
    lm = lm_for(server, timeout=0.05)

    with pytest.raises(DeadlineExceeded, match=r"within 0\.05 s"):
        await lm.complete(asking(lm))


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
