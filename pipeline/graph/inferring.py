"""Types of what a traced function passes on: references, and containers of them."""

from __future__ import annotations

import collections.abc
import enum
import inspect
import types
from collections.abc import Iterable
from typing import Any, Literal, Union, get_args, get_origin

from ..ground.shapes import is_dict, is_list, is_sequence, is_tuple
from ..signature.signature import Signature, spec_of
from ..signature.types import choices_of, fits
from .ref import Ref, kind_of

_DEEPEST = 20
_LISTS = (
    *(list, tuple, set, frozenset),
    collections.abc.Sequence,
    collections.abc.Collection,
    collections.abc.Iterable,
    collections.abc.Set,
)


def holds_ref(value: Any, depth: int = 0) -> bool:
    """Whether a reference stands anywhere in a list, tuple or dict."""
    if isinstance(value, Ref):
        return True
    if depth > _DEEPEST:
        return False
    if is_dict(value):
        return any(holds_ref(v, depth + 1) for v in value.values())
    return is_sequence(value) and any(holds_ref(v, depth + 1) for v in value)


def type_of(value: Any, *, exact: bool = False) -> Any:
    """The type that a value will have once its references have values.

    Args:
        value: References, constants, and containers of both.
        exact: Whether a constant text, number or bool is a `Literal` of its own.
    """
    if isinstance(value, Ref):
        return kind_of(value)
    if is_list(value):
        held = joined(type_of(v, exact=exact) for v in value)
        return types.GenericAlias(list, held)
    if is_tuple(value) and not hasattr(value, "_fields"):
        return types.GenericAlias(tuple, tuple(type_of(v, exact=exact) for v in value))
    if is_dict(value):
        keys = joined(type_of(k, exact=exact) for k in value)
        held = joined(type_of(v, exact=exact) for v in value.values())
        return types.GenericAlias(dict, (keys, held))
    if exact and isinstance(value, str | int | enum.Enum):
        return Literal[value]
    return _class_of(value)


def _class_of(value: object) -> Any:
    return type(value)


def joined(kinds: Iterable[Any]) -> Any:
    """The union of types; `Any` for none, and no part that another part covers.

    >>> joined([str, Literal["unknown"], str])
    <class 'str'>
    """
    distinct = list(dict.fromkeys(kinds))
    kept = [
        kind
        for kind in distinct
        if get_origin(kind) is not Literal
        or not any(
            other is not kind and get_origin(other) is not Literal and fit(kind, other)
            for other in distinct
            if other is not Any and other is not float
        )
    ]
    return Union[tuple(kept)] if kept else Any  # noqa: UP007 - parts of run time


def fit(source: Any, target: Any) -> bool:
    """As `types.fits`; what Python cannot compare, such as a protocol, passes."""
    try:
        return fits(source, target)
    except TypeError:
        return True


def parts_of(kind: Any) -> tuple[Any, ...]:
    """The members of a union; the type itself where it is none."""
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(part for arm in get_args(kind) for part in parts_of(arm))
    return (kind,)


def item_type(kind: Any) -> Any:
    """The type of a list's items, or None where the type is no list.

    >>> item_type(list[str]), item_type(tuple[int, ...]), item_type(str)
    (<class 'str'>, <class 'int'>, None)
    """
    found: list[Any] = []
    for part in parts_of(kind):
        base = get_origin(part) or part
        if part is Any:
            found.append(Any)
        elif base in _LISTS:
            args = [a for a in get_args(part) if a is not ...]
            found.append(joined(args))
        else:
            return None
    return joined(found)


def closed_values(kind: Any) -> tuple[Any, ...]:
    """Every value of a closed choice: of a Literal, an enum, a bool, or None.

    >>> closed_values(Literal["a", "b"] | None), closed_values(bool), closed_values(str)
    (('a', 'b', None), (True, False), ())
    """
    found: list[Any] = []
    for part in parts_of(kind):
        if part is bool:
            values: tuple[Any, ...] = (True, False)
        elif part is type(None) or part is None:
            values = (None,)
        elif inspect.isclass(part) and issubclass(part, enum.Enum):
            values = tuple(part)
        else:
            values = choices_of(part)
        if not values:
            return ()
        found += values
    return tuple(found)


def field_that_fits(result: Any, wanted: Any) -> str:
    """The remedy where a module's whole result stands for one field, or empty."""
    if not (inspect.isclass(result) and issubclass(result, Signature)):
        return ""
    outputs = spec_of(result).outputs
    fitting = [name for name, f in outputs.items() if fit(f.annotation, wanted)]
    return f"Take its field: .{fitting[-1]}" if fitting else ""
