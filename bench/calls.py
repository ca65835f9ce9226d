"""Calls side by side: cached, uncached, hundreds in flight, memory, the cache alone.

The server runs in a process of its own, and so does each contender; every turn is a
fresh fork of it. Contenders take turns, and the middle of their turns counts.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import BenchError, Row, bench_python
from .loopback import hosted
from .rivals.caches import diskcache_times, weft_times
from .rivals.child import Child

__all__ = ["run"]

DELAY = 0.2
ROWS = 2000
ROUNDS = 3
DISTINCT = 20_000
MEMORY_SECONDS = 60.0
SIXTH = 1 / 6
FLIGHTS = ((1, None), (32, None), (256, 0.85), (1000, 0.75))
RIVALS = ("dspy", "litellm", "openai")


def run(rows: int = ROWS, rounds: int = ROUNDS, distinct: int = DISTINCT) -> list[Row]:
    """Measure calls.

    Args:
        rows: Rows of an evaluation with hundreds in flight.
        rounds: How many turns weft and bare aiohttp take.
        distinct: Calls of the memory row; its bar is set for 200,000.
    """
    with contextlib.ExitStack() as stack:
        field = Field.started(stack)
        found = cached_rows(field, rounds)
        found += uncached_rows(field, rounds)
        for at_once, bar in FLIGHTS:
            count = min(rows, 5 if at_once == 1 else 10 * at_once)
            found += flight_rows(field, at_once, count, rounds, bar)
        found += memory_rows(field, distinct)
    return [*found, *cache_rows(rounds)]


@dataclass(frozen=True)
class Field:
    """The contenders' processes, and the servers they call."""

    children: Mapping[str, Child]
    fast: str
    slow: str

    @classmethod
    def started(cls, stack: contextlib.ExitStack) -> Field:
        """Everything at work; the stack ends it."""
        here, there = Path(sys.executable), bench_python()
        plain = "bench.rivals.calls_plain"
        made = {
            "weft": Child(here, "bench.rivals.calls_weft"),
            "aiohttp": Child(here, plain, "aiohttp"),
            "dspy": Child(there, "bench.rivals.calls_dspy"),
            "litellm": Child(there, plain, "litellm"),
            "openai": Child(there, plain, "openai"),
        }
        children = {name: stack.enter_context(child) for name, child in made.items()}
        fast = stack.enter_context(hosted("canned"))
        slow = stack.enter_context(hosted("canned", str(DELAY)))
        return cls(children, fast, slow)

    def turns(
        self, names: Sequence[str], rounds: int, job: Mapping[str, Any], figure: str
    ) -> dict[str, float]:
        """The middle figure of each contender; the slow ones take a third of the turns.

        Raises:
            BenchError: A contender fails.
        """
        found: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(rounds):
            for name in names:
                if name in RIVALS and turn % 3:
                    continue
                found[name].append(self.ask(name, job)[figure])
        said = ", ".join(f"{n} {statistics.median(f):.4g}" for n, f in found.items())
        print(f"calls: {job['what']}: {said}", file=sys.stderr, flush=True)
        return {name: statistics.median(figures) for name, figures in found.items()}

    def ask(self, name: str, job: Mapping[str, Any]) -> dict[str, Any]:
        """One turn of one contender.

        Raises:
            BenchError: It fails.
        """
        result = self.children[name].ask({"seconds": 300, "url": self.fast, **job})
        if "error" in result or "stopped" in result:
            raise BenchError(f"{name} fails at {job}: {result}")
        return result


def cached_rows(field: Field, rounds: int) -> list[Row]:
    """Calls whose answer is known: from memory, from disk, and without asyncio."""
    rows: list[Row] = []
    job: dict[str, Any] = {"what": "cached", "rows": 1000}
    for kind in ("memory", "disk"):
        taken = field.turns(["weft", "dspy"], rounds, {**job, "kind": kind}, "seconds")
        mine, theirs = 1e6 * taken["weft"], 1e6 * taken["dspy"]
        what = f"cached call from {kind}, async, us"
        rows.append(Row.at_most(f"{what}: weft / dspy", mine, theirs, SIXTH))
        rows.append(Row.limit(what, mine, 60))
    job |= {"kind": "memory", "sync": True}
    sync = 1e6 * field.turns(["weft"], rounds, job, "seconds")["weft"]
    return [*rows, Row.limit("cached call from memory, blocking, us", sync, 200)]


