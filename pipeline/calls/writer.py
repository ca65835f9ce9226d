"""How answers reach the disk: many in one transaction, and acknowledged after it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from .waiter import Waiter

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
        """Write in this thread; False where that has to wait, or failed."""
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
