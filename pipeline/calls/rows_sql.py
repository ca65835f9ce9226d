"""The SQL of the cache's one table, which diskcache made; raw bytes by text key."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Generator, Sequence
from typing import Final

RAW_BYTES: Final = 1
"""The only `mode` that we write."""

READ_ROW: Final = "SELECT mode, filename, value FROM Cache WHERE key = ? AND raw = 1"
NEXT_ROWS: Final = """
    SELECT rowid, key, raw, mode, filename, value FROM Cache
    WHERE rowid > ? ORDER BY rowid LIMIT 64
"""
COUNT: Final = "SELECT COUNT(*) FROM Cache"
DELETE_OLDEST: Final = """
    DELETE FROM Cache WHERE rowid IN
        (SELECT rowid FROM Cache ORDER BY store_time, rowid LIMIT ?)
"""
_ROWS_AT_ONCE: Final = 128  # SQLite takes a limited number of values
_INSERT: Final = """
    INSERT INTO Cache (
        store_time, access_time, key, value, raw, access_count, size, mode
    ) VALUES """
_ROW: Final = f"(?, ?, ?, ?, 1, 0, 0, {RAW_BYTES})"
_REPLACE: Final = """
    ON CONFLICT (key, raw) DO UPDATE SET
        store_time = excluded.store_time, expire_time = NULL, size = 0,
        mode = excluded.mode, filename = NULL, value = excluded.value
"""


def write_rows(
    connection: sqlite3.Connection, items: Sequence[tuple[str, bytes]]
) -> None:
    """Write rows, as plain bytes whatever was there before; in a transaction."""
    now = time.time()
    for start in range(0, len(items), _ROWS_AT_ONCE):
        some = dict(items[start : start + _ROWS_AT_ONCE])
        rows = ", ".join([_ROW] * len(some))
        values = [part for item in some.items() for part in (now, now, *item)]
        connection.execute(f"{_INSERT}{rows}{_REPLACE}", values)


@contextlib.contextmanager
def ending(connection: sqlite3.Connection) -> Generator[None]:
    """End a transaction that has begun: all of it, or nothing."""
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has ended it by itself where a disk is full; to end it once more is an
        # error of its own, and looks like damage.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
