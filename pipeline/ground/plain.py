"""Python values as plain JSON data: one way there, and what was lost on it.

pydantic is strict but for some things that matter here: `Literal` and enums compare
with `==`, so that `true` passes for 1 and 2.0 for 2; dates are read from bare numbers;
a whole number too large for a float becomes infinity, and NaN null where anything
goes; and sets come out in the order of their hashes, which differs between processes.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pydantic
import pydantic_core

from . import strictjson
from .shapes import is_dict, is_list, is_mapping, is_sequence, is_set

_DATES = ("date", "date-time", "time")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+| with id=\d+")
_NUMBER = re.compile(r"[-+]?[0-9.]+\Z")


def plain(value: Any, unknown: Callable[[Any], Any] | None = None) -> Any:
    """The plain JSON data of a value: models, enums, dates, sets and arrays included.

    What has a method `__plain__`, such as a signature, says its own.

    Args:
        value: Anything.
        unknown: What stands for a value that has no such form, for example `repr`, or
            whose JSON would not be read again; without it that is an error.

    Raises:
        ValueError: The value has none.

    >>> plain({"tags": {"b", "a"}, "k": (1, None)})
    {'tags': ['a', 'b'], 'k': [1, None]}
    >>> plain(float("nan"), repr)
    'nan'
    """
    if unknown is None:
        return _plain(value)
    try:
        data = _plain(value)
        strictjson.keepable(data)
    except (TypeError, ValueError, RecursionError):
        try:
            return unknown(value)
        except (ValueError, RecursionError):  # too deep, or too long, for `repr` too
            return f"<{type(value).__name__}>"
    return data


def described(value: object) -> str:
    """What stands for a value that is no data: `repr`, without addresses in memory.

    They differ from run to run, those of pydantic's cycles too; and where `repr` fails,
    its type is named.

    >>> described([object()])
    '[<object object>]'
    """
    try:
        return _ADDRESS.sub("", repr(value))
    except Exception:  # noqa: BLE001 - its `__repr__` is anybody's
        return f"<{type(value).__name__}>"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float | Decimal):
        if math.isfinite(value):
            return value if isinstance(value, float) else str(value)
        raise ValueError(
            f"{value} is no JSON number; write None where nothing is known"
        )
    if is_mapping(value):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if is_sequence(value):
        return [_plain(inner) for inner in value]
    if is_set(value):
        return sorted(map(_plain, value), key=strictjson.canonical)
    if isinstance(value, pydantic.BaseModel):
        return _plain(value.model_dump())
    for form in ("__plain__", "tolist"):
        told: Any = getattr(value, form, None)
        if callable(told) and not isinstance(value, type):
            return _plain(told())
    try:
        return _plain(pydantic_core.to_jsonable_python(value))
    except (pydantic_core.PydanticSerializationError, TypeError):  # so pandas' NaT
        kind = type(value).__name__
        raise ValueError(f"a value of type {kind} has no JSON form") from None


def is_loose(schema: Any) -> bool:
    """Whether a JSON Schema holds a place where pydantic would convert in silence."""
    if is_list(schema):
        return any(is_loose(part) for part in schema)
    if not is_dict(schema):
        return False
    choices = [
        *schema.get("enum", ()),
        *([schema["const"]] if "const" in schema else ()),
    ]
    if any(type(choice) in (bool, int, float) for choice in choices):
        return True
    if schema.get("type") == "number" or schema.get("format") in _DATES:
        return True
    return any(map(is_loose, schema.values()))


def is_open(schema: Any) -> bool:
    """Whether values of a JSON Schema may hold sets: declared, or where all goes."""
    if is_list(schema):
        return any(is_open(part) for part in schema)
    if not is_dict(schema):
        return False
    if not schema or schema.get("uniqueItems") or schema.get("type") == "object":
        return True
    return any(is_open(part) for part in schema.values())


def is_lossy(given: Any, kept: Any) -> bool:
    """Whether plain data became other data on its way through a type.

    >>> is_lossy(True, 1), is_lossy(2.0, 2), is_lossy("2020", "1970-01-01")
    (True, True, True)
    >>> is_lossy(2, 2.0), is_lossy({"a": 1}, {"a": 1, "b": 2})
    (False, False)
    """
    if is_dict(given) and is_dict(kept):
        return any(is_lossy(given[key], kept[key]) for key in given if key in kept)
    if is_sequence(given) and is_sequence(kept) and len(given) == len(kept):
        return any(map(is_lossy, given, kept))
    if type(given) is bool or type(kept) is bool:
        plain = isinstance(given, bool | int | float | str)
        return plain and type(given) is not type(kept)
    if type(kept) is float and not math.isfinite(kept):
        return True
    if isinstance(given, float):
        return kept is None or type(kept) is int
    if type(given) is str and type(kept) is str:
        return given != kept and _NUMBER.match(given) is not None
    return False


def without_models(value: Any) -> Any:
    """The value with pydantic models as their data: another class of one shape fits.

    Raises:
        TypeError: A key is no text, which JSON would make one in silence.
    """
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if is_dict(value):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a key is no text")
        return {key: without_models(inner) for key, inner in value.items()}
    if is_sequence(value):
        return [without_models(inner) for inner in value]
    return value


def ordered(value: Any, data: Any) -> Any:
    """The plain data of a value with every set in an order that all processes share.

    Raises:
        ValueError: A key holds a lone surrogate, which pydantic replaces in silence.
    """
    if is_set(value) and is_list(data):
        return sorted(_each(value, data), key=strictjson.canonical)
    if is_sequence(value) and is_list(data):
        return _each(value, data)
    if is_dict(value) and is_dict(data) and len(value) == len(data):
        if not all(strictjson.is_text(key) for key in value if isinstance(key, str)):
            raise ValueError("a key holds a lone surrogate")
        return dict(zip(data, _each(value.values(), data.values()), strict=True))
    if is_dict(data):
        parts = _parts(value)
        return {
            key: ordered(parts[key], inner) if key in parts else inner
            for key, inner in data.items()
        }
    return data


def _each(values: Iterable[Any], data: Iterable[Any]) -> list[Any]:
    return [ordered(inner, part) for inner, part in zip(values, data, strict=False)]


def _parts(value: Any) -> dict[str, Any]:
    """The fields of a model or a dataclass, by the names they have in its data."""
    if isinstance(value, pydantic.BaseModel):
        fields = type(value).model_fields
        return {
            info.serialization_alias or name: getattr(value, name)
            for name, info in fields.items()
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return {}
