"""Grounded: an instruction from what the program does and what the data look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...modules.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.signature.signature import Input, Output, Signature
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task
from .proposer import Proposer
from .writing import (
    instructed,
    instruction_of,
    solved_examples,
    spread,
    write_each,
    writing_calls,
)

TIPS = (
    "",
    "Be creative.",
    "Keep it simple and clear.",
    "Say what matters most and what is often mistaken.",
    "Be exact about how each output is decided.",
    "Say who the reader is and what depends on the answer.",
)


class GroundInstruction(Signature):
    """Write the instruction of one module of a program, knowing program and data."""

    program: str = Input("the program's modules and how they are wired")
    module: str = Input("the module that the instruction is for")
    task: str = Input("its instruction now")
    examples: list[dict[str, Any]] = Input("solved examples of this module")
    tip: str = Input("a hint on how to write")
    instruction: str = Output("the instruction to use instead", min_length=1)


ground_instruction = Predict(GroundInstruction, name="ground_instruction")


@settings
class Grounded(Proposer):
    """Grounded proposals (MIPRO, Opsahl-Ong et al. 2024, arXiv 2406.11695, section 3).

    On purpose unlike it: the data speak through examples instead of a summary made
    beforehand, which saves up to ten calls.

    Args:
        examples: How many examples one request shows.
        tips: Hints, in turn.
    """

    asks = (ground_instruction,)
    examples: int = 16
    tips: tuple[str, ...] = TIPS

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` requests, spread over modules and tips."""

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            number, parent, path = job
            rng = task.rng("grounded", number)
            reply = await ground_instruction.acall(
                program=repr(task.program.structure),
                module=path,
                task=instruction_of(task, parent, path),
                examples=solved_examples(task, path, self.examples, rng),
                tip=self.tips[number % len(self.tips)],
            )
            return instructed(task, parent, path, reply.instruction, "grounded in data")

        return await write_each(task, spread(task, parents, n), write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a proposal."""
        del train, calls_a_row
        return writing_calls(n, *self.asks)
