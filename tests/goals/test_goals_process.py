"""Goals 10, 14, 26 and 30: memory, deadlines, floods, the end."""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import weft
from bench.soak import soak
from tests.faults import SLOW
from tests.goals.conftest import Figure
from tests.goals.size import FULL, size
from tests.server import Reply, Server
from tests.timing import PATIENCE, until
from weft.pipeline.errors import DeadlineExceeded

GOOD = "[[ answer ]]\nyes\n[[ /end ]]"
ROWS = 300
IN_FLIGHT = 8
MEMORY = """
import asyncio, sys, tracemalloc
import weft
from weft.testing import FunctionLM

lm = FunctionLM(lambda request: "[[ answer ]]\\n" + "x" * 2000 + "\\n[[ /end ]]")
ask = weft.Predict("question -> answer", lm=lm, name="ask")

@weft.program
def qa(question: str) -> str:
    return ask(question=question).answer

def megabytes():
    return tracemalloc.get_traced_memory()[0] / 2**20

async def main(count):
    figures = []
    for number in range(count):
        run = await qa.arun(question=f"question {number}")
        assert len(run.trace.nodes) == 1
        if (number + 1) % (count // 20) == 0:
            figures.append(megabytes())
        if number % 100 == 0:
            lm.requests.clear()
    return figures

with weft.use(cache=sys.argv[2]):
    tracemalloc.start()
    print(*asyncio.run(main(int(sys.argv[1]))))
"""


