"""What a synchronous call can do before it needs an event loop: find its answer.

To bring a call to the loop's thread and its result back wakes two threads, which takes
several times as long as to find an answer in a cache. So the caller's own thread takes
the first step, and where a model has to be asked the call goes on in the loop.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import ContextVar, copy_context
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_ahead: Final[ContextVar[bool]] = ContextVar("weft_ahead", default=False)


def is_ahead() -> bool:
    """Whether this is the first step of a call, in its caller's own thread."""
    return _ahead.get()


class _Loop:
    """Awaited where a call goes on in a loop only."""

    def __await__(self) -> Generator[None, None, None]:
        if _ahead.get():
            yield


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
        return await _Rest(self._work)


class _Rest(Generic[T]):
    """A coroutine that has begun, to be awaited: as it is, `await` would refuse it."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        return self._work.__await__()


needs_loop: Final = _Loop()
"""Awaited before anything that needs a loop."""
