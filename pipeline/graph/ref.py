"""References: what a program's function sees in place of values while it is traced.

A reference stands for a value that does not exist yet, so it can be passed on and its
fields can be taken, and nothing else. Everything Python lets an object refuse is
refused, with the remedy for that very mistake. `ref is None` and `isinstance(ref, str)`
cannot be seen: Python asks no object about them, and both are False.

A reference has a type, and so has a list, tuple or dict that holds some: with it every
call is checked before there is a value.
"""

from __future__ import annotations

import collections.abc
import enum
import inspect
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NoReturn, Union, cast, get_args, get_origin

from ..errors import GraphError, did_you_mean
from ..ground.shapes import is_dict, is_list, is_sequence, is_tuple
from ..seam import caller, recorder
from ..signature.signature import Signature, spec_of
from ..signature.types import choices_of, fits, members_of, type_name
from .binding import Binding, Const, Take, source_name
from .graph import Body

_AS_STEP = "Do it in a @weft.step function and call that"
_WITH_TYPE = "Annotate the result of the function that gives it"
_MAPPED = ("get", "items", "keys", "values", "toDict", "model_dump", "completions")
"""Asked of a result as if it were a mapping, or DSPy's."""


class Ref:
    """A value that a node will give, or a field of it."""

    __slots__ = ("_kind", "_owner", "_take")

    def __init__(self, take: Take, kind: Any, owner: object) -> None:
        object.__setattr__(self, "_take", take)
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_owner", owner)

    def __getattr__(self, name: str) -> Ref:
        if name.startswith("__"):
            raise AttributeError(name)
        kind = kind_of(self)
        known = members_of_kind(kind)
        if known is None:
            _refuse(
                f"{_named(self)} is {type_name(kind)}; its attribute {name!r} cannot "
                "be used while the program is built",
                _AS_STEP if kind is not Any else _WITH_TYPE,
            )
        if name not in known:
            what = (
                "output" if isinstance(kind, type) and _is_signature(kind) else "field"
            )
            _refuse(
                f"{_named(self)} has no {what} {name!r}; it has {', '.join(known)}",
                f"Take one: .{[*known][-1]}. `**` needs a value: name each field"
                if name == "keys"
                else f"Take one: .{[*known][-1]}"
                if name in _MAPPED
                else did_you_mean(name, known),
            )
        take = take_of(self)
        return Ref(Take(take.source, (*take.path, name)), known[name], self._owner)

    def __getitem__(self, at: object) -> Ref:
        kind = kind_of(self)
        if isinstance(at, str) and isinstance(kind, type) and _is_signature(kind):
            return self.__getattr__(at)  # as a result is read once it is there
        what = f"{_named(self)} has no value yet, so `[...]` cannot take a part of it"
        model = "of a pydantic model a field can be taken, as in state.notes"
        return _refuse(what, f"{_AS_STEP}; {model}")

    def __setattr__(self, name: str, value: object) -> None:
        _refuse(f"{_named(self)}.{name} cannot be set: values are immutable", _AS_STEP)

    def __delattr__(self, name: str) -> None:
        _refuse(f"{_named(self)}.{name} cannot be deleted", _AS_STEP)

    def __repr__(self) -> str:
        text = f"<{_named(self)}: {type_name(kind_of(self))}>"
        if (tracing := recorder()) is not None:
            tracing.spelt(text)
        return text

    def __copy__(self) -> Ref:
        return self

    def __deepcopy__(self, memo: object) -> Ref:
        return self


def _refuse(message: str, hint: str) -> NoReturn:
    error = GraphError(f"{caller()}: {message}", hint=hint)
    if (tracing := recorder()) is not None:
        tracing.refused(error)
    raise error


def _refusal(what: str, remedy: str) -> Any:
    def refused(self: Ref, *others: object) -> NoReturn:
        del others
        _refuse(f"{_named(self)} {what}", remedy)

    return refused


