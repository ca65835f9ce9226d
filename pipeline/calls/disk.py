"""diskcache, hardened: a folder that somebody else may have written to stays data.

diskcache unpickles what a row claims to be pickled, opens and deletes the file that a
row names, and takes its settings from the database (CVE-2025-69872 and its neighbours).
Here its `Disk`, which is where it lets others say what a row means, takes a text key
and a value of raw bytes, or refuses; values of any size live in the database, so a file
name in a row is never believed; and the settings are ours.

diskcache makes the database, opens it in each thread and reads from it. What goes
through a connection of our own is what it has no method for: many rows in one statement
(its `set` takes several for each, and every one lets go of the interpreter lock, which
beside a busy thread costs milliseconds), a write that waits for nobody, a look at every
row, whatever stands in it, and a deletion in order of age. Those know its one table, so
the version is held to 5.6 in `pyproject.toml`, and a test compares the table's columns.

This is the only file that imports diskcache, and `cache` imports this file at the first
use of a disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import diskcache  # pyright: ignore[reportMissingTypeStubs]

from ..ground.files import Unusable, opening, prepare_folder
from ..ground.loops import Turnstile
from ..ground.system import at_fork
from .database import DATABASE, Damaged, Deleted, disown_foreign, prepare_database
from .store import LARGEST_ENTRY, Unsafe

COLUMNS: Final = (
    *("rowid", "key", "raw", "store_time", "expire_time", "access_time"),
    *("access_count", "tag", "size", "mode", "filename", "value"),
)
"""Those of diskcache's table `Cache`, as the statements below know it."""

_BUSY_SECONDS: Final = 10
_RAW_BYTES: Final = 1  # the only `mode` that we write
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

_NEXT_ROWS: Final = """
    SELECT rowid, key, raw, mode, filename,
        CASE WHEN length(value) <= ? THEN value END FROM Cache
    WHERE rowid > ? ORDER BY rowid LIMIT 64
"""
_DELETE_OLDEST: Final = """
    DELETE FROM Cache WHERE rowid IN
        (SELECT rowid FROM Cache ORDER BY store_time, rowid LIMIT 64)
"""
_ROWS_AT_ONCE: Final = 128  # SQLite takes a limited number of values
_INSERT: Final = """
    INSERT INTO Cache (
        store_time, access_time, key, value, raw, access_count, size, mode
    ) VALUES """
_ROW: Final = f"(?, ?, ?, ?, 1, 0, 0, {_RAW_BYTES})"
_REPLACE: Final = """
    ON CONFLICT (key, raw) DO UPDATE SET
        store_time = excluded.store_time, expire_time = NULL, size = 0,
        mode = excluded.mode, filename = NULL, value = excluded.value
"""


