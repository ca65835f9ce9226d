"""Classes made from the objects and named choices of a JSON Schema; no text is run."""

from __future__ import annotations

import enum
import keyword
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic
from pydantic import ConfigDict


def choices_class(title: str, values: Sequence[Any], description: Any) -> Any:
    """An enum with these values; its members are named after them.

    >>> [member.name for member in choices_class("Color", ["red", "dark blue"], None)]
    ['RED', 'DARK_BLUE']
    """
    names: dict[str, Any] = {}
    for value in values:
        word = re.sub(r"\W", "_", str(value)).strip("_").upper()
        word = word if word.isidentifier() else f"VALUE_{word}".rstrip("_")
        spare = (f"{word}_{n}" for n in range(2, len(values) + 2))
        while word in names:
            word = next(spare)
        names[word] = value
    make: Any = enum.Enum
    made = make(title, names)
    if isinstance(description, str):
        made.__doc__ = description
    return made


def object_class(
    title: str, kinds: Mapping[Any, Any], schema: Mapping[str, Any]
) -> Any:
    """A pydantic model with these fields.

    Args:
        title: Its name.
        kinds: Types of the properties by name, in order.
        schema: The object's schema, for what else it says of the properties.

    Raises:
        ValueError: A property has a name that no field can have.
        TypeError: A part of the schema has another shape.
    """
    required = frozenset(schema.get("required", ()))
    fields: dict[str, Any] = {}
    for name, kind in kinds.items():
        _check_name(name)
        part = schema["properties"][name]
        texts = {key: part[key] for key in ("title", "description") if key in part}
        default = ... if name in required else part.get("default")
        fields[name] = (kind, pydantic.Field(default, validate_default=True, **texts))
    config = ConfigDict(protected_namespaces=())
    extra = schema.get("additionalProperties")
    if isinstance(extra, bool):
        config["extra"] = "allow" if extra else "forbid"
    with warnings.catch_warnings():
        # A field may be called like a method of pydantic, as in the original class.
        warnings.simplefilter("ignore", UserWarning)
        made = pydantic.create_model(title, __config__=config, **fields)
    if isinstance(schema.get("description"), str):
        made.__doc__ = schema["description"]
        made.model_rebuild(force=True)
    return made


def _check_name(name: Any) -> None:
    usable = isinstance(name, str) and len(name) <= 200 and name.isidentifier()
    if not usable or name.startswith("_") or keyword.iskeyword(name):
        raise ValueError(f"{str(name)[:80]!r} is no name of a field")
    if unicodedata.normalize("NFKC", name) != name:
        raise ValueError(f"Python reads the name {name!r} as another one")
