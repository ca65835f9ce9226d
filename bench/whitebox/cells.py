"""Cells: one way to ask on one task, from one seed; kept as they come.

A cell holds the outcome of each test row, so that two ways are compared row by row. A
second start goes on with the cells that are not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..records import keep, records

__all__ = ["Cell", "Kept", "Key"]


@dataclass(frozen=True, order=True)
class Key:
    """What a cell measures.

    Attributes:
        task: Whose rows.
        way: How they are asked, as the table calls it.
        rows: How many test rows.
        seed: Of the compile; 0 where nothing is drawn.
    """

    task: str
    way: str
    rows: int
    seed: int = 0


@dataclass(frozen=True)
class Cell:
    """What came of it.

    Attributes:
        right: 1 for each row that was answered rightly, in order.
        valid: 1 for each row whose reply could be read.
        passes: Processor time of the compile, in untrained passes over its train rows;
            0 where nothing was compiled.
        calls: Calls that the compile made; in this process they cost processor alone.
        memory: Most memory that the process had held by then, in MB.
        made_with: Versions, the weights' digest and the date.
    """

    key: Key
    right: tuple[int, ...]
    valid: tuple[int, ...]
    passes: float = 0.0
    calls: int = 0
    memory: int = 0
    made_with: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def share(self) -> float:
        """Of the rows, those that were answered rightly."""
        return sum(self.right) / len(self.right)


class Kept:
    """The cells of a file.

    Args:
        path: A JSONL file; it is made when the first cell comes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found = {cell.key: cell for cell in map(_cell_of, records(path))}

    def get(self, key: Key) -> Cell | None:
        """A cell, or None where it was not measured yet."""
        return self._found.get(key)

    def add(self, cell: Cell) -> None:
        """Keep a cell."""
        self._found[cell.key] = cell
        keep(self.path, asdict(cell))

    def of(self, task: str, rows: int) -> Iterator[Cell]:
        """The cells of a task, as they were measured."""
        for key, cell in self._found.items():
            if (key.task, key.rows) == (task, rows):
                yield cell


def _cell_of(record: dict[str, Any]) -> Cell:
    key = Key(**record.pop("key"))
    right, valid = (tuple(record.pop(name)) for name in ("right", "valid"))
    return Cell(key, right, valid, **record)
