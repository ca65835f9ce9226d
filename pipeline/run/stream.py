"""Streaming a run: its events as an iterator, while it goes on.

The run is an ordinary one that also tells what happens; the iterator hands the events
over. Leaving the iterator early cancels the run.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from ..events import Event, Finished
from ..trace import Run
from .bridge import run_sync
from .settings import current, entered


async def events_of(
    run: Callable[[], Awaitable[Run[Any]]],
) -> AsyncGenerator[Event]:
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
        run_sync(leave())
