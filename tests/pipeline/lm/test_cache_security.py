"""Nothing in a cache's folder runs, and nothing outside it is read or deleted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.lm.support import answer_of, copied, fill, key_of, sql
from weft.pipeline.calls.cache import Cache
from weft.pipeline.calls.store import Unsafe, decode, encode
from weft.pipeline.lm.request import Response


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with fifty answers, to be copied and tampered with."""
    folder = tmp_path_factory.mktemp("pristine") / "cache"
    fill(folder, range(50), size=1500)
    return folder


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_planted_pickles_are_never_read(
    tmp_path: Path, pristine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A pickle as a value, as a key, or in a file is refused, whatever is done."""
    folder, exploded = tmp_path / "cache", tmp_path / "exploded"
    copied(pristine, folder)
    bomb = pickle.dumps(Bomb(exploded))
    (folder / "aa").mkdir()
    (folder / "aa" / "bomb.val").write_bytes(bomb)
    sql(folder, "UPDATE Cache SET mode = 4, value = ? WHERE key = ?", bomb, key_of(0))
    sql(
        folder,
        "UPDATE Cache SET mode = 4, value = NULL, filename = ? WHERE key = ?",
        "aa/bomb.val",
        key_of(1),
    )
    sql(folder, "UPDATE Cache SET raw = 0, key = ? WHERE key = ?", bomb, key_of(2))
    cache = Cache(folder)

    with caplog.at_level(logging.WARNING, "weft"):
        found = [cache.get(key_of(i)) for i in range(4)]
        asyncio.run(cache.put(key_of(0), answer_of(0)))
        cache.stats()
        cache.prune(0)
        cache.clear()
    cache.close()

    assert found == [None, None, None, answer_of(3, 1500)]
    assert len(caplog.records) == 1
    assert not exploded.exists()


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_files_elsewhere_are_neither_read_nor_deleted(
    tmp_path: Path, pristine: Path, mode: int
) -> None:
    """A row that names a file reads nothing, and removes nothing when it goes."""
    folder, secret = tmp_path / "cache", tmp_path / "secret"
    copied(pristine, folder)
    secret.write_bytes(encode(key_of(0), Response("stolen")))
    inside = folder / "aa" / "bb" / f"{'c' * 28}.val"
    inside.parent.mkdir(parents=True)
    inside.symlink_to(secret)
    names = (str(secret), "../secret", f"aa/bb/{inside.name}")
    for number, name in enumerate(names):
        statement = (
            "UPDATE Cache SET mode = ?, value = NULL, filename = ? WHERE key = ?"
        )
        sql(folder, statement, mode, name, key_of(number))
    cache = Cache(folder)

    assert [cache.get(key_of(i)) for i in range(3)] == [None] * 3
    asyncio.run(cache.put(key_of(0), answer_of(0)))
    cache.prune(0)
    cache.clear()
    cache.close()

    assert secret.exists()
    assert inside.is_symlink()


def test_hostile_settings_are_not_adopted(tmp_path: Path, pristine: Path) -> None:
    """Settings in the database do not change how the cache behaves."""
    folder = tmp_path / "cache"
    copied(pristine, folder)
    for name, value in {
        "size_limit": 1,
        "cull_limit": 10,
        "eviction_policy": "least-recently-used",
        "sqlite_synchronous": 0,
        "sqlite_journal_mode": "delete",
        "disk_min_file_size": 0,
        "disk_nonsense": 1,
        "get": 5,
        "_disk": "x",
    }.items():
        sql(folder, "INSERT OR REPLACE INTO Settings VALUES (?, ?)", name, value)

    fill(folder, range(100, 150))
    cache = Cache(folder)

    assert all(cache.get(key_of(i)) for i in (*range(50), *range(100, 150)))
    assert cache.stats().damaged == 0
    assert [file.name for file in folder.rglob("*.val")] == []
    cache.close()


@pytest.mark.parametrize("target", ["cache.db", "cache.db-wal"])
def test_links_are_not_followed(tmp_path: Path, target: str) -> None:
    """A database file that is a link elsewhere is moved aside, its target untouched."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    folder = tmp_path / "cache"
    folder.mkdir(0o700)
    (folder / target).symlink_to(outside)
    cache = Cache(folder)

    asyncio.run(cache.put("k", answer_of(1)))
    cache.close()

    assert outside.read_bytes() == b"precious"
    assert Cache(folder).get("k") == answer_of(1)


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
SLOW = f"SELECT count(*) FROM ({ENDLESS} SELECT x FROM c)"
TRIGGERS = [
    "CREATE TRIGGER evil AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
    'CREATE TRIGGER "a ""b""" AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END',
    "CREATE TRIGGER Settings_size_x AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
    f"CREATE TRIGGER slow BEFORE INSERT ON Cache WHEN ({SLOW}) > 0 BEGIN SELECT 1; END",
]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_planted_triggers_do_not_run(
    tmp_path: Path, pristine: Path, trigger: str
) -> None:
    """What would act at our next write is gone before it; the answers stay."""
    folder = tmp_path / "cache"
    copied(pristine, folder)
    sql(folder, trigger)

    fill(folder, range(100, 110))
    cache = Cache(folder)

    assert all(cache.get(key_of(i)) for i in (*range(50), *range(100, 110)))
    assert cache.stats().disk_entries == 60
    assert cache.stats().damaged == 0
    cache.close()


COMPUTING = [
    "CREATE TABLE Cache (key, value, CHECK (hex(zeroblob(1e9)) > ''))",
    "CREATE TABLE Cache (key, value, x GENERATED ALWAYS AS (zeroblob(1e9)))",
    "CREATE TABLE Cache (key, value, x AS (zeroblob(1e9)))",
    "CREATE TABLE Cache (key, value, x DEFAULT (zeroblob(1e9)))",
    "CREATE VIRTUAL TABLE Cache USING fts4(key, value)",
]


@pytest.mark.parametrize("table", COMPUTING)
def test_a_layout_that_computes_is_moved_aside(
    tmp_path: Path, pristine: Path, table: str
) -> None:
    """A table that does sums of its own is no table of ours."""
    folder = tmp_path / "cache"
    copied(pristine, folder)
    sql(folder, "DROP TABLE Cache")
    try:
        sql(folder, table)
    except sqlite3.OperationalError as error:
        pytest.skip(f"another system, whose SQLite cannot: {error}")

    fill(folder, range(3))
    cache = Cache(folder)

    assert all(cache.get(key_of(i)) for i in range(3))
    assert list(folder.glob("cache.db.corrupt-*"))
    cache.close()


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX Cache_more ON Cache (value)",
        "CREATE INDEX Cache_expire_time ON Cache (hex(zeroblob(1000000)))",
    ],
)
def test_an_index_that_is_not_ours(tmp_path: Path, pristine: Path, index: str) -> None:
    """An index may compute at each write, so only our own two are left."""
    folder = tmp_path / "cache"
    copied(pristine, folder)
    sql(folder, "DROP INDEX IF EXISTS Cache_expire_time")
    sql(folder, index)
    cache = Cache(folder)

    assert cache.get(key_of(0)) is None
    cache.close()
    assert list(folder.glob("cache.db.corrupt-*"))


