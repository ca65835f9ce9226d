"""What an endpoint is asked to enforce: a JSON Schema, or a grammar of lines.

Under a schema, a small model that rambles in one field never reaches the next: nothing
but the token limit ends a text. So what is free and stands before something else gets a
bound, made from the tokens that the reply may take. A text that goes round in circles
takes up to a token a character; bounds leave that room.

A base model that goes on with a text needs no list of the choices to pick one of them,
and is misled by it: a grammar lets it write nothing else. The notation is llama.cpp's
GBNF: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ..ground import strictjson
from ..ground.shapes import is_dict, is_list
from ..signature.field import FieldSpec
from ..signature.json_schema import json_schema_of, placed
from ..signature.spec import Spec
from ..signature.types import referred
from ..signature.vocabulary import whole_range, whole_values

_LEAST_TEXT: Final = 16  # characters
_ITEM_TEXT: Final = 64
_MOST_ITEMS: Final = 64
_AMPLE: Final = 4096  # tokens of which a text of two characters a token takes a part
_NESTED: Final = 8
_INTEGER: Final = '"-"? ("0" | [1-9] [0-9]{0,14})'
_NUMBER: Final = f'{_INTEGER} ("." [0-9]{{1,9}})?'
_DATE: Final = '[0-9]{4} "-" [0-9]{2} "-" [0-9]{2}'
_DAYS: Final = (  # of months of 31 days, of 30, and of February
    '("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])',
    '("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30")',
    '"02" "-" ("0" [1-9] | [12] [0-9])',
)
_REAL_DATE: Final = f'[0-9]{{4}} "-" ({" | ".join(_DAYS)})'
_UPTO: Final = 100
"""Whole parts of numbers that are written out."""
_BOOLEAN: Final = '("true" | "false")'
_TEXT: Final = 256  # characters of a text that stands before another field
_MOST: Final = 2000  # as often as llama.cpp repeats a rule


def object_schema(spec: Spec) -> dict[str, Any]:
    """The JSON Schema of one object with a signature's outputs, in their order."""
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for name, field in spec.outputs.items():
        schema = dict(field.enforced or field.schema)
        if json_schema_of(field.annotation):
            properties[name] = placed(schema, f"#/properties/{name}")
            continue
        definitions.update(schema.pop("$defs", {}))
        if field.said:
            schema["description"] = field.said
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


def response_format_of(spec: Spec, room: int | None) -> dict[str, Any]:
    """The wire's `response_format`, with bounds for a reply of so many tokens.

    Another object for each call: clients write into what they are given.
    """
    made: dict[str, Any] = json.loads(_response_format(spec, room))
    return made


