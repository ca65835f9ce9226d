"""Results in the order of the rows, of any number of rows, in bounded memory."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Final, TypeVar

from ..errors import BudgetExceeded
from .rows import BURST, require_count

T = TypeVar("T")
V = TypeVar("V")
_AHEAD: Final = 4


async def in_order(
    work: Callable[[T], Awaitable[V]], rows: Iterable[T], concurrency: int
) -> AsyncGenerator[V]:
    """Results in the order of the rows; at most `concurrency` rows run at once.

    Rows are taken from the iterable as room comes free, so that neither they nor the
    results pile up. Leaving early cancels what is under way; where a budget ends it is
    not cancelled, since it is paid for.

    Raises:
        ConfigError: `concurrency` is not at least 1.
    """
    require_count(concurrency, "concurrency")
    under_way: deque[asyncio.Task[V]] = deque()
    source, slots = iter(rows), asyncio.Semaphore(concurrency)
    ended: list[BudgetExceeded] = []

    async def one(row: T) -> V:
        async with slots:
            if ended:
                raise ended[0]
            try:
                return await work(row)
            except BudgetExceeded as error:
                ended.append(error)
                raise

    try:
        while True:
            # Rows behind a slow one go on: the window is wider than the slots.
            more = itertools.islice(source, _AHEAD * concurrency - len(under_way))
            for number, row in enumerate(more, 1):
                under_way.append(asyncio.create_task(one(row)))
                if number % BURST == 0:
                    await asyncio.sleep(0)
            if not under_way:
                return
            yield await under_way.popleft()
    finally:
        for task in () if ended else under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
