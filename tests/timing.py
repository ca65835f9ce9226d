"""How time grows: ratios, because absolute times belong to a machine."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator

TIMES = 8
"""How much longer the long text is: linear work takes 8 times as long, quadratic 64."""
LINEAR = 24
"""The bar between the two: as far from 8 as from 64, for machines that are busy."""
_NOISE = 0.005
_TRIES = 5


def seconds(work: Callable[[], object], *expected: type[Exception]) -> float:
    """The least processor time of a few tries; expected errors count as an end."""
    best = float("inf")
    for _ in range(_TRIES):
        with _no_collections():
            started = time.process_time()
            with contextlib.suppress(*expected):
                work()
            best = min(best, time.process_time() - started)
        if best < _NOISE:
            break
    return best


def growth(time_of: Callable[[int], float], size: int) -> float:
    """Time at `TIMES` the size over time at the size; what is tiny counts as 5 ms."""
    ratios: list[float] = []
    for _ in range(_TRIES):
        short, long = time_of(size), time_of(TIMES * size)
        ratios.append(max(long, _NOISE) / max(short, _NOISE))
        if ratios[-1] <= 1.5 * TIMES:
            break
    return min(ratios)


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Hold the garbage collector back: it walks the whole process, not the work."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
