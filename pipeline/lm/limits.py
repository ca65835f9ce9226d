"""How many calls an endpoint gets at once, and how that adapts to its 429s.

Additive increase, multiplicative decrease, as in TCP: a refusal for load halves the
limit, at most once in a window, and successes raise it slowly again. A limiter belongs
to the process, not to one event loop or thread, because an endpoint's rate limit does.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final

from ..errors import Overloaded, RateLimited
from .waiter import Waiter

DEFAULT_CEILING: Final = 1024
_OTHER_FILES: Final = 64  # of the process: the cache's, the user's own


class Limiter:
    """A fair, adaptive limit on the calls in flight; safe in threads and loops.

    Args:
        ceiling: The most that may ever be in flight, and the limit to start with;
            by default 1,024, or fewer where the process may not open so many files.
        window: Seconds in which the limit is halved at most once.
        clock: Seconds that only grow; for tests.
    """

    def __init__(
        self,
        ceiling: int | None = None,
        *,
        window: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ceiling = _most() if ceiling is None else ceiling
        self._window = window
        self._clock = clock
        self._limit = float(self._ceiling)
        self._halved_at = float("-inf")
        self._in_flight = 0
        self._queue: deque[Waiter] = deque()
        # A collected coroutine may leave in the middle of any statement, in this
        # thread: a plain lock would wait for itself.
        self._lock = threading.RLock()

    @property
    def limit(self) -> int:
        """How many calls may be in flight now."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        """How many calls are in flight."""
        return self._in_flight

    def slot(self) -> _Slot:
        """Hold a slot, first come, first served, and learn from the outcome."""
        return _Slot(self)

    async def enter(self) -> None:
        """Wait for a place in flight, and take it."""
        with self._lock:
            if not self._queue and self._in_flight < self.limit:
                self._in_flight += 1
                return
            waiter = Waiter()
            self._queue.append(waiter)
        try:
            await waiter.wait()
        except BaseException:
            with self._lock:
                if waiter in self._queue:
                    self._queue.remove(waiter)
                else:  # it had been let in already: the slot goes to the next
                    self._free(grow=0.0)
            raise

    def leave(self, error: BaseException | None) -> None:
        """Give a place back, and learn from how it ended."""
        self._free(grow=1.0 if error is None else 0.0)
        if isinstance(error, RateLimited | Overloaded):
            self._halve()

    def _free(self, *, grow: float) -> None:
        with self._lock:
            self._in_flight -= 1
            if grow and self._limit < self._ceiling:
                self._limit = min(self._ceiling, self._limit + grow / self._limit)
            while self._queue and self._in_flight < self.limit:
                self._in_flight += 1
                self._queue.popleft().wake()

    def _halve(self) -> None:
        with self._lock:
            now = self._clock()
            if now - self._halved_at >= self._window:
                self._halved_at = now
                self._limit = max(1.0, self._limit / 2)


class _Slot:
    """One place in flight: `async with limiter.slot()`."""

    __slots__ = ("_limiter",)

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    async def __aenter__(self) -> None:
        await self._limiter.enter()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._limiter.leave(error)


def _most() -> int:
    """How many connections at once the process has room for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return DEFAULT_CEILING
    return max(1, min(DEFAULT_CEILING, files - _OTHER_FILES))


_limiters: dict[str, Limiter] = {}
_limiters_lock = threading.Lock()


def _forget() -> None:
    """In a forked child: what its parent has in flight never ends there."""
    global _limiters_lock  # noqa: PLW0603 - it may be held by a thread that is no more
    _limiters_lock = threading.Lock()
    _limiters.clear()


os.register_at_fork(after_in_child=_forget)


def shared_limiter(endpoint: str) -> Limiter:
    """The process's limiter of an endpoint."""
    found = _limiters.get(endpoint)
    if found is not None:
        return found
    with _limiters_lock:
        return _limiters.setdefault(endpoint, Limiter())
