"""The one thread that computes for models in this process.

Everything torch does here happens on it, so that no event loop ever waits for a
product of matrices, and two calls never share the cores. It is begun at its first job;
a forked child begins one of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar, final

from ...ground.loops import afresh_in_children

P = ParamSpec("P")
T = TypeVar("T")


@final
class Worker:
    """A thread and its queue."""

    def __init__(self) -> None:
        self.forget()
        afresh_in_children(self)

    def forget(self) -> None:
        """Start afresh, as a forked child must: no thread comes along."""
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a job on the thread, behind those that wait there.

        Where the caller is cancelled, a job that has not begun is dropped; one that has
        goes on to its end.
        """
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="weft-torch")
            begun = self._pool.submit(job, *args, **kwargs)
        return await asyncio.wrap_future(begun)


WORKER: Final = Worker()
"""That of the process."""
