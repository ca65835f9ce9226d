"""What every contender of `calls` measures in the same way."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from bench.rivals.forked import Result

__all__ = [
    "ASKED",
    "Call",
    "Pieces",
    "flight",
    "growth",
    "one_by_one",
    "streamed",
    "text_of",
]

Call = Callable[[str], Awaitable[object]]
"""One question, answered."""

Pieces = Callable[[str], AsyncIterator[object]]
"""One question, answered piece by piece."""

ASKED = "Say whether the crate is sealed."
"""The instruction of whoever writes a prompt without a template."""

WARM = 64
BURST = 8


def text_of(number: int) -> str:
    """A question unlike all others."""
    return f"Is crate {number} sealed? It came from the north on a rainy day."


async def flight(
    call: Call, rows: int, at_once: int, *, spread: bool = False
) -> Result:
    """Wall time and processor time of many calls, so many in flight at a time.

    All of them start together, as `gather` does it. Where the start is spread, a few
    start in each turn of the loop: the first request is on its way at once.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with gate:
            await call(text_of(number))

    await asyncio.gather(*(one(-n) for n in range(1, 1 + min(at_once, WARM))))
    used, started = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n in range(rows):
            group.create_task(one(n))
            if spread and n % BURST == 0:
                await asyncio.sleep(0)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - used,
    }


async def one_by_one(call: Call, texts: list[str]) -> Result:
    """The middle time of a call, in seconds, one after the other."""
    for text in texts[: len(texts) // 4]:
        await call(text)
    taken: list[float] = []
    for text in texts:
        started = time.perf_counter()
        await call(text)
        taken.append(time.perf_counter() - started)
    return {"seconds": statistics.median(taken)}


async def streamed(pieces: Pieces, rows: int) -> Result:
    """Until the first piece of an answer, and processor time of a whole one."""
    first: list[float] = []
    count, used = 0, 0.0
    for number in range(-(rows // 4), rows):
        if number == 0:
            first.clear()
            count, used = 0, time.process_time()
        started, waiting = time.perf_counter(), True
        async for _ in pieces(text_of(number)):
            count += 1
            if waiting:
                first.append(time.perf_counter() - started)
                waiting = False
    cpu = (time.process_time() - used) / rows
    return {"first": statistics.median(first), "cpu": cpu, "pieces": count / rows}


async def growth(call: Call, calls: int, seconds: float) -> Result:
    """How many MiB memory grows by over distinct calls, in a bounded time.

    What is kept for the first thousand calls is warm-up, not growth.
    """
    made, before, ends = 0, 0.0, time.monotonic() + seconds
    while made < calls and time.monotonic() < ends:
        await asyncio.gather(*(call(text_of(made + n)) for n in range(200)))
        made += 200
        if made == 1000:
            before = _resident()
    return {"grown": _resident() - before, "calls": made}


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20
