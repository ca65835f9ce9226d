"""One attempt over HTTP: what is sent, what comes back, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import gzip
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.pipeline.lm.support import KEY, asking, completion, lm_for
from tests.server import Reply, Server
from tests.timing import PATIENCE
from weft.pipeline.errors import AuthError
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Response, Usage


async def test_answer(server: Server) -> None:
    """An answer comes back whole: text, usage, model, reason and id."""
    server.script(Reply("two words"))
    lm = lm_for(server)

    assert await lm.complete(asking(lm)) == Response(
        "two words", Usage(2, 2), "stop", "m", request_id="chatcmpl-1"
    )


async def test_what_is_sent(server: Server) -> None:
    """The body is the request, and nothing else; the key travels in its header."""
    lm = lm_for(server, temperature=0, extra={"top_k": 3}, headers={"X-Team": "a"})

    await lm.complete(asking(lm, "hé", response_format={"type": "json_object"}))

    (seen,) = server.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hé"}],
        "max_tokens": 4096,
        "temperature": 0,
        "top_k": 3,
        "response_format": {"type": "json_object"},
    }
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["x-team"] == "a"


async def test_no_key_is_sent_where_there_is_none(server: Server) -> None:
    """Without a key there is no Authorization header at all."""
    lm = LM("m", api_base=server.url)

    await lm.complete(asking(lm))

    assert not server.seen[0].authorized


async def test_login_in_the_address(server: Server) -> None:
    """A login in the address becomes a header, and is not part of the endpoint."""
    address = server.url.replace("http://", "http://user:pass@")
    lm = LM("m", api_base=f"{address}?version=1")

    await lm.complete(asking(lm))

    assert server.seen[0].headers["authorization"] == "Basic dXNlcjpwYXNz"
    assert server.seen[0].path == "/v1/chat/completions?version=1"
    assert lm.endpoint == server.url


async def test_a_login_with_marks_in_it(server: Server) -> None:
    """What an address can only hold in code is sent as it is meant."""
    address = server.url.replace("http://", "http://user:p%40ss%2Fword@")
    lm = LM("m", api_base=address)

    await lm.complete(asking(lm))

    sent = server.seen[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"user:p@ss/word"


async def test_a_key_with_a_line_break(server: Server) -> None:
    """At its end it is dropped, as files have one there; within it is refused."""
    lm = LM("m", api_base=server.url, api_key="sesame\n")
    await lm.complete(asking(lm))
    assert server.seen[0].headers["authorization"] == "Bearer sesame"

    with pytest.raises(AuthError, match="holds a line break") as caught:
        await LM("m", api_base=server.url, api_key="ses\name").complete(asking(lm))
    assert "name" not in str(caught.value)
    assert server.count == 1


async def test_the_key_is_read_at_each_call(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key from the environment is read when it is needed, and never kept."""
    lm = LM("openai/m", api_base=server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "later")

    await lm.complete(asking(lm))

    assert server.seen[0].headers["authorization"] == "Bearer later"


async def test_truncated_answers_are_values(server: Server) -> None:
    """What the token limit cut off comes back as it is, even where nothing is left."""
    nothing = completion({"content": None}, finish_reason="length")
    server.script(Reply("half", finish_reason="length"), nothing)
    lm = lm_for(server)

    first, second = await lm.complete(asking(lm)), await lm.complete(asking(lm))

    assert (first.text, first.finish_reason) == ("half", "length")
    assert (second.text, second.finish_reason) == ("", "length")


async def test_content_in_parts(server: Server) -> None:
    """A list of text parts is their text."""
    server.script(
        completion({"content": [{"type": "text", "text": "a"}, {"text": "b"}]})
    )
    lm = lm_for(server)

    assert (await lm.complete(asking(lm))).text == "ab"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, None),
        ({"prompt_tokens": 5}, None),
        ({"prompt_tokens": -1, "completion_tokens": 2}, None),
        ({"prompt_tokens": 5, "completion_tokens": 2}, Usage(5, 2)),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
            Usage(5, 2, 4),
        ),
    ],
)
async def test_usage(
    server: Server, usage: dict[str, Any], expected: Usage | None
) -> None:
    """Tokens are what the server counted, or unknown."""
    server.script(Reply(usage=usage))
    lm = lm_for(server)

    assert (await lm.complete(asking(lm))).usage == expected


async def test_packed_answers(server: Server) -> None:
    """A packed answer that nobody asked for is still read."""
    body = b'{"choices": [{"message": {"content": "ok"}}]}'
    server.script(
        Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"}),
        Reply(body=body, headers={"Content-Encoding": "UTF-8"}),  # which packs nothing
    )
    lm = lm_for(server)

    for _ in range(2):
        assert (await lm.complete(asking(lm))).text == "ok"


