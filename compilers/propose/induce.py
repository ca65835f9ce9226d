"""Induce: a model writes the instruction that solved examples imply (APE)."""

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


class WriteInstruction(Signature):
    """Write the instruction that turned these examples' inputs into their outputs.

    Say how to tell the outputs apart in words that also hold for new inputs: which
    signs in the inputs call for which output. Do not copy examples.
    """

    task: str = Input("the instruction in use now; it may say too little")
    examples: list[dict[str, Any]] = Input("solved examples, inputs and outputs")
    instruction: str = Output("the instruction to use instead", min_length=1)


write_instruction = Predict(WriteInstruction, name="write_instruction")


@settings
class Induce(Proposer):
    """Instructions induced from solved examples (Zhou et al. 2022, arXiv 2211.01910).

    Each proposal shows the model other examples, balanced over the outputs' values.
    The examples are labelled rows, or passing traces for modules inside a program.

    Args:
        examples: How many examples one request shows, as far as they fit.
    """

    asks = (write_instruction,)
    examples: int = 64

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` requests, spread over the modules; unusable replies are left out."""
        paths = [
            path
            for path in task.program.modules
            if solved_examples(task, path, 1, task.rng("any"))
        ]
        jobs = spread(task, parents, n, paths) if paths else []

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            number, parent, path = job
            rng = task.rng("induce", path, number)
            examples = solved_examples(task, path, self.examples, rng)
            reply = await write_instruction.acall(
                task=instruction_of(task, parent, path), examples=examples
            )
            origin = f"induced from {len(examples)} examples"
            return instructed(task, parent, path, reply.instruction, origin)

        return await write_each(task, jobs, write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a proposal, and one repair each at the most."""
        del train, calls_a_row
        return writing_calls(n, write_instruction)