@lru_cache(maxsize=512)
def _response_format(spec: Spec, room: int | None) -> str:
    schema = object_schema(spec)
    if room is not None:
        # What somebody else's schema allows is theirs to say: no bounds go into it.
        parts = schema["properties"]
        theirs = {
            n: parts[n] for n, f in spec.outputs.items() if json_schema_of(f.annotation)
        }
        bounded = with_room(
            {**schema, "properties": {**parts, **{name: {} for name in theirs}}}, room
        )
        schema = {**bounded, "properties": {**bounded["properties"], **theirs}}
    # The wire allows no other characters, and Python's names may have them.
    name = re.sub(r"[^A-Za-z0-9_-]", "_", spec.name)[:64]
    made = {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
    return json.dumps(made)


def with_room(schema: Mapping[str, Any], tokens: int) -> dict[str, Any]:
    """A schema whose free parts are bounded, so that a reply of so many tokens ends.

    The user's own bounds stay where they are tighter. The last text of all is left
    free: a limit that cuts it is no silent loss.

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
        if "$ref" in schema:
            self._count(referred(schema, self._whole), depth + 1)
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


class _Bounds:
    """A copy of a schema with bounds; what is referred to is bounded once.

    `share` is how many characters each of its free parts gets.
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
        target = referred(items, self._whole)
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


@lru_cache(maxsize=512)
def line_grammar(
    spec: Spec, fence: str, room: int | None, *, bounded: bool = False
) -> str | None:
    """The grammar of a signature's outputs, from behind the first field's name on.

    None where a field is no choice, number, truth value, date or text: what is nested
    is better written as an object.

    Args:
        spec: The signature.
        fence: The marks of the call.
        room: The most tokens that the endpoint has for a reply, where that is known.
        bounded: Whether numbers keep to the ends of their types, and dates to months.
    """
    *before, last = spec.outputs
    shares = max(1, len(before) + 1)
    most = min(_TEXT, room // shares) if room else _TEXT
    parts: list[str] = []
    for name, field in spec.outputs.items():
        upto = None if name == last else max(16, most)
        value = _value(field, upto, bounded=bounded)
        if value is None:
            return None
        mark = "" if not parts else f"{_literal(f'{name}{fence}:')} "
        parts.append(f'{mark}" " {value}')
    return f"root ::= {' _end_ '.join(parts)}".replace("_end_", _literal("\n"))


def _value(field: FieldSpec, most: int | None, *, bounded: bool) -> str | None:
    """The rule of a field's value on one line, or None where there is none."""
    if json_schema_of(field.annotation) and not field.choices:
        return None
    if field.choices:
        said = [c if field.plain else strictjson.dumps(c) for c in field.choices]
        if any("\n" in str(text) for text in said):
            return None
        return f"({' | '.join(_literal(str(text)) for text in said)})"
    options = field.schema.get("anyOf")
    if is_list(options):
        how: dict[str, bool] = {"bare": False, "bounded": bounded}
        rules = [_rule(o, most, **how) for o in options if is_dict(o)]
        known = [rule for rule in rules if rule is not None]
        return f"({' | '.join(known)})" if len(known) == len(options) else None
    return _rule(field.schema, most, bare=field.plain, bounded=bounded)


def _rule(
    schema: Mapping[str, Any], most: int | None, *, bare: bool, bounded: bool
) -> str | None:
    kind = schema.get("type")
    simple = {
        "integer": _whole(schema) if bounded else _INTEGER,
        "number": _part(schema) if bounded else _NUMBER,
        "boolean": _BOOLEAN,
        "null": '"null"',
    }
    if is_list(schema.get("enum")) and not bare:
        said = [_literal(strictjson.dumps(c)) for c in schema["enum"]]
        return f"({' | '.join(said)})"
    if kind != "string":
        return simple.get(str(kind))
    if schema.get("format") == "date":
        day = _REAL_DATE if bounded else _DATE
        return day if bare else f'"\\"" {day} "\\""'
    if "enum" in schema or "format" in schema or "pattern" in schema:
        return None
    least = max(1, min(schema.get("minLength", 1), _MOST))
    told = [n for n in (schema.get("maxLength"), most) if n is not None]
    bound = max(least, min(told)) if told and min(told) <= _MOST else ""
    size = f"{{{least},{bound}}}" if bound or least > 1 else "+"
    return f"[^\\n]{size}" if bare else f'"\\"" [^\\n"\\\\]{size} "\\""'


def _whole(schema: Mapping[str, Any]) -> str:
    """The rule of a whole number between the ends of its type."""
    if known := whole_values({**schema, "type": "integer"}):
        return f"({' | '.join(_literal(str(n)) for n in known)})"
    low, high = whole_range(schema)
    if low is None or low < 0:
        return _INTEGER
    digits = 14 if high is None else len(str(max(high, 1))) - 1
    zero = "" if low else '"0" | '
    return f"({zero}[1-9] [0-9]{{0,{min(digits, 14)}}})"


def _part(schema: Mapping[str, Any]) -> str:
    """The rule of a number between the ends of its type."""
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None or not 0 <= low < math.inf:
        return _NUMBER
    if high is None or not low < high <= _UPTO:
        return _NUMBER.removeprefix('"-"? ')
    top = math.floor(high)
    below = [_literal(str(n)) for n in range(math.floor(low), top)]
    parts = [f'({" | ".join(below)}) ("." [0-9]{{1,9}})?'] * bool(below)
    if high > top:
        parts.append(f'"{top}" ("." [0-9]{{1,9}})?')
    elif "maximum" in schema:
        parts.append(f'"{top}" ("." "0"{{1,9}})?')
    return f"({' | '.join(parts)})"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
