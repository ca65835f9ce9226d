"""The bridge is another way to a server, not another behaviour: held against ours."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest

from tests.faults import FAULTS, SLOW
from tests.pipeline.lm.support import KEY, asking
from tests.server import Reply, Server
from tests.timing import PATIENCE, deadline
from weft.pipeline.calls.call import call
from weft.pipeline.calls.retry import RetryPolicy
from weft.pipeline.calls.store import MemoryCache
from weft.pipeline.errors import (
    ConfigError,
    DeadlineExceeded,
    ModelError,
    Overloaded,
)
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.wire import litellm_bridge


def models(server: Server, **options: Any) -> tuple[LM, LM]:
    """The same model through our client and through litellm."""
    options = {"api_base": server.url, "api_key": KEY, "timeout": 60, **options}
    return LM("openai/m", **options), LM("litellm/openai/m", **options)


@pytest.mark.parametrize(
    "reply",
    [
        Reply("two words"),
        Reply("half", finish_reason="length"),
        Reply("héllo 😀"),
        Reply("x", usage={}),
        Reply("x", usage={"prompt_tokens": 9, "completion_tokens": None}),
        Reply(
            "x",
            usage={
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "total_tokens": 12,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
        ),
    ],
)
async def test_same_answers(server: Server, reply: Reply) -> None:
    """Both clients send the same question and understand the answer alike."""
    server.script(reply, reply)
    ours, theirs = models(server, temperature=0, stop=["END"])

    assert await ours.complete(asking(ours)) == await theirs.complete(asking(theirs))
    assert server.seen[0].body == server.seen[1].body
    assert (
        server.seen[0].headers["authorization"]
        == server.seen[1].headers["authorization"]
    )


async def test_same_cache_entries(server: Server) -> None:
    """What one client paid for, the other finds in the cache."""
    ours, theirs = models(server)
    cache = MemoryCache()

    first = await call(asking(ours), ours, cache=cache)
    second = await call(asking(theirs), theirs, cache=cache)

    assert asking(ours).key == asking(theirs).key
    assert (second.text, second.cached, server.count) == (first.text, True, 1)


@pytest.mark.parametrize("name", FAULTS)
async def test_taxonomy(
    server: Server, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every fault is one request and the same error, without the key in it."""
    # litellm logs what servers say as it stands; no report of a test could hold it.
    caplog.set_level(logging.ERROR, "LiteLLM")
    reply, expected = FAULTS[name]
    server.script(reply)
    _, lm = models(server)

    with pytest.raises(ModelError) as caught:
        await lm.complete(asking(lm))

    assert type(caught.value) is expected
    assert server.count == 1
    assert KEY not in repr(caught.value)
    if "Retry-After" in reply.headers and reply.status == 429:
        assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("name", SLOW)
async def test_deadline(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadline that strikes ends a call, whatever the server does meanwhile."""
    server.answer = lambda _: SLOW[name]
    monkeypatch.setattr(litellm_bridge, "asyncio", deadline(lambda: server.count))
    _, lm = models(server)

    with pytest.raises(DeadlineExceeded):
        await lm.complete(asking(lm))

    assert server.count == 1


async def test_ours_are_the_only_retries(server: Server) -> None:
    """A transient fault costs exactly the attempts that our policy allows."""
    server.answer = lambda _: Reply(status=503)
    _, lm = models(server)
    policy = RetryPolicy(retries=2, base=0.001, cap=0.001)

    with pytest.raises(Overloaded):
        await call(asking(lm), lm, retry=policy)

    assert server.count == 3


async def test_unknown_provider() -> None:
    """A provider that litellm does not know is an error of the model string."""
    lm = LM("nosuchprovider/m")

    with pytest.raises(ConfigError, match="unknown model string 'nosuchprovider/m'"):
        await lm.complete(asking(lm))


async def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without litellm the model can be named; the first call says what to install."""
    monkeypatch.setitem(sys.modules, "litellm", None)
    litellm_bridge._load.cache_clear()
    lm = LM("anthropic/claude-haiku-4-5", api_key="k")

    with pytest.raises(ConfigError, match=r"pip install 'litellm>="):
        await lm.complete(asking(lm))


async def test_the_loop_goes_on_while_litellm_loads(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    """Loading it, which takes seconds, happens beside the event loop."""
    loading = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = litellm_bridge._load

    def slow() -> Any:
        loop.call_soon_threadsafe(loading.set)
        return real()

    monkeypatch.setattr(litellm_bridge, "_loaded", lambda: False)
    monkeypatch.setattr(litellm_bridge, "_load", slow)
    _, lm = models(server)

    answer = asyncio.create_task(lm.complete(asking(lm)))
    await asyncio.wait_for(loading.wait(), PATIENCE)

    assert (await answer).text == "ok"


def test_clean_exit(server: Server) -> None:
    """A process that used litellm exits by itself, silently, and never went online.

    It is loaded once, at the first call. Undone filters of warnings fail nothing:
    pytest restores them after a test, so that what litellm silenced at its import is
    heard again by the next one, and is an error where warnings are.
    """
    code = (
        "import asyncio, socket, sys, warnings\n"
        "real = socket.getaddrinfo\n"
        "def look_up(host, *rest, **named):\n"
        "    if host not in ('127.0.0.1', b'127.0.0.1'): print('looked up', host)\n"
        "    return real(host, *rest, **named)\n"
        "socket.getaddrinfo = look_up\n"
        "from weft.pipeline.lm.wire import litellm_bridge\n"
        "from weft.pipeline.lm.models import LM\n"
        "from weft.pipeline.lm.request import Message, Request\n"
        f"lm = LM('litellm/openai/m', api_base={server.url!r})\n"
        "request = Request('m', (Message('user', 'hi'),))\n"
        "print('litellm' in sys.modules)\n"
        "with warnings.catch_warnings():\n"
        "    litellm_bridge._load()\n"
        "warnings.simplefilter('error')\n"
        "loaded = {name for name in sys.modules if name.startswith('litellm')}\n"
        "print(asyncio.run(lm.complete(request)).text)\n"
        "asyncio.run(lm.complete(request))\n"
        "print({one for one in sys.modules if one.startswith('litellm')} - loaded)\n"
    )
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (out.returncode, out.stdout, out.stderr) == (0, "False\nok\nset()\n", "")