def journal_of(database: Path, victim: Path) -> bytes:
    """A rollback journal that tells SQLite to delete a file when it is done.

    The form is that of sqlite.org/fileformat.html, section 3, with the name of a
    super-journal at its end.
    """
    magic = bytes.fromhex("d9d505f920a163d7")
    page = 4096
    pages = database.stat().st_size // page
    head = magic + struct.pack(">IIIII", 0, 1, pages, 512, page)
    name = str(victim).encode()
    checksum = sum(struct.unpack(f"{len(name)}b", name)) & 0xFFFFFFFF
    tail = struct.pack(">I", 0x40000000 // page + 1) + name
    return (
        head.ljust(512, b"\0") + tail + struct.pack(">II", len(name), checksum) + magic
    )


def test_a_planted_journal_deletes_no_file(tmp_path: Path, pristine: Path) -> None:
    """SQLite would delete whatever file a rollback journal names; none gets to it."""
    folder, victim = tmp_path / "cache", tmp_path / "victim"
    copied(pristine, folder)
    victim.write_text("precious")
    bytes_of_it = journal_of(folder / "cache.db", victim)
    (folder / "cache.db-journal").write_bytes(bytes_of_it)
    # That the journal is one that works is shown on a copy, by SQLite alone.
    copy, bait = tmp_path / "copy", tmp_path / "bait"
    shutil.copytree(pristine, copy)
    bait.write_text("bait")
    (copy / "cache.db-journal").write_bytes(journal_of(copy / "cache.db", bait))
    with contextlib.suppress(sqlite3.DatabaseError):
        sql(copy, "SELECT * FROM Cache")

    cache = Cache(folder)
    cache.get(key_of(0))
    asyncio.run(cache.put("new", answer_of(1)))

    assert not bait.exists()
    assert victim.read_text() == "precious"
    assert cache.get("new") == answer_of(1)
    assert list(folder.glob("cache.db-journal.corrupt-*"))
    cache.close()


def open_to_all(folder: Path) -> None:
    """Everybody may write."""
    folder.mkdir()
    folder.chmod(0o777)


def somebody_elses(folder: Path) -> None:
    """Another user owns it."""
    if os.getuid() != 0:
        pytest.skip("another system: only root can give a folder away")
    folder.mkdir()
    os.chown(folder, 12345, 12345)


def a_file(folder: Path) -> None:
    """There is a file of that name."""
    folder.write_text("")


@pytest.mark.parametrize("make", [open_to_all, somebody_elses, a_file])
def test_unusable_folders(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None]
) -> None:
    """A folder that cannot be trusted is not used: memory only, and one warning."""
    folder = tmp_path / "cache"
    make(folder)
    cache = Cache(folder)

    with caplog.at_level(logging.WARNING, "weft"):
        for number in range(3):
            asyncio.run(cache.put(key_of(number), answer_of(number)))
        found = [cache.get(key_of(number)) for number in range(3)]
    cache.close()

    assert found == [answer_of(number) for number in range(3)]
    assert len(caplog.records) == 1
    assert cache.stats().write_errors == 3
    assert not folder.is_dir() or not list(folder.iterdir())