def test_memory(figure: Figure, tmp_path: Path) -> None:
    """Calls, their answers and their traces leave memory bounded in bytes."""
    count = size(3_000, 200_000)
    words = [sys.executable, "-c", MEMORY, str(count), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    marks = [float(mark) for mark in done.stdout.split()]
    total, late = max(marks), marks[-1] - marks[len(marks) // 2 - 1]
    figure(
        f"goal 10: {count} distinct 2 KB calls with their traces, {total:.1f} MB more, "
        f"{late:+.1f} MB of it in the second half (the memory layer holds up to 64 MB)"
    )
    assert total <= size(16, 96)
    if FULL:
        assert late <= 1


@pytest.mark.parametrize("name", SLOW)
def test_deadlines(server: Server, figure: Figure, name: str) -> None:
    """Sync and async calls end in time whatever the server does, and leave nothing."""
    limit, calls = size(0.4, 1.0), size(10, 50)
    lm = weft.LM("m", api_base=server.url, timeout=limit)
    ask = weft.Predict("question -> answer", lm=lm)
    once: Any = {"cache": None, "retry": weft.RetryPolicy(retries=0)}
    took: list[float] = []

    def blocking(number: int) -> None:
        started = time.monotonic()
        with weft.use(**once), pytest.raises(DeadlineExceeded):
            ask(question=f"blocking {number}")
        took.append(time.monotonic() - started)

    async def one(number: int) -> None:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await ask.acall(question=f"{number}")
        took.append(time.monotonic() - started)

    async def many() -> None:
        await asyncio.gather(*(one(number) for number in range(calls)))

    with weft.use(**once):
        # Once, so that what stays open for good is open already.
        server.answer = lambda _: Reply(GOOD)
        patient = weft.LM("m", api_base=server.url, timeout=PATIENCE)
        with weft.use(lm=patient):
            weft.Predict("question -> answer")(question="first")
        held = threads_and_files()
        server.answer = lambda _: SLOW[name]
        asyncio.run(many())
        in_threads = [
            threading.Thread(target=blocking, args=(number,))
            for number in range(size(2, 50))
        ]
        for thread in in_threads:
            thread.start()
        for thread in in_threads:
            thread.join()

    left = settled(held)
    figure(
        f"goal 14: {name}: T = {limit} s, {len(took)} calls, the longest took "
        f"{max(took):.2f} s; threads and files left over {left}"
    )
    assert len(took) == calls + len(in_threads)
    if FULL:
        assert max(took) <= limit + 0.5
    assert left == (0, 0)


def threads_and_files() -> tuple[int, int]:
    """How many of each there are; no files where the system does not say."""
    folder = Path("/proc/self/fd")
    return (
        threading.active_count(),
        sum(1 for _ in folder.iterdir()) if folder.exists() else 0,
    )


def settled(before: tuple[int, int]) -> tuple[int, int]:
    """What there is more than before, once the ends have got round."""
    for _ in range(500):
        threads, files = threads_and_files()
        left = max(0, threads - before[0]), max(0, files - before[1])
        if left == (0, 0):
            break
        time.sleep(0.02)
    return left


FLOODED = """
import asyncio, sys, tracemalloc
import weft
from weft.errors import ProtocolError, TooLarge

url, kinds = sys.argv[1], sys.argv[2:]
ask = weft.Predict("question -> answer", lm=weft.LM("m", api_base=url, timeout=300))

async def peak(kind):
    tracemalloc.reset_peak()
    start = tracemalloc.get_traced_memory()[0]
    try:
        await ask.acall(question=kind)
        said = "no error"
    except (ProtocolError, TooLarge) as error:
        said = type(error).__name__
    most = tracemalloc.get_traced_memory()[1]
    return f"{said} {(most - start) / 2**20:.1f}"

async def main():
    await ask.acall(question="small")
    tracemalloc.start()
    for kind in kinds:
        print(await peak(kind), flush=True)

with weft.use(cache=None, retry=weft.RetryPolicy(retries=0)):
    asyncio.run(main())
"""


def test_floods(server: Server, figure: Figure) -> None:
    """A flood is a typed error before it is read, and its connection is closed."""
    large = size(32, 100) * 2**20
    bomb = gzip.compress(b" " * size(2**25, 2**30))
    floods = {
        "8 MB and 1": Reply(" " * (8 * 2**20 + 1)),
        "much": Reply(body=b" " * large),
        "endless": Reply(endless=True),
        "bomb": Reply(body=bomb, headers={"Content-Encoding": "gzip"}),
    }

    def reply(body: dict[str, Any]) -> Reply:
        asked = body["messages"][-1]["content"]
        return next((f for name, f in floods.items() if name in asked), Reply(GOOD))

    server.answer = reply
    child = subprocess.run(
        [sys.executable, "-c", FLOODED, server.url, *floods],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    found = [line.split() for line in child.stdout.splitlines()]

    peaks = dict(zip(floods, (float(more) for _, more in found), strict=True))
    figure(f"goal 26: MB of memory more than before, at the most: {peaks}")
    assert [said for said, _ in found] == ["TooLarge", *["ProtocolError"] * 3]
    assert max(peaks.values()) <= 24
    assert server.count == 1 + len(floods)


@pytest.mark.slow
def test_a_short_soak(figure: Figure) -> None:
    """Thousands of calls with 5 % faults leave files, threads and memory flat."""
    made = soak(size(4_000, 200_000))

    files, threads, megabytes = made.growth
    gc.collect()
    figure(
        f"goal 30: {sum(made.outcomes.values())} calls with 5 % faults, growth in the "
        "second half: files "
        f"{files:+}, threads {threads:+}, {megabytes:+.1f} MB; {dict(made.outcomes)}"
    )
    # Connections come and go with the faults; one lost for each would be a hundred.
    assert files <= size(64, 16)
    assert threads <= 0
    if FULL:
        assert megabytes <= 1
    assert made.outcomes["answer"] >= 0.95 * sum(made.outcomes.values())


EVALUATE = """
import sys
import weft

ask = weft.Predict("question -> answer", lm=weft.LM("m", api_base=sys.argv[1]))
rows = [{"question": f"row {n}", "answer": "yes"} for n in range(int(sys.argv[3]))]
print("ready", flush=True)
with weft.use(cache=sys.argv[2]):
    exact = weft.metrics.exact("answer")
    print(weft.evaluate(ask, rows, exact, concurrency=int(sys.argv[4])).mean)
"""


@pytest.mark.slow
def test_signals(server: Server, figure: Figure, tmp_path: Path) -> None:
    """SIGINT and SIGTERM end an evaluation at any instant, soon and resumably."""
    server.answer = lambda _: Reply(GOOD, delay=0.02)
    words = [server.url, str(tmp_path), str(ROWS), str(IN_FLIGHT)]
    rng, slowest, codes = random.Random(1), 0.0, set[int]()
    stops = size(4, 50)

    for turn in range(stops):
        stop = signal.SIGINT if turn % 2 else signal.SIGTERM
        child = _evaluation(words)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        aim = server.count + rng.randrange(1, ROWS // stops)
        until(lambda aim=aim: server.count >= aim)  # type: ignore[misc] # mypy cannot type a lambda's default
        sent = time.monotonic()
        child.send_signal(stop)
        child.communicate(timeout=PATIENCE)
        slowest = max(slowest, time.monotonic() - sent)
        codes.add(child.returncode)
    last = _evaluation(words)
    out, _ = last.communicate(timeout=PATIENCE)

    figure(
        f"goal 30: {stops} signals, the slowest end {slowest:.2f} s, codes {codes}, "
        f"{server.count} calls for {ROWS} rows"
    )
    assert out.split() == ["ready", "1.0"]
    if FULL:
        assert slowest <= 2.0
    # A shell shows 128 and the signal's number: 130 and 143.
    assert codes <= {-signal.SIGINT, -signal.SIGTERM, 0}
    assert ROWS <= server.count <= ROWS + stops * IN_FLIGHT


def _evaluation(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", EVALUATE, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
