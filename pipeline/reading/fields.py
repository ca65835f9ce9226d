"""A field's text, or its JSON data, as a value: strictly first, then what it means.

Mending begins where the strict reading failed, so that a clean reply costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import ParseError, ValidationError
from ..ground import strictjson
from ..ground.words import brief
from ..signature.field import FieldSpec
from ..signature.types import fits
from ..signature.wording import simple
from .asides import THOUGHTS
from .nearjson import quoted
from .values import candidates, mended, without_thought

_BLANK = " \t\r\n"


@dataclass(frozen=True)
class Reading:
    """A value read from a model's text, and what had to be mended to read it."""

    value: Any
    repair: str = ""


def read_text(field: FieldSpec, text: str) -> Reading:
    """Read the value that a model wrote under the field's heading.

    Raises:
        ParseError: The text is not of the type at all.
        ValidationError: It is, and breaks a constraint.
    """
    text = text.strip(_BLANK)
    if field.plain:
        return _read_plain(field, text)
    body = unfenced(text)
    try:
        data = strictjson.loads(body)
    except (ValueError, RecursionError) as error:
        return _read_loose(field, text, body, str(error))
    if strictjson.control_escapes(body):
        return _read_loose(field, text, body, "an escape has two readings")
    try:
        value = _validated(field, data, text)
    except ValidationError:
        reading = _read_nearly(field, data, body)
        if reading is None:
            raise
        return reading
    return Reading(value, "code fence removed" if body is not text else "")


def read_data(field: FieldSpec, data: Any) -> Reading:
    """Read the JSON data that a model wrote for the field.

    Raises:
        ValidationError: The data is not of the type, or breaks a constraint.
    """
    try:
        return Reading(field.load(data))
    except ValueError as error:
        if field.plain and isinstance(data, str):
            reading = read_text(field, data)
            note = reading.repair or f"read {brief(repr(data))} without its edges"
            return Reading(reading.value, note)
        mending = _read_nearly(field, data, "")
        if mending is not None:
            return mending
        raise ValidationError(
            f"field {field.name!r}: {error}; wanted {field.wanted}",
            field=field.name,
            wanted=field.wanted,
        ) from None


def read_lone(field: FieldSpec, text: str) -> Reading | None:
    """The value of a reply that is nothing else; None where that cannot be told.

    Only of types that a value shows to be its own: a choice, true or false, a number, a
    date, a list or an object. Any text at all would do for a text.
    """
    if not field.shape.kind:
        return None
    try:
        reading = read_text(field, text)
    except ParseError:
        return None
    return Reading(reading.value, reading.repair or "read without any frame")


def _read_plain(field: FieldSpec, text: str) -> Reading:
    data = quoted(text) if text.startswith('"') else text
    if field.choices:
        if data in field.choices:
            return Reading(_validated(field, data, text))
        reading = _read_candidate(field, data)
        if reading is None:
            why = f"{data[:200]!r} is no choice"
            raise _error(field, ValidationError, why, text)
        return reading
    kept = without_thought(data)
    try:
        value = _validated(field, kept, text)
    except ValidationError:
        reading = _read_candidate(field, data)
        if reading is None:
            raise
        return reading
    return Reading(value, THOUGHTS if kept is not data else "")


def _read_loose(field: FieldSpec, text: str, body: str, why: str) -> Reading:
    for data, note in _guesses(field, text):
        with suppress(ValueError):
            return Reading(field.load(data), note)
    reading = _read_candidate(field, body)
    if reading is not None:
        return reading
    if fits(str, field.annotation):
        return Reading(_validated(field, text, text))
    kind = simple(field.annotation, field.schema)
    shown = f"{brief(repr(text))} is not {kind}" if kind else f"not JSON: {why}"
    raise _error(field, ParseError, shown, text)


def _read_nearly(field: FieldSpec, data: Any, text: str) -> Reading | None:
    """What JSON data of another type, or its text, plainly means for the field."""
    fixed = mended(data, field.shape)
    if fixed is not None:
        with suppress(ValueError):
            return Reading(field.load(fixed[0]), fixed[1])
    closed = field.shape.kind in ("choice", "integer", "number")
    return _read_candidate(field, text) if text and closed else None


def _read_candidate(field: FieldSpec, text: str) -> Reading | None:
    """The value that a text plainly means, if it means one."""
    for data, note in candidates(text, field.shape):
        with suppress(ValueError):
            return Reading(field.load(data), note)
    return None


def _guesses(field: FieldSpec, text: str) -> Iterator[tuple[Any, str]]:
    """What a text that is no JSON may have meant, the likeliest first."""
    if text in field.shape.choices:
        yield text, "read as bare text"
    lowered = text.lower()
    if lowered in ("true", "false") and not fits(str, field.annotation):
        yield lowered == "true", f"read {text!r} as JSON"
    if lowered in ("none", "") and fits(type(None), field.annotation):
        yield None, f"read {text!r} as null"
    yield text, "read as bare text"


def _validated(field: FieldSpec, data: Any, text: str) -> Any:
    try:
        return field.load(data)
    except ValueError as error:
        raise _error(field, ValidationError, str(error), text) from None


def _error(field: FieldSpec, kind: type[ParseError], why: str, text: str) -> ParseError:
    return kind(
        f"field {field.name!r}: {why}; wanted {field.wanted}",
        text=text,
        field=field.name,
        wanted=field.wanted,
    )


def unfenced(text: str) -> str:
    """A text without the code fence that is all around it, or the text."""
    if not (text.startswith("```") and text.endswith("```") and len(text) > 6):
        return text
    first, newline, rest = text.partition("\n")
    if not newline or not re.fullmatch(r"```[A-Za-z0-9]*", first.rstrip(_BLANK)):
        return text
    return rest[:-3].strip(_BLANK)