async def test_many_at_once(server: Server) -> None:
    """A hundred calls in flight get each their own answer."""
    server.answer = lambda body: Reply(
        body["messages"][0]["content"], until=lambda: server.count == 100
    )
    lm = lm_for(server)

    answers = await asyncio.gather(
        *(lm.complete(asking(lm, f"q{i}")) for i in range(100))
    )

    assert [answer.text for answer in answers] == [f"q{i}" for i in range(100)]
    assert server.peak == 100


def test_threads_and_loops(server: Server) -> None:
    """Each event loop has its own connections; any number of them can come and go."""
    lm = lm_for(server)

    def work() -> None:
        for _ in range(3):
            asyncio.run(lm.complete(asking(lm)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert server.count == 12


ENDINGS = {
    "asyncio.run": "asyncio.run(ask())",
    "twice": "asyncio.run(ask()); asyncio.run(ask())",
    "a loop in a daemon thread": (
        "loop = asyncio.new_event_loop()\n"
        "threading.Thread(target=loop.run_forever, daemon=True).start()\n"
        "asyncio.run_coroutine_threadsafe(ask(), loop).result()"
    ),
    "a loop closed by hand": (
        "loop = asyncio.new_event_loop()\n"
        "loop.run_until_complete(ask())\n"
        "loop.run_until_complete(loop.shutdown_asyncgens())\n"
        "loop.close()"
    ),
    "a loop left for the exit": (
        "loop = asyncio.new_event_loop()\n"
        "import atexit; atexit.register(loop.close)\n"
        "loop.run_until_complete(ask())"
    ),
    "cancelled in flight": (
        "async def main():\n"
        "    task = asyncio.create_task(ask())\n"
        "    while not asked.exists(): await asyncio.sleep(0.005)\n"
        "    task.cancel()\n"
        "    await asyncio.gather(task, return_exceptions=True)\n"
        "asyncio.run(main())"
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_clean_exit(server: Server, tmp_path: Path, name: str) -> None:
    """However the loop ends, the process exits by itself and without a warning."""
    asked = tmp_path / "asked"

    def reply(_: dict[str, Any]) -> Reply:
        asked.touch()
        return Reply(hang=name == "cancelled in flight")

    server.answer = reply
    code = (
        "import asyncio, pathlib, threading\n"
        f"asked = pathlib.Path({str(asked)!r})\n"
        "from weft.pipeline.lm.models import LM\n"
        "from weft.pipeline.lm.request import Message, Request\n"
        f"lm = LM('m', api_base={server.url!r})\n"
        "def ask(): return lm.complete(Request('m', (Message('user', 'hi'),)))\n"
        f"{ENDINGS[name]}\n"
    )
    out = subprocess.run(
        [sys.executable, "-W", "error", "-W", "always::ResourceWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (out.returncode, out.stdout, out.stderr) == (0, "", "")


def test_an_exit_waits_for_all_loops_at_once(server: Server) -> None:
    """Loops that are busy when the process ends are given one second together."""
    code = (
        "import asyncio, threading, time\n"
        "from weft.pipeline.ground import loops\n"
        "from weft.pipeline.lm.models import LM\n"
        "from weft.pipeline.lm.request import Message, Request\n"
        f"lm = LM('m', api_base={server.url!r})\n"
        "real = loops.wait\n"
        "def wait(closing, timeout):\n"
        "    print(len(closing), timeout)\n"
        "    return real(closing, 0)\n"
        "loops.wait = wait\n"
        "def ask(): return lm.complete(Request('m', (Message('user', 'hi'),)))\n"
        "for _ in range(5):\n"
        "    loop = asyncio.new_event_loop()\n"
        "    threading.Thread(target=loop.run_forever, daemon=True).start()\n"
        "    asyncio.run_coroutine_threadsafe(ask(), loop).result()\n"
        "    loop.call_soon_threadsafe(time.sleep, 600)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (out.returncode, out.stderr) == (0, "")
    assert "5 1.0" in out.stdout.splitlines()


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_that_quotes_the_key_does_not_keep_it(
    *, streamed: bool
) -> None:
    """A proxy that shows what it got must not bring the key into caches and traces."""
    shown: list[str] = []
    listener = SimpleNamespace(show=shown.append, restart=shown.clear)
    with Server(lambda _: Reply(f"You sent Bearer {KEY}.")) as server:
        lm = lm_for(server)
        if streamed:
            response = await lm.stream(asking(lm), listener)
        else:
            response = await lm.complete(asking(lm))

    assert response.text == "You sent Bearer ***."


async def test_a_large_prompt_is_sent_whole() -> None:
    """More than a megabyte goes in pieces, without a warning of aiohttp's."""
    with Server() as server:
        lm = lm_for(server)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await lm.complete(asking(lm, "x" * 3_000_000))
        sent = server.seen[0].body

    assert len(sent["messages"][0]["content"]) == 3_000_000
