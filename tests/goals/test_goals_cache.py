"""Goals 5 and 9: what is planted in a cache, and the price of safety."""

from __future__ import annotations

import asyncio
import importlib
import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.goals.conftest import Figure
from tests.goals.planted import PLANTS
from tests.goals.size import FULL, size
from tests.pipeline.lm.support import copied, fill, key_of
from tests.timing import PATIENCE, steps
from weft.pipeline.calls.cache import Cache
from weft.pipeline.lm.request import Response, Usage

ENTRIES = 100
SIZE = 1500


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with answers, to be copied and tampered with."""
    folder = tmp_path_factory.mktemp("pristine") / "cache"
    fill(folder, range(ENTRIES), size=SIZE)
    return folder


def test_nothing_planted_runs(tmp_path: Path, pristine: Path, figure: Figure) -> None:
    """Under an audit hook no planted folder executes, reads or deletes elsewhere."""
    outside = tmp_path / "outside"
    folders: list[Path] = []
    for number, plant in enumerate([lambda *_: None, *PLANTS]):
        folder = tmp_path / f"cache{number}"
        copied(pristine, folder)
        outside.write_text("precious")
        try:
            plant(folder, outside)
        except sqlite3.OperationalError:  # this SQLite does not know such a statement
            continue
        folders.append(folder)
    first = tmp_path / "first"
    fill(first, range(3))
    (first / "cache.db").write_bytes(b"noise" * 1000)

    done = subprocess.run(
        [sys.executable, "-m", "tests.goals.audited", first, *folders],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    events = [event for one in told for event in one["seen"]]
    figure(
        f"goal 5: {len(folders) - 1} planted folders under an audit hook, "
        f"{len(events)} forbidden events"
    )
    assert len(told) == len(folders)
    assert events == []
    assert [one["wrong"] for one in told] == [[]] * len(told)
    assert all(one["works"] for one in told)
    assert outside.read_text() == "precious"


TEXT = " ".join(f"word{n}" for n in random.Random(1).sample(range(10**6), 200))
TURNS = 3
KINDS = ("weft", "Disk", "JSONDisk")


def test_the_price_of_safety(tmp_path: Path, figure: Figure) -> None:
    """Beside diskcache's own classes a hit costs a digest and a strict parse more."""
    count = size(1000, 5000)
    taken: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for turn in range(TURNS):
        for kind in KINDS:
            taken[kind].append(_turn(kind, tmp_path / f"{kind}{turn}", count))
    best = {
        kind: {what: min(one[what] for one in turns) for what in turns[0]}
        for kind, turns in taken.items()
    }

    ours, plain, packed = (best[kind] for kind in KINDS)
    rates = "; ".join(
        f"{kind} {1 / one['hit']:,.0f} hits, {1 / one['miss']:,.0f} misses, "
        f"{1 / one['set']:,.0f} sets a second"
        for kind, one in best.items()
    )
    figure(
        f"goal 9: {count} entries of 2.2 KB: {rates}: "
        f"a hit is {plain['hit'] / ours['hit']:.2f} as fast as Disk's with its JSON, "
        f"{packed['hit'] / ours['hit']:.2f} as JSONDisk's"
    )
    _, get, close = _store("weft", tmp_path / "weft0")
    hit, miss = key_of(0), key_of(2 * count)
    get(hit)  # once, so that what is opened at the first look is open
    taken_steps = {"hit": steps(lambda: get(hit)), "miss": steps(lambda: get(miss))}
    close()
    assert taken_steps["hit"] <= 1_000
    assert taken_steps["miss"] <= 500
    if FULL:
        assert ours["hit"] <= 4 * plain["hit"]
        assert ours["hit"] <= 2 * packed["hit"]
        assert ours["set"] <= 1 / 3000


def _turn(kind: str, folder: Path, count: int) -> dict[str, float]:
    """Seconds of a set, a hit and a miss."""
    put, get, close = _store(kind, folder)
    keys = [key_of(number) for number in range(2 * count)]
    steps: dict[str, Callable[[], object]] = {
        "set": lambda: put(keys[:count]),
        "hit": lambda: [get(key) for key in keys[:count]],
        "miss": lambda: [get(key) for key in keys[count:]],
    }
    taken: dict[str, float] = {}
    for what, step in steps.items():
        started = time.perf_counter()
        step()
        taken[what] = (time.perf_counter() - started) / count
    close()
    return taken


Store = tuple[Callable[[list[str]], None], Callable[[str], Any], Callable[[], None]]


def _store(kind: str, folder: Path) -> Store:
    """How one of the three puts the same answer, gets it, and is closed."""
    if kind == "weft":
        cache = Cache(folder, memory_bytes=0)
        answer = Response(TEXT, Usage(600, 400), model="any")

        async def put_some(keys: list[str]) -> None:
            await asyncio.gather(*(cache.put(key, answer) for key in keys))

        def put_ours(keys: list[str]) -> None:
            for at in range(0, len(keys), 256):  # as many as calls that end together
                asyncio.run(put_some(keys[at : at + 256]))

        return put_ours, cache.get, cache.close
    diskcache: Any = importlib.import_module("diskcache")
    theirs = diskcache.Cache(folder, disk=getattr(diskcache, kind))
    tree = {"text": TEXT, "usage": [600, 400, 0], "finish_reason": "stop"}
    tree |= {"model": "any", "cost": None, "request_id": ""}
    in_bytes = kind == "Disk"  # else it writes and reads the JSON itself

    def put_theirs(keys: list[str]) -> None:
        for key in keys:
            theirs.set(key, json.dumps(tree).encode() if in_bytes else tree)

    def get_theirs(key: str) -> Any:
        found = theirs.get(key)
        return json.loads(found) if in_bytes and found is not None else found

    return put_theirs, get_theirs, theirs.close
