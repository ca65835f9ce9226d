"""JSON data with a value of another type where one that it plainly means has to stand.

Each place of a schema is read as a field of its type is: a choice by case and
typography, true and false in words, a number with what it counts, a list by its lines.

Of a list, a line that has no mark, marks of two kinds and numbers out of order have no
one reading. Nor have commas between texts, for a text may hold one, and a comma without
a blank behind it may be a part of a number.

What fits its place is left alone beside what does not: no edge is taken off a path, and
a text is null only where no text may stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..ground import strictjson
from ..ground.shapes import is_dict, is_list
from ..ground.strictjson import Written
from ..signature.types import referred
from .among import between_commas, listed
from .nearjson import quoted
from .scalars import (
    FORMAT_EDGES,
    bare_number,
    bool_of,
    choice_of,
    date_of,
    digits_of,
    number_of,
    rated,
)
from .typography import keyed

_MOST_REFERENCES = 8
_OTHERS = "additionalProperties"
_DECIMAL = "decimal"
"""The type that `FieldSpec.exact_schema` has for decimals: a number or its digits."""
_SCALARS = ("string", "integer", "number", _DECIMAL, "boolean", "null")
_KINDS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (str, ("string", _DECIMAL)),
    (bool, ("boolean",)),
    (int, ("integer", "number", _DECIMAL)),
    (float, ("number", _DECIMAL)),
    (list, ("array",)),
    (dict, ("object",)),
)
_INEXACT = 2**53
"""From here on a float may stand for several whole numbers."""
_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}\.000")
"""A number that some write for a thousand times as much."""
_NOTHING = ("null", "none")
_FORMATS = ("date", "date-time", "time", "duration", "uuid")
"""Of which no text begins or ends with what may stand around it: a path does."""
_AND = re.compile(r"\A(?:and|&)\s+", re.IGNORECASE)
_BETWEEN = re.compile(r"\s+(?:and|&)\s+", re.IGNORECASE)
_APART = re.compile(r"-?[0-9]+(?:(?P<mark>[, ])-?[0-9]+(?:(?P=mark)-?[0-9]+)*)")
_GROUPS = re.compile(r"[0-9][, ][0-9]{3}(?![0-9])")
"""What may be one number with its digits in groups."""
_BRACKETED = re.compile(r"\s*\[([^\[\]\"\n]*)\]\s*")


def repaired(data: Any, schema: Mapping[str, Any]) -> Any:
    """JSON data with each value of another type as what it plainly means for its place.

    A text where a choice, a number, true or false, a date or null has to stand is read
    as a field of that type is; a number without a part is a whole one; numbers, true
    and false are texts where only texts may stand, spelled as they are. The data itself
    where nothing is to be mended; what has no one reading stays as it is.

    >>> repaired(["Top-ups"], {"type": "array", "items": {"enum": ["top ups"]}})
    ['top ups']
    >>> counts = {"type": "object", "additionalProperties": {"type": "integer"}}
    >>> repaired({"eggs": "3", "cups": 2.0}, counts)
    {'eggs': 3, 'cups': 2}
    >>> repaired({"eggs": "3", "cups": "a few"}, counts)
    {'eggs': '3', 'cups': 'a few'}
    """
    try:
        return repaired_or_unfit(data, schema)
    except UnfitError:
        return data


def repaired_or_unfit(data: Any, schema: Mapping[str, Any]) -> Any:
    """As `repaired`, of data that may fit.

    Raises:
        UnfitError: No reading of it can fit.
    """
    return _repaired(data, schema, schema)


class UnfitError(Exception):
    """A value that has no reading in its place: the data it is in cannot fit."""


def _repaired(data: Any, schema: Any, whole: Mapping[str, Any]) -> Any:
    schemas = list(alternatives(schema, whole))
    made = _mended(data, schemas, whole) if schemas else data
    if schemas and made is data and not any(_may_hold(s, data) for s in schemas):
        raise UnfitError
    return made


def _mended(
    data: Any, schemas: list[Mapping[str, Any]], whole: Mapping[str, Any]
) -> Any:
    if any(map(_is_free_text, schemas)):
        return _repaired_where_texts_may_stand(data, schemas)
    framed = _reframed(data, schemas, whole)
    if framed is not data:
        return _mended(framed, schemas, whole)
    if is_dict(data):
        return _repaired_object(data, schemas, whole)
    if is_list(data):
        return _repaired_list(data, schemas, whole)
    if isinstance(data, str):
        return _repaired_text(data, schemas, whole)
    return data if data is None else _repaired_number(data, schemas)


def _reframed(
    data: Any, schemas: list[Mapping[str, Any]], whole: Mapping[str, Any]
) -> Any:
    """One object where a list of such is wanted, in a list, or the other way round.

    And what is wanted, where it stands in an object under a name that nobody asked for.
    """
    solid = [s for s in schemas if s.get("type") != "null"]
    if len(solid) != 1:
        return data
    [schema] = solid
    kind = schema.get("type")
    if kind == "array" and is_dict(data):
        items = [*alternatives(schema.get("items"), whole)]
        if any(_is_one(data, item) for item in items):
            return [data]
    if kind == "object" and is_list(data):
        alone = data[0] if len(data) == 1 and is_dict(data[0]) else None
        return alone if alone and _is_one(alone, schema) else data
    if is_dict(data) and len(data) == 1:
        [held] = data.values()
        if kind == "array" and is_list(held):
            return held
        if kind == "object" and is_dict(held) and not _is_one(data, schema):
            return held if _is_one(held, schema) else data
    return data


def _is_one(data: dict[str, Any], schema: Mapping[str, Any]) -> bool:
    """Whether an object has the members that one of its kind needs, and needs some."""
    needed = schema.get("required", ())
    return bool(needed) and all(name in _named(data, schema) for name in needed)


def _repaired_object(
    data: dict[str, Any], schemas: list[Mapping[str, Any]], whole: Mapping[str, Any]
) -> dict[str, Any]:
    kinds = [s for s in schemas if s.get("type") == "object"]
    named = [(s, _named(data, s)) for s in kinds]
    if len(kinds) > 1:
        named = [(s, known) for s, known in named if _is_tagged(known, s, whole)]
    if len(named) != 1:
        return data
    [(schema, values)] = named
    known, others = schema.get("properties", {}), schema.get(_OTHERS, {})
    made = {k: _repaired(v, known.get(k, others), whole) for k, v in values.items()}
    same = made.keys() == data.keys() and all(made[k] is v for k, v in data.items())
    return data if same else made


def _named(data: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the names of its kind for keys that mean them."""
    others = schema.get(_OTHERS) or schema.get("patternProperties")
    meant = {} if others else keyed(data, schema.get("properties", {}))
    return {meant.get(k, k): v for k, v in data.items()} if meant else data


