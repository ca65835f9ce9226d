"""Reflect: a model reads what went wrong and mends the instruction in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...modules.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.signature.signature import Input, Output, Signature
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task
from .evidence import evidence_calls, patched
from .failures import Failures, Shown, write_from_failures
from .proposer import Proposer
from .writing import instructed, instruction_of, writing_calls


class MendInstruction(Signature):
    """Mend an instruction in one place, so that cases like the failing ones come right.

    The cases show what a model that follows the instruction was given and wrote, what
    was wanted, and what was said about it. Say something that also holds for new
    inputs; do not copy cases. What the passing cases need must stay.
    """

    instruction: str = Input("the instruction as it is")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    passing: list[dict[str, Any]] = Input("cases that went well")
    old: str = Output("words of the instruction to replace, exactly; empty to add only")
    new: str = Output("the words of the instruction that stand there instead")


mend_instruction = Predict(MendInstruction, name="mend_instruction")


async def mended(
    task: Task,
    parent: Candidate,
    path: str,
    failing: list[dict[str, Any]],
    passing: list[dict[str, Any]],
) -> Candidate | None:
    """A child with one module's instruction mended; None where nothing is to mend."""
    if not failing:
        return None
    now = instruction_of(task, parent, path)
    reply = await mend_instruction.acall(
        instruction=now, failing=failing, passing=passing
    )
    text = patched(now, reply.old, reply.new)
    origin = f"mended after {len(failing)} failures"
    return instructed(task, parent, path, text, origin)


@settings
class Reflect(Proposer):
    """Reflective mutation (GEPA, Agrawal et al. 2025, arXiv 2507.19457, section 3).

    On purpose unlike it: an edit in one place instead of a new text, so that nothing
    that works is lost on the way; failing cases are looked for instead of hoped for in
    three random ones.

    Args:
        failing: How many failing cases one request shows.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
    """

    asks = (mend_instruction,)
    failing: int = 4
    passing: int = 2
    rows: int = 16

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` edits, spread over parents and modules; none where nothing fails."""

        async def write(given: Failures) -> Candidate | None:
            failing, passing = given.failing, given.passing
            return await mended(task, given.parent, given.path, failing, passing)

        shown = Shown("reflect", self.failing, self.passing, self.rows)
        return await write_from_failures(task, parents, n, shown, write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent, and one request a proposal."""
        ran = self.running(n, train, calls_a_row)
        return ran.plus(writing_calls(n, *self.asks))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent."""
        return evidence_calls(self.rows, n, train, calls_a_row)
