"""Two tasks in one served model: interleaved requests answered as they are apart.

The words that two compiles trained are baked into one file, which an unmodified
llama.cpp serves. What is asked one task after the other is asked again in turns of one
row each, by one request at a time, and by four at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import weft
from weft.cli import main
from weft.pipeline.errors import ModelFailure
from weft.pipeline.lm.local.server import SERVERS

from .. import BenchError
from .ways import OPTIONS, Rows

__all__ = ["SLOTS", "interleaved"]

SLOTS = (1, 4)


def interleaved(
    base: str, artifacts: Sequence[Path], rows: Sequence[Rows], out: Path
) -> dict[int, list[bool]]:
    """Whether each answer is the same in turns as apart, by how many slots there are.

    Args:
        base: The model that the words were trained for, by name or file.
        artifacts: One a task.
        rows: The rows of each.
        out: Where the served file is written.
    """
    told = ["soft", "bake", *map(str, artifacts), "--model", base, "--out", str(out)]
    if main(told) != 0:
        raise BenchError("the words could not be baked; the line above says why")
    pairs = [list(enumerate(pair)) for pair in zip(*rows, strict=True)]
    apart = [pair[at] for at in range(len(rows)) for pair in pairs]
    mixed = [turn for pair in pairs for turn in pair]
    found: dict[int, list[bool]] = {}
    for slots in SLOTS:
        lm = weft.LM(f"local/{out}", base=True, slots=slots, threads=1, **OPTIONS)
        programs: list[Any] = [weft.load(path).with_(lm=lm) for path in artifacts]
        try:
            with weft.use(cache=None):
                one_by_one = asyncio.run(_all_of(programs, apart, 1))
                in_turns = asyncio.run(_all_of(programs, mixed, slots))
        finally:
            SERVERS.stop()
        answers = zip(apart, one_by_one, strict=True)
        known = {(at, row["text"]): answer for (at, row), answer in answers}
        found[slots] = [
            known[at, row["text"]] == answer
            for (at, row), answer in zip(mixed, in_turns, strict=True)
        ]
    return found


async def _all_of(
    programs: Sequence[Any], turns: Sequence[tuple[int, dict[str, str]]], slots: int
) -> list[str]:
    gate = asyncio.Semaphore(slots)

    async def ask(at: int, row: dict[str, str]) -> str:
        async with gate:
            try:
                return str((await programs[at].acall(text=row["text"])).label)
            except ModelFailure as error:  # a reply that is no answer, as it is
                return str(error)

    return await asyncio.gather(*(ask(at, row) for at, row in turns))
