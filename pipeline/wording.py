"""Types and their rules in words, as a model reads them and errors repeat them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pydantic

from . import strictjson
from .types import choices_of, type_name

_SHOWN = 80

_RULES = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "multipleOf": "a multiple of {}",
    "pattern": "matching {}",
    "format": "as a {}",
}
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def wanted(kind: Any, schema: Mapping[str, Any]) -> str:
    """A type with its JSON Schema in words.

    >>> wanted(int, {"type": "integer", "minimum": 0})
    'a whole number, at least 0'
    """
    choices = choices_of(kind)
    if choices:
        return "one of " + ", ".join(strictjson.dumps(c) for c in choices)
    kinds = schema.get("type")
    rules = [text.format(schema[key]) for key, text in _RULES.items() if key in schema]
    if isinstance(kinds, str) and kinds in _WORDS:
        return ", ".join([_WORDS[kinds], *rules])
    if kinds == "array" and "$defs" not in schema:
        items = cast(Mapping[str, Any], schema.get("items", {}))
        words = _WORDS.get(str(items.get("type")), "")
        named = f"a JSON list of {words}" if words else f"JSON: {type_name(kind)}"
        if "enum" in items:
            allowed = ", ".join(strictjson.dumps(c) for c in items["enum"])
            named = f"a JSON list, each item one of {allowed}"
        return ", ".join([named, *rules])
    return f"JSON that fits this schema: {strictjson.dumps(schema)}"


def first_error(error: pydantic.ValidationError) -> str:
    """The first thing pydantic found wrong, in one line of bounded length."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = brief(".".join(str(part) for part in first["loc"]))
    got = brief(repr(first["input"]))
    return f"{where + ': ' if where else ''}{brief(first['msg'], 400)} (got {got})"


def brief(text: str, most: int = _SHOWN) -> str:
    """A text, cut where it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."
