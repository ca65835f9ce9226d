"""Compiles to be made, the processes that make them, and what came of each."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import bench_python
from ..loopback import fetch, hosted
from .child import Child

__all__ = ["Outcome", "Run", "outcomes_of"]

_LATE = "not begun: no time"


@dataclass(frozen=True)
class Run:
    """One compile: who, of which task, with which seed.

    Attributes:
        budget: The most calls it may make; 0 is as many as it likes.
    """

    contender: str
    task: str
    seed: int
    budget: int = 0

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

    @property
    def begun(self) -> bool:
        """Whether there was time for it."""
        return self.trouble != _LATE


def outcomes_of(
    runs: Sequence[Run],
    most: float,
    deadline: float,
    keep: Callable[[Outcome], None],
) -> list[Outcome]:
    """Make the runs in their order, one at a time.

    Args:
        runs: What to make.
        most: Seconds that one run may take; then it is stopped without a result.
        deadline: When, on the monotonic clock, no run is begun any more.
        keep: Told of each outcome as it comes.
    """
    if not runs:
        return []
    found: list[Outcome] = []
    with hosted("world") as url, contextlib.ExitStack() as opened:
        children: dict[bool, Child] = {}
        for done, run in enumerate(runs):
            left = min(most, deadline - time.monotonic())
            if left < 1:
                found.append(Outcome(run, None, None, None, 0, 0, 0, 0.0, _LATE))
                continue
            if run.ours not in children:
                children[run.ours] = opened.enter_context(_child(ours=run.ours))
            outcome = _made(run, children[run.ours], url, left)
            found.append(outcome)
            keep(outcome)
            _tell(outcome, len(runs) - done - 1)
    return found


def _child(*, ours: bool) -> Child:
    """A process that holds the library."""
    if ours:
        return Child(Path(sys.executable), "bench.rivals.weft_compile")
    return Child(bench_python(), "bench.rivals.dspy_compile")


def _made(run: Run, child: Child, url: str, seconds: float) -> Outcome:
    name = f"{run.task}-{run.seed}/{re.sub(r'[^A-Za-z0-9]+', '-', run.contender)}"
    started = time.monotonic()
    result = child.ask(
        {
            "compiler": run.contender,
            "task": run.task,
            "world": run.seed,
            "seed": run.seed,
            "budget": run.budget,
            "url": f"{url}/{name}/v1",
            "test_url": f"{url}/{name}-test/v1",
            "seconds": seconds,
        }
    )
    counts: dict[str, Any] = fetch(f"{url}/{name}/counts")
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
        sum(counts["input_tokens"].values()) + sum(counts["output_tokens"].values()),
        float(result.get("seconds", time.monotonic() - started)),
        trouble,
    )


def _tell(outcome: Outcome, left: int) -> None:
    run = outcome.run
    said = outcome.trouble or f"{outcome.score:.3f} for {outcome.calls:,} calls"
    where = f"{run.task} {run.seed}, {run.contender}"
    print(f"compile: {where}: {said}; {left} to go", file=sys.stderr, flush=True)
