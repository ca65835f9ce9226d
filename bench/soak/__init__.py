"""A long run against a server on this machine that fails now and then.

What must hold: descriptors, threads and memory stay flat, every call ends in an answer
or a typed error, and no call takes for ever.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import weft
from weft.testing import FaultServer, Reply

__all__ = ["Sample", "Soak", "megabytes", "soak"]

GOOD = "[[ answer ]]\nyes\n[[ /end ]]"
FAULTS = (
    Reply(status=429, body=b"{}"),
    Reply(status=503, body=b"{}"),
    Reply(status=500, body=b"oops"),
    Reply(reset=True),
    Reply(cut=20),
    Reply(body=b"<html>"),
    Reply("no heading at all"),
)
_KEPT = 200
_SAMPLES = 20


@dataclass(frozen=True)
class Sample:
    """What the process holds at one moment.

    Attributes:
        calls: Calls made so far.
        files: Open descriptors.
        threads: Threads alive.
        megabytes: Resident memory.
    """

    calls: int
    files: int
    threads: int
    megabytes: float


@dataclass
class Soak:
    """How a soak went.

    Attributes:
        samples: Taken at even distances, each after a twentieth of the calls, or of
            the time where that is up first.
        outcomes: How often each thing happened: "answer", or an error's name.
        seconds: Wall time.
    """

    samples: list[Sample] = field(default_factory=list[Sample])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    @property
    def growth(self) -> tuple[int, int, float]:
        """What was held at most in the second half over what was in the first.

        Descriptors come and go with the connections that faults cut, so two single
        moments say little: the most of a half is compared with the most of the other.
        """
        middle = len(self.samples) // 2
        early, late = self.samples[:middle], self.samples[middle:]
        return (
            max(s.files for s in late) - max(s.files for s in early),
            max(s.threads for s in late) - max(s.threads for s in early),
            max(s.megabytes for s in late) - max(s.megabytes for s in early),
        )


def soak(
    calls: int,
    *,
    faults: float = 0.05,
    concurrency: int = 64,
    seconds: float = 3600.0,
    seen: Callable[[Sample], None] = lambda _: None,
) -> Soak:
    """Make calls until there were enough of them, or the time is up.

    Args:
        calls: How many.
        faults: The share of requests that go wrong.
        concurrency: How many are in flight.
        seconds: The most that it may take.
        seen: Told each sample.
    """
    rng = random.Random(0)

    def answer(_: dict[str, Any]) -> Reply:
        return rng.choice(FAULTS) if rng.random() < faults else Reply(GOOD)

    with FaultServer(answer) as server:
        return asyncio.run(_run(server, calls, concurrency, seconds, seen))


async def _run(
    server: FaultServer,
    calls: int,
    concurrency: int,
    seconds: float,
    seen: Callable[[Sample], None],
) -> Soak:
    made, started = Soak(), time.monotonic()
    ask = weft.Predict("question -> answer", lm=weft.LM("m", api_base=server.url))
    numbers: Iterator[int] = iter(range(calls))
    done = 0

    async def work() -> None:
        nonlocal done
        for number in numbers:
            if time.monotonic() - started > seconds:
                return
            made.outcomes[await _outcome(ask, number)] += 1
            done += 1
            if done % _KEPT == 0:
                server.seen.clear()  # what the server keeps is no growth of ours
            gone = max(done / calls, (time.monotonic() - started) / seconds)
            if gone * _SAMPLES >= len(made.samples) + 1:
                made.samples.append(_sample(done))
                seen(made.samples[-1])

    retry = weft.RetryPolicy(base=0.001, cap=0.01)
    with weft.use(cache=None, retry=retry):
        await asyncio.gather(*(work() for _ in range(concurrency)))
    made.seconds = time.monotonic() - started
    return made


async def _outcome(ask: weft.Predict[..., Any], number: int) -> str:
    try:
        await ask.acall(question=f"question {number}")
    except weft.errors.ModelError as error:
        return type(error).__name__
    return "answer"


def _sample(calls: int) -> Sample:
    return Sample(calls, _files(), threading.active_count(), megabytes())


def _files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        if Path(folder).is_dir():
            return sum(1 for _ in Path(folder).iterdir())
    return 0


def megabytes() -> float:
    """Resident memory of this process; where no system tells it, the most so far."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
