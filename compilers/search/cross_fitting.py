"""Cross-fitting: no row is scored by a pool of demos that holds the row itself."""

from __future__ import annotations

import zlib
from typing import Any

from ...pipeline.data.rows import Example
from ...pipeline.graph.program import Program


def cross_fitted(program: Program[..., Any], row: Example) -> Program[..., Any]:
    """A program whose pools of demos lack a row, and the half that goes with it.

    A few demos among many rows are no great help to the rows that they come from. A
    pool of which each input is shown the nearest is: every row of it finds itself,
    passes, and says nothing about others. So such a row meets the half of the pool that
    it is not in, which is cross-fitting with two folds.
    """
    changes: dict[str, Any] = {}
    for path, module in program.modules.items():
        pool = module.parameters.demos
        if module.parameters.nearest and any(d.source == row.id for d in pool):
            kept = [d for d in pool if _half(d.source) != _half(row.id)]
            changes[f"{path}/demos"] = tuple(kept)
    return program.with_parameters(changes)


def _half(source: str) -> int:
    return zlib.crc32(source.encode("utf-8", "surrogatepass")) % 2
