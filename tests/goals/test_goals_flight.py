"""Goal 8: one upstream call a key, in threads, in processes, and after kills."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.goals.conftest import Figure
from tests.goals.size import FULL
from tests.pipeline.lm.support import asking, quick
from tests.server import Reply, Server
from tests.timing import PATIENCE, settled, until
from weft.pipeline.calls.cache import Cache
from weft.pipeline.calls.call import call
from weft.pipeline.lm.models import LM

KEYS = 200
CONCURRENCY = 8


def answer(delay: float) -> Any:
    """Answers "answer N" to "question N", after a while."""

    def reply(body: dict[str, Any]) -> Reply:
        number = body["messages"][-1]["content"].split()[-1]
        return Reply(f"answer {number}", delay=delay)

    return reply


def asked(server: Server) -> Counter[str]:
    """How often each question came."""
    return Counter(seen.body["messages"][-1]["content"] for seen in server.seen)


def start(server: Server, folder: Path) -> subprocess.Popen[str]:
    """A process that asks every question."""
    words = [server.url, str(folder), str(KEYS), str(CONCURRENCY)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.goals.worker", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes(server: Server, figure: Figure, tmp_path: Path) -> None:
    """Eight processes that want the same 200 answers make 200 calls."""
    server.answer = answer(0.02)

    workers = [start(server, tmp_path) for _ in range(8)]
    said = [worker.communicate(timeout=PATIENCE) for worker in workers]

    assert [out.strip() for out, _ in said] == [str(KEYS)] * 8, said
    figure(f"goal 8: 8 processes x {KEYS} keys = {server.count} calls")
    assert server.count == KEYS


def test_killed_processes(server: Server, figure: Figure, tmp_path: Path) -> None:
    """Killing four of eight costs at most one more call for each they had in flight."""
    rng = random.Random(0)
    server.answer = answer(0.05)
    workers = [start(server, tmp_path) for _ in range(8)]

    aim = 20
    for worker in workers[:4]:
        until(lambda aim=aim: server.count >= aim)  # type: ignore[misc] # mypy cannot type a lambda's default
        worker.send_signal(signal.SIGKILL)
        aim += rng.randrange(30)
    said = [worker.communicate(timeout=PATIENCE) for worker in workers]

    most = KEYS + 4 * CONCURRENCY
    figure(f"goal 8: 4 of 8 killed, {server.count} calls, at most {most} allowed")
    assert [out.strip() for out, _ in said[4:]] == [str(KEYS)] * 4, said
    assert KEYS <= server.count <= most
    assert max(asked(server).values()) <= 1 + 4


def test_a_claim_ends_with_its_holder(
    server: Server, figure: Figure, tmp_path: Path
) -> None:
    """When the process that makes a call dies, another one makes it, and soon."""
    server.script(Reply(hang=True))
    server.answer = answer(0.0)
    holder = start(server, tmp_path)
    until(lambda: server.count)
    hung = server.seen[0].body["messages"][-1]["content"]
    lm, cache = LM("m", api_base=server.url), Cache(tmp_path)

    async def run() -> float:
        request = asking(lm, hung)
        waiting = asyncio.create_task(call(request, lm, cache=cache, retry=quick()))
        await settled()
        assert asked(server)[hung] == 1
        holder.kill()
        died = time.monotonic()
        await asyncio.wait_for(waiting, PATIENCE)
        return time.monotonic() - died

    waited = asyncio.run(run())

    holder.communicate()
    cache.close()
    figure(f"goal 8: a dead holder's claim was taken over after {waited:.3f} s")
    assert asked(server)[hung] == 2
    if FULL:
        assert waited <= 1.0


FORK = """
import asyncio, os, sys, threading, time
import weft
from weft.pipeline.calls.cache import Cache

ask = weft.Predict("question -> answer", lm=weft.LM("m", api_base=sys.argv[1]))
with weft.use(cache=sys.argv[2]):
    assert ask(question="question 1").answer
    busy = threading.Thread(target=lambda: ask(question="slow"))
    busy.start()
    while sys.stdin.readline() != "in flight\\n":
        pass
    child = os.fork()
    if child == 0:
        # The parent's call is in flight; here nothing may wait for it.
        assert ask(question="question 1").answer
        assert ask(question="question 2").answer
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    busy.join()
    assert ask(question="question 2").answer
    assert ask(question="question 3").answer
sys.exit(code)
"""


YES = "[[ answer ]]\nyes\n[[ /end ]]"


def test_fork(server: Server, figure: Figure, tmp_path: Path) -> None:
    """A child forked while calls are in flight works, and so does its parent."""

    def reply(body: dict[str, Any]) -> Reply:
        slow = "slow" in body["messages"][-1]["content"]
        # The slow one is in flight until the child has asked.
        return Reply(YES, until=lambda: not slow or server.count > 2)

    server.answer = reply
    # What a child inherits open is the parent's to close, and not to be warned of.
    warn = ["-W", "error", "-W", "ignore:unclosed:ResourceWarning"]
    # Python 3.12 and later remark on any fork beside threads; here that is the point.
    warn += ["-W", "ignore:This process:DeprecationWarning"]
    words = [sys.executable, *warn, "-c", FORK, server.url, str(tmp_path)]

    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        until(lambda: server.count == 2 or parent.poll() is not None)
        _, complaints = parent.communicate("in flight\n", timeout=PATIENCE)

    assert (parent.returncode, complaints) == (0, "")
    figure(f"goal 20: forked in mid-call, {server.count} calls for 4 questions")
    assert server.count == 4


SPAWN = """
import multiprocessing, sys
import weft

def work(number):
    ask = weft.Predict("question -> answer", lm=weft.LM("m", api_base=sys.argv[1]))
    with weft.use(cache=sys.argv[2]):
        return ask(question=f"question {number % 5}").answer

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(work, range(30), chunksize=1) == ["yes"] * 30
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="another system: no fork")
def test_spawn(server: Server, figure: Figure, tmp_path: Path) -> None:
    """Spawned workers share one cache and pay for each answer once."""
    server.answer = lambda _: Reply(YES)
    script = tmp_path / "spawned.py"
    script.write_text(SPAWN)

    done = subprocess.run(
        [sys.executable, str(script), server.url, str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figure(f"goal 20: 3 spawned workers, {server.count} calls for 5 questions")
    assert server.count == 5
