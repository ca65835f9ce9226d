"""What a cache's database may hold beside rows: diskcache's own tables, and no code.

A database file is data that SQLite runs: a trigger acts at each write, a check or a
generated column computes at each row, an index may compute too. Whoever can write the
file could plant some. So what is not diskcache's own is dropped where nothing hangs on
it, and else the database is not trusted.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .entry import Damaged

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


def disown_foreign(
    database: Path, settings: Mapping[str, int | str], timeout: float
) -> None:
    """Take out of a database what is not ours, before diskcache would adopt it.

    Args:
        database: The file.
        settings: The settings that may stand in it.
        timeout: Seconds to wait for another process that writes.

    Raises:
        Damaged: It has another layout, or one that computes.
    """
    connection = sqlite3.connect(database, timeout=timeout, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("PRAGMA trusted_schema = OFF")
        held = connection.execute("SELECT type, name, sql FROM sqlite_master")
        objects = held.fetchall()
        if not objects:
            return
        for kind, name, text in objects:
            if kind == "trigger":
                _drop_unless_known(connection, str(name), " ".join(str(text).split()))
            elif not _is_plain(kind, name, text):
                raise Damaged("the database has another layout")
        rows = connection.execute("SELECT rowid, key, value FROM Settings").fetchall()
        for row, key, value in rows:
            counts = key in _COUNTERS and isinstance(value, int)
            if not counts and settings.get(str(key)) != value:
                connection.execute("DELETE FROM Settings WHERE rowid = ?", (row,))


def _drop_unless_known(connection: sqlite3.Connection, name: str, text: str) -> None:
    if not _TRIGGER.fullmatch(text):
        quoted = name.replace('"', '""')
        connection.execute(f'DROP TRIGGER IF EXISTS "{quoted}"')


def _is_plain(kind: object, name: object, text: object) -> bool:
    if kind == "table":
        return name in _TABLES and not _COMPUTES.search(str(text))
    if kind != "index":
        return False
    made_by_sqlite = text is None  # for a UNIQUE column
    return made_by_sqlite or (name in _INDEXES and str(text).count("(") == 1)
