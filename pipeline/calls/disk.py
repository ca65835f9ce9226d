"""diskcache, hardened: a folder that somebody else may have written to stays data.

diskcache 5.6.3 unpickles what a row claims to be pickled, opens and deletes the file
that a row names, and takes its settings from the database (CVE-2025-69872 and its
neighbours). Here a row is a text key and a value of raw bytes, or it is refused; values
of any size live in the database, so a file name in a row is never believed; and the
settings are ours. This is the only file that imports diskcache, and `cache` imports
this file at the first use of a disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import diskcache  # pyright: ignore[reportMissingTypeStubs]

from .entry import Damaged, Unsafe, Unusable
from .folder import DATABASE, opening, prepare_database, prepare_folder
from .layout import disown_foreign
from .rows_sql import (
    COUNT,
    DELETE_OLDEST,
    NEXT_ROWS,
    RAW_BYTES,
    READ_ROW,
    ending,
    write_rows,
)

_BUSY_SECONDS: Final = 10
_DELETED_AT_ONCE: Final = 64
_SETTINGS: Final[dict[str, int | str]] = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",
    "size_limit": 2**62,
    "cull_limit": 0,
    "sqlite_auto_vacuum": 1,
    "sqlite_cache_size": 2**10,  # pages of 4 KB for each connection
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,  # a truncated mapped file would kill the process
    "sqlite_synchronous": 1,
    "disk_min_file_size": 2**62,
    "disk_pickle_protocol": 0,
}
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_CORRUPT: Final = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
)


class _SafeDisk(diskcache.Disk):  # type: ignore[misc] # diskcache ships no types
    """Text keys and raw bytes; everything else that diskcache can do is refused."""

    def put(self, key: object) -> Any:
        if not isinstance(key, str):
            raise TypeError("a cache key is a text")
        return key, True

    def get(self, key: object, raw: object) -> str:
        if not raw or not isinstance(key, str):
            raise Unsafe("a key that is no text")
        return key

    def store(self, value: object, read: object, key: object = None) -> Any:
        if not isinstance(value, bytes):
            raise TypeError("a cache value is bytes")
        return 0, RAW_BYTES, None, sqlite3.Binary(value)

    def fetch(
        self, mode: object, filename: object, value: object, read: object
    ) -> bytes:
        if mode != RAW_BYTES or filename is not None or not isinstance(value, bytes):
            raise Unsafe("a value that is no bytes")
        return value

    def filename(self, key: object = None, value: object = None) -> NoReturn:
        raise Unsafe("a value in a file")

    def remove(self, file_path: object) -> None:
        """Nothing: no file is ever ours, so none is deleted."""


class _SafeCache(diskcache.Cache):  # type: ignore[misc] # diskcache ships no types
    """Reads and writes rows of ours with one statement for all.

    `get` and `set` take several, and each of them lets go of the interpreter lock:
    beside a busy thread that costs milliseconds.
    """

    def get_row(self, key: str) -> bytes | None:
        row = self._con.execute(READ_ROW, (key,)).fetchone()
        if row is None:
            return None
        mode, filename, value = row
        if mode != RAW_BYTES or filename is not None or not isinstance(value, bytes):
            raise Unsafe("a value that is no bytes")
        return value

    def rows_after(self, last: int) -> list[tuple[int, object, bytes | None]]:
        rows = self._con.execute(NEXT_ROWS, (last,)).fetchall()
        return [
            (
                number,
                key,
                value if raw and mode == RAW_BYTES and filename is None else None,
            )
            for number, key, raw, mode, filename, value in rows
        ]

    def count_rows(self) -> int:
        # diskcache believes a number in a table of settings, which anybody may change.
        return cast(int, self._con.execute(COUNT).fetchone()[0])

    def delete_oldest(self) -> int:
        """Delete some rows, whatever stands in them; how many."""
        self._con.execute("BEGIN IMMEDIATE")
        with ending(self._con):
            return cast(
                int, self._con.execute(DELETE_OLDEST, (_DELETED_AT_ONCE,)).rowcount
            )

    def set_many(self, items: Sequence[tuple[str, bytes]]) -> None:
        self._con.execute("BEGIN IMMEDIATE")
        with ending(self._con):
            write_rows(self._con, items)


class DiskStore:
    """Bytes by text key in one folder; safe in threads and across processes.

    Args:
        folder: Where; made with mode 0700 where it is missing.

    Raises:
        Damaged: There is a database that cannot be trusted.
        Unusable: The folder is somebody else's, or open to everybody.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._quick: sqlite3.Connection | None = None
        self._quick_lock = threading.Lock()
        with _TRANSLATED:
            prepare_folder(folder)
            with opening(folder):
                prepare_database(folder)
                disown_foreign(folder / DATABASE, _SETTINGS, _BUSY_SECONDS)
                made = _SafeCache(
                    str(folder), timeout=_BUSY_SECONDS, disk=_SafeDisk, **_SETTINGS
                )
            self._cache = cast(Any, made)

    def read(self, key: str) -> bytes | None:
        """The bytes under a key, or None.

        Raises:
            Damaged: The database is.
            Unusable: It cannot be read now.
            Unsafe: The row is no plain bytes.
        """
        with _TRANSLATED:
            return cast("bytes | None", self._cache.get_row(key))

    def write(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Write items in one transaction.

        Raises:
            Damaged: The database is.
            Unusable: It cannot be written now.
        """
        with _TRANSLATED:
            self._cache.set_many(items)

    def write_now(self, items: Sequence[tuple[str, bytes]]) -> bool:
        """As `write`, and False at once where somebody else is writing."""
        with self._quick_lock, _TRANSLATED:
            if self._quick is None:
                self._quick = self._connect()
            try:
                self._quick.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF in _BUSY:
                    return False
                raise
            with ending(self._quick):
                write_rows(self._quick, items)
            return True

    def rows(self) -> Iterator[tuple[object, bytes | None]]:
        """Every row's key and bytes, oldest first; None for what is no plain bytes.

        Raises:
            Damaged: The database is.
            Unusable: It cannot be read now.
        """
        last = 0
        while True:
            with _TRANSLATED:
                found = self._cache.rows_after(last)
            if not found:
                return
            for last, key, value in found:  # noqa: B007 - where the next look begins
                yield key, value

    def count(self) -> int:
        """How many entries there are."""
        with _TRANSLATED:
            return cast(int, self._cache.count_rows())

    def volume(self) -> int:
        """The size of the database in bytes."""
        with _TRANSLATED:
            return int(self._cache.volume())

    def prune(self, max_bytes: int) -> int:
        """Delete the oldest entries until the database is small enough.

        Returns:
            How many entries were deleted.
        """
        deleted = 0
        with _TRANSLATED:
            while self._cache.volume() > max_bytes:
                gone = self._cache.delete_oldest()
                if not gone:
                    break
                deleted += gone
        return deleted

    def clear(self) -> int:
        """Delete every entry and return how many there were."""
        with _TRANSLATED:
            return int(self._cache.clear())

    def close(self) -> None:
        """Close this thread's connection, and the one that writes at once."""
        with contextlib.suppress(Damaged, Unusable), _TRANSLATED:
            self._cache.close()
            with self._quick_lock:
                quick, self._quick = self._quick, None
            if quick is not None:
                quick.close()

    def _connect(self) -> sqlite3.Connection:
        """A connection that waits for nobody, for any thread under the lock."""
        made = sqlite3.connect(
            self._folder / DATABASE,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        made.execute("PRAGMA trusted_schema = OFF")
        made.execute("PRAGMA synchronous = NORMAL")
        return made


class _Translated:
    """A scope in which a planted or damaged file fails in one of two ways.

    One for all, and no generator: it stands around every look at the disk.
    """

    def __enter__(self) -> None:
        """Nothing to set up."""

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        """Raise what the error means."""
        if error is None or isinstance(error, Damaged | Unusable | Unsafe):
            return
        if isinstance(error, diskcache.Timeout):
            raise Unusable("the database is locked, full or read-only") from None
        if isinstance(error, sqlite3.DatabaseError):
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code in _CORRUPT:
                raise Damaged(str(error)) from error
            raise Unusable(str(error)) from error
        if isinstance(error, OSError):
            raise Unusable(error.strerror or type(error).__name__) from error
        if isinstance(error, _NONSENSE):
            kind = type(error).__name__
            raise Damaged(f"{kind} in the database's content") from error


_NONSENSE: Final = (TypeError, ValueError, AttributeError, KeyError, AssertionError)
_TRANSLATED: Final = _Translated()
