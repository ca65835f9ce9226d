"""Values as JSON data and back, where pydantic alone would lose a part.

Decimals: JSON's numbers are decimal, and Python reads them as floats: of
0.1234567890123456789 some digits go, of 10.50 the last. A number that was read
(`strictjson.Written`) still knows its digits, and here they become a text wherever a
type has a decimal.

Types that do not read what they write: pydantic keeps two schemas of a type. Computed
fields are written alone, an excluded one is read alone, and a field may have one name
out and another in. What is kept of a value is what its type reads.

Unions of objects that hold themselves: pydantic tries each at every level.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pydantic
import pydantic_core
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaValue,
    JsonSchemaWarningKind,
)
from pydantic_core import core_schema

from ..ground import strictjson
from ..ground.shapes import is_dict, is_list, is_mapping, is_sequence, is_set
from ..ground.strictjson import Written, is_deep
from .types import referred

_DECIMAL = "decimal"
_ONE_OF = ("anyOf", "oneOf", "allOf")
_MOST_REFERENCES = 8
_DEEPEST = 16


class DecimalSchema(GenerateJsonSchema):
    """Writes a decimal as a type of its own, which JSON Schema does not know."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """A decimal's schema."""
        del schema
        return {"type": _DECIMAL}


def may_hold_decimals(schema: Any) -> bool:
    """Whether a JSON Schema has a place for a number or a text, as each decimal is."""
    if is_list(schema):
        return any(may_hold_decimals(part) for part in schema)
    if not is_dict(schema):
        return False
    kinds = {part.get("type") for part in schema.get("anyOf", ()) if is_dict(part)}
    return kinds >= {"number", "string"} or any(map(may_hold_decimals, schema.values()))


def with_digits(data: Any, schema: Mapping[str, Any]) -> Any:
    """JSON data with the digits of each number where a `DecimalSchema` has a decimal.

    >>> price = {"type": "object", "properties": {"sum": {"type": "decimal"}}}
    >>> with_digits({"sum": Written("10.50"), "share": Written("0.10")}, price)
    {'sum': '10.50', 'share': 0.1}
    """
    return _with_digits(data, [schema], schema)


def _with_digits(data: Any, schemas: Sequence[Any], whole: Mapping[str, Any]) -> Any:
    found = [arm for schema in schemas for arm in _arms(schema, whole)]
    arms = list({id(arm): arm for arm in found}.values())  # else twice as many a level
    if isinstance(data, float):
        kinds = {arm.get("type") for arm in arms}
        text = data.text if isinstance(data, Written) else repr(data)
        return text if _DECIMAL in kinds and "number" not in kinds else data
    if is_dict(data):
        return {
            key: _with_digits(inner, _of_key(key, arms), whole)
            for key, inner in data.items()
        }
    if is_list(data):
        return [
            _with_digits(inner, _of_item(number, arms), whole)
            for number, inner in enumerate(data)
        ]
    return data


def _of_key(key: str, arms: Sequence[Mapping[str, Any]]) -> list[Any]:
    others = "additionalProperties"
    return [arm.get("properties", {}).get(key, arm.get(others)) for arm in arms]


def _of_item(number: int, arms: Sequence[Mapping[str, Any]]) -> list[Any]:
    made: list[Any] = []
    for arm in arms:
        first = arm.get("prefixItems", ())
        made.append(first[number] if number < len(first) else arm.get("items"))
    return made


def _arms(schema: Any, whole: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas of which a value may have any, references followed."""
    for _ in range(_MOST_REFERENCES):
        if not (is_dict(schema) and "$ref" in schema):
            break
        schema = referred(schema, whole)
    if not is_dict(schema):
        return
    parts = [part for key in _ONE_OF for part in schema.get(key, ())]
    if not parts:
        yield schema
    for part in parts:
        yield from _arms(part, whole)


class QuietSchema(GenerateJsonSchema):
    """Says no second time what the first schema of a type said already."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - the base's
        "skipped-choice",
        "non-serializable-default",
        "skipped-discriminator",
    }


def places(schema: Any) -> Any:
    """A JSON Schema without what must be there, which is more of what is written."""
    if is_list(schema):
        return [places(part) for part in schema]
    if not is_dict(schema):
        return schema
    return {
        key: places(part)
        for key, part in schema.items()
        if not (key == "required" and is_list(part))
    }


