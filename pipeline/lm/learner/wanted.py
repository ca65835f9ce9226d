"""What a prompt says about an output field, read back into a JSON Schema.

The lines read are those that adapters write: `- name: one of "a", "b"; description`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import pydantic

from ...errors import SignatureError
from ...signature.notation import parse_type
from .values import is_list, is_object

_BASIC = {
    "text": "string",
    "a whole number": "integer",
    "a number": "number",
    "true or false": "boolean",
    "null": "null",
}
_MANY = {"whole numbers": "integer", "numbers": "number", **_BASIC}
_NUMBER = r"(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
_RULES = (
    (rf"at least {_NUMBER} characters", "minLength"),
    (rf"at most {_NUMBER} characters", "maxLength"),
    (rf"at least {_NUMBER} items", "minItems"),
    (rf"at most {_NUMBER} items", "maxItems"),
    (rf"at least {_NUMBER}(?! (?:char|item))", "minimum"),
    (rf"at most {_NUMBER}(?! (?:char|item))", "maximum"),
    (rf"more than {_NUMBER}", "exclusiveMinimum"),
    (rf"less than {_NUMBER}", "exclusiveMaximum"),
    (rf"a multiple of {_NUMBER}", "multipleOf"),
    (r"matching (.+)", "pattern"),
    (r"as a ([\w-]+)", "format"),
)
_SCHEMA = "JSON that fits this schema: "
_TYPE = "JSON: "
_NULL = "null, or "
_LISTS = ("a JSON list of ", "a JSON list, each item one of ")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Wanted:
    """An output field as the prompt describes it.

    Args:
        name: The field's name.
        schema: What its value must look like.
        note: Its description.
    """

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    note: str = ""

    @cached_property
    def choices(self) -> tuple[Any, ...]:
        """The values of a closed choice; empty where the field is open."""
        return choices_in(self.schema)

    @cached_property
    def plain(self) -> bool:
        """Whether the value stands as bare text rather than as JSON."""
        if "enum" in self.schema:
            return all(isinstance(choice, str) for choice in self.choices)
        return self.schema.get("type") == "string"


def choices_in(schema: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values that a schema lists, true and false included; empty where it is open.

    >>> choices_in({"type": "boolean"}), choices_in({"enum": ["a"]}), choices_in({})
    ((True, False), ('a',), ())
    """
    if is_list(schema.get("enum")):
        return tuple(schema["enum"])
    if "const" in schema:
        return (schema["const"],)
    return (True, False) if schema.get("type") == "boolean" else ()


def read_wanted(name: str, line: str) -> Wanted:
    """Read what stands after `- name: `.

    >>> read_wanted("n", "a whole number, at least 1; how many")
    Wanted(name='n', schema={'type': 'integer', 'minimum': 1}, note='how many')
    >>> read_wanted("team", 'one of "a; b", "c"').choices
    ('a; b', 'c')
    """
    if line.startswith(_NULL):
        other = read_wanted(name, line.removeprefix(_NULL))
        either = {"anyOf": [dict(other.schema), {"type": "null"}]}
        return Wanted(name, either, other.note)
    if line.startswith("one of "):
        values, rest = _values(line, len("one of "))
        if values:
            return Wanted(name, {"enum": values}, rest.removeprefix("; "))
    if line.startswith(_SCHEMA):
        try:
            schema, end = _DECODER.raw_decode(line, len(_SCHEMA))
        except (ValueError, RecursionError):
            return Wanted(name, {"type": "object"}, line)
        if is_object(schema):
            return Wanted(name, schema, line[end:].removeprefix("; "))
    if line.startswith(_TYPE):
        return _typed(name, line[len(_TYPE) :])
    for start in _LISTS:
        if line.startswith(start):
            return _list(name, line, start)
    return _basic(name, line)


def _basic(name: str, line: str) -> Wanted:
    head, _, note = line.partition("; ")
    first = head.partition(",")[0]
    if first in _BASIC:
        return Wanted(name, {"type": _BASIC[first], **_rules(head)}, note)
    return Wanted(name, {"type": "string"}, line)


def _list(name: str, line: str, start: str) -> Wanted:
    items: dict[str, Any] = {}
    at = len(start)
    if start.endswith("one of "):
        values, rest = _values(line, at)
        items = {"enum": values}
    else:
        rest = line[at:]
        word = next((w for w in _MANY if rest.startswith(w)), "")
        items = {"type": _MANY[word]} if word else {}
    rules, _, note = rest.partition("; ")
    return Wanted(name, {"type": "array", "items": items, **_rules(rules)}, note)


def _typed(name: str, line: str) -> Wanted:
    """A list or tuple whose members are told as a Python type."""
    depth, end = 0, len(line)
    for at, char in enumerate(line):
        depth += (char == "[") - (char == "]")
        if depth == 0 and char in ",;":
            end = at
            break
    rules, _, note = line[end:].partition("; ")
    return Wanted(name, {**_schema_of(line[:end]), **_rules(rules)}, note)


@lru_cache(maxsize=64)
def _schema_of(kind: str) -> dict[str, Any]:
    try:
        return pydantic.TypeAdapter[Any](parse_type(kind)).json_schema()
    except (SignatureError, pydantic.PydanticUserError):
        return {"type": "array"}


def _values(line: str, at: int) -> tuple[list[Any], str]:
    """JSON values separated by commas, and what follows them."""
    values = list[Any]()
    while True:
        try:
            value, end = _DECODER.raw_decode(line, at)
        except (ValueError, RecursionError):
            return values, line[max(at - 2, 0) :]
        values.append(value)
        if not line.startswith(", ", end):
            return values, line[end:]
        at = end + 2


def _rules(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pattern, key in _RULES:
        match = re.search(pattern, text)
        if match is None:
            continue
        value = match[1]
        if key in ("pattern", "format"):
            found[key] = value
            continue
        number = float(value)
        found[key] = int(number) if number.is_integer() else number
    return found
