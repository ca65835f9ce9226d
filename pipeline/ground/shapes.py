"""Telling containers apart in values of unknown type, for people and type checkers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Whether a value is a dict of whatever."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is a mapping of whatever."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a value is a list of whatever."""
    return isinstance(value, list)


def is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    """Whether a value is a tuple of whatever."""
    return isinstance(value, tuple)


def is_sequence(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether a value is a list or a tuple of whatever."""
    return isinstance(value, list | tuple)


def is_set(value: object) -> TypeGuard[set[Any] | frozenset[Any]]:
    """Whether a value is a set of whatever."""
    return isinstance(value, set | frozenset)


def as_dict(value: object) -> dict[Any, Any]:
    """The value where it is a dict, else an empty one: for data of whatever make.

    >>> as_dict({"a": 1}), as_dict("a")
    ({'a': 1}, {})
    """
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] # `is_dict` is a call more


def as_list(value: object) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] # as above
