"""Side-by-side measurements of weft and what a user would pick instead.

A part is a module of this package with a function `run() -> list[Row]`, whose keyword
arguments are options of the command line. Both sides
of a row are measured in the same run, on the same machine, taking turns; what
counts is the ratio, never the absolute number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BenchError", "Findings", "Row", "bench_python", "pipes"]


class BenchError(Exception):
    """A part cannot be measured here; the message says what it lacks."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured, with its unit and how often.
        weft: The number on weft's side.
        other: The number on the other side; None where there is none.
        bar: The promise in words, such as "ratio <= 0.33"; empty when the row
            is there for information.
        ok: Whether the promise holds; None when there is none.
    """

    what: str
    weft: float
    other: float | None = None
    bar: str = ""
    ok: bool | None = None

    @property
    def ratio(self) -> float | None:
        """Weft's number in units of the other's."""
        return self.weft / self.other if self.other else None

    @classmethod
    def at_most(cls, what: str, weft: float, other: float, ratio: float) -> Row:
        """A row that promises weft to take at most this share of the other."""
        return cls(what, weft, other, f"ratio <= {ratio:.2f}", weft <= ratio * other)

    @classmethod
    def at_least(cls, what: str, weft: float, other: float, ratio: float) -> Row:
        """A row that promises weft to reach at least this share of the other."""
        return cls(what, weft, other, f"ratio >= {ratio:.2f}", weft >= ratio * other)

    @classmethod
    def limit(cls, what: str, weft: float, most: float) -> Row:
        """A row that promises weft to stay within an absolute limit."""
        return cls(what, weft, None, f"<= {most:g}", weft <= most)


class Findings(list[Row]):
    """Rows with a table of their own behind them.

    Args:
        rows: The rows.
        details: What is printed above the common table; no part of the JSON.
    """

    def __init__(self, rows: Iterable[Row], details: str) -> None:
        super().__init__(rows)
        self.details = details


def pipes(cells: Iterable[str]) -> str:
    """Cells as a line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def bench_python() -> Path:
    """The interpreter that holds the libraries weft is measured against.

    Raises:
        BenchError: `WEFT_BENCH_PYTHON` names no interpreter.
    """
    named = os.environ.get("WEFT_BENCH_PYTHON")
    if not named:
        raise BenchError(
            "WEFT_BENCH_PYTHON is not set; it names the interpreter that holds the "
            "other libraries. `make bench` makes one and sets it."
        )
    path = Path(named).absolute()
    if not path.is_file():
        raise BenchError(f"WEFT_BENCH_PYTHON={named!r} is no file; run `make bench`.")
    return path
