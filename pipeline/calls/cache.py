"""Answers kept by request key: in memory up to a number of bytes, and on disk.

A damaged or planted entry is a miss, never an error and never a wrong answer: each
entry carries a digest over its key and its bytes, and is read as JSON only. Nothing is
evicted from disk unless `prune` is asked to. Nothing is written before the first `put`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from ..ground.files import Unusable, prepare_folder
from ..ground.lazy import first_use
from ..ground.loops import Waiter, afresh_in_children
from ..ground.system import cache_place
from ..lm.request import Response
from .claims import Claims, claims_in
from .database import DATABASE, Damaged, Deleted, move_aside
from .store import (
    DEFAULT_MEMORY,
    CacheStats,
    MemoryCache,
    SharedStore,
    Unsafe,
    Verified,
    decode,
    encode,
)

if TYPE_CHECKING:
    from .disk import DiskStore

__all__ = ["Cache", "CacheStats", "MemoryCache", "Verified"]

T = TypeVar("T")

_AT_ONCE: Final = 256 * 2**10  # bytes written without a thread
_FIRST_WAIT: Final = 0.002  # seconds between looks at another process's claim
_LONGEST_WAIT: Final = 0.05
_PATIENCE: Final = 300.0  # then the other process has stopped, and we ask ourselves
_log: Final = logging.getLogger("weft")


class Writer:
    """Writes what has gathered in one turn of the event loop, in one transaction.

    Args:
        write: Writes items, however long it takes; called in a thread of its own.
        write_now: Writes a few items at once, or says that it would have to wait.
    """

    def __init__(
        self,
        write: Callable[[list[tuple[str, bytes]]], None],
        write_now: Callable[[list[tuple[str, bytes]]], bool],
    ) -> None:
        self._write = write
        self._write_now = write_now
        self.forget()

    def forget(self) -> None:
        """Start afresh, as a forked child must: the thread does not come along."""
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, bytes, Waiter]] = []
        self._busy = False
        self._thread: ThreadPoolExecutor | None = None

    async def write(self, key: str, blob: bytes) -> None:
        """Return once the bytes are written."""
        waiter = Waiter()
        with self._lock:
            self._waiting.append((key, blob, waiter))
        if not self._busy:
            # Not at once: what else is ready in this turn of the loop comes along.
            asyncio.get_running_loop().call_soon(self._start)
        await waiter.wait()

    def close(self) -> None:
        """Wait until all is written, and end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()
        self._drain()

    def _start(self) -> None:
        with self._lock:
            if self._busy or not self._waiting:
                return
            self._busy = True
            items, self._waiting = self._waiting, []
        if self._written_now(items):
            return
        with self._lock:
            self._waiting = items + self._waiting
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "weft-cache")
            self._thread.submit(self._drain)

    def _written_now(self, items: list[tuple[str, bytes, Waiter]]) -> bool:
        done = False
        try:
            done = self._write_now([(key, blob) for key, blob, _ in items])
        except Exception:  # noqa: BLE001 - the thread tries again, and whoever waits is woken
            _log.exception("answers could not be written at once")
        if done:
            with self._lock:
                self._busy = False
                more = bool(self._waiting)
            Waiter.wake_all(waiter for _, _, waiter in items)
            if more:  # of another loop, that came while we wrote
                self._start()
        return done

    def _drain(self) -> None:
        while True:
            with self._lock:
                items, self._waiting = self._waiting, []
                self._busy = bool(items)
            if not items:
                return
            try:
                self._write([(key, blob) for key, blob, _ in items])
            except Exception:  # noqa: BLE001 - whoever waits must be woken
                _log.exception("answers could not be written to the cache")
            finally:
                Waiter.wake_all(waiter for _, _, waiter in items)


