"""What came of running code: plain data, and never an object, crosses the border."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final

from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_dict, is_sequence, is_set
from ...pipeline.lm.request import JSON

_MOST_DEPTH: Final = 60
_MOST_PARTS: Final = 200_000
_MOST_BITS: Final = 4_096
_PART: Final = 64  # bytes that a number, or a place in a list, takes
_WRITTEN: Final = (date, time, Decimal, PurePath)
_DATA: Final = "numbers, texts, lists and dicts"


class NoData(ValueError):
    """A value that cannot leave the sandbox, in words for who wrote the code."""


@dataclass(frozen=True)
class CodeError:
    """Why code did not run to its end.

    Args:
        kind: The name of the exception, such as "ZeroDivisionError".
        message: Its words; empty where it has none.
        line: The line of the code where it was raised, from 1; 0 where none is known.
    """

    kind: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line else ""
        return f"{self.kind}{': ' if self.message else ''}{self.message}{where}"


@dataclass(frozen=True)
class CodeRun:
    """One run of code in a sandbox.

    Args:
        code: What ran.
        printed: What it printed, cut where it is longer than the sandbox keeps.
        value: The value of its last line where that is an expression and plain data;
            else None.
        shown: The same as text, also where it is no data; empty for None.
        error: Why it ended early, or None.
    """

    code: str
    printed: str = ""
    value: JSON = None
    shown: str = ""
    error: CodeError | None = None


def data_of(value: Any, most: int = _MOST_PARTS) -> JSON:
    """A value from the sandbox as plain JSON data.

    Tuples and sets become lists, sets in an order of their own; dates and decimals
    become texts, and keys of dicts as JSON writes them. An object of a class that was
    defined there is its attributes where the class is a dataclass.

    Args:
        value: Anything.
        most: How many parts it may have.

    Raises:
        NoData: It is, or holds, something else, or is too large or nested too deep.

    >>> data_of({"a": (1, 2.5), 3: {"y", "x"}})
    {'a': [1, 2.5], '3': ['x', 'y']}
    >>> data_of(float("nan"))
    Traceback (most recent call last):
    weft.modules.code.outcome.NoData: nan is no data; give numbers, texts, lists and \
dicts
    """
    return _data(value, 0, iter(range(most)))


def _data(value: Any, depth: int, left: Iterator[int]) -> JSON:
    if next(left, None) is None or depth > _MOST_DEPTH:
        raise NoData(
            f"it has too many parts, or is more than {_MOST_DEPTH} levels deep"
        )
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return strictjson.clean(value)
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise NoData(f"a number of {value.bit_length()} bits is too large")
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, _WRITTEN):
        return _written(value)
    if is_sequence(value):
        return [_data(inner, depth + 1, left) for inner in value]
    if is_set(value):
        made = [_data(inner, depth + 1, left) for inner in value]
        return sorted(made, key=strictjson.canonical)
    if is_dict(value):
        return {_key(k): _data(v, depth + 1, left) for k, v in value.items()}
    if getattr(value, "is_dataclass", False) is True and not isinstance(value, type):
        inside: Any = getattr(value, "attributes", {})
        return _data(inside, depth + 1, left)
    raise NoData(f"{_named(value)} is no data; give {_DATA}")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return strictjson.clean(key)
    if key is None or isinstance(key, bool | int | float):
        data = _data(key, 0, iter((0,)))
        return strictjson.dumps(data)
    if isinstance(key, _WRITTEN):
        return _written(key)
    raise NoData(f"{_named(key)} is no key of a dict; give a text")


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _named(value: Any) -> str:
    """What a value that is no data is called; never its address."""
    if isinstance(value, float):
        return str(value)
    if isinstance(value, int):
        return f"a whole number of {value.bit_length()} bits"
    if is_sequence(value) or is_set(value) or is_dict(value):
        return f"a {_kind(value)} that is too large, or holds no data"
    name = getattr(value, "name", None)
    kind = _kind(value)
    if kind.startswith("Monty") and isinstance(name, str):
        return f"an object of {name}" if "Proxy" in kind else name
    return f"a value of type {kind}"


def _kind(value: object) -> str:
    return type(value).__name__


def size_of(value: Any, most: int) -> int:
    """About how many bytes a value takes on its way out of the sandbox.

    Args:
        value: Anything.
        most: Where counting ends; it does, too, where `data_of` will refuse the value:
            a list may hold another many times.

    >>> size_of(["abc", {"k": 1.5}], 1_000)
    324
    """
    left, size = [value], 0
    most = min(most, _PART * _MOST_PARTS)
    while left and size <= most:
        part = left.pop()
        size += _PART + (len(part) if isinstance(part, str | bytes) else 0)
        if is_dict(part):
            left += [*part, *part.values()]
        elif is_sequence(part) or is_set(part):
            left += part
    return size


def shown(value: Any, most: int) -> str:
    """A value from the sandbox as text: a text as it is, other data as JSON."""
    if value is None:
        return ""
    try:
        data = data_of(value)
    except NoData:
        if isinstance(value, float | complex):
            return str(value)
        return f"<{_named(value)}>"
    text = strictjson.as_text(data)
    return text if len(text) <= most else f"{text[:most]} {CUT.format(most)}"


CUT: Final = "(cut: longer than {} characters)"


class Printed:
    """What a run prints, as far as it is kept; called from another thread."""

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._parts: list[str] = []

    def __call__(self, stream: str, text: str) -> None:
        """Keep a piece, as long as there is room."""
        del stream
        if self._held <= self._most:
            self._parts.append(text[: self._most + 1 - self._held])
            self._held += len(self._parts[-1])

    @property
    def text(self) -> str:
        """All of it that is kept."""
        made = strictjson.clean("".join(self._parts))
        if self._held <= self._most:
            return made
        return f"{made[: self._most]} {CUT.format(self._most)}"
