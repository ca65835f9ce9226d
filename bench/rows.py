"""A batch of many rows that is killed now and then: memory, and what is in the file."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import Findings, Row
from ._many_rows import text_of

__all__ = ["Contents", "contents", "run"]

MOST_MEGABYTES = 100
_LATE = 0.5e-6  # seconds a row, so that a short batch is not over before it is killed


@dataclass
class Batch:
    """A batch in one file, tried as often as it is killed.

    Attributes:
        path: The file.
        rows: How many rows there are.
        tries: For each process its samples: rows taken, and resident megabytes.
        kills: Rows that were taken when each SIGKILL came.
    """

    path: Path
    rows: int
    tries: list[list[tuple[int, float]]] = field(
        default_factory=list[list[tuple[int, float]]]
    )
    kills: list[int] = field(default_factory=list[int])

    @property
    def growth(self) -> float:
        """The most megabytes that any process gained over its first row."""
        return max(max(mb for _, mb in seen) - seen[0][1] for seen in self.tries)

    def attempt(self, rng: random.Random, kill_at: float) -> bool:
        """Run to the end, or to a SIGKILL behind this row; whether it was the end."""
        command = [sys.executable, "-m", "bench._many_rows", str(self.path)]
        seen: list[tuple[int, float]] = []
        self.tries.append(seen)
        with subprocess.Popen(
            [*command, str(self.rows)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                taken, memory = line.split()
                seen.append((int(taken), float(memory)))
                if int(taken) >= kill_at:
                    time.sleep(rng.uniform(0, _LATE * self.rows))
                    os.kill(child.pid, signal.SIGKILL)
                    break
            status = child.wait()
        if status == -signal.SIGKILL:
            self.kills.append(seen[-1][0])
        elif status:
            raise subprocess.CalledProcessError(status, command)
        return status == 0


@dataclass(frozen=True)
class Contents:
    """What a file of results holds.

    Attributes:
        missing: Rows without a line.
        doubled: Rows with more than one.
        displaced: Lines that do not stand where their row does.
        wrong: Lines that hold another row's value.
    """

    missing: int
    doubled: int
    displaced: int
    wrong: int

    @property
    def faults(self) -> int:
        """All of them; 0 where the file is as if nothing had been killed."""
        return self.missing + self.doubled + self.displaced + self.wrong


def contents(path: Path, rows: int) -> Contents:
    """Look at each line of a file of results, holding one line at a time."""
    counts, displaced, wrong = bytearray(rows), 0, 0
    with path.open(encoding="utf-8") as lines:
        for position, line in enumerate(lines):
            made = json.loads(line)
            number = int(made["id"])
            counts[number] = min(2, counts[number] + 1)
            displaced += number != position
            wrong += made.get("value") != text_of(number)
    return Contents(counts.count(0), counts.count(2), displaced, wrong)


def run(rows: int = 50_000, kills: int = 3, seed: int | None = None) -> Findings:
    """Run a batch that is killed at random moments and resumed, and read its file.

    Args:
        rows: How many rows.
        kills: How many SIGKILLs.
        seed: Of the moments; another one each time where none is given.
    """
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    rng = random.Random(seed)
    moments = sorted(rng.uniform(0.05, 0.9) * rows for _ in range(kills))
    with tempfile.TemporaryDirectory() as folder:
        batch = Batch(Path(folder, "rows.jsonl"), rows)
        started = time.monotonic()
        for moment in moments:
            if batch.attempt(rng, moment):
                break
        else:
            batch.attempt(rng, float("inf"))
        seconds = time.monotonic() - started
        found = contents(batch.path, rows)
    return Findings(
        [
            Row.limit(
                f"rows missing, doubled, displaced or wrong, of {rows:,} "
                f"after {len(batch.kills)} SIGKILLs",
                found.faults,
                0,
            ),
            Row.limit("memory that a batch gains (MB)", batch.growth, MOST_MEGABYTES),
            Row("rows a second, kills included", rows / seconds),
        ],
        _details(batch, found, seed),
    )


def _details(batch: Batch, found: Contents, seed: int) -> str:
    """Memory of each process on its way, a line a tenth of the rows."""
    lines = [f"seed {seed}; {found}", f"{'process':>7} {'rows taken':>12} {'MB':>7}"]
    tenth = max(1, batch.rows // 10)
    for number, seen in enumerate(batch.tries):
        shown = [s for s in seen[1:-1] if s[0] % tenth == 0]
        lines += [f"{number:>7} {n:>12,} {mb:>7.1f}" for n, mb in _ends(seen, shown)]
        if number < len(batch.kills):
            lines.append(f"{'':>7} SIGKILL")
    return "\n".join(lines)


def _ends(
    seen: list[tuple[int, float]], shown: list[tuple[int, float]]
) -> list[tuple[int, float]]:
    """The first sample, those to be shown, and the last."""
    return list(dict.fromkeys([seen[0], *shown, seen[-1]]))