def _is_tagged(
    data: Mapping[str, Any], schema: Mapping[str, Any], whole: Mapping[str, Any]
) -> bool:
    """Whether an object has all that one of several kinds needs, and its constants."""
    for name, part in schema.get("properties", {}).items():
        tags = _allowed(referred(part, whole))
        if len(tags) == 1 and name in data and data[name] not in tags:
            told = data[name]
            if isinstance(told, str):
                told = _repaired_text(told, [referred(part, whole)], whole)
            if told not in tags:
                return False
    return all(name in data for name in schema.get("required", ()))


def _repaired_list(
    data: list[Any], schemas: list[Mapping[str, Any]], whole: Mapping[str, Any]
) -> list[Any]:
    inner = [s for s in schemas if s.get("type") == "array"]
    if len(inner) != 1:
        return data
    first, rest = inner[0].get("prefixItems", []), inner[0].get("items", {})
    made = [
        _repaired(v, first[n] if n < len(first) else rest, whole)
        for n, v in enumerate(data)
    ]
    return made if any(a is not b for a, b in zip(made, data, strict=True)) else data


def _repaired_where_texts_may_stand(data: Any, schemas: list[Mapping[str, Any]]) -> Any:
    """Data in a place where any text is as good: what else it may be is no guess."""
    kinds = {s.get("type") for s in schemas}
    texts_alone = kinds <= {"string", "null"} and not any(map(_allowed, schemas))
    if not texts_alone or not isinstance(data, int | float):  # true and false, too
        return data
    return data.text if isinstance(data, Written) else strictjson.dumps(data)


def _repaired_number(data: float | bool, schemas: list[Mapping[str, Any]]) -> Any:
    """A number without a part, where only whole ones may stand, as such a one."""
    if not isinstance(data, float) or not data.is_integer() or abs(data) >= _INEXACT:
        return data
    kinds = {s.get("type") for s in schemas if not _allowed(s)}
    choices = [c for s in schemas for c in _allowed(s)]
    counts = "integer" in kinds or any(_is_count(c) for c in choices)
    if _THOUSANDS.fullmatch(getattr(data, "text", "")):
        return data
    return int(data) if counts and "number" not in kinds else data


def _repaired_text(
    text: str, schemas: list[Mapping[str, Any]], whole: Mapping[str, Any]
) -> Any:
    """A text where only values of closed types may stand, as the one that it means."""
    first, *others = [*_meant(text, schemas, whole)] or [text]
    alike = all(type(one) is type(first) and one == first for one in others)
    return first if alike and first != text else text


