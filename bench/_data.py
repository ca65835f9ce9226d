"""The rows that measurements are made on: `../shared/data`, or `WEFT_BENCH_DATA`.

Nothing here imports a library that is measured, so that every side reads the same file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from . import BenchError

__all__ = ["DATA", "lines_of", "read_lines"]

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
DATA = Path(os.environ.get("WEFT_BENCH_DATA") or _BESIDE)


def lines_of(name: str) -> list[dict[str, Any]]:
    """The objects of a data file, as they stand there.

    Raises:
        BenchError: The file is not there.
    """
    return read_lines(DATA / f"{name}.jsonl")


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a file, one a line.

    Raises:
        BenchError: The file is not there.
    """
    if not file.is_file():
        raise BenchError(f"{file} is not there; WEFT_BENCH_DATA names its folder.")
    with file.open(encoding="utf-8") as lines:
        return list(map(json.loads, lines))
