"""What stands in for the clock: counted steps, a virtual clock, and one guard.

No outcome hangs on how fast a machine is, or on what runs beside the tests. Work is
counted in steps of Python. Waits end when what they wait for is there. The only limits
of time are guards, so wide that nothing but a hang reaches them.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any, TypeVar

Value = TypeVar("Value")

PATIENCE = 300.0
"""Seconds after which a wait is a hang. It ends a test that never would."""

# Steps ------------------------------------------------------------------------

TIMES = 8
"""How much longer the long text is: linear work takes 8 times as long, quadratic 64."""
LINEAR = 12
"""The bar between the two, near to 8: steps are the same in every run."""
_FEW = 2_000
"""Steps that any call takes, however short the text."""
_PROCESSOR_SECONDS = 20
"""What no linear work here comes near to, and quadratic work in C does not end in."""


def steps(work: Callable[[], object], *expected: type[Exception]) -> int:
    """How many lines and calls of Python it takes; expected errors count as an end.

    What C does in one call is one step; `bounded` sees to that side.
    """
    taken = 0

    def count(frame: object, event: str, arg: object) -> Any:
        nonlocal taken
        taken += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        with contextlib.suppress(*expected):
            work()
    finally:
        sys.settrace(before)
    return taken


def growth(steps_of: Callable[[int], int], size: int) -> float:
    """Steps at `TIMES` the size over steps at the size; a few are as good as none.

    What is imported or compiled at the first use is no work of either.
    """
    steps_of(1)
    small, large = steps_of(size), steps_of(TIMES * size)
    return max(large, _FEW) / max(small, _FEW)


def bounded(work: Callable[[], object], *expected: type[Exception]) -> None:
    """Do it within so much processor time that only another kind of work takes it.

    Neither a slow machine nor what runs beside the test uses up processor time of
    this process. The text should be long, so that quadratic work takes minutes.
    """

    def stop(*_: object) -> None:
        raise AssertionError(f"took over {_PROCESSOR_SECONDS} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, _PROCESSOR_SECONDS)
    try:
        with contextlib.suppress(*expected):
            work()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


# Waits ------------------------------------------------------------------------


def until(there: Callable[[], object]) -> None:
    """Wait for something that gives no sign."""
    for _ in _looks(there):
        time.sleep(0.005)


async def seen(there: Callable[[], object]) -> None:
    """Wait in a loop for something that gives no sign."""
    for _ in _looks(there):
        await asyncio.sleep(0.005)


def _looks(there: Callable[[], object]) -> Iterator[None]:
    ends = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < ends, "waited in vain"
        yield


def deadline(there: Callable[[], object]) -> SimpleNamespace:
    """An `asyncio` whose time-outs strike once something has happened.

    To be put in its place in the module whose deadline is tried: how long that is
    decides nothing then. What was asked for, in seconds, is in its `asked`.
    """
    asked: list[float] = []

    @contextlib.asynccontextmanager
    async def scope(seconds: float) -> AsyncGenerator[None]:
        asked.append(seconds)
        async with asyncio.timeout(None) as strikes:
            watching = asyncio.create_task(strike(strikes))
            try:
                yield
            finally:
                watching.cancel()

    async def strike(strikes: asyncio.Timeout) -> None:
        await seen(there)
        strikes.reschedule(asyncio.get_running_loop().time())

    given = {**vars(asyncio), "timeout": scope, "timeout_at": scope, "asked": asked}
    return SimpleNamespace(**given)


async def settled(turns: int = 50) -> None:
    """Let every task of this loop go as far as it can by itself."""
    for _ in range(turns):
        await asyncio.sleep(0)


# A virtual clock --------------------------------------------------------------


class _Skipping(selectors.DefaultSelector):
    """Waits for nobody: where the loop would sleep, its clock has moved on instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """What is ready; a wait for a timer is over at once."""
        ready = super().select(timeout if timeout is None else 0)
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose sleeps take no time, and are counted as if they did."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Seconds that the loop has slept."""
        return self._skipping.now


def virtual(work: Callable[[], Coroutine[Any, Any, Value]]) -> tuple[Value, float]:
    """What it gives, and the seconds that it slept on the longest way to its end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        value = runner.run(work())
        return value, runner.get_loop().time()
