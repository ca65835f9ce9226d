"""Chunks: a long text or list cut into pieces that overlap and leave nothing out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

By: TypeAlias = Literal["characters", "sentences", "items"]
"""Where pieces may be cut."""

_ENDS: Final = re.compile(
    # A sentence's end, and the space behind it. A run of dots is looked at once.
    r"(?<![.!?\u2026])[.!?\u2026]++[\"'\u2019\u201d)\]]*+\s++"
    r"|[\u3002\uff01\uff1f]++[\u300d\u300f\uff09]*+\s*+"  # where no space is left
    r"|\n[ \t\r]*+\n\s*+"  # a paragraph's
)


def chunks_of(value: Any, by: By, size: int, overlap: int = 0) -> list[Any]:
    """Pieces of a text or a list, in order; none of an empty one.

    Args:
        value: A text, or a list where `by` is "items".
        by: "characters" cuts anywhere, "sentences" behind sentences and paragraphs, and
            one that is too long behind a line or a word where there is one, "items"
            between the items of a list.
        size: How much a piece holds at the most, in characters or items; at least 1.
        overlap: How much of the one before it a piece repeats at the most, in the same;
            less than `size`. Whole sentences, where it cuts behind these.

    >>> chunks_of("abcdefg", "characters", 3, 1)
    ['abc', 'cde', 'efg']
    >>> chunks_of("One. Two. Three. Four.", "sentences", 10)
    ['One. Two. ', 'Three. ', 'Four.']
    >>> chunks_of([1, 2, 3, 4], "items", 3, 1)
    [[1, 2, 3], [3, 4]]
    """
    if by != "sentences":
        return _windows(value, size, overlap)
    starts = [*_starts(value, size), len(value)]
    pieces = [(start, end) for start, end in pairwise(starts)]
    return [value[start:end] for start, end in _packed(pieces, size, overlap)]


def _windows(value: Sequence[Any], size: int, overlap: int) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(value), size - overlap):
        found.append(value[start : start + size])
        if start + size >= len(value):
            break
    return found


def _starts(text: str, size: int) -> Iterator[int]:
    """Where sentences begin, and the pieces of one that is too long."""
    before = 0
    ends = [match.end() for match in _ENDS.finditer(text)]
    for end in [*ends, len(text)]:
        while end - before > size:
            yield before
            before = _cut(text, before, before + size)
        if before < end:
            yield before
        before = end


def _cut(text: str, start: int, end: int) -> int:
    """Where to cut what has no sentence's end: behind a line, a word, or anywhere.

    The first half is not looked at, so that there are not many short pieces.
    """
    middle = (start + end + 1) // 2
    for mark in "\n ":
        found = text.rfind(mark, middle, end)
        if found >= 0:
            return found + 1
    return end


def _packed(
    pieces: Sequence[tuple[int, int]], size: int, overlap: int
) -> Iterator[tuple[int, int]]:
    """Sentences put together as far as they fit, with the last ones before them."""
    at = 0
    while at < len(pieces):
        last = at
        # Sentences of the chunk before come first, as many as leave room for a new one.
        first = at
        while (
            first
            and pieces[at][0] - pieces[first - 1][0] <= overlap
            and pieces[at][1] - pieces[first - 1][0] <= size
        ):
            first -= 1
        start = pieces[first][0]
        while last + 1 < len(pieces) and pieces[last + 1][1] - start <= size:
            last += 1
        yield start, pieces[last][1]
        at = last + 1
