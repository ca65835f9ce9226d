"""What somebody else may have put into a cache's folder, to run, read or delete."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

from tests.pipeline.lm.support import answer_of, key_of, sql
from tests.pipeline.lm.test_cache_security import COMPUTING, TRIGGERS, journal_of
from weft.pipeline.calls.store import encode

Plant = Callable[[Path, Path], None]
"""Tampers with a folder; the second path is a file elsewhere that is not to be hit."""

NAMES = ("{outside}", "../outside", "aa/bb/link.val", "aa/../../outside", "/dev/zero")


class Bomb:
    """Deletes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.unlink, (self.path,))


def row(folder: Path, number: int, **columns: object) -> None:
    """Change columns of one row."""
    names = ", ".join(f"{name} = ?" for name in columns)
    key = key_of(number)
    sql(folder, f"UPDATE Cache SET {names} WHERE key = ?", *columns.values(), key)


def pickles(folder: Path, outside: Path) -> None:
    """Pickles as values, as keys and in files, in every mode."""
    bomb = pickle.dumps(Bomb(outside))
    (folder / "aa").mkdir()
    (folder / "aa" / "bomb.val").write_bytes(bomb)
    for mode in range(6):
        row(folder, mode, mode=mode, value=bomb)
        row(folder, 6 + mode, mode=mode, value=None, filename="aa/bomb.val")
    row(folder, 20, raw=0, key=bomb)
    row(folder, 21, raw=0, value=bomb, mode=4)


def files(folder: Path, outside: Path) -> None:
    """Rows that name files elsewhere, one of them behind a link."""
    inside = folder / "aa" / "bb"
    inside.mkdir(parents=True)
    (inside / "link.val").symlink_to(outside)
    for at, name in enumerate(NAMES):
        for mode in range(1, 5):
            named = name.format(outside=outside)
            number = 4 * at + mode
            row(folder, number, mode=mode, value=None, filename=named)


def settings(folder: Path, outside: Path) -> None:
    """Settings that would choose other code, another place, or forget everything."""
    for name, value in {
        "disk": "os.system",
        "_disk": "x",
        "directory": str(outside.parent),
        "_directory": str(outside.parent),
        "size_limit": 1,
        "cull_limit": 10,
        "eviction_policy": "least-recently-used",
        "sqlite_mmap_size": 2**40,
        "sqlite_journal_mode": "delete",
        "disk_min_file_size": 0,
        "disk_pickle_protocol": 5,
    }.items():
        sql(folder, "INSERT OR REPLACE INTO Settings VALUES (?, ?)", name, value)


def link(folder: Path, outside: Path) -> None:
    """The database is a link to a file elsewhere."""
    (folder / "cache.db").unlink()
    (folder / "cache.db").symlink_to(outside)


def side_links(folder: Path, outside: Path) -> None:
    """SQLite's side files are links to a file elsewhere."""
    for ending in ("-wal", "-shm"):
        (folder / f"cache.db{ending}").unlink(missing_ok=True)
        (folder / f"cache.db{ending}").symlink_to(outside)


def journal(folder: Path, outside: Path) -> None:
    """A rollback journal that names a file for SQLite to delete."""
    made = journal_of(folder / "cache.db", outside)
    (folder / "cache.db-journal").write_bytes(made)


def journal_link(folder: Path, outside: Path) -> None:
    """A rollback journal that is a link."""
    (folder / "cache.db-journal").symlink_to(outside)


def claims_link(folder: Path, outside: Path) -> None:
    """The file of claims is a link to a file elsewhere."""
    (folder / "flights.lock").symlink_to(outside)


def large(folder: Path, outside: Path) -> None:
    """A value that claims to be an answer, under the right key, and is none."""
    row(folder, 1, value=encode(key_of(2), answer_of(2)))
    row(folder, 2, value=b"v1" + bytes(16) + b"[" * 100_000)
    row(folder, 3, value=b"")


def attached(folder: Path, outside: Path) -> None:
    """A view that reads, beside the tables."""
    sql(folder, "CREATE VIEW extra AS SELECT * FROM pragma_database_list")


def code(folder: Path, outside: Path) -> None:
    """Modules and start-up files, should anybody import from here."""
    bomb = f"import os; os.remove({str(outside)!r})\n"
    for name in ("sitecustomize.py", "diskcache.py", "json.py", "x.pth", "conftest.py"):
        (folder / name).write_text(bomb)


def running(statement: str) -> Plant:
    """A planted piece of schema."""

    def plant(folder: Path, outside: Path) -> None:
        if statement.startswith(("CREATE TABLE", "CREATE VIRTUAL")):
            sql(folder, "DROP TABLE Cache")
        sql(folder, statement)

    return plant


PLANTS: list[Plant] = [
    *(pickles, files, settings, link, side_links, journal, journal_link),
    *(claims_link, large, attached, code),
    *(running(statement) for statement in (*TRIGGERS, *COMPUTING)),
]