def uncached_rows(field: Field, rounds: int) -> list[Row]:
    """Calls that reach the server: time one by one, processor time at 32 in flight."""
    names = ["weft", "aiohttp", *RIVALS]
    job: dict[str, Any] = {"what": "uncached", "rows": 300}
    taken = field.turns(names, rounds, job, "seconds")
    what = "uncached call, one by one, ms: weft / "
    rows = [
        Row(f"{what}{name}", 1000 * taken["weft"], 1000 * taken[name])
        for name in names[1:]
    ]
    job = {"what": "flight", "rows": 1000, "at_once": 32}
    used = field.turns(names, rounds, job, "cpu")
    what = "processor time of an uncached call, 32 in flight, ms"
    rows.append(Row.limit(what, used["weft"], 0.6))
    rows += [
        Row(f"{what}: weft / {name}", used["weft"], used[name]) for name in names[1:]
    ]
    return rows


def flight_rows(
    field: Field, at_once: int, rows: int, rounds: int, bar: float | None
) -> list[Row]:
    """An evaluation against a server that takes its time, in rows a second."""
    names = ["aiohttp", "weft", *RIVALS]
    job: dict[str, Any] = {"what": "evaluate", "rows": rows, "at_once": at_once}
    taken = field.turns(names, rounds, {**job, "url": field.slow}, "seconds")
    pace = {name: rows / seconds for name, seconds in taken.items()}
    share = pace["weft"] / (at_once / DELAY)
    what = (
        f"evaluate {rows:,} rows, {1000 * DELAY:.0f} ms server, {at_once:,} in flight"
    )
    first = f"{what}, rows/s (weft {share:.0%} of ideal): weft / bare aiohttp"
    against = [Row(first, pace["weft"], pace["aiohttp"])]
    if bar is not None:
        against = [Row.at_least(first, pace["weft"], pace["aiohttp"], bar)]
    others = [Row(f"{what}: weft / {n}", pace["weft"], pace[n]) for n in RIVALS]
    return [*against, *others]


def memory_rows(field: Field, distinct: int) -> list[Row]:
    """What distinct calls leave behind in memory, with the cache on."""
    job: dict[str, Any] = {"what": "memory", "most": MEMORY_SECONDS}
    if distinct >= 10 * DISTINCT:
        job |= {"most": 1000.0, "seconds": 1200}
    mine = field.ask("weft", {**job, "rows": distinct})
    theirs = field.ask("dspy", {**job, "rows": distinct // 5})
    said = f"dspy {theirs['grown']:.0f} MiB over {theirs['calls']:,}"
    what = f"memory growth, MiB over {mine['calls']:,} distinct calls ({said})"
    return [Row.limit(what, mine["grown"], 96)]


def cache_rows(rounds: int) -> list[Row]:
    """The disk cache alone, entries of 2.2 KB."""
    mine: list[tuple[float, float]] = []
    theirs: dict[str, list[tuple[float, float]]] = {"Disk": [], "JSONDisk": []}
    for _ in range(rounds):
        mine.append(weft_times())
        for disk, found in theirs.items():
            found.append(diskcache_times(disk))
    got, put = (1e6 * statistics.median(column) for column in zip(*mine, strict=True))
    rows = [Row.limit("cache put, 256 at once, us", put, 333)]
    for disk, bar in (("Disk", 1 / 0.7), ("JSONDisk", 1 / 4)):
        columns = zip(*theirs[disk], strict=True)
        their_get, their_put = (1e6 * statistics.median(c) for c in columns)
        what = f"cache get from disk, us: weft / diskcache {disk}"
        rows.append(Row.at_most(what, got, their_get, bar))
        rows.append(Row(f"cache put, us: weft / diskcache {disk}", put, their_put))
    return rows
