"""Calls side by side: cached, uncached, hundreds in flight, memory, the cache alone.

The server runs in a process of its own, and so does each contender; every turn is a
fresh fork of it. Contenders take turns, and the middle of their turns counts.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import BenchError, Row, bench_python
from .loopback import hosted
from .rivals.caches import diskcache_times, weft_times
from .rivals.child import HEADINGS, Child

__all__ = ["RIVALS", "Field", "beside", "run"]

DELAY = 0.2
ROWS = 2000
ROUNDS = 3
DISTINCT = 20_000
MEMORY_SECONDS = 60.0
SIXTH = 1 / 6
FLIGHTS = ((1, None), (32, None), (256, 0.85), (1000, 0.75))
RIVALS = ("dspy", "litellm", "openai")
RIVAL_ROWS = 1000  # they need a minute for the others
SPREAD = "aiohttp with a start as spread"
"""aiohttp in the hands of somebody who starts calls a few at a time, as weft does."""


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
            "weft": Child(here, "bench.rivals.calls_weft", told=HEADINGS),
            "aiohttp": Child(here, plain, "aiohttp"),
            SPREAD: Child(here, plain, "aiohttp", "spread"),
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

        A rival that fails, as some do with a thousand calls in flight, is left out.

        Raises:
            BenchError: weft or bare aiohttp fails.
        """
        found: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(rounds):
            for name in names:
                if name in RIVALS and turn % 3:
                    continue
                try:
                    found[name].append(self.ask(name, job)[figure])
                except BenchError as error:
                    if name not in RIVALS:
                        raise
                    print(error, file=sys.stderr, flush=True)
        made = {name: statistics.median(some) for name, some in found.items() if some}
        said = ", ".join(f"{name} {figure:.4g}" for name, figure in made.items())
        print(f"calls: {job['what']}: {said}", file=sys.stderr, flush=True)
        return made

    def ask(self, name: str, job: Mapping[str, Any]) -> dict[str, Any]:
        """One turn of one contender.

        Raises:
            BenchError: It fails.
        """
        job = {"seconds": 300, "url": self.fast, **job}
        if name in RIVALS and job["what"] == "evaluate":
            job["rows"] = min(job["rows"], RIVAL_ROWS)
        result = self.children[name].ask(job)
        if "error" in result or "stopped" in result:
            raise BenchError(f"{name} fails at {job}: {result}")
        if "seconds" in result:
            result["pace"] = job["rows"] / result["seconds"]
        return result


def beside(
    what: str, found: Mapping[str, float], scale: float = 1.0, mine: str = "weft"
) -> list[Row]:
    """One row for each contender that weft stands beside; a dash where it failed."""
    rows: list[Row] = []
    for name in ("aiohttp", SPREAD, *RIVALS):
        if name == SPREAD and name not in found:
            continue
        other = scale * found[name] if name in found else None
        failed = "" if name in found else ", which fails"
        rows.append(Row(f"{what}: weft / {name}{failed}", scale * found[mine], other))
    return rows


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
    what = "uncached call, one by one, ms"
    rows = beside(what, taken, 1000)
    job = {"what": "flight", "rows": 1000, "at_once": 32}
    used = field.turns(names, rounds, job, "cpu")
    what = "processor time of an uncached call, 32 in flight, ms"
    return [*rows, Row.limit(what, used["weft"], 0.6), *beside(what, used)]


def flight_rows(
    field: Field, at_once: int, rows: int, rounds: int, bar: float | None
) -> list[Row]:
    """An evaluation against a server that takes its time, in rows a second."""
    names = ["aiohttp", SPREAD, "weft", *RIVALS]
    job: dict[str, Any] = {"what": "evaluate", "rows": rows, "at_once": at_once}
    pace = field.turns(names, rounds, {**job, "url": field.slow}, "pace")
    share = pace["weft"] / (at_once / DELAY)
    what = (
        f"evaluate {rows:,} rows, {1000 * DELAY:.0f} ms server, {at_once:,} in flight"
    )
    first, *others = beside(f"{what}, rows/s", pace)
    told = f"{first.what} ({share:.0%} of ideal)"
    if bar is None:
        return [replace(first, what=told), *others]
    return [Row.at_least(told, pace["weft"], pace["aiohttp"], bar), *others]


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
