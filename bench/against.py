"""weft beside another checkout of weft, such as a worktree of an earlier commit.

`python -m bench against --against CHECKOUT`. Each side runs its own code in a process
of its own; they take turns, and the middle of five turns counts. A row is slower where
its middle lies more than five percent, and more than the spread of its turns, behind.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from pathlib import Path
from typing import Any

from . import BenchError, Row
from .loopback import hosted
from .rivals.child import HEADINGS, Child

__all__ = ["run"]

TURNS = 5
ALLOWED = 1.05
DELAY = 0.2
JOBS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("cached call from memory, async, us", "seconds", {"what": "cached"}),
    (
        "cached call from disk, async, us",
        "seconds",
        {"what": "cached", "kind": "disk"},
    ),
    (
        "cached call from memory, blocking, us",
        "seconds",
        {"what": "cached", "sync": True},
    ),
    ("uncached call, one by one, us", "seconds", {"what": "uncached", "rows": 300}),
    (
        "processor time of an uncached call, 32 in flight, us",
        "cpu",
        {"what": "flight", "at_once": 32},
    ),
    (
        "processor time of a row, 256 in flight, us",
        "cpu",
        {"what": "evaluate", "rows": 2000, "at_once": 256},
    ),
)


def run(against: Path | None = None, rounds: int = TURNS) -> list[Row]:
    """Measure the two checkouts in turns.

    Args:
        against: The other checkout; without one there is nothing to measure.
        rounds: Turns of each side.

    Raises:
        BenchError: A side fails.
    """
    if against is None:
        return []
    python, module = Path(sys.executable), "bench.rivals.calls_weft"
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(Child(python, module, told=HEADINGS))
        other = Child(python, module, root=against, told=HEADINGS)
        there = stack.enter_context(other)
        urls = [stack.enter_context(hosted("canned", str(d))) for d in (0, DELAY)]
        sides = (here, there)
        return [_row(*told, sides, urls, rounds) for told in JOBS]


def _row(
    what: str,
    figure: str,
    given: dict[str, Any],
    sides: tuple[Child, Child],
    urls: list[str],
    rounds: int,
) -> Row:
    """One row of the table: both middles, and whether ours is within the spread."""
    fast, slow = urls
    asked: str = given["what"]
    job: dict[str, Any] = {"kind": "memory", "rows": 1000, "seconds": 300, **given}
    job["url"] = slow if asked == "evaluate" else fast
    rows: int = job["rows"] if asked in ("evaluate", "flight") else 1
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds):
        pairs = list(zip(sides, taken, strict=True))
        for child, found in pairs[:: 1 if turn % 2 else -1]:
            result = child.ask(job)
            if figure not in result:
                raise BenchError(f"{what}: {result}")
            found.append(1e6 * float(result[figure]) / rows)
    mine, theirs = (statistics.median(found) for found in taken)
    spread = max(max(found) - min(found) for found in taken)
    slower = mine > ALLOWED * theirs and mine - theirs > spread
    bar = f"ratio <= {ALLOWED:.2f}, or within the spread of {spread:.3g}"
    return Row(what, mine, theirs, bar, not slower)