def has_functions(schema: Any) -> bool:
    """Whether functions of a user's read or write a part of a type."""
    if is_list(schema):
        return any(map(has_functions, schema))
    if not is_dict(schema):
        return False
    kind = schema.get("type")
    if isinstance(kind, str) and kind.startswith("function-"):
        return True
    return any(map(has_functions, schema.values()))


def as_read(value: Any) -> Any:
    """A value's plain data under the names by which its types read it.

    >>> class Person(pydantic.BaseModel):
    ...     name: str = pydantic.Field(validation_alias="fullName")
    ...     note: str = pydantic.Field("", exclude=True)
    >>> as_read([Person(fullName="Ann", note="new")])
    [{'fullName': 'Ann', 'note': 'new'}]
    """
    if isinstance(value, pydantic.RootModel):
        return as_read(value.root)  # pyright: ignore[reportUnknownMemberType]
    if isinstance(value, pydantic.BaseModel):
        fields = type(value).model_fields
        held = {
            _name(name, info): as_read(getattr(value, name))
            for name, info in fields.items()
        }
        return held | {k: as_read(v) for k, v in (value.model_extra or {}).items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = dataclasses.fields(value)
        return {f.name: as_read(getattr(value, f.name)) for f in members if f.init}
    if is_mapping(value):
        keys = pydantic_core.to_jsonable_python(dict.fromkeys(value))
        return dict(zip(keys, map(as_read, value.values()), strict=True))
    if is_set(value):
        return sorted(map(as_read, value), key=strictjson.canonical)
    if is_sequence(value):
        return [as_read(item) for item in value]
    told = getattr(value, "__plain__", None)
    return told() if callable(told) else pydantic_core.to_jsonable_python(value)


def _name(name: str, info: Any) -> str:
    alias = info.validation_alias
    if isinstance(alias, pydantic.AliasChoices):
        texts = [choice for choice in alias.choices if isinstance(choice, str)]
        alias = texts[0] if texts else None
    return alias if isinstance(alias, str) else name


def refuse_depth(data: Any) -> None:
    """Refuse data that is nested too deep for a type that `forks`.

    Raises:
        ValueError: It is.
    """
    if is_deep(data, _DEEPEST):
        raise ValueError(
            f"it is nested more than {_DEEPEST} levels deep, and nothing tells the "
            "objects of a union apart, so that each level doubles the work; give them "
            "a discriminator"
        )


def forks(schema: Mapping[str, Any]) -> bool:
    """Whether a union within a type holds itself through several of its objects.

    Where nothing tells them apart each is tried, at every level again: the work on a
    value is two to the power of its depth.

    >>> union = {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}
    >>> one = {"type": "object", "properties": {"inner": union}}
    >>> forks({**union, "$defs": {"A": one, "B": one}})
    True
    >>> forks({**union, "$defs": {"A": one, "B": {"type": "object"}}})
    False
    """
    within: dict[str, set[str]] = {}
    for name, part in schema.get("$defs", {}).items():
        within[f"#/$defs/{name}"] = set(_references(part))
    for _ in within:
        for name, known in within.items():
            beyond = (within.get(ref, set[str]()) for ref in known)
            within[name] = known.union(*beyond)
    return any(
        _meets_itself(union, owner, within, schema)
        for owner in within
        for union in _unions(referred({"$ref": owner}, schema))
    )


def _meets_itself(
    union: list[Any], owner: str, within: Mapping[str, set[str]], whole: Any
) -> bool:
    kinds = [
        referred(part, whole).get("type")
        for part in union
        if any(
            ref == owner or owner in within.get(ref, ()) for ref in _references(part)
        )
    ]
    return len(set(kinds)) < len(kinds)


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    left = [schema]
    while left:
        part = left.pop()
        if is_dict(part):
            yield part
            left.extend(part.values())
        elif is_list(part):
            left.extend(part)


def _references(schema: Any) -> Iterator[str]:
    refs = (part.get("$ref") for part in _parts(schema))
    return (ref for ref in refs if isinstance(ref, str))


def _unions(schema: Any) -> Iterator[list[Any]]:
    unions = (part.get("anyOf") for part in _parts(schema))
    return (union for union in unions if is_list(union))
