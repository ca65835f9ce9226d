"""Rows of one text and one label, and which of them a module decides rightly."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from weft.pipeline.measure.stats import wilson

from ._data import read_lines

__all__ = ["decided_rightly", "rows_of", "share"]


def rows_of(
    file: Path, split: str, labels: Collection[str], most: int | None
) -> list[dict[str, str]]:
    """The rows of a split that have one of these labels; `most` of them, drawn once.

    Raises:
        BenchError: The file is not there.
    """
    made = [
        {"text": row["inputs"]["text"], "label": row["outputs"]["label"]}
        for row in read_lines(file)
        if row["split"] == split and row["outputs"]["label"] in labels
    ]
    return made if most is None else random.Random(0).sample(made, min(most, len(made)))


def decided_rightly(arm: Any, rows: Sequence[dict[str, str]]) -> list[float]:
    """1 for each row that is decided rightly, in their order."""
    made = arm.batch([{"text": row["text"]} for row in rows], concurrency=1)
    return [float(a.label == r["label"]) for a, r in zip(made, rows, strict=True)]


def share(hits: float, n: int) -> str:
    """A share with its interval, in points."""
    reach = wilson(round(hits), n)
    return f"{100 * hits / n:.1f} [{100 * reach.low:.0f}, {100 * reach.high:.0f}]"
