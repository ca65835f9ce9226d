"""What the bodies of one run did so far, and what they have under way.

A run that is suspended must do nothing twice once it goes on. So whoever ends it waits
until what is under way elsewhere in it is done and kept, and from then on nothing more
begins.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from ..errors import Suspended
from .loops import Waiter

T = TypeVar("T")
Entries = dict[str, list[dict[str, Any]]]
"""What each body kept, in order, by the body's place in the run."""

_within: Final[ContextVar[frozenset[object]]] = ContextVar(
    "weft_within", default=frozenset()
)
"""The works inside of which something runs, which cannot wait for them."""


class UnderWay:
    """What bodies of one run are doing, in whatever loop and thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: set[object] = set()
        self._waiters: list[Waiter] = []
        self._ended: Suspended | None = None

    @contextmanager
    def work(self) -> Generator[None]:
        """Something that is to be kept when it is done.

        Raises:
            Suspended: The run is being suspended: nothing more begins.
        """
        one, ended = object(), None
        with self._lock:
            ended = self._ended
            if ended is None:
                self._works.add(one)
        if ended is not None:
            raise Suspended(ended.message, hint=ended.hint, data=ended.data)
        token = _within.set(_within.get() | {one})
        try:
            yield
        finally:
            _within.reset(token)
            self._done(one)

    async def paid(self, answer: Awaitable[T]) -> T:
        """The answer to a call, which a cache keeps: whoever ends the run waits for it.

        What begins after that is not waited for, and ends with the run.
        """
        one = object()
        self._works.add(one)  # each step is whole, and so takes no lock
        if self._ended is not None:
            self._works.discard(one)
        try:
            return await answer
        finally:
            self._done(one)

    def _done(self, one: object) -> None:
        self._works.discard(one)
        if self._waiters:  # who waits has said so before it looked at the works
            with self._lock:
                waiters, self._waiters = self._waiters, []
            Waiter.wake_all(waiters)

    def end(self, error: Suspended) -> Suspended:
        """Let nothing more begin; gives the error that was the first to end the run."""
        with self._lock:
            self._ended = self._ended or error
            return self._ended

    async def settled(self) -> None:
        """Wait until nothing is under way but what the caller is inside of."""
        while True:
            waiter = Waiter()
            with self._lock:
                self._waiters.append(waiter)
            if self._works <= _within.get():
                return
            await waiter.wait()


@dataclass
class Journal:
    """What the bodies of one run did so far; the run's own, and filled as it goes.

    Args:
        entries: What each body kept, by its place.
        before: What goes before the order of a node here.
        under_way: What they are doing.
    """

    entries: Entries = field(default_factory=lambda: {})
    before: tuple[int, ...] = ()
    under_way: UnderWay = field(default_factory=UnderWay)

    def place(self, path: str, order: tuple[int, ...]) -> str:
        """The name of a body's place in the run."""
        return f"{path}:{'.'.join(map(str, self.before + order))}"

    def inside(self, order: tuple[int, ...]) -> Journal:
        """The same journal for a run inside another, whose orders begin anew."""
        return Journal(self.entries, self.before + order, self.under_way)

    @property
    def copied(self) -> Entries:
        """The entries as they are now, as data of its own."""
        return copied(self.entries)


def copied(entries: Mapping[str, Any]) -> Entries:
    """Entries as data of its own."""
    made: Entries = json.loads(json.dumps(entries))
    return made
