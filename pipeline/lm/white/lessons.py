"""Rows to learn from, as tokens: what stands before the trainable words is read once.

A lesson is a request and the reply that is wanted, both as they are on the wire. The
part before the first trainable word never changes, so its keys and values are computed
once and kept; a step costs what stands behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...errors import ContextLengthError
from ..request import Request
from .layout import ids_of, tokens_of
from .libraries import torch
from .loaded import Loaded, Pairs


@dataclass(frozen=True)
class Lesson:
    """A request, and the reply that is wanted.

    Args:
        request: With soft words of the name, number and place that are trained.
        reply: The text that the model is to write, whole.
        ends: Whether the model is to end there.
    """

    request: Request
    reply: str
    ends: bool = True


class Row(NamedTuple):
    """A lesson as tokens.

    Args:
        head: Tokens that many rows begin with, before the first trainable word.
        own: Tokens of its own before that.
        tail: The rest: trainable words as -1, -2, ..., and the reply.
        reply: How many of the last tokens are the reply and its end.
    """

    head: tuple[int, ...]
    own: tuple[int, ...]
    tail: tuple[int, ...]
    reply: int

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.head) + len(self.own) + len(self.tail)


def row_of(loaded: Loaded, lesson: Lesson) -> Row:
    """A lesson as tokens.

    Raises:
        ContextLengthError: It does not fit the model's context.
    """
    request = lesson.request
    tokens = tokens_of(loaded, request)
    asked = tokens.ids
    stops = request.sampling.get("stop")
    if request.continues and isinstance(stops, list) and stops:
        ends = ids_of(loaded, str(stops[0]), None)
    else:
        ends = sorted(loaded.ends)[:1]
    reply = [*ids_of(loaded, lesson.reply, None), *(ends if lesson.ends else ())]
    whole = (*asked, *reply)
    if len(whole) > loaded.model.context:
        raise ContextLengthError(
            f"a row to learn from has {len(whole)} tokens, and {request.model!r} has a "
            f"context of {loaded.model.context}",
            hint="Leave long rows out, or give LM(..., context=) more",
            model=request.model,
        )
    deep = request.soft is not None and request.soft.place == "deep"
    first = next((at for at, token in enumerate(whole) if token < 0), len(asked) - 1)
    start = 0 if deep else first
    head = max((cut for cut in tokens.cuts if cut <= start), default=0)
    return Row(whole[:head], whole[head:start], whole[start:], len(reply))


def _sharing(rows: Sequence[Row]) -> list[Row]:
    """The same rows, with all that they begin with alike as their head."""
    before = [(*row.head, *row.own) for row in rows]
    first, common = before[0], min(map(len, before))
    while any(one[:common] != first[:common] for one in before):
        common -= 1
    pairs = zip(rows, before, strict=True)
    return [Row(b[:common], b[common:], r.tail, r.reply) for r, b in pairs]


class Batch(NamedTuple):
    """Rows side by side; what they have read, and what they read now, at the right.

    Args:
        pairs: Keys and values so far; empty for nothing.
        ids: [rows, tokens] of the tails, 0 where nothing stands.
        mask: [rows, positions so far and tokens], 0 where nothing stands.
        positions: [rows, tokens].
        wanted: [rows, tokens of the longest reply]: the replies, at the right, and
            -100 where nothing is wanted.
    """

    pairs: Pairs
    ids: Any
    mask: Any
    positions: Any
    wanted: Any


class Lessons:
    """Rows with what was read of them.

    Args:
        loaded: The model.
        rows: The rows.
    """

    def __init__(self, loaded: Loaded, rows: Sequence[Row]) -> None:
        self.loaded, self.rows = loaded, _sharing(rows)
        self._heads: dict[tuple[int, ...], Pairs] = {}
        self._own: dict[tuple[tuple[int, ...], tuple[int, ...]], Pairs] = {}

    def read(self, at: int) -> None:
        """Read what stands before the trainable words of a row, once."""
        row = self.rows[at]
        head = self._head(row.head)
        if row.own and (row.head, row.own) not in self._own:
            with torch.no_grad():
                embeds = self.loaded.embedded([row.own], None)
                made = self.loaded.forward(embeds, head, keep=1).pairs
            long = len(row.head)
            self._own[row.head, row.own] = [
                (k[:, :, long:].clone(), v[:, :, long:].clone()) for k, v in made
            ]

    def _head(self, head: tuple[int, ...]) -> Pairs:
        if not head:
            return []
        if head not in self._heads:
            with torch.no_grad():
                embeds = self.loaded.embedded([head], None)
                self._heads[head] = self.loaded.forward(embeds, [], keep=1).pairs
        return self._heads[head]

    def batch(self, some: Sequence[int], before: int = 0) -> Batch:
        """Rows as one batch.

        Args:
            some: Which rows.
            before: Positions of a deep prefix that will stand before everything.
        """
        rows = [self.rows[at] for at in some]
        for at in some:
            self.read(at)
        past = [len(row.head) + len(row.own) for row in rows]
        far, wide = max(past), max(len(row.tail) for row in rows)
        ids = torch.zeros(len(rows), wide, dtype=torch.long)
        mask = torch.zeros(len(rows), before + far + wide, dtype=torch.long)
        mask[:, :before] = 1
        positions = torch.zeros(len(rows), wide, dtype=torch.long)
        longest = max(row.reply for row in rows)
        wanted = torch.full((len(rows), longest), -100, dtype=torch.long)
        for at, row in enumerate(rows):
            size = len(row.tail)
            ids[at, wide - size :] = torch.tensor(row.tail)
            mask[at, before : before + past[at]] = 1
            mask[at, before + far + wide - size :] = 1
            began = before + past[at]
            positions[at, wide - size :] = torch.arange(began, began + size)
            wanted[at, longest - row.reply :] = torch.tensor(row.tail[-row.reply :])
        return Batch(self._past(rows, far), ids, mask, positions, wanted)

    def _past(self, rows: Sequence[Row], far: int) -> Pairs:
        """Keys and values of rows, each filled up at its right with nothing."""
        if not far:
            return []
        parts = [(self._head(r.head), self._own.get((r.head, r.own), [])) for r in rows]
        layers, heads, size = self.loaded.shape
        made: Pairs = []
        for layer in range(layers):
            both: list[Any] = []
            for which in (0, 1):
                held = torch.zeros(len(rows), heads, far, size)
                for at, (head, own) in enumerate(parts):
                    start = 0
                    for pairs in (head, own):
                        if pairs:
                            one = pairs[layer][which]
                            held[at, :, start : start + one.shape[2]] = one[0]
                            start += one.shape[2]
                both.append(held)
            made.append((both[0], both[1]))
        return made
