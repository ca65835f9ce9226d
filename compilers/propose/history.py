"""History: what was tried and how it scored, and now something better."""

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


class ImproveOnHistory(Signature):
    """Write an instruction that scores higher than all of those that were tried."""

    tried: list[dict[str, Any]] = Input(
        "instructions and scores in [0, 100], best last"
    )
    examples: list[dict[str, Any]] = Input("solved examples, inputs and outputs")
    instruction: str = Output("an instruction unlike those tried", min_length=1)


improve_on_history = Predict(ImproveOnHistory, name="improve_on_history")


@settings
class History(Proposer):
    """An instruction from those before it and their scores.

    OPRO (Yang et al. 2023, arXiv 2309.03409) and COPRO (Opsahl-Ong et al. 2024) do so.

    Args:
        shown: How many earlier instructions one request shows.
        examples: How many solved examples beside them.
    """

    asks = (improve_on_history,)
    shown: int = 20
    examples: int = 3

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` requests, spread over the modules."""

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            number, parent, path = job
            rng = task.rng("history", number)
            reply = await improve_on_history.acall(
                tried=self._tried(task, path),
                examples=solved_examples(task, path, self.examples, rng),
            )
            origin = f"after {len(task.archive)} tried"
            return instructed(task, parent, path, reply.instruction, origin)

        return await write_each(task, spread(task, parents, n), write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a proposal."""
        del train, calls_a_row
        return writing_calls(n, *self.asks)

    def _tried(self, task: Task, path: str) -> list[dict[str, Any]]:
        best: dict[str, float] = {}
        for candidate in task.archive:
            if task.scores(candidate, task.rows):
                text = instruction_of(task, candidate, path)
                score = task.mean(candidate, task.rows)
                best[text] = max(score, best.get(text, 0.0))
        top = sorted(best.items(), key=lambda item: item[1])[-self.shown :]
        return [{"text": text, "score": round(100 * score)} for text, score in top]
