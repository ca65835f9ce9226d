"""Whatever is damaged in a cache is a miss: no error, no wrong answer, one warning."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.pipeline.lm.support import answer_of, fill, key_of, sql
from weft.pipeline.calls.cache import Cache


def flip_a_bit(path: Path, rng: random.Random) -> None:
    """One bit inside one value."""
    with closing(sqlite3.connect(path / "cache.db")) as connection, connection:
        ((row, value),) = connection.execute(
            "SELECT rowid, value FROM Cache ORDER BY rowid LIMIT 1 OFFSET ?",
            (rng.randrange(50),),
        ).fetchall()
        at = rng.randrange(len(value))
        changed = (
            value[:at] + bytes([value[at] ^ 1 << rng.randrange(8)]) + value[at + 1 :]
        )
        connection.execute("UPDATE Cache SET value = ? WHERE rowid = ?", (changed, row))


def swap_values(path: Path, rng: random.Random) -> None:
    """Every entry under its neighbour's key."""
    sql(
        path,
        "UPDATE Cache SET value = (SELECT other.value FROM Cache AS other"
        " WHERE other.rowid = Cache.rowid % 50 + 1)",
    )


def overwrite(path: Path, rng: random.Random) -> None:
    """Four kilobytes of noise anywhere in the database."""
    with (path / "cache.db").open("r+b") as file:
        file.seek(rng.randrange((path / "cache.db").stat().st_size))
        file.write(rng.randbytes(4096))


def truncate(path: Path, rng: random.Random) -> None:
    """The database cut anywhere."""
    size = (path / "cache.db").stat().st_size
    os.truncate(path / "cache.db", rng.randrange(size))


def spoil_the_header(path: Path, rng: random.Random) -> None:
    """The first hundred bytes are noise."""
    with (path / "cache.db").open("r+b") as file:
        file.write(rng.randbytes(100))


def replace_by_text(path: Path, rng: random.Random) -> None:
    """Not a database at all."""
    (path / "cache.db").write_bytes(b"hello\n" * rng.randrange(1, 500))


def drop_the_table(path: Path, rng: random.Random) -> None:
    """A database without the entries' table."""
    sql(path, rng.choice(["DROP TABLE Cache", "DROP TABLE Settings"]))


def another_layout(path: Path, rng: random.Random) -> None:
    """A table of the right name and another form."""
    sql(path, "DROP TABLE Cache")
    sql(path, "CREATE TABLE Cache (key TEXT, value TEXT)")


def a_view(path: Path, rng: random.Random) -> None:
    """More in the database than we ever put there."""
    sql(path, "CREATE VIEW extra AS SELECT * FROM Cache")


def noise_in_the_log(path: Path, rng: random.Random) -> None:
    """A write-ahead log of noise."""
    (path / "cache.db-wal").write_bytes(rng.randbytes(8192))


def a_folder_instead(path: Path, rng: random.Random) -> None:
    """A folder where the database was."""
    (path / "cache.db").unlink()
    (path / "cache.db").mkdir()


def no_database(path: Path, rng: random.Random) -> None:
    """The database was deleted."""
    (path / "cache.db").unlink()


def zeros_in_the_log(path: Path, rng: random.Random) -> None:
    """A write-ahead log that was never written."""
    (path / "cache.db-wal").write_bytes(bytes(rng.randrange(1, 65_536)))


def a_file_that_is_gone(path: Path, rng: random.Random) -> None:
    """A row says that its value is in a file, as diskcache's would, and it is not."""
    change = "UPDATE Cache SET value = NULL, filename = 'aa/x.val' WHERE rowid = ?"
    sql(path, change, rng.randrange(1, 51))


DAMAGES = [
    no_database,
    zeros_in_the_log,
    a_file_that_is_gone,
    flip_a_bit,
    swap_values,
    overwrite,
    truncate,
    spoil_the_header,
    replace_by_text,
    drop_the_table,
    another_layout,
    a_view,
    noise_in_the_log,
    a_folder_instead,
]


# Cut or missing whole pages and tables are an empty database to SQLite.
SILENT = {no_database, truncate, overwrite, noise_in_the_log, drop_the_table}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with fifty answers, to be copied and damaged."""
    folder = tmp_path_factory.mktemp("pristine") / "cache"
    fill(folder, range(50), size=1500)
    return folder


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_damage_is_a_miss(
    tmp_path: Path,
    pristine: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path, random.Random], None],
    seed: int,
) -> None:
    """No damage raises, gives a wrong answer, warns twice, or stops new answers."""
    folder = tmp_path / "cache"
    shutil.copytree(pristine, folder)
    damage(folder, random.Random(seed))
    cache = Cache(folder)

    with caplog.at_level(logging.WARNING, "weft"):
        found = [cache.get(key_of(i)) for i in range(50)]
        asyncio.run(cache.put("new", answer_of(99)))
    cache.close()
    again = Cache(folder)

    assert all(answer in (None, answer_of(i, 1500)) for i, answer in enumerate(found))
    assert again.get("new") == answer_of(99)
    lost = sum(answer is None for answer in found)
    assert len(caplog.records) <= 1
    assert cache.stats().damaged >= len(caplog.records)
    if lost and damage not in SILENT:
        assert len(caplog.records) == 1
    again.close()


def test_a_damaged_database_is_kept_aside(tmp_path: Path, pristine: Path) -> None:
    """What cannot be read is renamed, so that nothing is lost for good."""
    folder = tmp_path / "cache"
    shutil.copytree(pristine, folder)
    replace_by_text(folder, random.Random(0))
    before = (folder / "cache.db").read_bytes()

    cache = Cache(folder)
    cache.get("k")
    cache.close()

    (aside,) = folder.glob("cache.db.corrupt-*")
    assert aside.read_bytes() == before


def test_damage_while_in_use(tmp_path: Path) -> None:
    """A database that is spoilt under an open cache is noticed and replaced."""
    fill(tmp_path, range(2000), size=1500)
    cache = Cache(tmp_path)
    cache.get(key_of(0))
    with (tmp_path / "cache.db").open("r+b") as file:
        file.write(os.urandom(2**21))

    found = [cache.get(key_of(i)) for i in range(2000)]
    asyncio.run(cache.put("new", answer_of(1)))

    assert all(one in (None, answer_of(i, 1500)) for i, one in enumerate(found))
    assert cache.get("new") == answer_of(1)
    assert cache.stats().damaged >= 1
    cache.close()
