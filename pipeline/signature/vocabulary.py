"""The words of JSON Schemas: which draft says them, and what each has to be given.

A schema of unknown make is looked at part by part, where a value could meet it: what is
ill formed there would be a raw exception later. Its draft is the one that it names,
where the schema is of that draft, else the newest that says what it says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SignatureError
from ..ground.shapes import is_dict, is_list
from ..ground.words import brief

LATEST = "2020-12"
_OLDER = ("2019-09", "draft-07", "draft-06", "draft-04")
_TYPES = frozenset(
    ("array", "boolean", "integer", "null", "number", "object", "string")
)
_ONE = frozenset(
    (
        *("additionalItems", "additionalProperties", "contains", "else", "if"),
        *("items", "not", "propertyNames", "then"),
        *("unevaluatedItems", "unevaluatedProperties"),
    )
)
_SEVERAL = frozenset(("allOf", "anyOf", "items", "oneOf", "prefixItems"))
BY_NAME = frozenset(
    (
        *("$defs", "definitions", "dependencies", "dependentSchemas"),
        *("patternProperties", "properties"),
    )
)
"""Words whose values are schemas by names that anybody may choose."""
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

_FEW = 101  # whole numbers that are written out: 0 to 100


def whole_range(schema: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The least and the greatest whole number that a schema allows; None for no end.

    >>> whole_range({"minimum": 0.5, "exclusiveMaximum": 10}), whole_range({})
    ((1, 9), (None, None))
    """
    return _end(schema, "inimum", 1), _end(schema, "aximum", -1)


def _end(schema: Mapping[str, Any], which: str, inward: int) -> int | None:
    held, open_ = schema.get(f"m{which}"), schema.get(f"exclusiveM{which}")
    found: list[int] = []
    if isinstance(held, int | float) and math.isfinite(held):
        found.append(math.ceil(held * inward) * inward)
    if isinstance(open_, int | float) and math.isfinite(open_):
        found.append((math.floor(open_ * inward) + 1) * inward)
    return max(found, key=lambda one: one * inward) if found else None


def whole_values(schema: Mapping[str, Any]) -> list[int]:
    """The whole numbers that a schema allows, rising; none where they are not few.

    >>> whole_values({"type": "integer", "minimum": 1, "maximum": 5, "multipleOf": 2})
    [2, 4]
    """
    low, high = whole_range(schema)
    if schema.get("type") != "integer" or low is None or high is None:
        return []
    step = schema.get("multipleOf", 1)
    if high - low >= _FEW or type(step) is not int or step < 1:
        return []
    return [value for value in range(low, high + 1) if value % step == 0]


def _is_schema(given: Any) -> bool:
    return isinstance(given, bool) or is_dict(given)


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _is_count(given: Any) -> bool:
    return _is_number(given) and given >= 0 and given == int(given)


def _is_names(given: Any) -> bool:
    return is_list(given) and all(isinstance(name, str) for name in given)


def _are_schemas(given: Any) -> bool:
    return is_list(given) and bool(given) and all(map(_is_schema, given))


def _are_named(given: Any) -> bool:
    return is_dict(given) and all(map(_is_schema, given.values()))


def _is_type(given: Any) -> bool:
    kinds = given if is_list(given) else [given]
    return bool(kinds) and all(isinstance(k, str) and k in _TYPES for k in kinds)


def _is_dependencies(given: Any) -> bool:
    values = given.values() if is_dict(given) else [None]
    return all(_is_schema(value) or _is_names(value) for value in values)


def _is_bound(given: Any) -> bool:
    return isinstance(given, bool) or _is_number(given)


def _is_text(given: Any) -> bool:
    return isinstance(given, str)


