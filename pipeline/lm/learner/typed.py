"""Values of any type: something valid, from the nearest demonstration or the text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any

import pydantic
import pydantic_core

from .case import Case, Solved
from .choosing import choose, scores_of
from .ngrams import best, cut
from .numbers import number_of
from .spans import extract, list_of_texts, similar_demos
from .values import as_text, is_list, is_object

_DEEPEST = 12
_FLAT = 3
_SEARCHED = 2000
_LONGEST = 10_000
_PLAIN = ("a", "A", "0", "aa", "AA", "00", "aaa", "AAA", "000", "0000", "00000", "A-0")
_FORMATS = {
    "date": (r"\d{4}-\d{2}-\d{2}", "2000-01-01"),
    "date-time": (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z?", "2000-01-01T00:00:00Z"),
    "time": (r"\d{2}:\d{2}(?::\d{2})?", "00:00:00"),
    "duration": (r"P\d+D", "P1D"),
    "uuid": (
        r"[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}",
        "00000000-0000-4000-8000-000000000000",
    ),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.]+\w", "nobody@example.com"),
    "uri": (r"https?://[^\s\"<>]+", "https://example.com/"),
}


def value_of(case: Case, depth: int = 0) -> Any:
    """A value that fits the case's schema; null where nothing can be made."""
    schema = _resolved(case)
    case = replace(case, schema=schema)
    if case.choices:
        return _choice(case)
    if depth > _DEEPEST:
        return None
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        if is_list(options):
            return _one_of(case, [o for o in options if is_object(o)], depth)
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return number_of(case, whole=kind == "integer")
    if kind == "array":
        return _array(case, depth)
    if kind == "object" or "properties" in schema:
        return _object(case, depth)
    return None if kind == "null" else _text(case)


def _choice(case: Case) -> Any:
    names = [as_text(choice) for choice in case.choices]
    return case.choices[choose(names, case.evidence(), case.variant)]


def _text(case: Case) -> str:
    """A text within the schema's length, format and pattern."""
    schema = case.schema
    known = [demo.text for demo in case.demos]
    if str(schema.get("format", "")) in _FORMATS:
        pattern, default = _FORMATS[str(schema["format"])]
        match = re.search(pattern, case.text[:_SEARCHED], re.IGNORECASE)
        return match[0] if match else known[0] if known else default
    text = cut(extract(case), case.room)
    if "pattern" in schema:
        pattern = str(schema["pattern"])
        tried = [text, *case.text[:_SEARCHED].split(), *known, *_PLAIN]
        text = next((t for t in tried if _fits(pattern, t)), text)
    least = min(_whole(schema, "minLength", 0), _LONGEST)
    most = _whole(schema, "maxLength", len(text) + least)
    if len(text) > most:
        words = text[:most].rpartition(" ")[0]
        text = words if len(words) >= max(least, 1) else text[:most]
    if len(text) < least:
        text = f"{text} {case.text[:_LONGEST]}".strip()[:least].strip()
    return text.ljust(least, ".")


def _fits(pattern: str, text: str) -> bool:
    """Whether a text fits, by the matcher that will check it: it takes linear time."""
    try:
        _checker(pattern).validate_python(text)
    except pydantic.ValidationError:
        return False
    except pydantic_core.SchemaError:
        return True
    return True


@lru_cache(maxsize=64)
def _checker(pattern: str) -> pydantic.TypeAdapter[str]:
    kind: Any = Annotated[str, pydantic.Field(pattern=pattern)]
    return pydantic.TypeAdapter(kind)


def _whole(schema: Mapping[str, Any], key: str, default: int) -> int:
    value = schema.get(key)
    return value if isinstance(value, int) and value >= 0 else default


def _resolved(case: Case) -> Mapping[str, Any]:
    schema = case.schema
    for _ in range(_DEEPEST):
        found = case.defs.get(str(schema.get("$ref", "")).removeprefix("#/$defs/"))
        if not is_object(found):
            break
        schema = found
    return schema


def _one_of(case: Case, options: Sequence[Mapping[str, Any]], depth: int) -> Any:
    """The first real option; null where most demonstrations say so, or deep inside."""
    real = [option for option in options if option.get("type") != "null"]
    known = tuple(demo for demo in case.demos if demo.value is not None)
    nullable = len(real) < len(options)
    if not real or (nullable and (2 * len(known) < len(case.demos) or depth > _FLAT)):
        return None
    return value_of(replace(case, schema=real[0], demos=known), depth + 1)


def _array(case: Case, depth: int) -> list[Any]:
    schema = case.schema
    least, most = _whole(schema, "minItems", 0), _whole(schema, "maxItems", 64)
    least = min(least, _LONGEST)
    parts = schema.get("prefixItems")
    if is_list(parts):
        bare = replace(case, demos=())
        return [value_of(replace(bare, schema=p), depth + 1) for p in parts]
    items = schema.get("items")
    inner = replace(case, schema=items if is_object(items) else {})
    inner = replace(inner, schema=_resolved(inner))
    if inner.choices:
        return _several(inner, least, most)
    found = _members(case, inner, least, most, depth)[:most]
    while len(found) < least:
        found.append(found[-1] if found else value_of(inner.bare(), depth + 1))
    return found


def _members(case: Case, inner: Case, least: int, most: int, depth: int) -> list[Any]:
    lists = [demo.value for demo in case.demos if is_list(demo.value)]
    if inner.schema.get("type") == "string":
        if lists:
            sizes = sorted(len(members) for members in lists)
            most = min(most, max(sizes[len(sizes) // 2], least))
        return [*list_of_texts(case, least, most)]
    if not inner.schema:
        return [*lists[0]] if lists else []
    first = [
        Solved(demo.inputs, demo.value[0])
        for demo in case.demos
        if is_list(demo.value) and demo.value
    ]
    if depth > _FLAT or (lists and not first):
        return []
    return [value_of(replace(inner, demos=tuple(first)), depth + 1)]


def _several(case: Case, least: int, most: int) -> list[Any]:
    """The choices that much speaks for; one is drawn where nothing speaks."""
    names = [as_text(choice) for choice in case.choices]
    evidence = case.evidence()
    pairs = [
        (text, as_text(member))
        for text, demo in zip(evidence.texts, case.demos, strict=True)
        if is_list(demo.value)
        for member in demo.value
    ]
    flat = replace(
        evidence, texts=tuple(t for t, _ in pairs), labels=tuple(m for _, m in pairs)
    )
    scores = scores_of(names, flat)
    top = max(scores)
    kept = [at for at, score in enumerate(scores) if score >= 0.6 * top > 0]
    if not kept:
        kept = [choose(names, flat, case.variant)]
    order = sorted(range(len(names)), key=lambda at: (-scores[at], at))
    chosen = sorted({*kept, *order[:least]}, key=order.index)[:most]
    return [case.choices[at] for at in sorted(chosen)]


def _object(case: Case, depth: int) -> dict[str, Any]:
    properties = case.schema.get("properties")
    if is_object(properties):
        return {
            key: value_of(case.part(key, part), depth + 1)
            for key, part in properties.items()
            if is_object(part)
        }
    known = tuple(demo for demo in case.demos if is_object(demo.value))
    if not known:
        return {}
    at = best(similar_demos(replace(case, demos=known)))
    nearest: dict[str, Any] = known[at].value
    part = case.schema.get("additionalProperties")
    if not is_object(part):
        return nearest
    return {key: value_of(case.part(key, part), depth + 1) for key in nearest}
