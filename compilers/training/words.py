"""Proposers of soft words: vectors that are trained, and race as candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...pipeline.errors import ConfigError
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.options import Count, Positive, settings
from ...pipeline.lm.soft.words import PLACES, Place, Soft, name_for
from ..propose.proposer import Parents, Proposer
from ..search.candidate import Candidate
from ..search.cost import Training
from ..search.task import Task
from .lessons import Trained, lessons_for
from .running import candidates, refuse_unknown, trained

if TYPE_CHECKING:
    from ...pipeline.lm.white import encoders, vectors
else:
    encoders = deferred("weft.pipeline.lm.white", "encoders")
    vectors = deferred("weft.pipeline.lm.white", "vectors")

INITS: Final = ("vocab", "labels", "instruction")
ENCODERS: Final = ("", "mlp", "lstm", "projection")


@settings
class TrainWords(Proposer):
    """Soft words for each module that asks a model in this process.

    Args:
        words: How many words.
        place: Where they stand.
        steps: Steps of training.
        batch: Rows that a step learns from.
        rate: The learning rate of Adam.
        rows: Training rows at the most.
        init: What the words begin as: "vocab", "labels" or "instruction".
        encoder: What makes the vectors: "" for themselves, "mlp", "lstm", "projection".
        inner: Numbers in a row that goes into an encoder; 0 for the model's width.
        anchors: Words that stay as real words are, among the others, in turn.
        called: What the words are called; the module's path by default.
        module: The path of the one module that is trained; empty for all.
    """

    words: Count = 5
    place: Place = "after"
    steps: Count = 100
    batch: Count = 8
    rate: Positive = 0.05
    rows: Count = 400
    init: str = "vocab"
    encoder: str = ""
    inner: int = 0
    anchors: tuple[str, ...] = ()
    called: str = ""
    module: str = ""

    def __post_init__(self) -> None:
        refuse_unknown("place", self.place, PLACES)
        refuse_unknown("init", self.init, INITS)
        refuse_unknown("encoder", self.encoder, ENCODERS)
        if self.anchors and self.place == "deep":
            raise ConfigError(
                "anchors are words, and a deep prefix has none",
                hint="Leave anchors out, or take another place",
            )

    @property
    def about(self) -> tuple[str, ...]:
        """The module that it is for."""
        return (self.module,)

    @property
    def trains(self) -> Training:
        """All steps, for one module."""
        return Training(self.steps, self.steps * self.batch)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """The words in the end, and as they were on the way, `n` in all."""

        async def of(one: Trained, parts: int) -> list[Soft]:
            return await self._of(task, parents[0], one, n, parts)

        what = "prefix positions" if self.place == "deep" else "soft words"
        told = f"{self.words} {what} at {self.place!r}"
        return await candidates(
            task, parents[0], self.module, "soft", of, told, self.called
        )

    async def _of(
        self, task: Task, parent: Candidate, one: Trained, n: int, parts: int
    ) -> list[Soft]:
        module = parent.apply(task.program).modules[one.path]
        deep = self.place == "deep"
        width = one.model.deep if deep else one.model.width
        count = self.words + len(self.anchors)
        name = self.called or name_for(one.path)
        blank = bytes(4 * count * width)
        soft = Soft(name, self.place, blank, count, width, one.model.sha256)
        lessons = await lessons_for(task, parent, one, soft, self.rows)
        texts: tuple[str, ...] = (module.parameters.instruction,)
        if self.init == "labels":
            texts = tuple(dict.fromkeys(lesson.reply for lesson in lessons))
        seed = task.rng("training", one.path).getrandbits(32)
        shape = encoders.Shape(count, width, _kind(self.encoder), self.inner)
        init = "vocab" if self.init == "vocab" else "text"
        plan = vectors.WordsPlan(
            name=name,
            steps=self.steps,
            batch=self.batch,
            rate=self.rate,
            seed=seed,
            place=self.place,
            shape=shape,
            init=init,
            texts=texts,
            anchors=self.anchors,
        )
        model = one.model
        return await trained(task, model, lessons, plan, snapshots=n, parts=parts)


def _kind(encoder: str) -> Any:
    return encoder
