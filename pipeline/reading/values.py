"""The text of one field that is not of its type as it stands: what it may have meant.

Candidates only: the field checks each against its type and takes the first that fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..signature.types import Shape
from .among import around, sole
from .asides import THOUGHTS, TOKENS, first_turn, without_last_tokens
from .closed import bool_of, choice_of, folded, number_of, repaired
from .nearjson import NotNearJSON, loads

_BLANK = " \t\r\n"
_FORMAT_EDGES = " \t\r\n`*_.\"'"
_FENCED = re.compile(r"```[A-Za-z0-9]*+[ \t]*+\n(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<(think(?:ing)?)>.*?</\1>", re.DOTALL)
_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"[0-9]")
_MOST_LINES_BEHIND = 4000  # characters in which another choice is looked for


def candidates(text: str, shape: Shape) -> Iterator[tuple[Any, str]]:
    """JSON data that a text may have meant, with what was mended; likeliest first."""
    if not shape.kind:
        return
    for body, note in _bodies(text):
        if shape.kind in ("array", "object"):
            yield from _data(body, note, shape)
        else:
            yield from _closed(body, note, shape)


def mended(data: Any, shape: Shape) -> tuple[Any, str] | None:
    """JSON data with its closed choices mended; None where none had to be."""
    made = repaired(data, shape.schema)
    return None if made is data else (made, "choices read by case and typography")


def without_thought(text: str) -> str:
    r"""The text of a field without a thinking part at its beginning, or the text.

    >>> without_thought("<think>a city</think>\nParis"), without_thought("<think>")
    ('Paris', '<think>')
    """
    found = _THOUGHT.match(text) if text.startswith("<think") else None
    rest = text[found.end() :].strip(_BLANK) if found else ""
    return rest or text


def _bodies(text: str) -> Iterator[tuple[str, str]]:
    """The text, and what is left of it without what is no part of a value."""
    yield text, ""
    kept = without_thought(text)
    if kept is not text:
        yield kept, THOUGHTS
    ended = first_turn(without_last_tokens(kept)).strip(_BLANK)
    if ended != kept:
        yield ended, TOKENS
    fenced = _FENCED.findall(ended) if ended.count("```") == 2 else []
    if fenced:
        yield fenced[0].strip(_BLANK), "read from a code fence among words"


def _closed(text: str, note: str, shape: Shape) -> Iterator[tuple[Any, str]]:
    label, colon, rest = text.partition(":")
    rest = rest.lstrip("*_`").strip(_BLANK)
    named = colon and rest and folded(label) == folded(shape.name)
    for body in (text, rest) if named else (text,):
        yield from _one(body, note, shape)
        first, newline, behind = body.partition("\n")
        if newline and behind.strip():
            for value, said in _one(first, note, shape):
                if not _names_another(behind, value, shape):
                    yield value, f"{said}, from the first line"


def _one(text: str, note: str, shape: Shape) -> Iterator[tuple[Any, str]]:
    value: Any = None
    if shape.kind == "choice":
        try:
            value = choice_of(text, shape.choices)
        except LookupError:
            return
        shown = repr(value)
    elif shape.kind == "boolean":
        value = bool_of(text)
        shown = str(value).lower()
    elif shape.kind == "format":
        value = text.strip(_FORMAT_EDGES)
        shown = repr(value)
    else:
        value = number_of(text, whole=shape.kind == "integer")
        shown = str(value)
    if value is not None or None in shape.choices:
        yield value, f"{note}{'; ' * bool(note)}read {text[:80]!r} as {shown}"


def _names_another(text: str, taken: Any, shape: Shape) -> bool:
    """Whether what stands behind a value could be another value of its type."""
    behind = text[:_MOST_LINES_BEHIND]
    if shape.kind in ("integer", "number", "format"):
        return _DIGIT.search(behind) is not None
    if shape.kind == "boolean":
        others: tuple[Any, ...] = ("yes", "true") if taken is False else ("no", "false")
    else:
        others = tuple(choice for choice in shape.choices if choice != taken)
    words = f" {' '.join(_WORD.findall(folded(behind)))} "
    named = (" ".join(_WORD.findall(folded(str(choice)))) for choice in others)
    return any(f" {word} " in words for word in named)


def _data(text: str, note: str, shape: Shape) -> Iterator[tuple[Any, str]]:
    """Lists and objects: nearly JSON, or among words."""
    try:
        near = loads(text)
        value, notes = near.value, near.notes
    except NotNearJSON:
        try:
            part = sole(text, "[" if shape.kind == "array" else "{")
        except NotNearJSON:
            return
        value, notes = part.value, part.notes
        if around(text, part.start, part.end):
            notes = (*notes, "words around it left out")
    said = "; ".join([*([note] if note else []), *notes]) or "code fence removed"
    yield value, said
    fixed = mended(value, shape)
    if fixed is not None:
        yield fixed[0], f"{said}; {fixed[1]}"
