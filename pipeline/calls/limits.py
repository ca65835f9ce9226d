"""How many calls an endpoint gets at once, which adapts to its refusals and its pace.

Additive increase, multiplicative decrease, as in TCP: a refusal for load halves the
limit, at most once in a window, and so do answers that take several times as long as
they used to; successes raise it slowly again. A limiter belongs to the process, not to
one event loop or thread, because an endpoint's rate limit does.

Where it is known how many calls a server answers at once, no more are sent than that
and a few that wait there, so that no slot is idle while the next call is on its way.
Several calls with one prompt then follow one another (`same_prompt`): a slot keeps the
prompt that it read last.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from ..errors import DeadlineExceeded, Overloaded, RateLimited
from ..ground.loops import PerProcess, Waiter, afresh_in_children
from ..ground.system import most_files
from ..lm.known import slots_of, watch

DEFAULT_CEILING: Final = 1024
_OTHER_FILES: Final = 64  # of the process: the cache's, the user's own
_ROUNDS: Final = 64  # of successes for the whole limit, to grow from 1 to the ceiling
_RECENT, _USUAL = 1 / 16, 1 / 512  # the weight of one answer in either average
_SLOWER: Final = 4.0
_OUTLIER: Final = 8.0


def ceiling_for(slots: int) -> int:
    """The calls in flight that keep so many slots busy.

    Half as many again wait at the server: when slots fall free, each finds its next
    call there. More would only wait longer, and the time of a call runs from when it is
    sent: with this many it has its answer in one and a half times what the answer takes
    by itself, and with one slot in twice that.

    >>> [ceiling_for(slots) for slots in (1, 4, 16)]
    [2, 6, 24]
    """
    return slots + max(1, slots // 2)


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
        self._widest = self._ceiling
        self._slots: int | None = None
        self._halved_at = float("-inf")
        self._usual = self._recent = 0.0  # seconds that an answer takes, on average
        self.forget()
        afresh_in_children(self)

    def forget(self) -> None:
        """Start afresh, as a forked child must: its parent's calls never end there."""
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

    def bound(self, slots: int | None) -> None:
        """Be told how many calls the server answers at once; None is unknown again.

        Calls in flight end as they would; the next ones enter under the new ceiling.
        """
        with self._lock:
            if slots == self._slots:
                return
            before, self._slots = self._ceiling, slots
            most = self._widest if slots is None else ceiling_for(slots)
            self._ceiling = min(most, self._widest)
            if self._limit >= before:  # nothing has spoken against more
                self._limit = float(self._ceiling)
            self._limit = min(self._limit, float(self._ceiling))
            self._admit()

    async def enter(self) -> float:
        """Take a place, first come, first served; gives what `leave` takes."""
        with self._lock:
            if not self._queue and self._in_flight < self.limit:
                self._in_flight += 1
                return self._clock()
            waiter = Waiter()
            self._queue.append(waiter)
        await _let_in(waiter, self._queue, self._lock, lambda: self._free(grow=False))
        return self._clock()

    def leave(self, entered: float, error: BaseException | None) -> None:
        """Give a place back, and learn from how the call ended and how long it took.

        Args:
            entered: What `enter` gave.
            error: What the call raised, or None.
        """
        if isinstance(error, DeadlineExceeded):
            self._wait_here()
        slow = error is None and self._slows_down(self._clock() - entered)
        self._free(grow=error is None and not slow)
        if slow or isinstance(error, RateLimited | Overloaded):
            self._halve()

    def _slows_down(self, seconds: float) -> bool:
        """Whether answers take several times as long as usual; asked at each of them.

        The new pace is then the usual one: answers that are longer for another reason,
        such as another kind of question, halve the limit once and not again.
        """
        with self._lock:
            usual = self._usual or seconds
            recent = (self._recent or seconds) * (1 - _RECENT)
            recent += min(seconds, _OUTLIER * usual) * _RECENT
            in_use = 2 * self._in_flight >= self._limit
            slow = in_use and recent > _SLOWER * usual
            self._usual = recent if slow else usual + (seconds - usual) * _USUAL
            self._recent = recent
            return slow

    def _wait_here(self) -> None:
        """Where calls run out of time, let none wait in the server's queue."""
        with self._lock:
            if self._slots is not None:
                self._ceiling = min(self._ceiling, self._slots)
                self._limit = min(self._limit, float(self._ceiling))

    def _free(self, *, grow: bool) -> None:
        with self._lock:
            self._in_flight -= 1
            if grow and self._limit < self._ceiling:
                more = max(1.0, self._ceiling / _ROUNDS) / self._limit
                self._limit = min(self._ceiling, self._limit + more)
            self._admit()

    def _admit(self) -> None:
        while self._queue and self._in_flight < self.limit:
            self._in_flight += 1
            self._queue.popleft().wake()

    def _halve(self) -> None:
        with self._lock:
            now = self._clock()
            if now - self._halved_at >= self._window:
                self._halved_at = now
                self._limit = max(1.0, self._limit / 2)


async def _let_in(
    waiter: Waiter,
    queue: deque[Waiter],
    lock: threading.RLock,
    hand_on: Callable[[], None],
) -> None:
    """Wait in a queue; whoever is cancelled leaves it, or hands the place on."""
    try:
        await waiter.wait()
    except BaseException:
        with lock:
            if waiter in queue:
                queue.remove(waiter)
            else:  # it had been let in already
                hand_on()
        raise


class _Prompts:
    """The prompts of which a server is asked several things now, one a slot."""

    def __init__(self) -> None:
        self.forget()
        afresh_in_children(self)

    def forget(self) -> None:
        """Start afresh, as a forked child must."""
        self._held = 0
        self._queue: deque[Waiter] = deque()
        self._lock = threading.RLock()

    async def take(self, slots: int) -> None:
        with self._lock:
            if self._held < slots:
                self._held += 1
                return
            waiter = Waiter()
            self._queue.append(waiter)
        await _let_in(waiter, self._queue, self._lock, self.leave)

    def leave(self) -> None:
        """Hand the place to who waits longest."""
        with self._lock:
            if self._queue:
                self._queue.popleft().wake()
            else:
                self._held -= 1


@asynccontextmanager
async def same_prompt(endpoint: str) -> AsyncGenerator[None]:
    """While it is entered, calls with one prompt have a slot of the server for them.

    A slot keeps what it read last, and rows that take turns call by call would each
    have their prompt read anew for every answer. Where a server's slots are not known
    nobody waits.
    """
    slots = slots_of(endpoint)
    if slots is None:
        yield
        return
    held = _prompts(endpoint)
    await held.take(slots)
    try:
        yield
    finally:
        held.leave()


_prompts: Final = PerProcess[str, _Prompts](lambda _: _Prompts())


def _most() -> int:
    """How many connections at once the process has room for."""
    files = most_files()
    if files is None:
        return DEFAULT_CEILING
    return max(1, min(DEFAULT_CEILING, files - _OTHER_FILES))


_limiters: Final = PerProcess[str, Limiter](lambda _: Limiter())


def shared_limiter(endpoint: str) -> Limiter:
    """The process's limiter of an endpoint."""
    found = _limiters.get(endpoint)
    if found is None:
        found = _limiters(endpoint)
        found.bound(slots_of(endpoint))
    return found


def _bound(endpoint: str) -> None:
    """What is known of an endpoint's slots may be new."""
    found = _limiters.get(endpoint)
    if found is not None:
        found.bound(slots_of(endpoint))


watch(_bound)
