"""The database of a cache as a file that somebody else may have written to.

A database file is data that SQLite runs: a trigger acts at each write, a check or a
generated column computes at each row, an index may compute too. Whoever can write the
file could plant some. So what is not diskcache's own is dropped where nothing hangs on
it, and else the database is not trusted.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..ground import system

DATABASE: Final = "cache.db"
_JOURNAL: Final = "-journal"
_SIDES: Final = ("-wal", "-shm", _JOURNAL)
_TABLES: Final = frozenset({"Cache", "Settings"})
_INDEXES: Final = frozenset({"Cache_key_raw", "Cache_expire_time"})
_COUNTERS: Final = frozenset({"count", "size", "hits", "misses"})
_COMPUTES: Final = re.compile(
    r"\b(check|generated|as|virtual|default\s*\()", re.IGNORECASE
)
# As diskcache 5.6.3 writes them. Another release's would be dropped here and made anew
# by diskcache in the next moment.
_TRIGGER: Final = re.compile(
    r"CREATE TRIGGER Settings_(count|size)_(insert|update|delete)"
    r" AFTER (INSERT|UPDATE|DELETE) ON Cache FOR EACH ROW BEGIN"
    r" UPDATE Settings SET value = value"
    r"( [+-] (1|NEW\.size|OLD\.size)){1,2}"
    r' WHERE key = "(count|size)"; END'
)


class Damaged(Exception):
    """A database that cannot be trusted: move it aside and start a new one."""


class Deleted(Exception):
    """A database whose file has no name any more: what is written there is lost."""


def move_aside(folder: Path) -> None:
    """Rename a damaged database, so that a new one can be made and nothing is lost."""
    mark = f".corrupt-{time.time_ns()}"
    for ending in ("", *_SIDES):
        file = folder / f"{DATABASE}{ending}"
        with contextlib.suppress(FileNotFoundError):
            file.rename(f"{file}{mark}")


def prepare_database(folder: Path) -> None:
    """Make the database file ours only, or refuse it.

    Raises:
        Damaged: It is a link, or no file at all; or there is a rollback journal, which
            we leave none of, and in which SQLite would believe the name of a file to
            delete, anywhere.
    """
    for ending in (*_SIDES, ""):
        file = folder / f"{DATABASE}{ending}"
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise Damaged(f"{file.name} is no regular file")
    if (folder / f"{DATABASE}{_JOURNAL}").exists():
        raise Damaged("there is a rollback journal, which is not ours")
    # To open and close a database's file drops SQLite's locks on it, so only where
    # there is need to.
    with contextlib.suppress(FileNotFoundError):
        if stat.S_IMODE((folder / DATABASE).stat().st_mode) == 0o600:
            return
    # SQLite gives its side files the mode of the database.
    flags = os.O_RDWR | os.O_CREAT | system.NO_LINK
    handle = os.open(folder / DATABASE, flags, 0o600)
    try:
        system.make_private(handle)
    finally:
        os.close(handle)


def disown_foreign(
    connection: sqlite3.Connection, settings: Mapping[str, int | str]
) -> None:
    """Take out of a database what is not ours, before diskcache would adopt it.

    Args:
        connection: To the database, with `trusted_schema` off.
        settings: The settings that may stand in it.

    Raises:
        Damaged: It has another layout, or one that computes.
    """
    held = connection.execute("SELECT type, name, sql FROM sqlite_master")
    objects = held.fetchall()
    if not objects:
        return
    for kind, name, text in objects:
        if kind == "trigger":
            if not _TRIGGER.fullmatch(" ".join(str(text).split())):
                quoted = str(name).replace('"', '""')
                connection.execute(f'DROP TRIGGER IF EXISTS "{quoted}"')
        elif not _is_plain(kind, name, text):
            raise Damaged("the database has another layout")
    rows = connection.execute("SELECT rowid, key, value FROM Settings").fetchall()
    for row, key, value in rows:
        counts = key in _COUNTERS and isinstance(value, int)
        if not counts and settings.get(str(key)) != value:
            connection.execute("DELETE FROM Settings WHERE rowid = ?", (row,))


def _is_plain(kind: object, name: object, text: object) -> bool:
    if kind == "table":
        return name in _TABLES and not _COMPUTES.search(str(text))
    if kind != "index":
        return False
    made_by_sqlite = text is None  # for a UNIQUE column
    return made_by_sqlite or (name in _INDEXES and str(text).count("(") == 1)
