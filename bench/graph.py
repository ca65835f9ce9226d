"""What a graph costs over plain asyncio: nodes, a diamond, and a long list."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

import aiohttp

import weft

from . import Row

__all__ = ["run"]

LAYERS, WIDTH = 20, 10
ROUNDS = 15
MOST_MICROSECONDS = 100
NAP = 0.1
ITEMS, AT_ONCE = 500, 256


@weft.step
async def start(text: str) -> str:
    """A node that costs nothing itself."""
    return text


@weft.step
async def join(left: str, right: str) -> str:
    """A node of two inputs that costs nothing itself."""
    del right
    return left


@weft.step
async def nap(text: str) -> str:
    """A node that waits as a model would."""
    await asyncio.sleep(NAP)
    return text


@weft.step
async def nap_two(left: str, right: str) -> str:
    """The end of the diamond."""
    await asyncio.sleep(NAP)
    return left + right


@weft.program
def layered(text: str) -> list[str]:
    """Twenty layers of ten nodes, each taking two nodes of the layer before."""
    layer = [start(text) for _ in range(WIDTH)]
    for _ in range(LAYERS - 1):
        layer = [join(layer[n], layer[(n + 1) % WIDTH]) for n in range(WIDTH)]
    return layer


@weft.program
def diamond(text: str) -> str:
    """Four nodes, three of them on the critical path."""
    top = nap(text)
    return nap_two(nap(top), nap(top))


@weft.program
def many(texts: list[str]) -> list[str]:
    """One node for each item of a list."""
    return weft.each(texts, nap, at_once=AT_ONCE)


ask = weft.Predict("question -> answer: str")


@weft.program
def asked(questions: list[str]) -> list[str]:
    """One model call for each item of a list."""
    return weft.each(questions, lambda q: ask(question=q).answer)


async def layered_plain(text: str) -> list[str]:
    """The same work with one `asyncio.gather` a layer."""
    layer = await asyncio.gather(*(start.function(text) for _ in range(WIDTH)))
    for _ in range(LAYERS - 1):
        pairs = [(layer[n], layer[(n + 1) % WIDTH]) for n in range(WIDTH)]
        layer = await asyncio.gather(*(join.function(a, b) for a, b in pairs))
    return layer


async def diamond_plain(text: str) -> str:
    """The diamond by hand."""
    top = await nap.function(text)
    calls: list[Awaitable[str]] = [nap.function(top), nap.function(top)]
    both = await asyncio.gather(*calls)
    joined: str = await nap_two.function(*both)
    return joined


async def many_plain(texts: list[str]) -> list[str]:
    """The list by hand, as many at once."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(text: str) -> str:
        async with room:
            done: str = await nap.function(text)
            return done

    return await asyncio.gather(*(one(text) for text in texts))


async def _best(work: Callable[[Any], Awaitable[Any]], given: Any) -> float:
    started = time.perf_counter()
    await work(given)
    return time.perf_counter() - started


def _compare(
    ours: Callable[[Any], Awaitable[Any]],
    plain: Callable[[Any], Awaitable[Any]],
    given: Any,
    rounds: int,
) -> tuple[float, float]:
    """Median seconds of each, taking turns."""

    async def turns() -> list[tuple[float, float]]:
        await ours(given)
        return [
            (await _best(ours, given), await _best(plain, given)) for _ in range(rounds)
        ]

    times = asyncio.run(turns())
    return (
        statistics.median(mine for mine, _ in times),
        statistics.median(theirs for _, theirs in times),
    )


@contextlib.contextmanager
def slow_server() -> Generator[str]:
    """The base URL of a server of its own process that takes 100 ms an answer."""
    command = [sys.executable, "-m", "bench._slow_server", str(NAP)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


def each_over_a_server() -> Row:
    """500 model calls through `each`, against a bare aiohttp client."""
    texts = [str(n) for n in range(ITEMS)]
    with slow_server() as url:
        lm = weft.LM("openai/fake", api_base=url, api_key="k", timeout=30)

        async def ours(given: list[str]) -> None:
            with weft.use(lm=lm, cache=None):
                await asked.acall(given)

        async def plain(given: list[str]) -> None:
            connector = aiohttp.TCPConnector(limit=AT_ONCE)
            async with aiohttp.ClientSession(connector=connector) as session:
                await asyncio.gather(*(one(session, text) for text in given))

        async def one(session: aiohttp.ClientSession, text: str) -> None:
            message = {"role": "user", "content": text}
            body = {"model": "fake", "messages": [message]}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                json.loads(await response.read())

        mine, theirs = _compare(ours, plain, texts, 5)
    what = f"each over {ITEMS} calls of a 100 ms server, {AT_ONCE} in flight (ms)"
    return Row.at_most(what, 1e3 * mine, 1e3 * theirs, 1 / 0.85)


def traced() -> Row:
    """The 200 nodes with each run in a trace log, against the same without one."""

    async def logged(text: str) -> None:
        with weft.use(trace_log=log):
            await layered.acall(text)

    with tempfile.TemporaryDirectory() as folder:
        log = weft.TraceLog(Path(folder, "traces.jsonl"))
        mine, theirs = _compare(logged, layered.acall, "a", ROUNDS)
    nodes = LAYERS * WIDTH
    what = "a node that does nothing, with a trace log and without (us)"
    return Row(what, 1e6 * mine / nodes, 1e6 * theirs / nodes)


def run() -> list[Row]:
    """Overhead of 200 nodes, of their trace, wall time of a diamond, of 500 items."""
    nodes = LAYERS * WIDTH
    mine, theirs = _compare(layered.acall, layered_plain, "a", ROUNDS)
    overhead = 1e6 * (mine - theirs) / nodes
    four = _compare(diamond.acall, diamond_plain, "a", 3)
    texts = [str(n) for n in range(ITEMS)]
    items = _compare(many.acall, many_plain, texts, 3)
    return [
        Row(
            f"scheduling a node, {nodes} nodes in {LAYERS} layers (us over gather)",
            overhead,
            1e6 * theirs / nodes,
            f"<= {MOST_MICROSECONDS}",
            overhead <= MOST_MICROSECONDS,
        ),
        traced(),
        Row.at_most("diamond of 100 ms nodes (ms)", 1e3 * four[0], 1e3 * four[1], 1.15),
        Row.at_most(
            f"each over {ITEMS} items of 100 ms, {AT_ONCE} at once (ms)",
            1e3 * items[0],
            1e3 * items[1],
            1 / 0.85,
        ),
        each_over_a_server(),
    ]
