"""Two parents, one child: merged by module, or written by a model from both."""

from __future__ import annotations

from collections.abc import Sequence

from ...modules.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.signature.signature import Input, Output, Signature
from ..search.candidate import Candidate
from ..search.quote import FREE, Calls
from ..search.task import Task
from .proposer import Proposer
from .writing import instructed, instruction_of, spread, write_each, writing_calls


class CrossInstructions(Signature):
    """Write one instruction from the best of two, and change it a little.

    Both are for the same task. Keep what each does well.
    """

    task: str = Input("the first instruction")
    other: str = Input("the second instruction")
    instruction: str = Output("the new instruction", min_length=1)


cross_instructions = Predict(CrossInstructions, name="cross_instructions")


@settings
class Merge(Proposer):
    """Slots of two candidates in one, where each changed something else.

    GEPA's merge (Agrawal et al. 2025, appendix) takes each module from the descendant
    that changed it; here each slot, so that one parent's demos meet the other's
    instruction. No model is called.
    """

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Pairs off the front, who is best on other rows, then down the archive.

        What was merged and raced before is passed over.
        """
        known = set(task.archive)
        pool = list(dict.fromkeys([*task.front(task.archive), *task.archive[:6]]))
        made: list[Candidate] = []
        for at, one in enumerate(pool):
            for other in pool[at + 1 :]:
                values = {**other.values, **one.values}
                child = Candidate(values, f"{one.id} with {other.id}", one.id)
                if child not in known and child not in made:
                    made.append(child)
        return made[:n]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE


@settings
class Crossover(Proposer):
    """A child of two instructions (EvoPrompt, Guo et al. 2023, arXiv 2309.08532).

    Demos come from the first parent and, where it has none, from the second.
    """

    asks = (cross_instructions,)

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` children; each parent meets the next one that says something else."""

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            number, one, path = job
            text = instruction_of(task, one, path)
            turned = (*parents[number + 1 :], *parents[: number + 1], *task.archive)
            others = (c for c in turned if instruction_of(task, c, path) != text)
            # Where all say the same, a little change is all that is left.
            other = next(others, one)
            reply = await cross_instructions.acall(
                task=text, other=instruction_of(task, other, path)
            )
            base = Candidate({**other.values, **one.values}, "", one.id)
            child = instructed(task, base, path, reply.instruction, "crossed")
            return child and Candidate(child.values, f"crossed with {other.id}", one.id)

        return await write_each(task, spread(task, parents, n), write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a proposal."""
        del train, calls_a_row
        return writing_calls(n, *self.asks)
