"""Answers that come word by word: how soon the first one shows, what all of them cost.

The server sends the first events at once and the others a little later, as a model
does; both sides read them through to the end.
"""

from __future__ import annotations

import contextlib
from typing import Any

from . import Row
from .calls import RIVALS, Field, beside

__all__ = ["run"]

STREAMS = 60


def run(rounds: int = 3) -> list[Row]:
    """Measure streamed calls, one by one.

    Args:
        rounds: How many turns weft and bare aiohttp take.
    """
    job: dict[str, Any] = {"what": "stream", "rows": STREAMS}
    names = ["weft", "aiohttp", *RIVALS]
    with contextlib.ExitStack() as stack:
        field = Field.started(stack)
        first = field.turns(names, rounds, job, "first")
        cpu = field.turns(names, rounds, job, "cpu")
    return [
        *beside("streaming, until the first piece shows, ms", first, 1000),
        *beside("streaming, processor time of 200 pieces, ms", cpu, 1000),
    ]
