"""What crosses event loops and forks: waiters, what a loop or a process has one of.

`asyncio` primitives belong to one loop. Limits, budgets and shared flights belong to
the process (`PerProcess`), so they queue a `Waiter` instead. Connections belong to the
loop that opened them: `PerLoop` holds one for each. And a synchronous call takes its
first step (`Begun`) in its caller's own thread, because to bring it to the loop's
thread and its result back takes several times as long as to find an answer in a cache.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import weakref
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
)
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, Final, Generic, Protocol, TypeVar

from .system import at_fork

K = TypeVar("K")
T = TypeVar("T")

_EXIT_SECONDS: Final = 1.0
_ahead: Final[ContextVar[bool]] = ContextVar("weft_ahead", default=False)


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
        Waiter.wake_all((self,))

    @staticmethod
    def wake_all(waiters: Iterable[Waiter]) -> None:
        """Wake many; each event loop is disturbed once."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Waiter]] = {}
        for waiter in waiters:
            by_loop.setdefault(waiter._loop, []).append(waiter)
        here = _running()
        for loop, ours in by_loop.items():
            if loop is here:  # at home: no need to wake the loop from outside
                Waiter._set_all(ours)
                continue
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(Waiter._set_all, ours)

    @staticmethod
    def _set_all(waiters: list[Waiter]) -> None:
        for waiter in waiters:
            if not waiter._future.done():
                waiter._future.set_result(None)


class PerProcess(Generic[K, T]):
    """What a process has one of for each key, whatever thread or loop asks.

    Args:
        make: Makes the one of a key.
        afresh: Readies one for a forked child; where there is none a child makes its
            own, because what its parent has under way never ends there.
    """

    def __init__(
        self, make: Callable[[K], T], afresh: Callable[[T], None] | None = None
    ) -> None:
        self._make = make
        self._afresh = afresh
        self._made: dict[K, T] = {}
        self._lock = threading.Lock()
        self.get: Final[Callable[[K], T | None]] = self._made.get
        at_fork(after_in_child=self._forget)

    def __call__(self, key: K) -> T:
        """The one of a key, made when it is first asked for."""
        found = self._made.get(key)
        if found is None:
            with self._lock:
                found = self._made.get(key)
                if found is None:
                    found = self._made[key] = self._make(key)
        return found

    def _forget(self) -> None:
        self._lock = threading.Lock()  # it may be held by a thread that is no more
        if self._afresh is None:
            self._made.clear()
        else:
            for one in self._made.values():
                self._afresh(one)


class Forgetful(Protocol):
    """What a forked child has to make afresh, such as a lock."""

    def forget(self) -> None:
        """Start afresh: a thread that is no more may hold a lock."""
        ...


def afresh_in_children(one: Forgetful) -> None:
    """Have `forget` of something called in every forked child, as long as it lives."""
    _forgetful.add(one)


_forgetful: Final = weakref.WeakSet[Forgetful]()


def _forget_all() -> None:
    for one in list(_forgetful):
        one.forget()


at_fork(after_in_child=_forget_all)


class Turnstile:
    """Lets threads into a place that no fork may find them in.

    A fork waits until nobody but its own thread is inside, and lets nobody in until it
    is over. A thread that is inside may enter again.

    Args:
        patience: Seconds that a fork waits; then it goes on, as it would without.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.forget()

    def forget(self) -> None:
        """In a forked child: whoever was inside stayed with the parent."""
        self._state = threading.Condition()  # around an RLock: a signal may fork, too
        self._inside: dict[int, int] = {}  # how often, by thread
        self._forking: list[int] = []

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._state:
            while self._forking and me not in self._inside and me not in self._forking:
                self._state.wait()
            self._inside[me] = self._inside.get(me, 0) + 1

    def __exit__(self, *_: object) -> None:
        me = threading.get_ident()
        with self._state:
            left = self._inside.pop(me, 1) - 1
            if left:
                self._inside[me] = left
            elif self._forking:
                self._state.notify_all()

    def shut(self) -> None:
        """Before a fork: wait until the others are out."""
        me = threading.get_ident()
        with self._state:
            self._forking.append(me)
            self._state.wait_for(lambda: self._inside.keys() <= {me}, self._patience)

    def open(self) -> None:
        """In the parent of a fork: let everybody in again."""
        with self._state:
            self._forking.remove(threading.get_ident())
            self._state.notify_all()


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class PerLoop(Generic[T]):
    """A resource of the running loop, closed when its loop ends.

    asyncio has one hook for a loop's end: it closes the asynchronous generators that
    were started in it, so each resource is held by one. Loops that nobody shuts down
    are dealt with at interpreter exit.

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
        at_fork(after_in_child=self._forget)

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
        closing: list[Future[None]] = []
        for loop, (_, keeper) in list(self._open.items()):
            with suppress(Exception):  # an exit raises nothing
                if loop.is_running():
                    end = keeper.aclose()
                    closing.append(asyncio.run_coroutine_threadsafe(end, loop))
                elif not loop.is_closed():
                    loop.run_until_complete(keeper.aclose())
        wait(closing, timeout=_EXIT_SECONDS)  # for all of them together, and no longer
        self._abandon_dead()


is_ahead: Final = _ahead.get
"""Whether this is the first step of a call, in its caller's own thread."""


class _NeedsLoop:
    def __await__(self) -> Generator[None, None, None]:
        if _ahead.get():
            yield


needs_loop: Final = _NeedsLoop()
"""Awaited before anything that needs a loop: a call goes on in one only."""


class Begun(Generic[T]):
    """A call whose first step is done.

    Args:
        work: The call; nothing in it needs a loop before `needs_loop` is awaited.

    >>> async def known() -> int:
    ...     return 7
    >>> begun = Begun(known())
    >>> begun.ended, begun.value
    (True, 7)
    """

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self.context: Final = copy_context()
        self.ended = False
        self.context.run(_ahead.set, True)
        try:
            self.context.run(work.send, None)
        except StopIteration as end:
            self.ended = True
            self.value: T = end.value
        else:
            self.context.run(_ahead.set, False)

    async def rest(self) -> T:
        """Whatever is left of the call, in a loop; to be run in `context`."""
        return await self

    def __await__(self) -> Generator[Any, Any, T]:
        return self._work.__await__()  # begun already, `await` itself would refuse it
