"""The text of an artifact: one form for each content, made for reading diffs.

Names that weft chose are sorted. What users and pydantic wrote keeps its order, because
a prompt shows it in that order: schemas, values of demos, defaults and constants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

from ..ground import strictjson
from ..ground.shapes import is_dict, is_list

_WIDTH = 80
_KEPT = frozenset({"schema", "values", "default", "const", "options", "returns", "in"})
_MOST_PARTS = 200_000
_MARKS = {"[": 1, "{": 1, '":': 2, ",": 4}


def digest_of(state: Any) -> str:
    """SHA-256 of plain data in the order in which an artifact holds it.

    >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    True
    >>> digest_of({"const": {"b": 1, "a": 2}}) == digest_of({"const": {"a": 2, "b": 1}})
    False
    """
    text = strictjson.dumps(arranged(state))
    return "sha256:" + hashlib.sha256(text.encode("utf-8")).hexdigest()


def pretty(value: Any) -> str:
    """JSON in an artifact's order, with short values on one line."""
    return _pretty(arranged(value), 0)


def arranged(value: Any) -> Any:
    """Plain data with its keys in an artifact's order."""
    if is_dict(value):
        return {
            key: value[key] if key in _KEPT else arranged(value[key])
            for key in sorted(value)
        }
    return [arranged(item) for item in value] if is_list(value) else value


def refuse_brackets(text: str) -> None:
    """Refuse a text of too many parts before it is parsed; prose has few of these.

    Raises:
        ValueError: There are more brackets, keys or commas than any artifact holds.
    """
    if any(text.count(mark) > n * _MOST_PARTS for mark, n in _MARKS.items()):
        raise ValueError(f"more than {_MOST_PARTS} values")


def refuse_crowd(data: Any) -> None:
    """Refuse data of too many parts before anything looks at each of them.

    Raises:
        ValueError: There are more values than any artifact holds.
    """
    left: list[Any] = [data]
    parts = 0
    while left:
        value = left.pop()
        inner: Collection[Any] = ()
        if is_dict(value):
            inner = value.values()
        elif is_list(value):
            inner = value
        parts += len(inner)
        if parts > _MOST_PARTS:
            raise ValueError(f"more than {_MOST_PARTS} values")
        left.extend(inner)


def _pretty(value: Any, indent: int) -> str:
    flat = strictjson.dumps(value)
    if len(flat) + indent <= _WIDTH or not (is_dict(value) or is_list(value)):
        return flat
    inner = " " * (indent + 1)
    if is_dict(value):
        lines = [
            f"{inner}{strictjson.dumps(key)}: {_pretty(value[key], indent + 1)}"
            for key in value
        ]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    items = [inner + _pretty(item, indent + 1) for item in value]
    return "[\n" + ",\n".join(items) + "\n" + " " * indent + "]"
