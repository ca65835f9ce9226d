"""One resource for each event loop, closed when its loop ends.

Connections belong to the loop that opened them, and asyncio has one hook for a loop's
end: it closes the asynchronous generators that were started in it. So each resource is
held by one. Loops that nobody shuts down are dealt with at interpreter exit.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_EXIT_SECONDS: Final = 1.0


class PerLoop(Generic[T]):
    """A resource of the running loop.

    Args:
        make: Makes one; called in the loop that it is for.
        close: Closes one, in its loop.
        abandon: Lets go of one whose loop is closed already, where nothing can be
            awaited any more.
    """

    def __init__(
        self,
        make: Callable[[], T],
        close: Callable[[T], Awaitable[None]],
        abandon: Callable[[T], None] = lambda _: None,
    ) -> None:
        self._make = make
        self._close = close
        self._abandon = abandon
        self._lock = threading.Lock()
        self._open: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[T]]] = {}
        self._left: list[object] = []
        atexit.register(self._close_all)
        os.register_at_fork(after_in_child=self._forget)

    async def here(self) -> T:
        """The running loop's own, made when it is first asked for."""
        loop = asyncio.get_running_loop()
        found = self._open.get(loop)
        if found is not None:
            return found[0]
        self._abandon_dead()
        keeper = self._keep(loop)
        resource = await anext(keeper)
        self._open[loop] = (resource, keeper)
        return resource

    async def _keep(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[T]:
        resource = self._make()
        try:
            yield resource
        finally:
            self._open.pop(loop, None)
            await self._close(resource)

    def _forget(self) -> None:
        """In a forked child: the resources are the parent's, and must not be closed.

        To close a connection would take it out of the parent's own selector.
        """
        self._lock = threading.Lock()
        self._left.append(self._open)
        self._open = {}

    def _abandon_dead(self) -> None:
        with self._lock:
            # A copy, made at once: other threads open and close theirs meanwhile.
            for loop in [loop for loop in list(self._open) if loop.is_closed()]:
                left = self._open.pop(loop, None)
                if left is not None:
                    self._abandon(left[0])

    def _close_all(self) -> None:
        for loop, (_, keeper) in list(self._open.items()):
            with suppress(Exception):  # an exit waits for nobody, and raises nothing
                if loop.is_running():
                    closing = asyncio.run_coroutine_threadsafe(keeper.aclose(), loop)
                    closing.result(timeout=_EXIT_SECONDS)
                elif not loop.is_closed():
                    loop.run_until_complete(keeper.aclose())
        self._abandon_dead()
