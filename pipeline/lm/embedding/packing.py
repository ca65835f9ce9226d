"""Vectors as text: what a cache keeps of an answer that is numbers.

A vector is its numbers as 32-bit floats, little-endian, in base64: what a model's own
precision is worth, at a third of the size of digits. Several stand a line each.
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Vector: TypeAlias = "array[float]"
"""The numbers of a text, 32 bits each."""


def packed(vectors: Iterable[Sequence[float]]) -> str:
    """Vectors as text.

    Raises:
        ValueError: A number is not finite in 32 bits.

    >>> unpacked(packed([[0.5, -2.0], [0.0, 1.0]]))[0].tolist()
    [0.5, -2.0]
    """
    lines: list[str] = []
    for vector in vectors:
        held = array("f", vector)
        if not all(map(math.isfinite, held)):
            raise ValueError("a number is not finite in 32 bits")
        if sys.byteorder == "big":
            held.byteswap()
        lines.append(base64.b64encode(held.tobytes()).decode())
    return "\n".join(lines)


def unpacked(text: str) -> list[Vector]:
    """The vectors in a text.

    Raises:
        ValueError: It holds none, or a number that is not finite.
    """
    return [_vector(line) for line in text.split("\n")]


def _vector(line: str) -> Vector:
    held: Vector = array("f")
    try:
        held.frombytes(base64.b64decode(line, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"no vector in base64: {error}") from None
    if sys.byteorder == "big":
        held.byteswap()
    if not held or not all(map(math.isfinite, held)):
        raise ValueError("a vector is empty, or holds a number that is not finite")
    return held