_in_sqlite: Final = Turnstile(patience=2 * _BUSY_SECONDS)
"""Who is inside SQLite now.

It keeps a table of its locks in memory, which a forked child inherits as it stands: a
fork in the middle of a transaction leaves the child a lock that nobody will ever let go
(https://www.sqlite.org/howtocorrupt.html, 2.6). So a fork waits until nobody is inside.
"""
at_fork(
    before=_in_sqlite.shut,
    after_in_parent=_in_sqlite.open,
    after_in_child=_in_sqlite.forget,
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
        return 0, _RAW_BYTES, None, sqlite3.Binary(value)

    def fetch(
        self, mode: object, filename: object, value: object, read: object
    ) -> bytes:
        if mode != _RAW_BYTES or filename is not None or not isinstance(value, bytes):
            raise Unsafe("a value that is no bytes")
        return value

    def filename(self, key: object = None, value: object = None) -> NoReturn:
        raise Unsafe("a value in a file")

    def remove(self, file_path: object) -> None:
        """Nothing: no file is ever ours, so none is deleted."""


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
        self._lock = threading.Lock()  # around our own connection, which writes
        with _translated():
            prepare_folder(folder)
            with opening(folder):
                prepare_database(folder)
                self._own: sqlite3.Connection | None = _connect(folder)
                try:
                    disown_foreign(self._own, _SETTINGS)
                    self._cache: Any = diskcache.Cache(
                        str(folder), timeout=_BUSY_SECONDS, disk=_SafeDisk, **_SETTINGS
                    )
                except BaseException:
                    self._own.close()
                    raise
                self._own.execute("PRAGMA busy_timeout = 0")
                self._file = _file_in(folder)

    def read(self, key: str) -> bytes | None:
        """The bytes under a key, or None.

        Raises:
            Damaged: The database is.
            Unusable: It cannot be read now.
            Unsafe: The row is no plain bytes.
        """
        try:
            with _in_sqlite:
                # A new one in each thread; what is larger than any entry is not read.
                connection = self._cache._con
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_ENTRY)
                return cast("bytes | None", self._cache.get(key))
        except Exception as error:
            _translate(error)
            raise

    def write(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Write items in one transaction.

        Raises:
            Damaged: The database is.
            Deleted: Its file has no name any more.
            Unusable: It cannot be written now.
        """
        with self._changing() as connection:
            self._refuse_deleted()
            _write_rows(connection, items)

    def write_now(self, items: Sequence[tuple[str, bytes]]) -> bool:
        """As `write`, and False at once where somebody else is writing."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            with _translated():
                connection = self._connection()
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF in _BUSY:
                        return False
                    raise
                with _ending(connection):
                    self._refuse_deleted()
                    _write_rows(connection, items)
                return True
        finally:
            self._lock.release()

    def rows(self) -> Iterator[tuple[object, bytes | None]]:
        """Every row's key and bytes, oldest first; None for what is no plain bytes.

        Raises:
            Damaged: The database is.
            Unusable: It cannot be read now.
        """
        last = 0
        while found := self._asked(_NEXT_ROWS, LARGEST_ENTRY, last):
            for _, key, raw, mode, filename, value in found:
                plain = raw and mode == _RAW_BYTES and filename is None
                yield key, value if plain and isinstance(value, bytes) else None
            last = found[-1][0]

    def count(self) -> int:
        """How many entries there are."""
        # diskcache believes a number in a table of settings, which anybody may change.
        return int(self._asked("SELECT COUNT(*) FROM Cache")[0][0])

    def volume(self) -> int:
        """The size of the database in bytes."""
        pages, size = self._asked("PRAGMA page_count"), self._asked("PRAGMA page_size")
        return int(pages[0][0] * size[0][0])

    def prune(self, max_bytes: int) -> int:
        """Delete the oldest entries until the database is small enough.

        Returns:
            How many entries were deleted.
        """
        deleted = 0
        while self.volume() > max_bytes:
            with self._changing() as connection:
                gone = connection.execute(_DELETE_OLDEST).rowcount
            if not gone:
                break
            deleted += gone
        return deleted

    def clear(self) -> int:
        """Delete every entry and return how many there were."""
        with _translated():
            return int(self._cache.clear())

    def close(self) -> None:
        """Close this thread's connection, and our own."""
        # The lock first, as everywhere: who waits for it is not inside SQLite.
        with self._lock, contextlib.suppress(Damaged, Unusable), _translated():
            self._cache.close()
            own, self._own = self._own, None
            if own is not None:
                own.close()

    def _refuse_deleted(self) -> None:
        """Write nothing into a file that has no name any more: it would be lost."""
        if _file_in(self._folder) != self._file:
            raise Deleted("another process deleted the database")

    def _connection(self) -> sqlite3.Connection:
        if self._own is None:  # closed by another thread meanwhile
            self._own = _connect(self._folder, 0)
        return self._own

    def _asked(self, statement: str, *values: object) -> list[Any]:
        """What a look that is rarely taken finds, without waiting for who writes."""
        with _translated(), contextlib.closing(_connect(self._folder)) as looking:
            return looking.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _changing(self) -> Generator[sqlite3.Connection]:
        """A transaction, for which others that write are waited for."""
        with self._lock, _translated():
            connection = self._connection()
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
            try:
                connection.execute("BEGIN IMMEDIATE")
                with _ending(connection):
                    yield connection
            finally:
                connection.execute("PRAGMA busy_timeout = 0")


def _connect(folder: Path, patience: float = _BUSY_SECONDS) -> sqlite3.Connection:
    """A connection for any thread under a lock."""
    made = sqlite3.connect(
        folder / DATABASE,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )
    made.execute("PRAGMA trusted_schema = OFF")
    made.execute("PRAGMA synchronous = NORMAL")
    return made


def _file_in(folder: Path) -> tuple[int, int] | None:
    """What tells the database's file from another of its name."""
    try:
        found = (folder / DATABASE).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _write_rows(
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
def _ending(connection: sqlite3.Connection) -> Generator[None]:
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


def _translate(error: Exception) -> None:
    """Raise what an error means: a planted or damaged file fails in one of two ways."""
    if isinstance(error, Damaged | Deleted | Unusable | Unsafe):
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


@contextlib.contextmanager
def _translated() -> Generator[None]:
    try:
        with _in_sqlite:
            yield
    except Exception as error:
        _translate(error)
        raise


_NONSENSE: Final = (TypeError, ValueError, AttributeError, KeyError, AssertionError)
