"""Types and their rules in words, as a model reads them and errors repeat them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import pydantic

from ..errors import StepError, WeftError
from ..ground import strictjson
from ..ground.words import brief, said
from ..media.fields import WORDS as MEDIA
from ..media.fields import format_of
from .json_schema import FAULT, json_schema_of
from .types import choices_of, other_than_none, type_name

_DECLARED: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    list: "list[str]",
    tuple: "list[str]",
    type(None): "str | None",
}

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
_MOST_ERRORS = 1_000
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "none_required": "null",
    "list_type": "a list",
    "dict_type": "a mapping",
}
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_MANY = {**_WORDS, "integer": "whole numbers", "number": "numbers"}

PLACEHOLDER: Final = "(the {})"
"""What a made-up exchange shows as the text of a field."""
NOT_GIVEN: Final = "(not given for this example)"
"""What a demo shows in place of a value that it has not."""
BY_SCHEMA: Final = "JSON that fits this schema"
"""How a type is told that only a schema tells."""


def wanted(kind: Any, schema: Mapping[str, Any]) -> str:
    """A type with its JSON Schema in words.

    >>> wanted(int, {"type": "integer", "minimum": 0})
    'a whole number, at least 0'
    """
    if named := format_of(schema):
        return MEDIA[named]
    if json_schema_of(kind) and not choices_of(kind) and not _is_bare(schema):
        return _by_schema(schema)
    inner = other_than_none(kind)
    shapes = cast(list[Mapping[str, Any]], schema.get("anyOf", ()))
    told = "$defs" not in schema or choices_of(inner)
    if inner is not None and len(shapes) == 2 and told:
        return f"null, or {wanted(inner, shapes[0])}"
    choices = choices_of(kind)
    if choices:
        return "one of " + ", ".join(strictjson.dumps(c) for c in choices)
    kinds = schema.get("type")
    rules = [text.format(schema[key]) for key, text in _RULES.items() if key in schema]
    if isinstance(kinds, str) and kinds in _WORDS:
        return ", ".join([_WORDS[kinds], *rules])
    if kinds == "array" and "$defs" not in schema:
        items = cast(Mapping[str, Any], schema.get("items", {}))
        words = _MANY.get(str(items.get("type")), "")
        named = f"a JSON list of {words}" if words else f"JSON: {type_name(kind)}"
        if "enum" in items:
            allowed = ", ".join(strictjson.dumps(c) for c in items["enum"])
            named = f"a JSON list, each item one of {allowed}"
        return ", ".join([named, *rules])
    return _by_schema(schema)


def _is_bare(schema: Mapping[str, Any]) -> bool:
    """Whether words say all that a schema does; a draft's flags are none."""
    told = schema.keys() <= {"description", "title", "default", "type", *_RULES}
    return told and not any(schema.get(rule) is True for rule in _RULES)


def _by_schema(schema: Mapping[str, Any]) -> str:
    return f"{BY_SCHEMA}: {strictjson.dumps(schema)}"


def simple(kind: Any, schema: Mapping[str, Any]) -> str:
    """A number, true or false in words; empty for any other type.

    >>> simple(int, {"type": "integer", "minimum": 0}), simple(str, {"type": "string"})
    ('a whole number', '')
    """
    inner = other_than_none(kind)
    shapes = cast(list[Mapping[str, Any]], schema.get("anyOf", ()))
    if inner is not None and len(shapes) == 2:
        word = simple(inner, shapes[0])
        return word and f"null or {word}"
    named = str(schema.get("type"))
    known = named in ("integer", "number", "boolean") and not choices_of(kind)
    return _WORDS[named] if known else ""


def first_error(error: pydantic.ValidationError) -> str:
    """The first thing pydantic found wrong, in one line of bounded length.

    Of very many they are only counted: pydantic would list them all to name the first,
    which takes a minute for some millions, and no other thread runs meanwhile.
    """
    count = error.error_count()
    if count > _MOST_ERRORS:
        return f"{count:,} values in it are wrong"
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == FAULT:
        return brief(first["msg"], 600)
    where = brief(".".join(str(part) for part in first["loc"]))
    got = brief(repr(first["input"]))
    kind = _KINDS.get(first["type"])
    what = f"{got} is not {kind}" if kind else f"{brief(first['msg'], 400)} (got {got})"
    return f"{where + ': ' if where else ''}{what}"


def raised_in_type(field: str, error: Exception) -> StepError | None:
    """The error where a validator of a field's type raised no `ValueError`.

    Args:
        field: The field's name.
        error: What came out of pydantic, with its traceback.

    Returns:
        None where it is no such thing: a `ValueError`, which is a value's fault, an
        error of weft's own, or data too deep for anybody.
    """
    who = _validator_in(error)
    deep = isinstance(error, RecursionError) and not who
    if deep or isinstance(error, ValueError | WeftError):
        return None
    return StepError(
        f"field {field!r}: its validator{who} raised "
        f"{type(error).__name__}: {said(error)}".rstrip(": "),
        hint="Let it raise ValueError for a value that is wrong, which a model may "
        "mend; anything else is a fault of the validator",
        field=field,
    )


def raised_by_validator(error: Exception) -> bool:
    """Whether an error came out of a function of the user's."""
    return bool(_validator_in(error))


def _validator_in(error: Exception) -> str:
    """Which function of the user's an error came out of, and where; or empty."""
    step = error.__traceback__
    while step is not None:
        code, module = step.tb_frame.f_code, step.tb_frame.f_globals.get("__name__", "")
        if str(module).partition(".")[0] not in _NOT_THE_USERS:
            return (
                f" {code.co_qualname} ({Path(code.co_filename).name}:{step.tb_lineno})"
            )
        step = step.tb_next
    return ""


_NOT_THE_USERS: Final = frozenset({"json", "pydantic", "pydantic_core", "weft"})


def to_give(name: str, kind: Any, words: str, value: object) -> str:
    """What to give a field; and, where it holds text for want of a type, its type.

    >>> to_give("k", str, "text", 3)
    'Give text, or declare it as k: int'
    """
    declared = _DECLARED.get(type(value)) if kind is str else None
    given = f"Give {words}"
    return f"{given}, or declare it as {name}: {declared}" if declared else given