_WANTED: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_ONE, _is_schema),
    **dict.fromkeys(_SEVERAL, _are_schemas),
    **dict.fromkeys(BY_NAME, _are_named),
    **dict.fromkeys(_REFERENCES, _is_text),
    **dict.fromkeys(("$id", "$schema", "$anchor", "$dynamicAnchor"), _is_text),
    **dict.fromkeys(("format", "pattern"), _is_text),
    **dict.fromkeys(("minimum", "maximum"), _is_number),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), _is_bound),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_count),
    **dict.fromkeys(("minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(("minContains", "maxContains"), _is_count),
    "multipleOf": lambda given: _is_number(given) and given > 0,
    "items": lambda given: _is_schema(given) or _are_schemas(given) or given == [],
    "dependencies": _is_dependencies,
    "dependentRequired": lambda given: (
        is_dict(given) and all(map(_is_names, given.values()))
    ),
    "enum": is_list,
    "required": _is_names,
    "type": _is_type,
}
WORDS = frozenset((*_WANTED, "const")) - {"$schema", "$id"}
"""What a schema may say of values, or refers to."""


@dataclass(frozen=True)
class Part:
    """One part of a schema that is well formed.

    Raises:
        SignatureError: It is no schema, or a word of it is given what it cannot be.
    """

    schema: Any

    def __post_init__(self) -> None:
        if not is_dict(self.schema):
            raise SignatureError(f"{brief(repr(self.schema))} is no JSON Schema")
        for word, given in self.schema.items():
            wanted = _WANTED.get(word)
            if wanted is not None and not wanted(given):
                raise SignatureError(
                    f"a JSON Schema cannot say {brief(str(word))!r}: "
                    f"{brief(repr(given))}",
                    hint="See https://json-schema.org/understanding-json-schema",
                )
        if "unevaluatedProperties" in self.schema:
            self._check_unevaluated()

    def _check_unevaluated(self) -> None:
        """The library matches names for it by Python's engine, which may never end.

        Without repetition there is nothing to try again.
        """
        for pattern in self._names:
            if any(c in "*+?{|" for c in pattern):
                raise SignatureError(
                    "'unevaluatedProperties' beside the pattern of names "
                    f"{brief(pattern)!r} cannot be matched in linear time",
                    hint="Write a pattern without repetition, such as '^x-'",
                )

    @property
    def _names(self) -> list[str]:
        """The patterns of names anywhere below; over-cautious, and seldom there."""
        found: list[str] = []
        left: list[Any] = [self.schema]
        while left:
            part = left.pop()
            if is_dict(part):
                found += part.get("patternProperties") or ()
            left += part.values() if is_dict(part) else part if is_list(part) else ()
        return found

    @property
    def references(self) -> list[str]:
        """Where it refers to."""
        return [self.schema[word] for word in _REFERENCES if word in self.schema]

    @property
    def patterns(self) -> list[str]:
        """The patterns of texts and of names."""
        own = [self.schema["pattern"]] if "pattern" in self.schema else []
        return [*own, *self.schema.get("patternProperties", ())]


def inner_of(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas that stand in one, but for those that it refers to."""
    for word, given in schema.items():
        if word in BY_NAME:
            yield from (part for part in given.values() if not is_list(part))
        elif word in _SEVERAL and is_list(given):
            yield from given
        elif word in _ONE:
            yield given


def asked_at_once(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Those of the inner schemas that are asked of the same value."""
    for word, given in schema.items():
        if word in ("allOf", "anyOf", "oneOf"):
            yield from given
        elif word in ("else", "if", "not", "then"):
            yield given
        elif word in ("dependencies", "dependentSchemas"):
            yield from (part for part in given.values() if is_dict(part))


def draft_of(schema: Mapping[str, Any], parts: Iterable[Part] = ()) -> str:
    """The draft by whose rules a schema is read.

    Args:
        schema: The whole.
        parts: What of it was looked at; without it, the draft that it names.

    Raises:
        SignatureError: It says what no one draft says.

    >>> draft_of({"$schema": "http://json-schema.org/draft-07/schema#"})
    'draft-07'
    """
    named = schema.get("$schema")
    said = str(named).rstrip("#").removesuffix("/schema").rpartition("/")[2]
    flagged = numbered = listed = depends = False
    for part in parts:
        for word in ("exclusiveMinimum", "exclusiveMaximum"):
            flagged |= isinstance(part.schema.get(word), bool)
            numbered |= _is_number(part.schema.get(word))
        listed |= is_list(part.schema.get("items"))
        depends |= "dependencies" in part.schema
    newest = "draft-07" if depends and named is None else LATEST
    for draft in (said, newest, *_OLDER):
        fits = not listed if draft == LATEST else draft in _OLDER
        if fits and not (numbered if draft == "draft-04" else flagged):
            return draft
    raise SignatureError(
        "a JSON Schema whose bounds are exclusive in the ways of two drafts cannot be "
        "checked",
        hint="Write exclusive bounds as numbers: {'exclusiveMinimum': 0}",
    )
