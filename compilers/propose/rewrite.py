"""Rewriting an instruction by itself: in other words, in other styles, shorter."""

from __future__ import annotations

from collections.abc import Sequence

from ...modules.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.signature.signature import Input, Output, Signature
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task
from .proposer import Proposer
from .writing import instructed, instruction_of, spread, write_each, writing_calls

STYLES = (
    "the same in other words",
    "as steps in the order in which they are done",
    "as a list of short rules",
    "with the reason for each rule",
    "with what is most often mistaken, and how to avoid it",
    "as simple as possible",
)


class ParaphraseInstruction(Signature):
    """Write the same instruction in another way; it must ask for the same result."""

    task: str = Input("the instruction as it is")
    style: str = Input("how to write it")
    instruction: str = Output("the instruction in that style", min_length=1)


class ShortenInstruction(Signature):
    """Write the same instruction with fewer words; nothing that matters may be lost."""

    task: str = Input("the instruction as it is")
    instruction: str = Output("the shorter instruction", min_length=1)


paraphrase_instruction = Predict(ParaphraseInstruction, name="paraphrase_instruction")
shorten_instruction = Predict(ShortenInstruction, name="shorten_instruction")


@settings
class Paraphrase(Proposer):
    """The same instruction in other words (APE's resampling, Zhou et al. 2022).

    Args:
        styles: How to write it, in turn (PromptWizard's thinking styles).
    """

    asks = (paraphrase_instruction,)
    styles: tuple[str, ...] = STYLES

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` rewritings, spread over parents, modules and styles."""

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            number, parent, path = job
            style = self.styles[(task.number * n + number) % len(self.styles)]
            reply = await paraphrase_instruction.acall(
                task=instruction_of(task, parent, path), style=style
            )
            return instructed(task, parent, path, reply.instruction, f"said {style}")

        return await write_each(task, spread(task, parents, n), write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a proposal."""
        del train, calls_a_row
        return writing_calls(n, *self.asks)


@settings
class Shorten(Proposer):
    """The same instruction with fewer words; longer replies are left out."""

    asks = (shorten_instruction,)

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` shorter texts, spread over parents and modules."""

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            _, parent, path = job
            now = instruction_of(task, parent, path)
            reply = await shorten_instruction.acall(task=now)
            if len(reply.instruction) >= len(now):
                return None
            return instructed(task, parent, path, reply.instruction, "shortened")

        return await write_each(task, spread(task, parents, n), write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a proposal."""
        del train, calls_a_row
        return writing_calls(n, *self.asks)