class Cache(SharedStore):
    """Answers on disk, with memory in front; safe in threads, loops and processes.

    Args:
        path: The folder; by default the one in `WEFT_CACHE`, or `.weft/cache` here.
        memory_bytes: The most that the memory layer may take.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        memory_bytes: int = DEFAULT_MEMORY,
    ) -> None:
        self.path: Final = Path(path or cache_place()).absolute()
        self._memory = MemoryCache(memory_bytes)
        self._writer = Writer(self._write, self._write_now)
        self._lock = threading.RLock()
        self._counts: dict[str, int] = {}
        self._store: DiskStore | None = None
        self._left: object = None
        self._claims: Claims | None = None
        self._unclaimed = False
        self._unusable = False
        self._warned = False
        afresh_in_children(self)

    def forget(self) -> None:
        """Start afresh, as a forked child must: connections do not come along."""
        self._lock = threading.RLock()
        self._writer.forget()
        # Never closed here: SQLite forbids it to use a connection across a fork.
        self._left, self._store = (self._left, self._store), None

    def get(self, key: str) -> Response | None:
        """The answer to a request, marked as cached, or None.

        A disk read takes tens of microseconds, so it is done in place.
        """
        found = self._memory.get(key)
        if found is not None:
            return found
        found = self._read(key)
        if found is not None:
            self._count("disk_hits")
        return found

    def recall(self, key: str) -> Response | None:
        """The answer, where it is in memory: no file is opened for this thread."""
        return self._memory.recall(key)

    async def put(self, key: str, response: Response) -> None:
        """Keep an answer: when this returns it is on disk, or a counted write error."""
        self._memory.keep(key, response)
        try:
            blob = encode(key, response)
        except ValueError as error:
            self._trouble("write_errors", f"an answer cannot be written: {error}")
            return
        await self._writer.write(key, blob)

    async def claim(self, key: str, patience: float | None = None) -> Response | None:
        """Wait for this process's turn, or for the answer that another one brings."""
        claims = self._claims_here()
        wait, waited = _FIRST_WAIT, 0.0
        most = _PATIENCE if patience is None else min(patience, _PATIENCE)
        while claims is not None and waited < most and not claims.take(key):
            await asyncio.sleep(wait)
            waited, wait = waited + wait, min(2 * wait, _LONGEST_WAIT)
        found = self._read(key)
        if found is not None:
            self._count("disk_hits")
            self.release(key)
        return found

    def release(self, key: str) -> None:
        """Let other processes have their turn; the answer, if any, is on disk."""
        if self._claims is not None:
            self._claims.give_back(key)

    def verify(self) -> Verified:
        """Check every entry on disk against its digest; nothing is changed."""
        whole = 0
        damaged: list[str] = []
        try:
            store = self._opened(create=False)
            for key, blob in () if store is None else store.rows():
                if _fits(key, blob):
                    whole += 1
                else:
                    damaged.append(key if isinstance(key, str) else repr(key)[:80])
        except (Damaged, Unusable) as error:
            return Verified(whole, tuple(damaged), str(error))
        return Verified(whole, tuple(damaged))

    def stats(self) -> CacheStats:
        """Counts and sizes."""
        memory = self._memory.stats()
        size = self._on_disk(lambda store: (store.count(), store.volume()))
        entries, volume = size or (0, 0)
        with self._lock:
            counts = dict(self._counts)
        return replace(
            memory,
            **counts,
            misses=memory.misses - counts.get("disk_hits", 0),
            disk_entries=entries,
            disk_bytes=volume,
        )

    def clear(self) -> int:
        """Delete every answer and return how many there were on disk."""
        self._memory.clear()
        return self._on_disk(lambda store: store.clear()) or 0

    def prune(self, max_bytes: int) -> int:
        """Delete the oldest answers until the database is small enough.

        Args:
            max_bytes: The size of the database that is small enough.

        Returns:
            How many answers were deleted.
        """
        self._memory.clear()
        return self._on_disk(lambda store: store.prune(max_bytes)) or 0

    def close(self) -> None:
        """Finish writing and close; a later use opens the cache again."""
        self._writer.close()
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _claims_here(self) -> Claims | None:
        """The claims in our folder, or None where it cannot hold any."""
        if self._claims is None and not self._unclaimed:
            try:
                prepare_folder(self.path)
                self._claims = claims_in(self.path)
            except (OSError, Unusable, Damaged):
                self._unclaimed = True  # the store itself will say why
        return self._claims

    def _read(self, key: str) -> Response | None:
        blob = self._on_disk(lambda store: store.read(key))
        if blob is None:
            return None
        try:
            found = decode(key, blob)
        except Unsafe as error:
            self._trouble("damaged", f"an entry is damaged: {error}")
            return None
        self._memory.keep(key, found)
        return found

    def _write(self, items: list[tuple[str, bytes]]) -> None:
        """Write items in one transaction, in the writer's thread."""

        def write(store: DiskStore) -> bool:
            store.write(items)
            return True

        # The second attempt goes to the new database where the first found damage.
        if any(self._on_disk(write, create=True) for _ in range(2)):
            self._count("writes", len(items))
        else:
            self._count("write_errors", len(items))

    def _write_now(self, items: list[tuple[str, bytes]]) -> bool:
        """Write a little at once, in the caller's thread; False where it has to wait.

        A transaction of a few rows takes less time than handing it to a thread does.
        """
        if self._store is None or sum(len(blob) for _, blob in items) > _AT_ONCE:
            return False
        written = bool(self._on_disk(lambda store: store.write_now(items)))
        if written:
            self._count("writes", len(items))
        return written

    def _on_disk(
        self, work: Callable[[DiskStore], T], *, create: bool = False
    ) -> T | None:
        """What the work gives; None where there is no store, or it fails."""
        store = self._store
        try:
            if store is None:
                store = self._opened(create=create)
            return None if store is None else work(store)
        except Unsafe as error:
            self._trouble("damaged", f"an entry was refused: {error}")
        except Damaged as error:
            self._rebuild(store, error)
        except Deleted as error:
            self._forsake(store)
            self._trouble("damaged", f"{error}; a new one is made")
        except Unusable as error:
            self._trouble("unusable", str(error))
            self._unusable |= store is None
        return None

    def _opened(self, *, create: bool) -> DiskStore | None:
        with self._lock:
            if self._store is None and not self._unusable:
                with first_use:
                    from .disk import DiskStore  # noqa: PLC0415 - when first used

                if create or os.path.lexists(self.path / DATABASE):
                    self._store = DiskStore(self.path)
            return self._store

    def _forsake(self, store: DiskStore | None) -> None:
        """Open what stands under the name now when the store is next used."""
        with self._lock:
            if self._store is store:
                self._store = None
        if store is not None:
            store.close()

    def _rebuild(self, store: DiskStore | None, error: Damaged) -> None:
        with self._lock:
            if self._store is not store:
                return  # another thread was here first
            self._store = None
            try:
                move_aside(self.path)
            except OSError as failed:
                self._unusable = True
                self._trouble("unusable", str(failed.strerror))
        if store is not None:
            store.close()
        self._trouble("damaged", f"{error}; it was moved aside and a new one is made")

    def _count(self, name: str, by: int = 1) -> None:
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + by

    def _trouble(self, name: str, what: str) -> None:
        """Count a fault, and tell of the first one only."""
        self._count(name)
        if not self._warned:
            self._warned = True
            _log.warning("the cache in %s: %s", self.path, what)


def _fits(key: object, blob: bytes | None) -> bool:
    if blob is None or not isinstance(key, str):
        return False
    try:
        decode(key, blob)
    except Unsafe:
        return False
    return True
