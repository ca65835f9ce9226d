"""Search for real words that stand in a prompt: by gradients, and kept where they help.

Shin et al. 2020, "AutoPrompt", arXiv 2010.15980: the gradient of the loss by a word's
vector says which words would lower it, to a first approximation; the likeliest of them
are tried, and a swap is kept where the loss on the same rows really falls. What is
found is text: only words are taken that are read back from it as they are.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ...errors import ConfigError
from .layout import ids_of, token_of
from .lessons import Lesson, Lessons, row_of
from .libraries import torch
from .loaded import Loaded
from .vectors import logits_of

_FIRST: Final = 5000
_BATCH: Final = 16


@dataclass(frozen=True)
class Hunt:
    """How words are searched for.

    Args:
        slots: How many words.
        candidates: Words that are tried in a slot at each turn.
        turns: How many turns; each looks at one slot.
        words: The words to choose from, one token each; empty for the vocabulary.
        readable: Whether only words of letters are taken, each with a blank before it.
        seed: Every random choice follows from it.
    """

    slots: int
    candidates: int
    turns: int
    words: tuple[str, ...] = ()
    readable: bool = False
    seed: int = 0


class Turn(NamedTuple):
    """What a turn came to.

    Args:
        loss: The loss with the words as they are now; it never rises.
        tokens: Tokens that were read, forward and backward.
    """

    loss: float
    tokens: int


class Triggers:
    """A search under way; used on the worker's thread alone.

    Args:
        loaded: The frozen model.
        lessons: The rows, with soft words where the words will stand.
        hunt: How.

    Raises:
        ConfigError: A word is no single token, or there are none that can be taken.
    """

    def __init__(self, loaded: Loaded, lessons: Sequence[Lesson], hunt: Hunt) -> None:
        self.loaded, self.hunt, self._first = loaded, hunt, lessons[0]
        self._lora = lessons[0].request.lora
        self.lessons = Lessons(loaded, [row_of(loaded, one) for one in lessons])
        self.open = _open_words(loaded, hunt)
        lots = random.Random(f"{hunt.seed}/triggers")
        usual = [n for n in self.open if n < _FIRST] or self.open
        self.ids = [lots.choice(usual) for _ in range(hunt.slots)]
        for _ in range(100):
            if self.reads_back(self.ids):
                break
            self.ids = [lots.choice(usual) for _ in range(hunt.slots)]
        else:
            raise ConfigError(
                "no drawn words are read back from their text as they are",
                hint="Give readable=True, or other words=",
            )
        self.loss = float("inf")
        self.done = 0

    @property
    def text(self) -> str:
        """The words as text."""
        return text_of(self.loaded, self.ids)

    @property
    def is_small(self) -> bool:
        """Whether all combinations are fewer than the search would try."""
        hunt = self.hunt
        return math.pow(len(self.open), hunt.slots) <= hunt.candidates * hunt.turns

    @property
    def reading(self) -> int:
        """Tokens of one look at all rows."""
        return sum(len(row.tail) for row in self.lessons.rows)

    @property
    def tokens(self) -> int:
        """Tokens that a turn reads at the most: once backward, and all candidates."""
        return self.reading * (2 + self.hunt.candidates)

    def turn(self) -> Turn:
        """Look at one slot, and keep what lowers the loss the most."""
        if self.loss == float("inf"):
            self.loss = self.measured(self.ids)
        slot = self.done % self.hunt.slots
        self.done += 1
        tried = 0
        best, found = self.loss, self.ids
        for token in self._promising(slot):
            ids = [*self.ids[:slot], token, *self.ids[slot + 1 :]]
            loss = self.measured(ids)
            tried += 1
            if loss < best:
                best, found = loss, ids
        self.loss, self.ids = best, found
        return Turn(best, self.reading * (2 + tried))

    def every(self) -> Turn:
        """Try all combinations."""
        tried = 0
        for one in itertools.product(self.open, repeat=self.hunt.slots):
            ids = [*one]
            if self.reads_back(ids):
                loss, tried = self.measured(ids), tried + 1
                if loss < self.loss:
                    self.loss, self.ids = loss, ids
        self.done = self.hunt.turns
        return Turn(self.loss, self.reading * tried)

    def measured(self, ids: Sequence[int]) -> float:
        """The mean loss of a token of the replies on all rows, with these words."""
        with torch.no_grad():
            vectors = self._vectors(ids)
            parts = [self._sum(some, vectors) for some in self._batches()]
        return float(sum(total for total, _ in parts)) / sum(n for _, n in parts)

    def reads_back(self, ids: Sequence[int]) -> bool:
        """Whether the words, as text in the prompt, are read as these very tokens."""
        soft = self._first.request.soft
        assert soft is not None
        text = text_of(self.loaded, ids)
        whole = "\n".join(m.text for m in self._first.request.messages)
        read = ids_of(self.loaded, whole, soft)
        wanted = [ids[-1 - n] if n < 0 else n for n in read]
        found = ids_of(self.loaded, whole.replace(soft.text, text), None)
        return found == wanted

    def _promising(self, slot: int) -> list[int]:
        """The words that the gradient promises the most of, in a slot."""
        vectors = self._vectors(self.ids).clone().requires_grad_()
        for some in self._batches():
            total, _ = self._sum(some, vectors)
            total.backward()
        slope = vectors.grad[slot]
        table = self.loaded.table[torch.tensor(self.open)].float() * self.loaded.scale
        order = torch.argsort(table @ slope, stable=True)
        found: list[int] = []
        places: list[int] = order.tolist()
        for at in places:
            token = self.open[at]
            ids = [*self.ids[:slot], token, *self.ids[slot + 1 :]]
            if token != self.ids[slot] and self.reads_back(ids):
                found.append(token)
            if len(found) == self.hunt.candidates:
                break
        return found

    def _vectors(self, ids: Sequence[int]) -> Any:
        return self.loaded.table[torch.tensor([*ids])].float() * self.loaded.scale

    def _batches(self) -> list[list[int]]:
        count = len(self.lessons.rows)
        return [[*range(n, min(n + _BATCH, count))] for n in range(0, count, _BATCH)]

    def _sum(self, some: Sequence[int], vectors: Any) -> tuple[Any, int]:
        with self.loaded.adapted(self._lora):
            batch = self.lessons.batch(some)
            logits = logits_of(self.loaded, batch, vectors, deep=False)
        total = torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]).float(),
            batch.wanted.reshape(-1),
            reduction="sum",
        )
        return total, int((batch.wanted >= 0).sum())


def text_of(loaded: Loaded, ids: Sequence[int]) -> str:
    """Tokens as text."""
    made: str = loaded.tokenizer.decode([*ids], clean_up_tokenization_spaces=False)
    return made


def _open_words(loaded: Loaded, hunt: Hunt) -> list[int]:
    """The tokens to choose from, in the order of their ids.

    Raises:
        ConfigError: A word is no single token, or none can be taken.
    """
    if hunt.words:
        return sorted({token_of(loaded, word, "word") for word in hunt.words})
    special = {*loaded.tokenizer.all_special_ids, *loaded.ends}
    kept: list[int] = []
    for token in range(min(len(loaded.tokenizer), loaded.table.shape[0])):
        said: str = loaded.tokenizer.decode([token])
        plain = said.isprintable() and "\ufffd" not in said and bool(said.strip())
        if hunt.readable:
            plain = said[:1] == " " and said[1:].isalpha() and said[1:].isascii()
        if plain and token not in special and "<|" not in said:
            kept.append(token)
    if not kept:
        raise ConfigError(
            f"{loaded.model.name!r} has no words that can be taken",
            hint="Give words= of your own",
        )
    return kept
