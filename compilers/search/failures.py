"""Which failures of a row are a candidate's own, and which end a compile."""

from __future__ import annotations

from dataclasses import replace

from ...pipeline.data.rows import Example
from ...pipeline.errors import CompileError, ContextLengthError
from ...pipeline.measure.row_result import RowResult
from ...pipeline.measure.score import Score


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
            "cause and run it again, answers already paid for are kept",
        )
