"""Points of a text, numbered, and which of them hold: what two judges share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...pipeline.graph.module import Call
from ...pipeline.signature.field import FieldSpec

FEEDBACK = FieldSpec("feedback", "output", str, "what is missing, in words")
SCORE = FieldSpec("score", "output", float, "from 0 to 1; higher is better")


class Found(NamedTuple):
    """Which points hold.

    Args:
        lacking: Those that do not, in their order.
        score: The share that holds; 1 where there is no point.
    """

    lacking: list[str]
    score: float


def distinct(points: Iterable[str]) -> list[str]:
    """Points without blanks and repetitions, in their order.

    >>> distinct(["a ", "", "a", "b"])
    ['a', 'b']
    """
    return list(dict.fromkeys(one.strip() for one in points if one.strip()))


def numbered(points: Sequence[str]) -> list[str]:
    """Points as a model is shown them.

    >>> numbered(["It is old.", "It is red."])
    ['1. It is old.', '2. It is red.']
    """
    return [f"{at}. {point}" for at, point in enumerate(points, 1)]


def held(call: Call, points: Sequence[str], numbers: Iterable[int]) -> Found:
    """What follows where a model names the points that hold.

    A number that no point has is said in the trace, and counts for nothing.
    """
    named = {*numbers}
    if strange := sorted(named - {*range(1, len(points) + 1)}):
        said = ", ".join(map(str, strange))
        call.note(f"of {len(points)} points none has the number {said}")
    lacking = [one for at, one in enumerate(points, 1) if at not in named]
    share = 1 - len(lacking) / len(points) if points else 1.0
    return Found(lacking, share)
