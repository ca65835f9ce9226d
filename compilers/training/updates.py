"""A proposer of low-rank updates: weights that are tuned, and race as candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...pipeline.errors import ConfigError
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.options import Count, Positive, settings
from ...pipeline.lm.soft.lora import Lora
from ...pipeline.lm.soft.words import name_for
from ..propose.proposer import Parents, Proposer
from ..search.candidate import Candidate
from ..search.cost import Calls, Training
from ..search.task import Task
from .lessons import SOURCES, Trained, lessons_for
from .running import candidates, refuse_unknown, trained

if TYPE_CHECKING:
    from ...pipeline.lm.white import matrices
else:
    matrices = deferred("weft.pipeline.lm.white", "matrices")

_LABELS, _TRACES = SOURCES
_SLOT: Final = "lora"


@settings
class TrainUpdates(Proposer):
    """Low-rank updates for each module that asks a model in this process.

    Args:
        rank: Rows of A, and numbers in a row of B, for each projection.
        alpha: The product of both is multiplied with alpha / rank.
        targets: The projections, by the last part of their names.
        steps: Steps of training.
        batch: Rows that a step learns from.
        rate: The learning rate of Adam.
        rows: Training rows at the most.
        source: What is learnt: "labels", or the "traces" of runs that pass.
        called: What the updates are called; the module's path by default.
        module: The path of the one module that is trained; empty for all.
    """

    rank: Count = 8
    alpha: Positive = 16.0
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    steps: Count = 60
    batch: Count = 8
    rate: Positive = 0.002
    rows: Count = 400
    source: str = _LABELS
    called: str = ""
    module: str = ""

    def __post_init__(self) -> None:
        refuse_unknown("source", self.source, SOURCES)
        if not self.targets:
            raise ConfigError(
                "targets=() names no projection",
                hint='Give the last parts of their names, such as ("q_proj", "v_proj")',
            )

    @property
    def about(self) -> tuple[str, ...]:
        """The module that it is for."""
        return (self.module,)

    @property
    def trains(self) -> Training:
        """All steps, for one module."""
        return Training(self.steps, self.steps * self.batch)

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The runs whose traces are learnt from; none for labels."""
        del n
        most = min(self.rows, train) * calls_a_row if self.source == _TRACES else 0
        return Calls(0, most, most)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """The updates in the end, and as they were on the way, `n` in all."""

        async def of(one: Trained, parts: int) -> list[Lora]:
            return await self._of(task, parents[0], one, n, parts)

        what = f"low-rank updates of rank {self.rank}, from {self.source}"
        return await candidates(
            task, parents[0], self.module, _SLOT, of, what, self.called
        )

    async def _of(
        self, task: Task, parent: Candidate, one: Trained, n: int, parts: int
    ) -> list[Lora]:
        module = parent.apply(task.program).modules[one.path]
        soft = module.parameters.soft
        lessons = await lessons_for(
            task, parent, one, soft, self.rows, source=self.source
        )
        plan = matrices.UpdatesPlan(
            name=self.called or name_for(one.path),
            steps=self.steps,
            batch=self.batch,
            rate=self.rate,
            seed=task.rng("training", one.path).getrandbits(32),
            rank=self.rank,
            alpha=self.alpha,
            targets=self.targets,
        )
        model = one.model
        return await trained(task, model, lessons, plan, snapshots=n, parts=parts)