def _meant(
    text: str, schemas: list[Mapping[str, Any]], whole: Mapping[str, Any]
) -> Iterator[Any]:
    """What a text may mean of the closed types that may stand in its place."""
    choices, text = [c for s in schemas for c in _allowed(s)], rated(text, schemas)
    if choices:
        with suppress(LookupError):
            yield choice_of(text, choices)
    kinds = {s.get("type") for s in schemas if not _allowed(s)}
    if kinds & {"integer", "number"}:
        whole_one = "number" not in kinds
        number = number_of(bare_number(text, whole=whole_one), whole=whole_one)
        yield from [number] * (number is not None)
    elif _DECIMAL in kinds:
        digits = digits_of(bare_number(text, whole=False), whole=False)
        yield from [digits] * (digits is not None)
    truth = bool_of(text) if "boolean" in kinds else None
    if truth is not None:
        yield truth
    if "null" in kinds and text.strip().casefold() in _NOTHING:
        yield None
    elif formats := {s.get("format") for s in schemas} & {*_FORMATS}:
        date = date_of(text) if "date" in formats else None
        yield date or text.strip(FORMAT_EDGES)
    written = _written(text) if kinds & {"array", "object"} else None
    if is_list(written) or is_dict(written):
        yield _repaired(written, {"anyOf": schemas}, whole)
        return
    for schema in (s for s in schemas if s.get("type") == "array"):
        yield from _listed(text, schema.get("items"), whole)


def _written(text: str) -> Any:
    """The list or the object that a text is as JSON, within a text; else None."""
    if text.strip()[:1] in ("{", "[") and not strictjson.control_escapes(text):
        with suppress(ValueError, RecursionError):
            return strictjson.loads(text)
    return None


def _listed(text: str, items: Any, whole: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The lists that a text is: its items on lines of their own, or behind commas."""
    kinds = [*alternatives(items, whole)]
    if kinds and all(s.get("type") in _SCALARS or _allowed(s) for s in kinds):
        lines = listed(text)
        if any(map(_is_free_text, kinds)):
            yield from [[quoted(line) for line in lines]] * bool(lines)
            return
        bracketed = _BRACKETED.fullmatch(text)
        row = bracketed[1] if bracketed else text
        parts = (
            lines or _numbers(row, kinds) or _without_and(between_commas(row), kinds)
        )
        if not lines and len(parts) > 1 and any("," in part for part in parts):
            return  # it may group digits, or part them as the others do
        read = [_repaired_text(part, kinds, whole) for part in parts]
        choices = [choice for s in kinds for choice in _allowed(s)]
        # One number alone may be how many there are.
        if lines or len(parts) > 1 or any(one in choices for one in read):
            yield read


def _numbers(text: str, kinds: Sequence[Any]) -> list[str]:
    """Whole numbers with no more than a comma or a blank between; nothing else is one.

    >>> _numbers("1,2,3", [{"type": "integer"}]), _numbers("1 2", [{"type": "integer"}])
    (['1', '2', '3'], ['1', '2'])
    >>> _numbers("1,200", [{"type": "integer"}]), _numbers("1,2", [{"type": "number"}])
    ([], [])
    """
    whole = all(kind.get("type") == "integer" for kind in kinds)
    found = _APART.fullmatch(text.strip()) if whole else None
    if found is None or _GROUPS.search(text):
        return []
    return text.strip().split(found["mark"])


def _without_and(parts: list[str], kinds: Sequence[Any]) -> list[str]:
    """The items without the word before the last; of closed types also where it parts.

    >>> _without_and(["1", "2", "and 3"], [{"type": "integer"}])
    ['1', '2', '3']
    >>> _without_and(["a and b"], [{"enum": ["a", "b"]}])
    ['a', 'b']
    """
    if not parts:
        return parts
    *first, last = parts
    last = _AND.sub("", last) if first else last
    closed = all(k.get("type") in ("integer", "number") or _allowed(k) for k in kinds)
    words = [choice for kind in kinds for choice in _allowed(kind)]
    parted = closed and not any(_BETWEEN.search(str(word)) for word in words)
    return [*first, *(_BETWEEN.split(last) if parted else [last])]


def _is_free_text(schema: Mapping[str, Any]) -> bool:
    """Whether any text at all may stand where a schema holds, as far as is known."""
    return (
        schema.get("type") == "string"
        and schema.get("format") not in _FORMATS
        and not _allowed(schema)
    )


def _may_hold(schema: Mapping[str, Any], data: Any) -> bool:
    """Whether a value's own type may stand where a schema holds."""
    if allowed := _allowed(schema):
        return data in allowed
    kinds = kinds_of(data)
    return schema.get("type", kinds[0]) in kinds


def kinds_of(data: Any) -> tuple[str, ...]:
    """The types of JSON Schema that JSON data is of."""
    return next((kinds for kind, kinds in _KINDS if isinstance(data, kind)), ("null",))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _allowed(schema: Mapping[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def alternatives(schema: Any, whole: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas of which one has to fit, references followed."""
    for _ in range(_MOST_REFERENCES):
        if is_dict(schema) and "$ref" in schema:
            schema = referred(schema, whole)
    if is_dict(schema):
        for part in schema.get("anyOf", [schema]):
            one = referred(part, whole)
            kinds = one.get("type")
            if is_list(kinds):
                yield from ({**one, "type": kind} for kind in kinds)
            elif kinds is None and "oneOf" in one:
                yield from (referred(each, whole) for each in one["oneOf"])
            else:
                yield one
