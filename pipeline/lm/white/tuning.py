"""Training of vectors that stand in prompts; the weights stay as they are.

The loss is that of the whole reply, as the adapter writes it, on the tokens of the
whole rendered message. Adam (Kingma and Ba 2015) changes the rows alone. The same seed,
rows and machine give the same bytes, in one go or resumed from what was kept.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from ...errors import ConfigError
from ..soft.words import Place, Soft
from .encoders import Encoder, Shape
from .lessons import Batch, Lesson, Lessons, row_of
from .libraries import safetensors, torch
from .loaded import Loaded, Pairs

_NEAR: Final = 3


@dataclass(frozen=True)
class Plan:
    """How vectors are trained.

    Args:
        name: What the words are called.
        place: Where they stand.
        shape: How many, how wide, and what makes them.
        steps: How many steps.
        batch: How many rows a step learns from.
        rate: The learning rate of Adam; it falls to a tenth of it along a line.
        init: "vocab" begins with embeddings of drawn real words, "text" with those of
            `texts`.
        texts: Texts to begin with: an instruction, or labels.
        seed: Every random number follows from it.
        anchors: Real words that stay as they are: the first stands before the trained
            words, the second behind the first of them, and so on, spread evenly.
    """

    name: str
    place: Place
    shape: Shape
    steps: int
    batch: int
    rate: float
    init: str = "vocab"
    texts: tuple[str, ...] = ()
    seed: int = 0
    anchors: tuple[str, ...] = ()


class Taken(NamedTuple):
    """What a step took.

    Args:
        loss: The mean loss of a token of the replies, in nats.
        tokens: Tokens that were read forward, and the same again backward.
    """

    loss: float
    tokens: int


class Tuning:
    """Vectors under training; used on the worker's thread alone.

    Args:
        loaded: The frozen model.
        lessons: What is learnt from, in order.
        plan: How.

    Raises:
        ContextLengthError: A row does not fit the model's context.
        ConfigError: There is nothing to begin with.
    """

    def __init__(self, loaded: Loaded, lessons: Sequence[Lesson], plan: Plan) -> None:
        self.loaded, self.plan = loaded, plan
        self.lessons = Lessons(loaded, [row_of(loaded, one) for one in lessons])
        start, fixed = _start(loaded, plan)
        shape = replace(plan.shape, fixed=fixed)
        self.encoder = Encoder(shape, start, plan.seed)
        self._adam = torch.optim.Adam(self.encoder.parameters, lr=plan.rate)
        self.done = 0
        self.losses: list[float] = []
        self.snaps: dict[int, Any] = {}

    @property
    def reading(self) -> int:
        """Tokens that are read once, before the first step."""
        rows = self.lessons.rows
        return sum(len(row.own) for row in rows) + sum(map(len, {r.head for r in rows}))

    def read(self, at: int) -> None:
        """Read what stands before the words of a row."""
        self.lessons.read(at)

    def tokens(self, step: int) -> int:
        """Tokens that a step reads, forward and backward."""
        rows = (self.lessons.rows[at] for at in self._rows(step))
        return 2 * sum(len(row.tail) for row in rows)

    def step(self) -> Taken:
        """Learn from the next rows."""
        plan, number = self.plan, self.done
        share = number / max(1, plan.steps)
        for group in self._adam.param_groups:
            group["lr"] = plan.rate * (1.0 - 0.9 * share)
        self._adam.zero_grad(set_to_none=True)
        loss = self.loss(self._rows(number), self.encoder.vectors())
        loss.backward()
        self._adam.step()
        self.done = number + 1
        self.losses.append(float(loss.detach()))
        return Taken(self.losses[-1], self.tokens(number))

    def loss(self, some: Sequence[int], vectors: Any) -> Any:
        """The mean loss of a token of the replies of some rows."""
        deep = self.plan.place == "deep"
        before = self.plan.shape.count if deep else 0
        batch = self.lessons.batch(some, before)
        logits = logits_of(self.loaded, batch, vectors, deep=deep)
        return torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]).float(), batch.wanted.reshape(-1)
        )

    def snap(self) -> None:
        """Keep the rows as they are now."""
        with torch.no_grad():
            rows = self.encoder.vectors().detach().float().contiguous().clone()
        self.snaps[self.done] = rows

    def softs(self) -> dict[int, Soft]:
        """The words as they were at each step that was kept, by its number."""
        return {step: self.soft(rows) for step, rows in self.snaps.items()}

    def soft(self, rows: Any) -> Soft:
        """Rows as words, with the real words nearest to each."""
        plan = self.plan
        near = () if plan.place == "deep" else nearest(self.loaded, rows)
        return Soft(
            plan.name,
            plan.place,
            _bytes(rows),
            plan.shape.count,
            plan.shape.width,
            self.loaded.model.sha256,
            near,
        )

    def kept(self) -> bytes:
        """What a resumed training needs, as safetensors."""
        state: dict[str, Any] = {"done": torch.tensor([self.done])}
        state["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        state |= {f"snap/{step}": rows for step, rows in self.snaps.items()}
        held = self._adam.state
        for at, parameter in enumerate(self.encoder.parameters):
            state[f"{at}"] = parameter.detach().clone()
            for name, value in held.get(parameter, {}).items():
                state[f"{at}/{name}"] = value.detach().clone()
        made: bytes = safetensors.save(state)
        return made

    def resume(self, kept: bytes) -> None:
        """Go on from what was kept.

        Raises:
            ValueError: It is of another training.
        """
        state: Mapping[str, Any] = safetensors.load(kept)
        parameters = self.encoder.parameters
        if any(state[f"{at}"].shape != p.shape for at, p in enumerate(parameters)):
            raise ValueError("it is of another training")
        with torch.no_grad():
            for at, parameter in enumerate(parameters):
                parameter.copy_(state[f"{at}"])
                own = {
                    name.partition("/")[2]: value.clone()
                    for name, value in state.items()
                    if name.startswith(f"{at}/")
                }
                if own:
                    self._adam.state[parameter] = own
        self.snaps = {
            int(name.partition("/")[2]): rows.clone()
            for name, rows in state.items()
            if name.startswith("snap/")
        }
        self.done = int(state["done"][0])
        self.losses = [float(loss) for loss in state["losses"]]

    def _rows(self, step: int) -> list[int]:
        """The rows of a step: all in a drawn order, and again in another one."""
        count = len(self.lessons.rows)
        size = min(self.plan.batch, count)
        made: list[int] = []
        turn, at = divmod(step * size, count)
        while len(made) < size:
            order = [*range(count)]
            random.Random(f"{self.plan.seed}/rows/{turn}").shuffle(order)
            made += order[at : at + size - len(made)]
            turn, at = turn + 1, 0
        return made


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


def _start(loaded: Loaded, plan: Plan) -> tuple[Any, tuple[int, ...]]:
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
        ids = loaded.tokenizer(anchor, add_special_tokens=False).input_ids
        if len(ids) != 1:
            raise ConfigError(
                f"the anchor {anchor!r} is {len(ids)} tokens of {loaded.model.name!r}",
                hint="Give words that are one token each; a blank before one often is "
                "a part of it",
            )
        rows[at] = loaded.table[ids[0]].float() * loaded.scale
    return rows, fixed


def _first(loaded: Loaded, plan: Plan) -> Any:
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
