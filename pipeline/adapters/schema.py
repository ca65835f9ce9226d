"""The JSON Schema of a reply, and the room that it leaves to each field.

Where an endpoint enforces a schema, a small model that rambles in one field never
reaches the next: nothing but the token limit ends a text. So what is free and stands
before something else gets a bound, made from the tokens that the reply may take. A text
that goes round in circles takes up to a token a character; bounds leave that room.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..ground import strictjson
from ..ground.shapes import is_dict, is_list
from ..signature.spec import Spec

_LEAST_TEXT: Final = 16  # characters
_ITEM_TEXT: Final = 64
_MOST_ITEMS: Final = 64
_AMPLE: Final = 4096  # tokens of which a text of two characters a token takes a part
_NESTED: Final = 8


def object_schema(spec: Spec) -> dict[str, Any]:
    """The JSON Schema of one object with a signature's outputs, in their order."""
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for name, field in spec.outputs.items():
        schema = dict(field.schema)
        definitions.update(schema.pop("$defs", {}))
        if field.description:
            schema["description"] = field.description
        properties[name] = schema
    whole: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": list(spec.outputs),
        "additionalProperties": False,
    }
    if definitions:
        whole["$defs"] = definitions
    return whole


def response_format_of(spec: Spec, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The wire's `response_format` for a schema."""
    # The wire allows no other characters, and Python's names may have them.
    name = re.sub(r"[^A-Za-z0-9_-]", "_", spec.name)[:64]
    named = {"name": name, "schema": dict(schema)}
    return {"type": "json_schema", "json_schema": named}


def with_room(schema: Mapping[str, Any], tokens: int) -> dict[str, Any]:
    """A schema whose free parts are bounded, so that a reply of so many tokens ends.

    The user's own bounds stay where they are tighter. The last text of all is left
    free: a limit that cuts it is no silent loss.

    Args:
        schema: The schema of the whole reply.
        tokens: How many tokens the reply may take.

    >>> made = with_room(
    ...     {
    ...         "type": "object",
    ...         "properties": {
    ...             "reasoning": {"type": "string"},
    ...             "answer": {"type": "integer"},
    ...         },
    ...     },
    ...     256,
    ... )
    >>> made["properties"]["reasoning"]["maxLength"]
    252
    """
    fixed = _Sizes(schema, schema)
    left = max(0, tokens - fixed.tokens)
    chars = int(left * (1 + min(1.0, tokens / _AMPLE)))
    share = max(_LEAST_TEXT, chars // max(1, fixed.free))
    return _Bounds(schema, share).bounded


class _Sizes:
    """What a reply takes at the least, and how many of its parts are free."""

    def __init__(self, schema: Mapping[str, Any], whole: Mapping[str, Any]) -> None:
        self._whole = whole
        self.chars = 0
        self.free = 0
        self._count(schema, 0)

    @property
    def tokens(self) -> int:
        """Tokens of the frame: two characters each, as names and marks take."""
        return -(-self.chars // 2)

    def _count(self, schema: Mapping[str, Any], depth: int) -> None:
        if depth > _NESTED:
            return
        target = _target(schema, self._whole)
        if target is not None:
            self._count(target, depth + 1)
            return
        options = [o for o in schema.get("anyOf", ()) if is_dict(o)]
        if options:
            self._count(options[0], depth + 1)
        elif is_list(schema.get("enum")):
            self.chars += max(len(strictjson.dumps(c)) for c in schema["enum"])
        elif schema.get("type") == "object":
            for name, part in schema.get("properties", {}).items():
                self.chars += len(name) + 6
                self._count(part, depth + 1)
            self.free += "properties" not in schema
        elif schema.get("type") in ("array", "string"):
            self.free += 1
        else:
            self.chars += 8  # a number, true, null


def _target(
    schema: Mapping[str, Any], whole: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """What a reference leads to, or None where there is none."""
    if "$ref" not in schema:
        return None
    found = whole.get("$defs", {}).get(str(schema["$ref"]).removeprefix("#/$defs/"))
    return found if is_dict(found) else {}


class _Bounds:
    """A copy of a schema with bounds; what is referred to is bounded once.

    Args:
        schema: The schema of the whole reply.
        share: Characters for each of its free parts.
    """

    def __init__(self, schema: Mapping[str, Any], share: int) -> None:
        self._whole = schema
        self._shares: dict[str, int] = {}  # of what is referred to, by name
        self.bounded = self._part(schema, share, last=True)
        defs = schema.get("$defs", {})
        made: dict[str, Any] = {}
        while left := [name for name in self._shares if name not in made]:
            for name in left:
                made[name] = self._part(defs[name], self._shares[name], last=False)
        if defs:
            self.bounded["$defs"] = {name: made.get(name, defs[name]) for name in defs}

    def _part(
        self, schema: Mapping[str, Any], share: int, *, last: bool
    ) -> dict[str, Any]:
        """A part; `last` where nothing of the reply stands behind it."""
        made = dict(schema)
        if "$ref" in made:
            name = str(made["$ref"]).removeprefix("#/$defs/")
            if name in self._whole.get("$defs", {}):
                self._shares[name] = min(share, self._shares.get(name, share))
        if is_list(made.get("anyOf")):
            made["anyOf"] = [self._part(o, share, last=last) for o in made["anyOf"]]
        kind = made.get("type")
        if kind == "object" and is_dict(made.get("properties")):
            # A member that nobody asked for is room that another one lacks.
            made.setdefault("additionalProperties", False)
            parts = made["properties"]
            final = list(parts)[-1] if parts else ""
            made["properties"] = {
                name: self._part(part, share, last=last and name == final)
                for name, part in parts.items()
            }
        elif kind == "array":
            made |= self._list(made, share)
        elif kind == "string" and not last and _is_free(made):
            most = min(share, made.get("maxLength", share))
            made["maxLength"] = max(most, made.get("minLength", 0))
        return made

    def _list(self, schema: Mapping[str, Any], share: int) -> dict[str, Any]:
        """The bounds of a list: so many items, each of so many characters."""
        items = schema.get("items")
        if not is_dict(items):
            return {}
        target = _target(items, self._whole) or items
        size = _Sizes(items, self._whole)
        if is_list(target.get("enum")):
            longest = max(len(strictjson.dumps(c)) for c in target["enum"])
            most = min(share // (longest + 2), 2 * len(target["enum"]))
            bound: dict[str, Any] = {"items": items}
        elif not size.free:
            most, bound = share // (size.tokens + 2), {"items": items}
        else:
            inner = max(_LEAST_TEXT, min(share // (2 * size.free), _ITEM_TEXT))
            if share > _MOST_ITEMS * _ITEM_TEXT * size.free:
                inner = share // (_MOST_ITEMS * size.free)
            most = min(_MOST_ITEMS, share // (size.tokens + size.free * inner))
            bound = {"items": self._part(items, inner, last=False)}
        least = schema.get("minItems", 0)
        most = max(1, min(most, schema.get("maxItems", most)))
        return {**bound, "maxItems": max(least, most)}


def _is_free(schema: Mapping[str, Any]) -> bool:
    """Whether a text is bounded by nothing but its length."""
    return not any(key in schema for key in ("enum", "const", "format", "pattern"))
