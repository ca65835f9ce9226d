"""Vectors by text: a call for many texts, of which each is kept by itself.

A batch is one call: it is reserved, sent, retried and traced as a whole. In the cache
stand its texts, so that a text is asked for once, whatever it comes along with. What is
known of a batch is not sent again; its tokens and its price are those of all its texts
all the same, so that a budget runs out at the same place when the same batches come
again. A server counts a batch and not its texts, whose shares go by their lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..lm.embedding.model import EmbeddingModel
from ..lm.request import JSON, Request, Response, Usage
from .store import AnswerStore

_BETWEEN: Final = "\n"  # vectors of one answer


class TextStore(AnswerStore):
    """A cache's answers, as those to one batch.

    Args:
        store: The cache, or None for nowhere.
        parts: The request of each text.
    """

    def __init__(self, store: AnswerStore | None, parts: Sequence[Request]) -> None:
        self._store, self._parts = store, parts
        self.known: dict[int, Response] = {}
        """The answers that are there, by the text's number."""

    def get(self, key: str) -> Response | None:
        """The batch's answer, where each of its texts has one."""
        del key
        if self._store is not None:
            for number, part in enumerate(self._parts):
                found = None if number in self.known else self._store.get(part.key)
                if found is not None:
                    self.known[number] = found
        if len(self.known) < len(self._parts):
            return None
        return joined([self.known[n] for n in range(len(self._parts))]).as_cached()

    async def put(self, key: str, response: Response) -> None:
        """Keep each text's part of an answer, where it is not there already."""
        del key
        if self._store is None:
            return
        for number, part in enumerate(split(response, self._parts)):
            if number not in self.known:
                await self._store.put(self._parts[number].key, part)


class Remaining:
    """A model that is asked for what a store does not have; satisfies `LanguageModel`.

    Args:
        embedder: Who is asked.
        store: What is known of the batch.
    """

    def __init__(self, embedder: EmbeddingModel, store: TextStore) -> None:
        self._embedder, self._store = embedder, store

    @property
    def model(self) -> str:
        """The name of the model that answers."""
        return self._embedder.model

    @property
    def endpoint(self) -> str:
        """The endpoint of the model that answers."""
        return self._embedder.endpoint

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """What the model that answers is told."""
        return self._embedder.sampling

    @property
    def schema_mode(self) -> bool:
        """Never: vectors have no schema."""
        return False

    async def complete(self, request: Request) -> Response:
        """The whole batch's vectors, of which only the unknown are asked for."""
        known = self._store.known
        texts = [message.text for message in request.messages]
        wanted = [number for number in range(len(texts)) if number not in known]
        asked = self._embedder.request_of([texts[number] for number in wanted])
        answer = await self._embedder.complete(asked)
        parts = split(answer, [self._embedder.request_of([texts[n]]) for n in wanted])
        made = dict(zip(wanted, parts, strict=True))
        return joined([known.get(n) or made[n] for n in range(len(texts))])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remaining) and self._embedder == other._embedder

    def __hash__(self) -> int:
        return hash(self._embedder)


def joined(parts: Sequence[Response]) -> Response:
    """The answers to some texts as one; unknown tokens of one are unknown of all."""
    used, costs = [part.usage for part in parts], [part.cost for part in parts]
    usage = None
    if None not in used:
        usage = Usage(sum(one.input_tokens for one in used if one is not None), 0)
    return Response(
        _BETWEEN.join(part.text for part in parts),
        usage,
        model=parts[0].model,
        # A part without a price is priced with the whole.
        cost=None if None in costs else sum(cost or 0.0 for cost in costs),
    )


def split(answer: Response, requests: Sequence[Request]) -> list[Response]:
    """An answer as one for each text, its tokens and price shared out by length.

    The shares are whole tokens and add up to the answer's, so that texts which are
    kept by themselves cost together what was paid for them.
    """
    if len(requests) == 1:
        return [answer]
    lengths = [len(one.messages[0].text.encode("utf-8")) for one in requests]
    total, used = sum(lengths), answer.usage
    parts: list[Response] = []
    before = done = 0
    for text, length in zip(answer.text.split(_BETWEEN), lengths, strict=True):
        usage, cost = None, answer.cost
        done += length
        if used is not None:
            upto = used.input_tokens * done // total
            usage, before = Usage(upto - before, 0), upto
        if cost is not None:
            tokens = used.input_tokens if used is not None else 0
            share = usage.input_tokens / tokens if usage and tokens else length / total
            cost *= share
        parts.append(Response(text, usage, model=answer.model, cost=cost))
    return parts
