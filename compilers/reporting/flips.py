"""Flips: rows that two programs score differently, one of them right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...pipeline.ground.plain import plain
from ...pipeline.measure.evaluate import Evaluation
from ...pipeline.measure.row_result import RowResult, outputs_of


@dataclass(frozen=True)
class Flip:
    """A row whose score changed.

    Args:
        before: What the program as it was gave.
        after: What the best candidate gave.
        gain: The change of the score, in [-1, 1] and never 0.
    """

    before: RowResult
    after: RowResult
    gain: float

    def describe(self) -> dict[str, Any]:
        """The row and both answers as plain JSON data."""
        example = self.before.example
        return {
            "id": example.id,
            "inputs": plain(example.inputs),
            "labels": plain(example.labels),
            "before": outputs_of(self.before),
            "after": outputs_of(self.after),
            "scores": [r.score.value for r in (self.before, self.after) if r.score],
            "errors": [self.before.error, self.after.error],
            "gain": self.gain,
        }


def flips(before: Evaluation, after: Evaluation) -> list[Flip]:
    """The rows whose score changed between two evaluations of the same rows.

    They come in the order of the rows; a row that either could not score is left out.
    """
    pairs = zip(before.rows, after.rows, strict=True)
    return [
        Flip(old, new, new.score.value - old.score.value)
        for old, new in pairs
        if old.score and new.score and old.score.value != new.score.value
    ]
