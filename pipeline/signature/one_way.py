"""Types that do not read what they write, and the data that they do read.

pydantic keeps two schemas of a type: computed fields are written alone, an excluded one
is read alone, and a field may have one name out and another in.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pydantic
import pydantic_core
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from ..ground import strictjson
from ..ground.shapes import is_dict, is_list, is_mapping, is_sequence, is_set


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
    return pydantic_core.to_jsonable_python(value)


def _name(name: str, info: Any) -> str:
    alias = info.validation_alias
    if isinstance(alias, pydantic.AliasChoices):
        texts = [choice for choice in alias.choices if isinstance(choice, str)]
        alias = texts[0] if texts else None
    return alias if isinstance(alias, str) else name
