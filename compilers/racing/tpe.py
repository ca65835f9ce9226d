"""TPE as a selector: go on from who makes the choices that seem to pay."""

from __future__ import annotations

from dataclasses import field

from ...pipeline.ground.options import settings
from ..candidate import Candidate
from ..driving.task import Task
from .choices import Choices
from .parzen import Parzen, Sampler, Trial
from .select import Selector, raced, turns


@settings
class TPE(Selector):
    """The candidates most like the combinations that an estimator would try next.

    Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization". A combination
    that is not there yet is for a proposer to make (`propose.combine`); a selector
    picks who comes nearest to it.

    Args:
        sampler: `Parzen()`, or `OptunaTPE()` with the extra `optuna`.
    """

    sampler: Sampler = field(default_factory=Parzen)

    def parents(self, task: Task, n: int) -> list[Candidate]:
        """`n` seeded draws; the best where there is nothing to choose among."""
        choices, pool = Choices.of(task), raced(task)
        made = {c: choices.made_by(c) for c in pool}
        drawn = self.sampler.sampled(
            choices.names, trials(task, choices), n, task.rng("tpe")
        )
        if not drawn:
            return task.archive[:1] * n

        def nearest(wanted: dict[str, str]) -> Candidate:
            alike = [sum(made[c][s] == wanted[s] for s in wanted) for c in pool]
            return pool[alike.index(max(alike))]

        return turns([nearest(wanted) for wanted in drawn[:n]], n)

    def incumbents(self, task: Task) -> list[Candidate]:
        """The best."""
        return task.archive[:1]


def trials(task: Task, choices: Choices) -> list[Trial]:
    """The raced candidates of an archive as trials, the best first."""
    return [
        Trial(choices.made_by(c), task.mean(c, task.rows))
        for c in task.archive
        if task.scores(c, task.rows)
    ]
