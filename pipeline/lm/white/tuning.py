"""Training of what goes along with prompts; the weights stay as they are.

The loss is that of the whole reply, as the adapter writes it, on the tokens of the
whole rendered message. Adam (Kingma and Ba 2015) changes what a plan says and nothing
else: vectors (`vectors.py`), or low-rank updates (`lora.py`). The same seed, rows and
machine give the same bytes, in one go or resumed from what was kept.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from .lessons import Batch, Lesson, Lessons
from .libraries import safetensors, torch
from .loaded import Loaded

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


class Learner(Protocol[V_co]):
    """What is under training, and how the model computes with it."""

    @property
    def parameters(self) -> Sequence[Any]:
        """What an optimizer changes, in a fixed order."""
        ...

    @property
    def before(self) -> int:
        """Positions that the learner puts before what is read of a row."""
        ...

    @property
    def beside(self) -> int:
        """Tokens that each step reads beside those of its rows."""
        ...

    def frozen(self) -> AbstractContextManager[None]:
        """While it is entered the model computes with what is there and stays."""
        ...

    def logits(self, batch: Batch) -> Any:
        """Those of each token of the replies, [rows, longest reply, vocabulary]."""
        ...

    def state(self) -> dict[str, Any]:
        """Tensors of which a value can be made: those of now."""
        ...

    def value(self, state: Mapping[str, Any]) -> V_co:
        """What comes out of a training that was in this state."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan(ABC, Generic[V]):
    """What is trained, and how.

    Args:
        name: What comes out is called so.
        steps: How many steps.
        batch: How many rows a step learns from.
        rate: The learning rate of Adam; it falls to a tenth of it along a line.
        seed: Every random number follows from it.
    """

    name: str
    steps: int
    batch: int
    rate: float
    seed: int = 0

    @abstractmethod
    def begin(
        self, loaded: Loaded, lessons: Sequence[Lesson]
    ) -> tuple[Learner[V], Lessons]:
        """What is trained, as it begins, and the rows as it reads them.

        Raises:
            ContextLengthError: A row does not fit the model's context.
            ConfigError: There is nothing to begin with.
        """


class Taken(NamedTuple):
    """What a step took.

    Args:
        loss: The mean loss of a token of the replies, in nats.
        tokens: Tokens that were read forward, and the same again backward.
    """

    loss: float
    tokens: int


class Tuning(Generic[V]):
    """A training under way; used on the worker's thread alone.

    Args:
        loaded: The frozen model.
        lessons: What is learnt from, in order.
        plan: What is trained, and how.

    Raises:
        ContextLengthError: A row does not fit the model's context.
        ConfigError: There is nothing to begin with.
    """

    def __init__(
        self, loaded: Loaded, lessons: Sequence[Lesson], plan: Plan[V]
    ) -> None:
        self.loaded, self.plan = loaded, plan
        self.learner, self.lessons = plan.begin(loaded, lessons)
        self._adam = torch.optim.Adam(self.learner.parameters, lr=plan.rate)
        self.done = 0
        self.losses: list[float] = []
        self.seconds: list[float] = []
        self.snaps: dict[int, dict[str, Any]] = {}

    @property
    def reading(self) -> int:
        """Tokens that are read once, before the first step."""
        rows = self.lessons.rows
        return sum(len(row.own) for row in rows) + sum(map(len, {r.head for r in rows}))

    def read(self, at: int) -> None:
        """Read what stands before the words of a row."""
        with self.learner.frozen():
            self.lessons.read(at)

    def tokens(self, step: int) -> int:
        """Tokens that a step reads, forward and backward."""
        rows = (self.lessons.rows[at] for at in self._rows(step))
        return 2 * (sum(len(row.tail) for row in rows) + self.learner.beside)

    def step(self) -> Taken:
        """Learn from the next rows."""
        plan, number, began = self.plan, self.done, time.monotonic()
        share = number / max(1, plan.steps)
        for group in self._adam.param_groups:
            group["lr"] = plan.rate * (1.0 - 0.9 * share)
        self._adam.zero_grad(set_to_none=True)
        loss = self.loss(self._rows(number))
        loss.backward()
        self._adam.step()
        self.done = number + 1
        self.losses.append(float(loss.detach()))
        self.seconds.append(time.monotonic() - began)
        return Taken(self.losses[-1], self.tokens(number))

    def loss(self, some: Sequence[int]) -> Any:
        """The mean loss of a token of the replies of some rows."""
        self.loaded.take_threads()
        with self.learner.frozen():
            batch = self.lessons.batch(some, self.learner.before)
            return loss_of(self.learner.logits(batch), batch)

    def snap(self) -> None:
        """Keep what is trained as it is now."""
        with torch.no_grad():
            state = self.learner.state().items()
            self.snaps[self.done] = {
                name: value.detach().float().contiguous().clone()
                for name, value in state
            }

    def values(self) -> dict[int, V]:
        """What was trained as it was at each step that was kept, by its number."""
        return {step: self.learner.value(state) for step, state in self.snaps.items()}

    def kept(self) -> bytes:
        """What a resumed training needs, as safetensors."""
        state: dict[str, Any] = {"done": torch.tensor([self.done])}
        state["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        state["seconds"] = torch.tensor(self.seconds, dtype=torch.float64)
        for step, snap in self.snaps.items():
            state |= {f"snap/{step}/{name}": value for name, value in snap.items()}
        held = self._adam.state
        for at, parameter in enumerate(self.learner.parameters):
            state[f"{at}"] = parameter.detach().clone()
            for name, value in held.get(parameter, {}).items():
                state[f"{at}/{name}"] = value.detach().clone()
        made: bytes = safetensors.save(state)
        return made

    def resume(self, kept: bytes) -> None:
        """Go on from what was kept.

        Raises:
            ValueError: It is of another training, or damaged; nothing has changed then.
        """
        parameters = self.learner.parameters
        state = _read(kept)
        shapes = {f"{at}": p.shape for at, p in enumerate(parameters)}
        found = {name: state[name].shape for name in shapes if name in state}
        if shapes != found or not {"done", "losses", "seconds"} <= {*state}:
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
        for name, value in state.items():
            if name.startswith("snap/"):
                _, step, what = name.split("/", 2)
                self.snaps.setdefault(int(step), {})[what] = value.clone()
        self.done = int(state["done"][0])
        self.losses = [float(loss) for loss in state["losses"]]
        self.seconds = [float(took) for took in state["seconds"]]

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


def _read(kept: bytes) -> Mapping[str, Any]:
    """The tensors of a training that was kept.

    Raises:
        ValueError: It holds none.
    """
    try:
        state: Mapping[str, Any] = safetensors.load(kept)
    except Exception as error:  # noqa: BLE001 - the library has errors of its own
        raise ValueError(f"it holds no tensors: {error}") from None
    return state


def loss_of(logits: Any, batch: Batch) -> Any:
    """The mean loss of a token of the replies, in nats."""
    return torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]).float(), batch.wanted.reshape(-1)
    )
