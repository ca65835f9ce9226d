"""Gradient: say in words what is wrong with an instruction, then rewrite it so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...modules.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.signature.signature import Input, Output, Signature
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task
from .evidence import evidence_calls
from .failures import Failures, Shown, write_from_failures
from .proposer import Proposer
from .writing import instructed, writing_calls


class CriticizeInstruction(Signature):
    """Say why a model that follows this instruction got these cases wrong."""

    instruction: str = Input("the instruction as it is")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    reasons: str = Output("what the instruction lacks or says wrongly")


class RewriteInstruction(Signature):
    """Write the instruction anew, so that the criticism no longer holds."""

    task: str = Input("the instruction as it is")
    reasons: str = Input("what is wrong with it")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    instruction: str = Output("the instruction to use instead", min_length=1)


criticize_instruction = Predict(CriticizeInstruction, name="criticize_instruction")
rewrite_instruction = Predict(RewriteInstruction, name="rewrite_instruction")


@settings
class Gradient(Proposer):
    """Textual gradients (ProTeGi, Pryzant et al. 2023, arXiv 2305.03495).

    The same two steps are TextGrad's (Yuksekgonul et al. 2024) for a single variable.

    Args:
        failing: How many failing cases one request shows.
        rows: On how many training rows a parent is run at the most.
    """

    asks = (criticize_instruction, rewrite_instruction)
    failing: int = 4
    rows: int = 16

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` rewritings, spread over parents and modules; none where nothing fails."""

        async def write(given: Failures) -> Candidate | None:
            now, failing = given.instruction, given.failing
            said = await criticize_instruction.acall(instruction=now, failing=failing)
            reply = await rewrite_instruction.acall(
                task=now, reasons=said.reasons, failing=failing
            )
            origin = f"rewritten after {len(failing)} failures"
            return instructed(task, given.parent, given.path, reply.instruction, origin)

        shown = Shown("gradient", self.failing, 0, self.rows)
        return await write_from_failures(task, parents, n, shown, write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent, and two requests a proposal."""
        ran = self.running(n, train, calls_a_row)
        return ran.plus(writing_calls(n, *self.asks))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent."""
        return evidence_calls(self.rows, n, train, calls_a_row)
