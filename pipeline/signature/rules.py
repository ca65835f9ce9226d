"""Which constraints make sense for which types.

pydantic finds out when a value comes; a signature should say so when it is written.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from .types import plain_type, type_name

_MOMENTS = (datetime.date, datetime.time, datetime.timedelta)
_NUMBERS = (int, float, decimal.Decimal)
_SIZED = (str, bytes, collections.abc.Collection)
_ORDER: tuple[type, ...] = (*_NUMBERS, *_MOMENTS)
_TAKES: dict[str, tuple[type, ...]] = {
    "ge": _ORDER,
    "gt": _ORDER,
    "le": _ORDER,
    "lt": _ORDER,
    "multiple_of": _NUMBERS,
    "min_length": _SIZED,
    "max_length": _SIZED,
    "pattern": (str,),
}
_KNOWN = (*_ORDER, *_SIZED)


def check_rules(kind: Any, rules: Mapping[str, Any]) -> None:
    """Refuse a rule that the type, or a part of a union, cannot obey.

    Types that weft knows nothing of are left to pydantic.

    Raises:
        TypeError: Such a rule is there.

    >>> check_rules(int | None, {"ge": 0})
    >>> check_rules(int, {"max_length": 3})
    Traceback (most recent call last):
    TypeError: max_length says nothing about int
    """
    kind = plain_type(kind)
    if get_origin(kind) in (Union, types.UnionType):
        for part in get_args(kind):
            check_rules(part, rules)
        return
    base = get_origin(kind) or kind
    if isinstance(base, typing.NewType):
        check_rules(base.__supertype__, rules)
        return
    if base is bool or (inspect.isclass(base) and issubclass(base, _KNOWN)):
        for rule in rules:
            if base is bool or not issubclass(base, _TAKES.get(rule, _KNOWN)):
                raise TypeError(f"{rule} says nothing about {type_name(kind)}")
