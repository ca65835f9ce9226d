"""Alike: what is the same is asked once, since it would have the same answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

from ...pipeline.run.rows import map_rows

T = TypeVar("T")
Made = TypeVar("Made")


async def asked_once(
    one: Callable[[int, T], Awaitable[Made]],
    values: Sequence[T],
    keys: Sequence[Hashable],
    answers: dict[Hashable, Made] | None = None,
) -> list[Made]:
    """Ask of each different value, side by side.

    Args:
        one: Asks of a value; it is told the value's position among the different ones.
        values: What is asked of.
        keys: One for each; values with equal keys are the same.
        answers: What is known by key from before; those that come are added to it.

    Returns:
        An answer for each value, in their order.
    """
    answers = {} if answers is None else answers
    different: dict[Hashable, T] = {}
    for key, value in zip(keys, values, strict=True):
        if key not in answers:
            different.setdefault(key, value)
    rows = [*different.values()]
    made = await map_rows(one, rows, concurrency=max(1, len(rows)))
    answers.update(zip(different, made, strict=True))
    return [answers[key] for key in keys]
