"""Replies read in both ways: whole, and in pieces of one character."""

from __future__ import annotations

from typing import Any

from weft.errors import ParseError
from weft.pipeline.adapters.base import Adapter
from weft.pipeline.reading.arriving import AGAIN
from weft.pipeline.signature.signature import Signature, spec_of


def arrived(
    adapter: Adapter,
    signature: type[Signature],
    reply: str,
    fence: str = "",
    *,
    echoed: str = "",
    step: int = 1,
) -> dict[str, str]:
    """What is told of each field while a reply comes in, and at its end."""
    reader = adapter.reader(spec_of(signature), fence, echoed)
    told: dict[str, str] = {}
    pieces = [reply[at : at + step] for at in range(0, len(reply), step)]
    deltas = [delta for piece in pieces for delta in reader.feed(piece)]
    for delta in [*deltas, *reader.close()]:
        if delta == AGAIN:
            told.clear()
        else:
            told[delta.field] = told.get(delta.field, "") + delta.text
    return told


def texts_of(values: dict[str, Any], signature: type[Signature]) -> dict[str, str]:
    """The values of the fields that hold any text, blank ones aside."""
    outputs = spec_of(signature).outputs
    free = {n: v for n, v in values.items() if outputs[n].annotation is str}
    return {name: value for name, value in free.items() if value}


def read(
    adapter: Adapter,
    signature: type[Signature],
    reply: str,
    fence: str = "",
    *,
    echoed: str = "",
) -> dict[str, Any] | None:
    """The values of a reply; None where it is an error."""
    try:
        return adapter.parse(reply, signature, fence, echoed=echoed).values
    except ParseError:
        return None
