"""JSON values as the stand-in model meets them: read leniently, told apart by type."""

from __future__ import annotations

import json
import math
from typing import Any, TypeGuard


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def parsed(text: str, default: Any = None) -> Any:
    """The value that a text writes down; the default where it is no JSON."""
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        return default


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def as_text(value: Any) -> str:
    """A JSON value as text: bare where it is one, else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
