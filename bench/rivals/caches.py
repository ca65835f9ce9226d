"""weft's cache beside diskcache's own ways to write values."""

from __future__ import annotations

import asyncio
import importlib
import random
import tempfile
import time
from typing import Any

import weft
from bench.world.draw import Words

__all__ = ["diskcache_times", "weft_times"]

diskcache: Any = importlib.import_module("diskcache")
ENTRIES = 2000
AT_ONCE = 256
TEXT = " ".join(Words(random.Random(0)).words(250))


def keys() -> list[str]:
    """Keys as a request's digest looks."""
    return [f"{n:064x}" for n in range(ENTRIES)]


def weft_times() -> tuple[float, float]:
    """Seconds of a get from disk and of a put, many puts at once as calls make them."""
    with tempfile.TemporaryDirectory() as folder:
        cache = weft.Cache(folder, memory_bytes=0)
        value = weft.Response(TEXT, usage=weft.Usage(600, 400), model="any")

        async def fill() -> float:
            started = time.perf_counter()
            for at in range(0, ENTRIES, AT_ONCE):
                some = keys()[at : at + AT_ONCE]
                await asyncio.gather(*(cache.put(key, value) for key in some))
            return time.perf_counter() - started

        put = asyncio.run(fill())
        started = time.perf_counter()
        for key in keys():
            assert cache.get(key) is not None
        got = time.perf_counter() - started
        cache.close()
    return got / ENTRIES, put / ENTRIES


def diskcache_times(disk: str) -> tuple[float, float]:
    """The same of diskcache with one of its `Disk` classes."""
    usage = {"prompt_tokens": 600, "completion_tokens": 400}
    value = {"text": TEXT, "usage": usage, "finish_reason": "stop", "model": "any"}
    with (
        tempfile.TemporaryDirectory() as folder,
        diskcache.Cache(folder, disk=getattr(diskcache, disk)) as cache,
    ):
        started = time.perf_counter()
        for key in keys():
            cache.set(key, value)
        put = time.perf_counter() - started
        started = time.perf_counter()
        for key in keys():
            assert cache.get(key) is not None
        got = time.perf_counter() - started
    return got / ENTRIES, put / ENTRIES
