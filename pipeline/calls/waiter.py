"""A place in a queue that any thread may wake, whatever event loop it belongs to.

`asyncio` primitives belong to one loop. Limits, budgets and shared flights belong to
the process, so they queue these instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress


class Waiter:
    """One coroutine that waits until somebody, in any thread, wakes it."""

    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    async def wait(self) -> None:
        """Return once woken; a cancellation passes through and harms nobody else."""
        await self._future

    def wake(self) -> None:
        """Wake the coroutine; waking twice, or after its loop closed, does nothing."""
        if _running() is self._loop:
            self._set()  # at home: no need to wake the loop from outside
            return
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._set)

    @staticmethod
    def wake_all(waiters: Iterable[Waiter]) -> None:
        """Wake many; each event loop is disturbed once."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Waiter]] = {}
        for waiter in waiters:
            by_loop.setdefault(waiter._loop, []).append(waiter)
        here = _running()
        for loop, ours in by_loop.items():
            if loop is here:
                Waiter._set_all(ours)
                continue
            with suppress(RuntimeError):  # as above
                loop.call_soon_threadsafe(Waiter._set_all, ours)

    def _set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    @staticmethod
    def _set_all(waiters: list[Waiter]) -> None:
        for waiter in waiters:
            waiter._set()


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
