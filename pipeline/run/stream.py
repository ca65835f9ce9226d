"""Streaming a run: its events as an iterator, while it goes on.

The run is an ordinary one that also tells what happens; the iterator hands the events
over. Leaving the iterator early cancels the run. A reply is told while it arrives:
pieces of text go in, events about fields come out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from typing import Any

from ..events import Event, FieldDelta, Finished, Partial, Restarted, Sink
from ..reading.arriving import AGAIN, Delta, FieldReader
from ..trace import Run
from .bridge import clean_up, run_sync
from .settings import current, entered


async def events_of(run: Callable[[], Awaitable[Run[Any]]]) -> AsyncGenerator[Event]:
    """The events of a run, the last one `Finished`.

    Raises:
        WeftError: What the run raised, after the events that came before it.
    """
    arrived: asyncio.Queue[Event | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def sink(event: Event) -> None:
        # Steps run in threads: their events come over the loop like all others.
        loop.call_soon_threadsafe(arrived.put_nowait, event)

    async def work() -> Run[Any]:
        with entered(current().having(sink=sink)):
            try:
                return await run()
            finally:
                loop.call_soon_threadsafe(arrived.put_nowait, None)

    task = asyncio.create_task(work())
    try:
        while (event := await arrived.get()) is not None:
            yield event
        done = await task
        yield Finished(done.value, done.trace)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


def sync_events(events: AsyncGenerator[Event]) -> Generator[Event]:
    """The same events for synchronous callers, over the background loop."""

    async def following() -> Event | None:
        return await anext(events, None)

    async def leave() -> None:
        await events.aclose()

    try:
        while (event := run_sync(following())) is not None:
            yield event
    finally:
        clean_up(leave)


class Telling:
    """Turns the pieces of one module's replies into events.

    Args:
        path: The module's path.
        order: The node's place in the run.
        sink: Gets the events.
        reader: Makes what finds the fields in one reply.
    """

    def __init__(
        self,
        path: str,
        order: tuple[int, ...],
        sink: Sink,
        reader: Callable[[], FieldReader],
    ) -> None:
        self._path, self._order = path, order
        self._sink = sink
        self._new = reader
        self._reader = reader()
        # Joined when they are shown: each piece would copy what came before it.
        self._fields: dict[str, list[str]] = {}
        self._told = False
        self._kept: dict[str, str] = {}

    def keep(
        self, values: Mapping[str, Any], reader: Callable[[], FieldReader]
    ) -> None:
        """Hold on to texts of a reply that stand, whatever the next one brings.

        Args:
            values: Values by field name.
            reader: Makes what finds the fields in the next reply.
        """
        self._kept = {n: v for n, v in values.items() if isinstance(v, str)}
        self._new = reader

    def restart(self) -> None:
        """A new reply begins; what was told of the last one no longer counts."""
        self._take_back()
        self._reader = self._new()
        self._tell(self._standing())

    def show(self, text: str) -> None:
        """Tell what a piece of the reply adds to its fields."""
        self._tell(self._fresh(self._reader.feed(text)))

    def finish(self) -> None:
        """The reply has ended: tell what was held back, and the fields as they are."""
        self._tell(self._fresh(self._reader.close()))
        self.flush()

    def settle(self, texts: Mapping[str, str]) -> None:
        """The reply has been read as a whole: what was told otherwise begins again.

        Args:
            texts: The values of fields that hold any text.
        """
        told = {name: "".join(parts) for name, parts in self._fields.items()}
        if any(told.get(name, "") != text for name, text in texts.items()):
            self._take_back()
            self._tell(Delta(*item) for item in {**told, **texts}.items())
            self.flush()

    def _fresh(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        """What a reply adds to what stands; when it begins again, that stands still."""
        for delta in deltas:
            if delta.field not in self._kept:
                yield delta
            if delta == AGAIN:
                yield from self._standing()

    def _standing(self) -> Iterator[Delta]:
        return (Delta(name, text) for name, text in self._kept.items())

    def _tell(self, deltas: Iterable[Delta]) -> None:
        for delta in deltas:
            if delta == AGAIN:
                self._take_back()
                continue
            if delta.field not in self._fields:
                self.flush()
            self._fields.setdefault(delta.field, []).append(delta.text)
            self._told = True
            self._sink(FieldDelta(self._path, delta.field, delta.text, self._order))

    def _take_back(self) -> None:
        if self._told:
            self._sink(Restarted(self._path, self._order))
        self._fields, self._told = {}, False

    def flush(self) -> None:
        """Tell the fields written so far."""
        if self._fields:
            texts = {name: "".join(told) for name, told in self._fields.items()}
            self._sink(Partial(self._path, texts, self._order))
