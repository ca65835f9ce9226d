"""Which types of fields hold media or turns: told by their JSON Schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..ground.shapes import is_dict, is_list
from .kinds import FORMAT

HISTORY: Final = f"{FORMAT}history"
WORDS: Final[Mapping[str, str]] = {
    f"{FORMAT}image": "an image: weft.Image.open(path), or a URL",
    f"{FORMAT}audio": "audio: weft.Audio.open(path)",
    f"{FORMAT}file": "a file: weft.File.open(path)",
    HISTORY: 'the turns so far: weft.History([("user", "..."), ...])',
}
"""What to give, by the `format` that marks the type in a JSON Schema."""


def format_of(schema: Mapping[str, Any]) -> str:
    """The `format` of a schema where it is one of these; else empty."""
    named = schema.get("format")
    return named if isinstance(named, str) and named in WORDS else ""


def holds(schema: Any) -> bool:
    """Whether values of a JSON Schema may hold media or turns, wherever in them.

    >>> holds({"type": "array", "items": {"type": "object", "format": "weft-image"}})
    True
    """
    if is_list(schema):
        return any(map(holds, schema))
    if not is_dict(schema):
        return False
    return bool(format_of(schema)) or any(map(holds, schema.values()))


def is_history(schema: Mapping[str, Any]) -> bool:
    """Whether values of a JSON Schema are turns, and nothing else, or null."""
    shapes = [schema, *(s for s in schema.get("anyOf", ()) if is_dict(s))]
    return any(format_of(shape) == HISTORY for shape in shapes)
