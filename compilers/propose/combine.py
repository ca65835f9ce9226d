"""Combine: values that were proposed for each slot, put together where it may pay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from ...pipeline.ground.options import settings
from ..search.candidate import Candidate
from ..search.choices import Choices, Parzen, Sampler, trials
from ..search.quote import FREE, Calls
from ..search.task import Task
from .proposer import Proposer


@settings
class Combine(Proposer):
    """Combinations of the values that candidates have; see MIPRO. No model is called.

    Args:
        sampler: Which are tried next: `Parzen()`, or `OptunaTPE()`.
    """

    sampler: Sampler = field(default_factory=Parzen)

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Combinations that nobody has tried, the likeliest first."""
        choices = Choices.of(task)
        drawn = self.sampler.sampled(
            choices.names, trials(task, choices), n, task.rng("combine")
        )
        made = [choices.candidate(chosen, parents[0]) for chosen in drawn]
        return [child for child in made if child not in task.archive][:n]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE
