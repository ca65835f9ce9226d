"""Bare: a program without what was tuned, as its signatures have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...pipeline.ground.options import settings
from ...pipeline.signature.signature import spec_of
from ...pipeline.signature.spec import default_instruction
from ..search.candidate import Candidate
from ..search.quote import FREE, Calls
from ..search.task import Task
from .proposer import Proposer


@settings
class Bare(Proposer):
    """The program without its demos, and then without its instructions too."""

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """At most two, of the first parent; no model is called."""
        parent = parents[0]
        without: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        for path, module in parent.apply(task.program).modules.items():
            if module.parameters.demos:
                without |= {f"{path}/demos": (), f"{path}/nearest": 0}
            spec, tuned = spec_of(module.signature), module.parameters.instruction
            # An artifact does not hold the instruction that it began with.
            own = spec.instruction
            own = default_instruction(spec.fields) if own == tuned else own
            if own != tuned:
                plain[f"{path}/instruction"] = own
        made = [
            (without, "without demos"),
            (without | plain, "as its signatures have it"),
        ]
        return [
            parent.but(values, origin)
            for at, (values, origin) in enumerate(made)
            if values and (at == 0 or plain)
        ][:n]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE
