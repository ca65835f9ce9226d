"""The deployment example over HTTP: what errors are, and who leaves ends a run."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import socket
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import weft
from tests.timing import PATIENCE

uvicorn: Any = pytest.importorskip("uvicorn")
pytest.importorskip("fastapi")
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "deploy.py"


@pytest.fixture(scope="module")
def deploy() -> ModuleType:
    """examples/deploy.py, which is a script and no package."""
    found = importlib.util.spec_from_file_location("deploy_example", EXAMPLE)
    assert found is not None
    assert found.loader is not None
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


@contextmanager
def served(app: Any, lm: weft.FunctionLM) -> Generator[int]:
    """The app under uvicorn, with a model, on a free port of this machine: its port."""
    up = threading.Event()

    def serve() -> None:
        retry = weft.RetryPolicy(retries=0)
        with weft.use(lm=lm, cache=None, retry=retry):
            server.run()

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, fd=free.fileno(), log_level="critical")
        server = uvicorn.Server(config)
        begin = server.startup

        async def startup(sockets: Any = None) -> None:
            await begin(sockets)
            up.set()

        server.startup = startup
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            assert up.wait(PATIENCE)
            yield free.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def sent(port: int, path: str, **data: Any) -> http.client.HTTPConnection:
    """A connection with a request on its way."""
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    head = {"Content-Type": "application/json", "Connection": "close"}
    made.request("POST", path, json.dumps(data), head)
    return made


def reply(port: int, path: str, **data: Any) -> tuple[int, str]:
    """The status and the whole body."""
    with closing(sent(port, path, **data)) as made, made.getresponse() as said:
        return said.status, said.read().decode()


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (weft.errors.RateLimited("slow down"), 429),
        (weft.errors.ServerError("down"), 503),
        (weft.errors.AuthError("no key"), 502),
    ],
)
def test_errors_have_their_status(
    deploy: ModuleType, raised: Exception, status: int
) -> None:
    """Whole answers say it in the status line, streams in their last event."""

    def fails(request: weft.Request) -> str:
        raise raised

    with served(deploy.app, weft.FunctionLM(fails)) as port:
        whole = reply(port, "/answer", question="q")
        stream = reply(port, "/stream", question="q")

    assert whole[0] == status
    assert str(raised) in whole[1]
    assert stream[0] == 200
    last = stream[1].strip().rpartition("\n\n")[2]
    assert last.startswith("event: error")
    assert f'"status": {status}' in last


def test_what_is_no_question_is_not_asked(deploy: ModuleType) -> None:
    """FastAPI refuses it by the request's type."""
    lm = weft.FunctionLM(lambda _: {"reasoning": "r", "answer": "é\n\ndata: x"})
    with served(deploy.app, lm) as port:
        assert reply(port, "/answer", question="")[0] == 422
        assert lm.calls == 0

        _, odd = reply(port, "/stream", question="é")

    events = [event.split("\n") for event in odd.strip().split("\n\n")]
    assert all(len(lines) == 2 for lines in events), "a value cannot forge an event"
    assert json.loads(events[-1][1][6:])["answer"] == "é\n\ndata: x"


def test_who_leaves_a_stream_ends_its_run(deploy: ModuleType) -> None:
    """The call that was under way is cancelled, and the server goes on."""
    asked, cancelled = threading.Event(), threading.Event()

    async def waits(request: weft.Request) -> str:
        asked.set()
        try:
            await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "never"

    with served(deploy.app, weft.FunctionLM(waits)) as port:
        left = sent(port, "/stream", question="q")
        said = left.getresponse()
        assert said.status == 200
        assert asked.wait(PATIENCE)

        said.close()
        left.close()

        assert cancelled.wait(PATIENCE)
        assert reply(port, "/answer", question="")[0] == 422
