"""Over the connection that litellm is lent: one send, no redirect, no flood, no key."""

from __future__ import annotations

import gzip
import traceback

import pytest

from tests.pipeline.lm.support import KEY, asking
from tests.server import Reply, Server
from tests.timing import deadline
from weft.pipeline.errors import (
    AuthError,
    ConnectError,
    DeadlineExceeded,
    ModelError,
    NotFoundError,
    Overloaded,
    ProtocolError,
    TooLarge,
)
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.wire import litellm_bridge

# One of each way in which litellm sends: an SDK that is told to try once, an SDK that
# is not, its own client, and its own client as a handler.
PROVIDERS = ("litellm/openai", "deepinfra", "mistral", "anthropic")


@pytest.fixture(params=PROVIDERS)
def lm(request: pytest.FixtureRequest, server: Server) -> LM:
    """A model of each provider in turn, at the server."""
    return model(request.param, server)


def model(provider: str, server: Server) -> LM:
    """A model of a provider, at the server."""
    headers = {"X-Team-Key": KEY}
    return LM(
        f"{provider}/m",
        api_base=server.url,
        api_key=KEY,
        headers=headers,
        timeout=60,
    )


async def failure(lm: LM) -> ModelError:
    """How a call fails."""
    with pytest.raises(ModelError) as caught:
        await lm.complete(asking(lm))
    return caught.value


def everything(error: BaseException | None) -> str:
    """All that an error and those behind it can be made to say."""
    parts: list[str] = []
    while error is not None:
        parts += [
            repr(error),
            str(error),
            repr(vars(error)),
            *traceback.format_tb(None),
        ]
        parts += traceback.format_exception(error)
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


@pytest.mark.parametrize("provider", [*PROVIDERS, "databricks", "gemini"])
@pytest.mark.parametrize("status", [302, 307])
async def test_redirects_are_not_followed(
    server: Server, provider: str, status: int
) -> None:
    """Another server gets neither the key nor the prompt, whoever sends us there."""
    lm = model(provider, server)
    with Server() as elsewhere:
        to = {"Location": f"{elsewhere.url}/chat/completions"}
        server.answer = lambda _: Reply(status=status, body=b"{}", headers=to)

        error = await failure(lm)

        assert (elsewhere.count, server.count) == (0, 1)
    assert type(error) is NotFoundError
    assert error.model == lm.model


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(reset=True), ConnectError),
        (Reply(cut=20), ProtocolError),
        (Reply(status=503, headers={"Retry-After": "60"}), Overloaded),
        (Reply(body=b"{}"), ProtocolError),
        (Reply(body=b"[" * 100_000), ProtocolError),
    ],
    ids=["reset", "cut", "503", "no completion", "deep JSON"],
)
async def test_a_failure_is_one_request(
    server: Server, lm: LM, reply: Reply, expected: type[ModelError]
) -> None:
    """Nothing between us and the server tries again, waits, or calls it otherwise."""
    server.answer = lambda _: reply

    error = await failure(lm)

    assert server.count == 1
    assert type(error) is expected, error


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(endless=True), ProtocolError),
        (Reply(length=2**33), TooLarge),
        (
            Reply(
                body=gzip.compress(b" " * 2**25), headers={"Content-Encoding": "gzip"}
            ),
            ProtocolError,
        ),
    ],
    ids=["endless", "claims too much", "gzip bomb"],
)
async def test_floods_are_refused_early(
    server: Server, lm: LM, reply: Reply, expected: type[ModelError]
) -> None:
    """A body is read up to the size that is refused, or an endless one would hang."""
    server.answer = lambda _: reply

    assert type(await failure(lm)) is expected


async def test_the_deadline_holds(
    server: Server, lm: LM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that drips for ever ends at our deadline, whatever it costs litellm."""
    server.answer = lambda _: Reply(endless=True, rate=20)
    monkeypatch.setattr(litellm_bridge, "asyncio", deadline(lambda: server.count))

    assert type(await failure(lm)) is DeadlineExceeded
    assert server.count == 1


async def test_no_error_holds_a_key(server: Server, lm: LM) -> None:
    """The key that a server quotes, and the request behind an error, are not in it."""
    quoted = f'{{"error": {{"message": "bad key {KEY}"}}}}'.encode()
    for reply in (
        Reply(status=401, body=quoted),
        Reply(status=500, body=quoted),
        Reply(body=quoted),
        Reply(reset=True),
        Reply(cut=20),
        Reply(status=307, headers={"Location": "http://x/"}),
    ):
        server.answer = lambda _, reply=reply: reply
        assert KEY not in everything(await failure(lm))


async def test_a_key_that_litellm_finds_itself(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key from a provider's own variable, which we never saw, is taken out too."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    lm = LM("anthropic/m", api_base=server.url)
    body = f'{{"error": {{"message": "no such key: {KEY}"}}}}'.encode()
    server.answer = lambda _: Reply(status=401, body=body)

    error = await failure(lm)

    assert server.seen[0].headers["x-api-key"] == KEY
    assert type(error) is AuthError
    assert KEY not in everything(error)
