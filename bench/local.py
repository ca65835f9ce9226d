"""A model that runs here: many prompts that share their beginnings, as a compile asks.

A search asks several candidates the same rows, one row after the other. Where the
server keeps what it read of a prompt, each candidate's instruction and demos are read
once, and of each further call only the row.
"""

from __future__ import annotations

import asyncio
from typing import Any

import weft
from weft.errors import ConfigError

from . import BenchError, Row

__all__ = ["run"]

CANDIDATES, ROWS, DEMOS = 6, 6, 12
_PLACES = ("kitchen", "garden", "cellar", "attic", "garage", "hall")
_FAULTS = ("leaks", "smells of smoke", "is dark", "is cold", "will not open", "hums")


def run(local: str = "smollm2") -> list[Row]:
    """Ask a model of each candidate's prompt on each row.

    Args:
        local: A model that runs here, by its name or its file.
    """
    lm = _model(local)
    program = weft.Predict("message -> urgency: bool", "Is it urgent?", name="urgency")
    made = [program.with_(demos=_demos(draw)) for draw in range(CANDIDATES)]

    rows = [{"message": message(1000 + row)} for row in range(ROWS)]

    async def asked() -> list[Any]:
        calls = [candidate.arun(**row) for row in rows for candidate in made]
        return list(await asyncio.gather(*calls))

    with weft.use(lm=lm, cache=None):
        runs = asyncio.run(asked())
    usages = [call.usage for one in runs for call in one.trace.calls]
    sent = sum(usage.input_tokens for usage in usages) / len(usages)
    kept = sum(usage.cached_input_tokens for usage in usages) / len(usages)
    what = f"tokens read of a prompt, of those sent; {len(usages)} calls"
    return [Row.at_most(what, sent - kept, sent, 0.5)]


def message(number: int) -> str:
    """One of many short reports of a fault."""
    place, fault = number % len(_PLACES), (number // len(_PLACES)) % len(_FAULTS)
    return f"The {_PLACES[place]} {_FAULTS[fault]} since day {number}; please look."


def _model(local: str) -> weft.LM:
    try:
        return weft.LM(f"local/{local}", max_tokens=64)
    except ConfigError as error:
        raise BenchError(str(error)) from None


def _demos(draw: int) -> list[weft.Demo]:
    first = draw * DEMOS
    return [
        weft.Demo({"message": message(n), "urgency": n % 2 == 0}, str(n))
        for n in range(first, first + DEMOS)
    ]
