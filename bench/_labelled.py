"""Rows of one text and one label, and which of them a module decides rightly."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

__all__ = ["decided_rightly", "rows_of"]


def rows_of(
    file: Path, split: str, labels: Collection[str], most: int | None
) -> list[dict[str, str]]:
    """The rows of a split that have one of these labels; `most` of them, drawn once."""
    held = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    made = [
        {"text": row["inputs"]["text"], "label": row["outputs"]["label"]}
        for row in held
        if row["split"] == split and row["outputs"]["label"] in labels
    ]
    return made if most is None else random.Random(0).sample(made, min(most, len(made)))


def decided_rightly(arm: Any, rows: Sequence[dict[str, str]]) -> list[float]:
    """1 for each row that is decided rightly, in their order."""
    made = arm.batch([{"text": row["text"]} for row in rows], concurrency=1)
    return [float(a.label == r["label"]) for a, r in zip(made, rows, strict=True)]
