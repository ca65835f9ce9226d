"""Given: values that somebody wrote down, as candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...pipeline.ground.options import settings
from ..search.candidate import Candidate
from ..search.quote import FREE, Calls
from ..search.task import Task
from .proposer import Proposer


@settings
class Given(Proposer):
    """Values given beforehand; no model is called.

    Args:
        values: For each candidate, new values keyed `module/slot`; a key without a
            slash is a slot of every module.
    """

    values: tuple[Mapping[str, Any], ...] = ()

    @property
    def about(self) -> tuple[str, ...]:
        """The modules of the keys."""
        return tuple(k.rpartition("/")[0] for values in self.values for k in values)

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """The first `n`, on the first parent."""
        return [
            parents[0].but(self._spread(task, values), f"given, number {number}")
            for number, values in enumerate(self.values[:n], 1)
        ]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE

    def _spread(self, task: Task, values: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in values.items():
            paths = task.program.modules if "/" not in key else [""]
            found |= {f"{path}/{key}" if path else key: value for path in paths}
        return found
