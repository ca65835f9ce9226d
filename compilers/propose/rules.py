"""Rules: what holds in all solved examples, added to the instruction."""

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


class InduceRules(Signature):
    """Write the rules by which these examples were solved, so that others can be.

    Each rule is general, short, and can be followed without seeing the examples.
    """

    task: str = Input("the task's instruction")
    examples: list[dict[str, Any]] = Input("solved examples, inputs and outputs")
    rules: str = Output("the rules, one a line", min_length=1)


induce_rules = Predict(InduceRules, name="induce_rules")


@settings
class Rules(Proposer):
    """Rules induced from examples and added to the instruction (DSPy's InferRules).

    Args:
        examples: How many examples one request shows, as far as they fit.
    """

    asks = (induce_rules,)
    examples: int = 32

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` sets of rules, each from other examples."""

        async def write(job: tuple[int, Candidate, str]) -> Candidate | None:
            number, parent, path = job
            rng = task.rng("rules", number)
            examples = solved_examples(task, path, self.examples, rng)
            if not examples:
                return None
            now = instruction_of(task, parent, path)
            reply = await induce_rules.acall(task=now, examples=examples)
            text = f"{now}\nFollow these rules:\n{reply.rules.strip()}"
            origin = f"rules from {len(examples)} examples"
            return instructed(task, parent, path, text, origin)

        return await write_each(task, spread(task, parents, n), write)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a proposal."""
        del train, calls_a_row
        return writing_calls(n, *self.asks)
