"""Vectors under training: soft words, and prefixes of every layer.

What makes the rows while they are trained is `encoders.py`'s; only the rows stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final

from ...errors import ConfigError
from ..soft.words import Place, Soft
from .encoders import Encoder, Shape
from .layout import token_of
from .lessons import Batch, Lesson, Lessons, row_of
from .libraries import torch
from .loaded import Loaded, Pairs
from .tuning import Plan

_NEAR: Final = 3


@dataclass(frozen=True, kw_only=True)
class WordsPlan(Plan[Soft]):
    """How vectors are trained.

    Args:
        place: Where they stand.
        shape: How many, how wide, and what makes them.
        init: "vocab" begins with embeddings of drawn real words, "text" with those of
            `texts`.
        texts: Texts to begin with: an instruction, or labels.
        anchors: Real words that stay as they are: the first stands before the trained
            words, the second behind the first of them, and so on, spread evenly.
    """

    place: Place
    shape: Shape
    init: str = "vocab"
    texts: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()

    def begin(
        self, loaded: Loaded, lessons: Sequence[Lesson]
    ) -> tuple[Vectors, Lessons]:
        """The rows to begin with; what stands before them is read once."""
        rows = Lessons(loaded, [row_of(loaded, one) for one in lessons])
        return Vectors(loaded, self, lessons[0] if lessons else None), rows


class Vectors:
    """Vectors under training; used on the worker's thread alone.

    Args:
        loaded: The frozen model.
        plan: How they are trained.
        lesson: One of the lessons, whose request says which low-rank updates the model
            computes with; None for none.

    Raises:
        ConfigError: There is nothing to begin with.
    """

    def __init__(self, loaded: Loaded, plan: WordsPlan, lesson: Lesson | None) -> None:
        self._loaded, self._plan = loaded, plan
        self._lora = None if lesson is None else lesson.request.lora
        start, fixed = _start(loaded, plan)
        self.encoder = Encoder(replace(plan.shape, fixed=fixed), start, plan.seed)
        self.beside = 0

    @property
    def parameters(self) -> Sequence[Any]:
        """Those of what makes the vectors."""
        return self.encoder.parameters

    @property
    def before(self) -> int:
        """The positions of a prefix; words stand within the rows."""
        return self._plan.shape.count if self._plan.place == "deep" else 0

    def frozen(self) -> AbstractContextManager[None]:
        """The low-rank updates that are there already."""
        return self._loaded.adapted(self._lora)

    def logits(self, batch: Batch) -> Any:
        """Of the replies, with the vectors as they are now."""
        deep = self._plan.place == "deep"
        return logits_of(self._loaded, batch, self.encoder.vectors(), deep=deep)

    def state(self) -> dict[str, Any]:
        """The rows that come out."""
        return {"rows": self.encoder.vectors()}

    def value(self, state: Mapping[str, Any]) -> Soft:
        """Rows as words, with the real words nearest to each."""
        plan, rows = self._plan, state["rows"]
        near = () if plan.place == "deep" else nearest(self._loaded, rows)
        count, width = plan.shape.count, plan.shape.width
        data, model = _bytes(rows), self._loaded.model.sha256
        return Soft(plan.name, plan.place, data, count, width, model, near)


def logits_of(loaded: Loaded, batch: Batch, vectors: Any, *, deep: bool) -> Any:
    """The logits of each token of the replies, [rows, longest reply, vocabulary].

    Args:
        loaded: The model.
        batch: The rows.
        vectors: [count, width], the same for each row; or [rows, count, width], so that
            rows of several tasks are in one batch, each with words of its own.
        deep: Whether the vectors are a prefix of every layer.
    """
    pairs = batch.pairs
    own = vectors
    if deep:
        pairs, own = _before(loaded, batch, vectors), None
    if own is not None and own.dim() == 3:
        embeds = torch.stack(
            [
                loaded.embedded(ids, mine)
                for ids, mine in zip(batch.ids, own, strict=True)
            ]
        )
    else:
        embeds = loaded.embedded(batch.ids, own)
    read = loaded.forward(
        embeds,
        pairs,
        mask=batch.mask,
        positions=batch.positions,
        keep=batch.wanted.shape[1] + 1,
    )
    return read.logits[:, :-1]


def _before(loaded: Loaded, batch: Batch, vectors: Any) -> Pairs:
    """A deep prefix before what was read of each row."""
    rows = batch.ids.shape[0]
    if vectors.dim() == 3:
        each = [loaded.prefix(one) for one in vectors]
        prefix = [
            tuple(torch.cat([one[layer][w] for one in each]) for w in (0, 1))
            for layer in range(len(each[0]))
        ]
    else:
        prefix = loaded.prefix(vectors, rows)
    if not batch.pairs:
        return [(k, v) for k, v in prefix]
    return [
        (torch.cat((k, more_k), 2), torch.cat((v, more_v), 2))
        for (k, v), (more_k, more_v) in zip(prefix, batch.pairs, strict=True)
    ]


def nearest(loaded: Loaded, rows: Any) -> tuple[tuple[str, ...], ...]:
    """For each row the real words that point the most in its direction."""
    with torch.no_grad():
        table = loaded.table.float()
        unit = table / table.norm(dim=1, keepdim=True).clamp(min=1e-9)
        mine = rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-9)
        best = torch.topk(mine @ unit.T, min(_NEAR, table.shape[0]), dim=1).indices
    return tuple(
        tuple(_shown(loaded, int(token)) for token in tokens) for tokens in best
    )


def _shown(loaded: Loaded, token: int) -> str:
    said: str = loaded.tokenizer.decode([token])
    return "".join(c if c.isprintable() else "?" for c in said)


def _bytes(rows: Any) -> bytes:
    return bytes(rows.numpy().astype("<f4").tobytes())


def _start(loaded: Loaded, plan: WordsPlan) -> tuple[Any, tuple[int, ...]]:
    """The rows to begin with, and which of them are anchors.

    Raises:
        ConfigError: The texts have no token, or an anchor is no single one.
    """
    if plan.place == "deep":
        lots = torch.Generator().manual_seed(plan.seed)
        shape = plan.shape
        return 0.02 * torch.randn(shape.count, shape.width, generator=lots), ()
    rows = _first(loaded, plan)
    every = max(1, plan.shape.count // max(1, len(plan.anchors)))
    fixed = tuple(every * at for at in range(len(plan.anchors)))
    for at, anchor in zip(fixed, plan.anchors, strict=True):
        token = token_of(loaded, anchor, "anchor")
        rows[at] = loaded.table[token].float() * loaded.scale
    return rows, fixed


def _first(loaded: Loaded, plan: WordsPlan) -> Any:
    shape, lots = plan.shape, torch.Generator().manual_seed(plan.seed)
    if plan.init == "vocab":
        # Frequent words, as Lester et al. 2021, section 3.2: early ids are frequent.
        most = min(5000, loaded.table.shape[0])
        ids = torch.randint(0, most, (shape.count,), generator=lots)
        return loaded.table[ids].float() * loaded.scale
    found: list[int] = []
    for text in plan.texts:
        found += loaded.tokenizer(text, add_special_tokens=False).input_ids
    if not found:
        raise ConfigError(
            f"there is no text to begin the soft words {plan.name!r} with",
            hint='Write init="vocab"',
        )
    ids = [found[at % len(found)] for at in range(shape.count)]
    return loaded.table[torch.tensor(ids)].float() * loaded.scale
