"""One row of an evaluation: what the program gave, and how good that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..data.example import Example
from ..trace import Trace
from .score import Score


@dataclass(frozen=True, repr=False)
class RowResult:
    """One row's outcome.

    Args:
        example: The row.
        prediction: What the program gave, or None where it failed.
        score: Value and feedback, or None where the row could not be scored.
        error: What went wrong, or empty.
        model_failed: Whether the score is 0 because the reply was unusable.
        trace: The nodes that ran.
    """

    example: Example
    prediction: Any
    score: Score | None
    error: str = ""
    model_failed: bool = False
    trace: Trace = field(default_factory=lambda: Trace(()))

    def __repr__(self) -> str:
        outcome = self.error if self.score is None else f"score {self.score.value:g}"
        return f"RowResult({self.example.id!r}: {outcome})"