def test_an_answer_that_json_cannot_carry(tmp_path: Path) -> None:
    """A cost that is no number is not written, and harms nothing else."""
    cache = Cache(tmp_path)

    asyncio.run(cache.put("k", Response("x", cost=float("nan"))))

    assert cache.stats().write_errors == 1
    cache.close()


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"v1",
        b"v2" + encode("k", Response("x"))[2:],
        encode("other", Response("x")),
        encode("k", Response("x"))[:-1],
        encode("k", Response("x")) + b" ",
    ],
)
def test_other_bytes(blob: bytes) -> None:
    """Bytes that were not written under the key are refused."""
    with pytest.raises(Unsafe):
        decode("k", blob)


def test_prune_ends_whatever_stands_in_a_row(tmp_path: Path) -> None:
    """A planted time of expiry hid a row from deletion, and so it went on for ever."""
    fill(tmp_path, range(3))
    sql(tmp_path, "UPDATE Cache SET expire_time = 1 WHERE rowid = 1")
    sql(tmp_path, "UPDATE Cache SET key = 7 WHERE rowid = 2")
    cache = Cache(tmp_path)

    assert cache.prune(0) == 3
    assert cache.stats().disk_entries == 0


def test_entries_are_counted_not_believed(tmp_path: Path) -> None:
    """diskcache keeps their number in a table of settings, which anybody may change."""
    fill(tmp_path, range(5))
    sql(tmp_path, "UPDATE Settings SET value = 0 WHERE key = 'count'")

    assert Cache(tmp_path).stats().disk_entries == 5
