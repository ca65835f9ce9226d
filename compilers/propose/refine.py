"""Refine: weigh what an instruction does well against what it lacks, then write it."""

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


class CritiqueInstruction(Signature):
    """Judge an instruction by what a model that follows it made of these cases."""

    instruction: str = Input("the instruction as it is")
    passing: list[dict[str, Any]] = Input("cases that went well")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    strengths: str = Output("what in it the passing cases needed; it must stay")
    weaknesses: str = Output("what the failing cases needed and it does not say")


class RefineInstruction(Signature):
    """Write the instruction anew: its strengths kept, its weaknesses mended."""

    task: str = Input("the instruction as it is")
    strengths: str = Input("what must stay")
    weaknesses: str = Input("what must be mended")
    instruction: str = Output("the instruction to use instead", min_length=1)


critique_instruction = Predict(CritiqueInstruction, name="critique_instruction")
refine_instruction = Predict(RefineInstruction, name="refine_instruction")


@settings
class Refine(Proposer):
    """Critique and refinement (PromptWizard, Agarwal et al. 2024, arXiv 2405.18369).

    Unlike a textual gradient (`gradient`), the critic sees what went well too and says
    what must stay, and the writer works from the critique alone, not from cases that it
    might copy.

    Args:
        failing: How many failing cases the critic sees.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
    """

    asks = (critique_instruction, refine_instruction)
    failing: int = 4
    passing: int = 4
    rows: int = 16

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` refinements, spread over parents and modules; none if nothing fails."""

        async def write(given: Failures) -> Candidate | None:
            now = given.instruction
            said = await critique_instruction.acall(
                instruction=now, passing=given.passing, failing=given.failing
            )
            reply = await refine_instruction.acall(
                task=now, strengths=said.strengths, weaknesses=said.weaknesses
            )
            new = reply.instruction
            return instructed(task, given.parent, given.path, new, "refined")

        shown = Shown("refine", self.failing, self.passing, self.rows)
        return await write_from_failures(task, parents, n, shown, write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent, and two requests a proposal."""
        ran = self.running(n, train, calls_a_row)
        return ran.plus(writing_calls(n, *self.asks))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent."""
        return evidence_calls(self.rows, n, train, calls_a_row)
