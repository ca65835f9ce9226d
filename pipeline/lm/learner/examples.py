"""Solved examples that stand inside one input value, as a proposer is shown them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .values import as_text, is_list, is_object, parsed

_INPUTS = ("inputs", "input", "given", "x")
_OUTPUTS = (
    *("expected", "wanted", "outputs", "output", "labels", "label", "answer"),
    *("answers", "target", "gold", "correct", "category", "class", "y"),
)
_ASIDE = frozenset(
    ("id", "meta", "got", "prediction", "predicted", "feedback", "score", "reasoning")
)
_GIVEN = re.compile(r"\W{0,6}(?:input|question|text|q)\W{0,4}:\s*(.*)", re.IGNORECASE)
_WANTED = re.compile(r"\W{0,6}(?:output|answer|label|a)\W{0,4}:\s*(.*)", re.IGNORECASE)
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Example:
    """An input as one text, and what was wanted, by field."""

    text: str
    outputs: Mapping[str, str]


@lru_cache(maxsize=8)
def examples_in(text: str) -> tuple[Example, ...]:
    """The examples that a text holds; none where it is no list of them."""
    text = text.strip()[:_LONGEST]
    if text[:1] in ("[", "{"):
        data = parsed(text)
        rows = data if is_list(data) else [parsed(line) for line in text.splitlines()]
        return tuple(filter(None, map(_example, rows)))
    return tuple(_pairs(text))


def _pairs(text: str) -> Iterator[Example]:
    """Lines that start with "Input:" and "Output:", in turns."""
    given = list[str]()
    for line in text.split("\n"):
        if match := _WANTED.fullmatch(line):
            if given:
                wanted = match[1].strip().strip('"')
                yield Example("\n".join(given).strip(), {"output": wanted})
            given = []
        elif match := _GIVEN.fullmatch(line):
            given = [match[1]]
        elif given:
            given.append(line)


def _example(row: Any) -> Example | None:
    if not is_object(row):
        return None
    held = {key: row[key] for key in row if key.casefold() not in _ASIDE}
    wanted = next((key for key in _OUTPUTS if key in held), "")
    if not wanted:
        if len(held) < 2:
            return None
        wanted = list(held)[-1]
    given = next((key for key in _INPUTS if key in held), "")
    outputs = _fields(held[wanted], "output" if wanted in _OUTPUTS[:4] else wanted)
    rest = {k: v for k, v in held.items() if k != wanted}
    text = "\n".join(_fields(held[given] if given else rest, "input").values())
    return Example(text, outputs)


def _fields(value: Any, name: str) -> dict[str, str]:
    if is_object(value):
        return {key: as_text(member) for key, member in value.items()}
    return {name: as_text(value)}
