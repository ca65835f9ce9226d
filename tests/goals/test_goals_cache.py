"""Goals 4, 5 and 9: damage, what is planted, and the price of safety."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.goals.conftest import Figure
from tests.goals.planted import PLANTS
from tests.goals.size import FULL, size
from tests.pipeline.lm.support import answer_of, copied, fill, key_of, sql
from tests.timing import PATIENCE, steps
from weft.pipeline.calls.cache import Cache
from weft.pipeline.lm.request import Response, Usage

ENTRIES = 100
SIZE = 1500


def truncated(folder: Path, rng: random.Random) -> None:
    database = folder / "cache.db"
    os.truncate(database, rng.randrange(database.stat().st_size))


def header(folder: Path, rng: random.Random) -> None:
    with (folder / "cache.db").open("r+b") as file:
        file.write(rng.randbytes(100))


def noise(folder: Path, rng: random.Random) -> None:
    with (folder / "cache.db").open("r+b") as file:
        file.seek(rng.randrange((folder / "cache.db").stat().st_size))
        file.write(rng.randbytes(4096))


def flipped(folder: Path, rng: random.Random) -> None:
    key = key_of(rng.randrange(ENTRIES))
    with closing(sqlite3.connect(folder / "cache.db")) as connection, connection:
        found = connection.execute("SELECT value FROM Cache WHERE key = ?", (key,))
        value = bytearray(found.fetchone()[0])
        value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
        change = "UPDATE Cache SET value = ? WHERE key = ?"
        connection.execute(change, (bytes(value), key))


def zero_log(folder: Path, rng: random.Random) -> None:
    (folder / "cache.db-wal").write_bytes(bytes(rng.randrange(1, 65_536)))


def no_database(folder: Path, rng: random.Random) -> None:
    (folder / "cache.db").unlink()


def no_file(folder: Path, rng: random.Random) -> None:
    """A row says that its value is in a file, as diskcache's would, and it is not."""
    change = "UPDATE Cache SET value = NULL, filename = 'aa/x.val' WHERE key = ?"
    sql(folder, change, key_of(rng.randrange(ENTRIES)))


def wrong_owner(folder: Path, rng: random.Random) -> None:
    """Where nobody can be given the folder, everybody may write to it."""
    if os.getuid() == 0:
        os.chown(folder, 12345, 12345)
    else:
        folder.chmod(0o777)


Damage = Callable[[Path, random.Random], None]
EXACT: dict[Damage, int | None] = {
    # How often "damaged" is counted; None where it depends on what was hit.
    flipped: 1,
    no_file: 1,
    header: 1,
    no_database: 0,
    zero_log: 0,
    wrong_owner: 0,
    truncated: None,
    noise: None,
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with answers, to be copied and tampered with."""
    folder = tmp_path_factory.mktemp("pristine") / "cache"
    fill(folder, range(ENTRIES), size=SIZE)
    return folder


def test_damage(
    tmp_path: Path, pristine: Path, figure: Figure, caplog: pytest.LogCaptureFixture
) -> None:
    """Eight damages are misses: no error, no wrong answer, one warning, counted."""
    seeds, reads, wrong, made = size(3, 20), size(100, 500), 0, 0
    caplog.set_level(logging.WARNING, "weft")

    for damage, expected in EXACT.items():
        for seed in range(seeds):
            folder, rng = tmp_path / f"{damage.__name__}{seed}", random.Random(seed)
            copied(pristine, folder)
            damage(folder, rng)
            caplog.clear()
            cache = Cache(folder, memory_bytes=0)
            for turn in range(reads):
                number = turn % ENTRIES
                made += 1
                found = cache.get(key_of(number))
                wrong += found not in (None, answer_of(number, SIZE))
            counted = cache.stats().damaged
            cache.close()
            shutil.rmtree(folder)
            assert len(caplog.records) <= 1
            if expected is not None and damage in {flipped, no_file}:
                # One of the entries, each time that it is asked for.
                assert counted == expected * reads // ENTRIES
            elif expected is not None:
                assert counted == expected
            if counted:
                assert len(caplog.records) == 1

    figure(
        f"goal 4: {len(EXACT)} damages x {seeds} seeds, {made} reads: 0 errors, "
        f"{wrong} wrong answers, at most 1 warning each"
    )
    assert wrong == 0


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
