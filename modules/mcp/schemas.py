"""What a server says of a tool: its name, words and schema, as far as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...pipeline.errors import ConfigError, SignatureError
from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.signature.json_schema import JsonSchema
from ..agents.described import node_name

_MOST_TEXT: Final = 1_000
_SHARED: Final = ("$schema", "$defs", "definitions")
_ANY: Final[Mapping[str, Any]] = {"type": "object"}


def worded(text: object) -> str:
    r"""What a server says of something: one paragraph, and not a long one.

    >>> worded("Find\n a   room.")
    'Find a room.'
    """
    said = " ".join(text.split()) if isinstance(text, str) else ""
    said = said if strictjson.is_text(said) else ""
    return said if len(said) <= _MOST_TEXT else f"{said[:_MOST_TEXT]}..."


def named(name: str, position: int) -> str:
    """What a server's tool is called here; by its position, where no letter is ASCII.

    >>> named("find-rooms", 0), named("\u691c\u7d22", 2)
    ('find_rooms', 'tool_3')
    """
    try:
        return node_name(name)
    except ConfigError:
        return f"tool_{position + 1}"


def readable(schema: object) -> Mapping[str, Any]:
    """A tool's schema; what nobody can read in it is any data, and the server judges.

    That is what refers to another place, which is never fetched, or holds a pattern
    that takes too long. Where its parts leave nothing to read, it is any object.

    >>> made = {"properties": {"a": {"$ref": "http://x/"}, "b": {"type": "integer"}}}
    >>> readable(made)["properties"]
    {'a': {}, 'b': {'type': 'integer'}}
    >>> readable("nonsense")
    {'type': 'object'}
    """
    if not is_dict(schema) or schema.get("type", "object") != "object":
        return _ANY
    if _is_read(schema):
        return schema
    shared = {key: schema[key] for key in _SHARED if key in schema}
    shared = shared if _is_read(shared) else {}
    properties = schema.get("properties")
    parts = {
        name: part if is_dict(part) and _is_read({**shared, **part}) else {}
        for name, part in (properties if is_dict(properties) else {}).items()
    }
    required = schema.get("required")
    must = [name for name in required if name in parts] if is_list(required) else []
    made = {**shared, **_ANY, "properties": parts, "required": must}
    return made if parts and _is_read(made) else _ANY


def _is_read(schema: Mapping[str, Any]) -> bool:
    try:
        JsonSchema(schema)
    except (SignatureError, ValueError, RecursionError):
        return False
    properties = schema.get("properties", {})
    return is_dict(properties)
