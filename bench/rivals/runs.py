"""Compiles to be made, the processes that make them, and what came of each."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import BenchError, bench_python
from ..loopback import fetch, hosted
from .child import Child

__all__ = ["Outcome", "Run", "outcomes_of"]

LANES = 2  # one a core, on the machine that the bars are set for


@dataclass(frozen=True)
class Run:
    """One compile: who, of which task, with which seed."""

    contender: str
    task: str
    seed: int

    @property
    def ours(self) -> bool:
        """Whether it is weft's."""
        return self.contender.startswith("weft ")


@dataclass(frozen=True)
class Outcome:
    """What came of a run; calls and tokens as the server counted them.

    Attributes:
        score: The result on the test rows, in [0, 1]; None where there is none.
        before: The program as it was, on the same rows.
        claimed: The score that the compiler itself reports for its result.
        calls: Calls of the task and calls that wrote.
        tokens: Input and output tokens of all of them.
        trouble: Why there is no result, or empty.
    """

    run: Run
    score: float | None
    before: float | None
    claimed: float | None
    calls: int
    writing: int
    tokens: int
    seconds: float
    trouble: str = ""


def outcomes_of(runs: Sequence[Run], most: float, minutes: float) -> list[Outcome]:
    """Make the runs in their order, two at a time.

    Args:
        runs: What to make.
        most: Seconds that one run may take; then it is stopped without a result.
        minutes: After so many no run is begun, and those that go on are stopped.
    """
    waiting: queue.SimpleQueue[Run] = queue.SimpleQueue()
    for run in runs:
        waiting.put(run)
    found: dict[Run, Outcome] = {}
    failed: list[BaseException] = []
    with hosted("world") as url:
        lane = _Lane(url, waiting, found, most, time.monotonic() + 60 * minutes)
        threads = [
            threading.Thread(target=lane.work, args=(failed,)) for _ in range(LANES)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
    return [found[run] for run in runs if run in found]


@dataclass(frozen=True)
class _Lane:
    """Takes runs off the queue, with a process of its own for either library."""

    url: str
    waiting: queue.SimpleQueue[Run]
    found: dict[Run, Outcome]
    most: float
    deadline: float

    def work(self, failed: list[BaseException]) -> None:
        """Make runs until none is left or the time is over."""
        weft = Child(Path(sys.executable), "bench.rivals.weft_compile")
        try:
            dspy = Child(bench_python(), "bench.rivals.dspy_compile")
            with weft, dspy, contextlib.suppress(queue.Empty):
                while True:
                    run = self.waiting.get_nowait()
                    self.found[run] = self._made(run, weft if run.ours else dspy)
                    _tell(self.found[run], self.waiting.qsize())
        except (BenchError, OSError) as error:
            failed.append(error)

    def _made(self, run: Run, child: Child) -> Outcome:
        left = min(self.most, self.deadline - time.monotonic())
        if left < 1:
            return Outcome(run, None, None, None, 0, 0, 0, 0.0, "not begun: no time")
        name = f"{run.task}-{run.seed}/{run.contender.replace(' ', '-')}"
        started = time.monotonic()
        result = child.ask(
            {
                "compiler": run.contender,
                "task": run.task,
                "world": run.seed,
                "seed": run.seed,
                "url": f"{self.url}/{name}/v1",
                "test_url": f"{self.url}/{name}-test/v1",
                "seconds": left,
            }
        )
        counts: dict[str, Any] = fetch(f"{self.url}/{name}/counts")
        trouble = str(result.get("error", ""))
        if "stopped" in result:
            trouble = f"stopped after {result['stopped']:.0f} s"
        return Outcome(
            run,
            result.get("score"),
            result.get("seed"),
            result.get("claimed"),
            sum(counts["calls"].values()),
            counts["calls"].get("proposer", 0),
            sum(counts["input_tokens"].values())
            + sum(counts["output_tokens"].values()),
            float(result.get("seconds", time.monotonic() - started)),
            trouble,
        )


def _tell(outcome: Outcome, left: int) -> None:
    run = outcome.run
    said = outcome.trouble or f"{outcome.score:.3f} for {outcome.calls:,} calls"
    where = f"{run.task} {run.seed}, {run.contender}"
    print(f"compile: {where}: {said}; {left} to go", file=sys.stderr, flush=True)
