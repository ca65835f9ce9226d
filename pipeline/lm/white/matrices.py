"""Low-rank updates under training: Hu et al. 2021, "LoRA", arXiv 2106.09685.

Every token is read anew at each step, since what is trained changes all of them. What
all rows begin with, the instruction as a rule, is read once a step and not once a row:
the gradient comes back through it from all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ..soft.lora import DOWN, UP, Lora, Tensor, matrix_name
from .lessons import Batch, Lesson, Lessons, Row, row_of
from .libraries import torch
from .loaded import Loaded
from .lora import Update, applied, projections, updates_of
from .tuning import Plan


@dataclass(frozen=True, kw_only=True)
class UpdatesPlan(Plan[Lora]):
    """How low-rank updates are trained.

    Args:
        rank: Rows of A, and numbers in a row of B.
        alpha: Their product is multiplied with alpha / rank.
        targets: The projections, by the last part of their names.
    """

    rank: int
    alpha: float
    targets: tuple[str, ...]

    def begin(
        self, loaded: Loaded, lessons: Sequence[Lesson]
    ) -> tuple[Matrices, Lessons]:
        """B is zeros, so that the model begins as it is.

        Where the lessons' requests carry updates of this shape already, it goes on from
        these.
        """
        rows = [row_of(loaded, one) for one in lessons]
        whole = [(*row.head, *row.own, *row.tail) for row in rows]
        head = _shared(whole, [row.reply for row in rows])
        own = [
            Row((), (), tokens[len(head) :], row.reply)
            for tokens, row in zip(whole, rows, strict=True)
        ]
        return Matrices(loaded, self, lessons[0], head), Lessons(loaded, own)


class Matrices:
    """Low-rank updates under training; used on the worker's thread alone.

    Args:
        loaded: The frozen model.
        plan: How they are trained.
        lesson: One of the lessons, whose request says which soft words stand in the
            prompt, and which updates there are already.
        head: The tokens that all rows begin with.

    Raises:
        ConfigError: The model has no such projection.
    """

    def __init__(
        self, loaded: Loaded, plan: UpdatesPlan, lesson: Lesson, head: tuple[int, ...]
    ) -> None:
        self._loaded, self._plan, self._head = loaded, plan, head
        soft = lesson.request.soft
        self._vectors = loaded.vectors(soft)
        self._deep = soft is not None and soft.place == "deep"
        prefix = soft.count if soft is not None and self._deep else 0
        self.before, self.beside = prefix + len(head), len(head)
        lots = torch.Generator().manual_seed(plan.seed)
        self._pairs: dict[str, tuple[Any, Any]] = {}
        for name, module in projections(loaded.net, plan.targets).items():
            wide, out = module.in_features, module.out_features
            drawn = torch.rand(plan.rank, wide, generator=lots) * 2 - 1
            pair = drawn / wide**0.5, torch.zeros(out, plan.rank)
            self._pairs[name] = pair
        self._go_on(lesson.request.lora)
        for pair in self._pairs.values():
            for one in pair:
                one.requires_grad_()

    def _go_on(self, lora: Lora | None) -> None:
        """Begin with updates that are there, where they are of this shape."""
        if lora is None or lora.model != self._loaded.model.sha256:
            return
        plan = self._plan
        if (lora.rank, float(lora.alpha)) != (plan.rank, float(plan.alpha)):
            return
        held = updates_of(self._loaded.net, lora)
        if {*held} == {*self._pairs}:
            self._pairs = {n: (held[n].down, held[n].up) for n in self._pairs}

    @property
    def parameters(self) -> Sequence[Any]:
        """A and B of each projection, in the order of the model."""
        return [one for pair in self._pairs.values() for one in pair]

    def frozen(self) -> AbstractContextManager[None]:
        """Nothing: what is there is trained."""
        return nullcontext()

    def logits(self, batch: Batch) -> Any:
        """Of the replies, with the updates as they are now."""
        loaded, scale = self._loaded, self._plan.alpha / self._plan.rank
        rows = batch.ids.shape[0]
        pairs = loaded.prefix(self._vectors) if self._deep else []
        words = None if self._deep else self._vectors
        updates = {n: Update(*pair, scale) for n, pair in self._pairs.items()}
        with applied(loaded.net, updates):
            if self._head:
                embeds = loaded.embedded([self._head], words)
                pairs = loaded.forward(embeds, pairs, keep=1).pairs
            past = [
                (k.expand(rows, -1, -1, -1), v.expand(rows, -1, -1, -1))
                for k, v in pairs
            ]
            read = loaded.forward(
                loaded.embedded(batch.ids, words),
                past,
                mask=batch.mask,
                positions=batch.positions,
                keep=batch.wanted.shape[1] + 1,
            )
        return read.logits[:, :-1]

    def state(self) -> dict[str, Any]:
        """The matrices, by peft's names."""
        return {
            matrix_name(name, which): one
            for name, pair in self._pairs.items()
            for which, one in zip((DOWN, UP), pair, strict=True)
        }

    def value(self, state: Mapping[str, Any]) -> Lora:
        """The updates, as a module holds them."""
        plan = self._plan
        tensors: dict[str, Tensor] = {}
        for name, one in state.items():
            rows, width = map(int, one.shape)
            tensors[name] = rows, width, bytes(one.numpy().astype("<f4").tobytes())
        model = self._loaded.model.sha256
        return Lora(plan.name, plan.rank, plan.alpha, plan.targets, tensors, model)


def _shared(rows: Sequence[tuple[int, ...]], replies: Sequence[int]) -> tuple[int, ...]:
    """The tokens that all rows begin with, a token before each reply left out.

    That token stays with its row: what the reply begins with is told there.
    """
    most = min(len(row) - reply - 1 for row, reply in zip(rows, replies, strict=True))
    common = max(0, most)
    first = rows[0]
    while any(row[:common] != first[:common] for row in rows):
        common -= 1
    return first[:common]
