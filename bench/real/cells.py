"""Cells: one task, one model, one arm, one seed; kept on disk as they come.

A cell holds the outcome of every row, so that two arms are compared row by row. One
JSON line a cell; a second start goes on with those that are not there. What a cell was
measured with (versions, server, date) stands in it and is not asked for again: drop the
cells of an arm to measure it anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..records import keep, keep_only, records

__all__ = ["Cell", "Kept", "Key", "Outcome"]


@dataclass(frozen=True)
class Key:
    """What a cell measures.

    Attributes:
        rows: How many test rows.
        seed: Which train rows a compile sees; 0 where nothing is compiled.
    """

    task: str
    model: str
    arm: str
    rows: int
    seed: int = 0

    def __str__(self) -> str:
        seed = f", seed {self.seed}" if self.seed else ""
        return f"{self.task} on {self.model}, {self.arm}{seed}"


@dataclass(frozen=True)
class Outcome:
    """One row.

    Attributes:
        id: The row's.
        score: In [0, 1]; 0 where no answer came.
        read: Whether an answer came in the end.
        calls: How many calls it took.
        error: What went wrong, or empty.
        repairs: What was mended in the reply.
    """

    id: str
    score: float
    read: bool
    calls: int
    error: str = ""
    repairs: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether all fields were read before any further call."""
        return self.read and self.calls == 1


@dataclass(frozen=True)
class Cell:
    """What came of it.

    Attributes:
        outcomes: One a row, in the same order for every arm.
        counts: What the server was asked for the test rows (`Counts`).
        seconds: Wall time of the test rows.
        made_with: Versions, server, sampling and date, by name.
        compiling: The same counts for the compile before, with its `seconds`; empty
            where nothing was compiled.
    """

    key: Key
    outcomes: tuple[Outcome, ...]
    counts: dict[str, int]
    seconds: float
    made_with: dict[str, Any]
    compiling: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def scores(self) -> list[float]:
        """One a row."""
        return [outcome.score for outcome in self.outcomes]

    @property
    def usable(self) -> int:
        """How many rows were answered by the first reply."""
        return sum(outcome.usable for outcome in self.outcomes)

    def a_row(self, name: str) -> float:
        """A count of the server's, a row."""
        return self.counts[name] / len(self.outcomes)


@dataclass
class Kept:
    """Cells by key, and the file that holds them.

    Args:
        path: A JSONL file; it is made when the first cell comes.
    """

    path: Path
    found: dict[Key, Cell] = field(default_factory=dict[Key, Cell])

    def __post_init__(self) -> None:
        for record in records(self.path):
            cell = _cell_of(record)
            self.found[cell.key] = cell

    def add(self, cell: Cell) -> None:
        """Keep a cell."""
        self.found[cell.key] = cell
        keep(self.path, asdict(cell))

    def drop(self, gone: Collection[Key]) -> int:
        """Forget some cells, on disk too; returns how many."""
        left = {key: cell for key, cell in self.found.items() if key not in gone}
        dropped = len(self.found) - len(left)
        self.found = left
        if dropped:
            keep_only(self.path, map(asdict, left.values()))
        return dropped

    def missing(self, keys: Sequence[Key]) -> list[Key]:
        """Those that have no cell yet."""
        return [key for key in keys if key not in self.found]


def _cell_of(record: dict[str, Any]) -> Cell:
    rows: list[dict[str, Any]] = record.pop("outcomes")
    for row in rows:
        row["repairs"] = tuple(row["repairs"])
    outcomes = [Outcome(**row) for row in rows]
    key = Key(**record.pop("key"))
    return Cell(key, tuple(outcomes), **record)
