"""How a candidate is scored on a row: by which program, and where it fails.

No row is scored by a pool of demos that holds the row itself, and of failures only a
candidate's own count as wrong answers.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...pipeline.data.rows import Example
from ...pipeline.errors import CompileError, ContextLengthError
from ...pipeline.graph.program import Program
from ...pipeline.measure.row_result import RowResult
from ...pipeline.measure.score import Score
from .candidate import Candidate


@dataclass
class Fits:
    """What fitting numbers to select rows has found, such as thresholds.

    Args:
        held: What each candidate scores on select rows that its numbers were fitted
            without, by candidate id and row digest. On those that they were fitted to
            they flatter themselves, so a choice is made by these.
        unfound: Why none were found, or empty.
    """

    held: dict[tuple[str, str], float] = field(
        default_factory=dict[tuple[str, str], float]
    )
    unfound: str = ""


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


def zero_if_long(result: RowResult) -> RowResult:
    """A candidate's result: 0 where its prompt is too long for the model.

    What made it so long, such as many long demos, is the candidate's own. A program
    that does not fit as it was is refused like any other failure.
    """
    long = result.error.startswith(f"{ContextLengthError.__name__}: ")
    if result.score is not None or result.prediction is not None or not long:
        return result
    return replace(result, score=Score(0.0, result.error), model_failed=True)


def refuse_failure(row: Example, result: RowResult) -> None:
    """End the compile where a row could not be scored.

    Raises:
        CompileError: The failure is no model's.
    """
    if result.score is None:
        raise CompileError(
            f"row {row.id!r} could not be scored: {result.error}",
            hint="A compile never counts such a failure as a wrong answer; mend the "
            "cause and run it again: with a cache or the same run_dir, answers already "
            "paid for are kept",
        )


def leaders(
    columns: Mapping[Candidate, Sequence[float | None]],
) -> dict[Candidate, int]:
    """The candidates that no other beats on every row, with how many they lead.

    One that is best only where another is too, and that other on more rows besides, is
    left out. None leads where nothing scored.

    Args:
        columns: Scores by candidate, one a row in the same order; None where not known.
    """
    wins: dict[Candidate, set[int]] = {candidate: set() for candidate in columns}
    for at, scores in enumerate(zip(*columns.values(), strict=True)):
        top = max((score for score in scores if score is not None), default=0.0)
        for candidate, score in zip(columns, scores, strict=True):
            if score == top > 0:
                wins[candidate].add(at)
    kept: dict[Candidate, int] = {}
    for candidate, own in sorted(wins.items(), key=lambda item: -len(item[1])):
        if own and not any(own <= wins[other] for other in kept):
            kept[candidate] = len(own)
    return kept
