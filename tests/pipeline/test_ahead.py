"""A synchronous call finds a known answer in its own thread, others in a loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.server import Reply, Server
from weft.errors import CallError, ModelError, ParseError
from weft.pipeline.graph.module import Call, Module, Part

answer = weft.Predict("question -> answer: str", name="answer")
REPLY = "[[ answer ]]\nyes"


def asking(server: Server) -> weft.LM:
    """A model at the server."""
    return weft.LM("openai/m", api_base=server.url, api_key="none")


def test_a_known_answer_needs_no_loop() -> None:
    """The nodes finish in the caller's own thread; an unknown one's in the loop's."""
    threads: list[str] = []
    cache = weft.MemoryCache()

    def watch(run: Any) -> None:
        threads.append(threading.current_thread().name)

    with (
        Server(lambda _: Reply(REPLY)) as server,
        weft.use(lm=asking(server), cache=cache, hooks=[watch]),
    ):
        assert [answer(question="q").answer for _ in range(3)] == ["yes"] * 3

    here = threading.current_thread().name
    assert threads == ["weft", here, here]
    assert server.count == 1
    assert (cache.stats().memory_hits, cache.stats().misses) == (2, 1)


def test_what_is_on_disk_only_is_read_in_the_loop(tmp_path: Path) -> None:
    """No thread that calls once leaves an open file behind."""
    with Server(lambda _: Reply(REPLY)) as server:
        with weft.use(lm=asking(server), cache=weft.Cache(tmp_path)):
            answer(question="q")
        fresh = weft.Cache(tmp_path)
        with weft.use(lm=asking(server), cache=fresh):
            assert answer(question="q").answer == "yes"
            assert answer(question="q").answer == "yes"

    assert server.count == 1
    assert fresh.stats().disk_hits == 1
    assert fresh.stats().memory_hits == 1


def test_in_a_running_loop_it_is_the_same() -> None:
    """As in a notebook: first asked in the background, then found here."""

    async def cell() -> list[str]:
        return [answer(question="q").answer for _ in range(2)]

    with (
        Server(lambda _: Reply(REPLY)) as server,
        weft.use(lm=asking(server), cache=weft.MemoryCache()),
    ):
        assert asyncio.run(cell()) == ["yes", "yes"]
    assert server.count == 1


def test_errors_come_as_they_are() -> None:
    """Before the loop, in it, and in a reply that was known and cannot be used."""
    with (
        Server(lambda _: Reply(status=401, body=b"{}")) as server,
        weft.use(lm=asking(server), cache=weft.MemoryCache()),
    ):
        with pytest.raises(CallError):
            answer(qestion="q")  # type: ignore[call-arg]
        with pytest.raises(ModelError):
            answer(question="q")

    plain = weft.Predict("question -> answer: int", name="plain", repairs=0)
    with (
        Server(lambda _: Reply(REPLY)) as server,
        weft.use(lm=asking(server), cache=weft.MemoryCache()),
    ):
        for _ in range(2):
            with pytest.raises(ParseError):
                plain(question="q")
    assert server.count == 1


def test_a_repair_after_a_known_reply_goes_on_in_the_loop() -> None:
    """The first reply is known and unusable; its repair is asked for."""
    plain = weft.Predict("question -> answer: int", name="plain", repairs=1)
    with (
        Server(lambda _: Reply("[[ answer ]]\n7")) as server,
        weft.use(lm=asking(server), cache=weft.MemoryCache()),
    ):
        server.script(Reply(REPLY), Reply(status=401, body=b"{}"))
        with pytest.raises(ModelError):
            plain(question="q")
        assert plain(question="q").answer == 7
    assert server.count == 3


def test_a_module_with_a_body_runs_in_the_loop() -> None:
    """Its first step may need one."""

    class Patient(Module[Any, Any]):
        """Waits before it asks."""

        kind = "Patient"

        def __init__(self, module: Module[Any, Any]) -> None:
            self._like(module, None, 1)
            self._module = module

        def parts(self) -> Mapping[str, Part]:
            return {"module": self._module}

        async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
            await asyncio.sleep(0)
            return await call(self._module, inputs)

    patient = Patient(weft.Predict("question -> answer: str", name="answer"))
    with (
        Server(lambda _: Reply(REPLY)) as server,
        weft.use(lm=asking(server), cache=weft.MemoryCache()),
    ):
        assert [patient(question="q").answer for _ in range(2)] == ["yes", "yes"]
    assert server.count == 1
