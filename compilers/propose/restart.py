"""Restart: an instruction by somebody who has not read the one in use."""

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
from .writing import instructed, solved_examples, spread, write_each, writing_calls

ANGLES = (
    "what tells the outputs apart",
    "the steps that lead from the inputs to the outputs",
    "the mistakes that are easy to make",
    "what somebody new to the task has to be told",
)


class StartOver(Signature):
    """Write the instruction for a task that you know by its fields and examples."""

    fields: list[str] = Input("what is given and what is wanted")
    examples: list[dict[str, Any]] = Input("solved examples, inputs and outputs")
    angle: str = Input("what to begin with")
    instruction: str = Output("an instruction for new inputs", min_length=1)


start_over = Predict(StartOver, name="start_over")


@settings
class Restart(Proposer):
    """Fresh starts beside the climb.

    An edit keeps the defects of what it edits: from a seed that misleads, GEPA ended
    below it, and random restarts recovered (VISTA, 2026, arXiv 2603.18388). So the
    writer sees neither the instruction nor the seed's, and what the parents gained
    besides is left behind.

    Args:
        examples: How many solved examples one request shows.
        angles: What to begin with, in turn.
    """

    asks = (start_over,)
    examples: int = 16
    angles: tuple[str, ...] = ANGLES

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` requests, spread over the modules; children of the seed."""
        del parents
        seed = Candidate()

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            number, _, path = job
            rng = task.rng("restart", number)
            fields = task.program.modules[path].spec.fields
            reply = await start_over.acall(
                fields=[f"{f.role} {f.name}: {f.description}" for f in fields],
                examples=solved_examples(task, path, self.examples, rng),
                angle=self.angles[(task.number * n + number) % len(self.angles)],
            )
            return instructed(task, seed, path, reply.instruction, "started over")

        return await write_each(task, spread(task, [seed], n), write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a proposal."""
        del train, calls_a_row
        return writing_calls(n, *self.asks)
