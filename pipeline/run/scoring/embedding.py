"""Texts as vectors, in a run: batch by batch, each a call like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ...calls.by_text import Remaining, TextStore
from ...errors import ProtocolError
from ...ground.loops import needs_loop
from ...ground.words import counted
from ...lm.embedding.model import EmbeddingModel
from ...lm.embedding.packing import Vector, unpacked
from ...lm.request import Response
from ..context import Asked, Context, timed
from ..rows import map_rows

_AT_ONCE: Final = 8
"""Batches in flight; the endpoint's own limit holds beside it."""


async def embedded(
    model: EmbeddingModel, texts: Sequence[str], context: Context, asked: Asked
) -> list[Vector]:
    """The vector of each text, in order.

    Args:
        model: Who makes them.
        texts: Checked texts, as the model is sent them; equal ones are sent once.
        context: The place in the run, with cache, ledger and retries.
        asked: Gets the calls, in the order of the texts.

    Raises:
        ModelError: A call failed, or vectors of several lengths came.
    """
    await needs_loop  # several batches are several tasks
    batches = [*model.batches(list(dict.fromkeys(texts)))]
    told = [Asked(seen=asked.seen) for _ in batches]

    async def one(number: int, batch: list[str]) -> list[Vector]:
        request = model.request_of(batch)
        settings = context.settings
        store = TextStore(settings.store, [model.request_of([text]) for text in batch])
        here = context.having(settings=replace(settings, cache=store))
        response = await timed(
            request, Remaining(model, store), here, told[number], None, shown=_shown
        )
        return _vectors(response, model)

    try:
        made = await map_rows(one, batches, concurrency=_AT_ONCE)
    finally:
        for each in told:
            asked.calls += each.calls
            asked.failed = asked.failed or each.failed
    by_text: dict[str, Vector] = {}
    for batch, vectors in zip(batches, made, strict=True):
        by_text.update(zip(batch, vectors, strict=True))
    lengths = sorted({len(vector) for vector in by_text.values()})
    if len(lengths) > 1:
        message = f"{model.name!r} gave vectors of {lengths} numbers"
        raise ProtocolError(message, model=model.model)
    return [by_text[text] for text in texts]


def _vectors(response: Response, model: EmbeddingModel) -> list[Vector]:
    try:
        return unpacked(response.text)
    except ValueError as error:
        message = f"what was kept of {model.name!r} is no vector: {error}"
        raise ProtocolError(message, model=model.model) from None


def _shown(response: Response) -> str:
    """What a trace holds of an answer: thousands of digits tell nobody anything."""
    lines = response.text.split("\n")
    try:
        size = len(unpacked(lines[0])[0])
    except ValueError:  # of a store that is not ours; who reads it says so
        return ""
    return f"{counted(len(lines), 'vector')} of {counted(size, 'number')}"