_EACH = "weft.each(values, lambda value: ...), or weft.loop(...) to repeat"
_OTHER: dict[str, tuple[str, str]] = {
    "bool": (
        "has no value yet, so `if`, `and`, `or` and `not` cannot test it",
        "Write weft.branch(condition, lambda: ..., lambda: ...)",
    ),
    "iter": (
        "has no value yet: `for` and unpacking cannot go over it",
        f"Write {_EACH}; join lists in a @weft.step function",
    ),
    "index": (
        "has no value yet, so `range` and slices cannot use it",
        "Write weft.loop(...) to repeat, or do it in a @weft.step function",
    ),
    "len": ("has no length yet", _AS_STEP),
    "contains": ("has no value yet, so `in` cannot look into it", _AS_STEP),
    "str": (
        "is no text yet: str() and f-strings cannot show it",
        "Pass it as an input of its own, or join texts in a @weft.step function",
    ),
    "format": (
        "is no text yet: str() and f-strings cannot show it",
        "Pass it as an input of its own, or join texts in a @weft.step function",
    ),
    "call": ("is a value to come and cannot be called", _AS_STEP),
    "hash": ("has no value yet: it cannot be a key or an element of a set", _AS_STEP),
    "await": ("is not awaited: nodes run side by side", "Leave `await` out"),
    "reduce_ex": ("has no value yet, so it cannot be pickled", _AS_STEP),
}
_OPERATORS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "matmul": "@",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "divmod": "divmod",
    "pow": "**",
    "lshift": "<<",
    "rshift": ">>",
    "and": "&",
    "or": "|",
    "xor": "^",
}
_CALLS = (
    *("neg", "pos", "abs", "invert", "int", "float", "complex", "round", "bytes"),
    *("setitem", "delitem", "fspath", "next", "reversed"),
    *("enter", "exit", "aenter", "aexit", "aiter"),
)


def _install() -> None:
    """Give `Ref` a refusal for everything Python asks an object about."""
    for word, (what, remedy) in _OTHER.items():
        setattr(Ref, f"__{word}__", _refusal(what, remedy))
    for word, symbol in _OPERATORS.items():
        refused = _refusal(f"has no value yet, so `{symbol}` cannot use it", _AS_STEP)
        setattr(Ref, f"__{word}__", refused)
        setattr(Ref, f"__r{word}__", refused)
    for word in _CALLS:
        refused = _refusal(f"has no value yet, so `{word}` cannot use it", _AS_STEP)
        setattr(Ref, f"__{word}__", refused)


_install()


def take_of(ref: Ref) -> Take:
    """Where a reference's value will come from."""
    found: Take = object.__getattribute__(ref, "_take")
    return found


def kind_of(ref: Ref) -> Any:
    """The type of a reference's value."""
    return object.__getattribute__(ref, "_kind")


def owner_of(ref: Ref) -> object:
    """The trace that a reference belongs to."""
    return object.__getattribute__(ref, "_owner")


def shown(value: Any) -> str:
    """A value as messages name it: a reference by its source, a text as it is."""
    if isinstance(value, Ref):
        return _named(value)
    return repr(value) if isinstance(value, str | int | float) else type(value).__name__


def _named(ref: Ref) -> str:
    take = take_of(ref)
    return ".".join((source_name(take.source), *take.path))


def members_of_kind(kind: Any) -> dict[str, Any] | None:
    """Fields by name; of a union those that every part has."""
    if get_origin(kind) in (Union, types.UnionType):
        parts = [members_of_kind(part) for part in get_args(kind)]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        shared = [n for n in known[0] if all(n in part for part in known)]
        return {n: Union[tuple(part[n] for part in known)] for n in shared}  # noqa: UP007 - parts of run time
    if isinstance(kind, type) and _is_signature(kind):
        return {f.name: f.annotation for f in spec_of(kind).fields}
    return members_of(kind)


def _is_signature(kind: type) -> bool:
    return issubclass(kind, Signature)


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
    return cast(Any, type(value))


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


def kind_of_binding(binding: Binding, kinds: Mapping[str, Any]) -> Any:
    """The type of what a binding gives.

    Args:
        binding: References, constants, and containers of both.
        kinds: Types by source; Any where nobody knows.

    >>> kind_of_binding(Take("n"), {"n": int})
    <class 'int'>
    """
    if isinstance(binding, Const):
        return type_of(binding.value)
    if isinstance(binding, Take):
        kind = kinds.get(binding.source, Any)
        for name in binding.path:
            kind = (members_of_kind(kind) or {}).get(name, Any)
        return kind
    if binding.kind != "list":
        return Any
    held = joined(kind_of_binding(item, kinds) for item in binding.items)
    return types.GenericAlias(list, held)


def kind_of_parameter(region: str, given: Any) -> Any:
    """The type of what a region's bodies are given, by the type of its one value."""
    if region == "each":
        return item_type(given) or Any
    return given


def kind_of_region(region: str, given: Any, bodies: Mapping[str, Body]) -> Any:
    """The type of a region's result, as it was when the program was traced."""
    if region == "loop":
        return given
    made = joined(body.result for body in bodies.values())
    return types.GenericAlias(list, made) if region == "each" else made
