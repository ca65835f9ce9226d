"""Types as weft needs them: compared, named, and asked what may be said of them.

Types are compared as a type checker would: `Literal`, `Optional`, unions, `Annotated`,
generics, nested models, `int` to `float` and `T` to `T | None`. There is no other
conversion: an implicit one would lose data in silence.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import enum
import inspect
import types
import typing
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from ..errors import SignatureError
from ..ground.shapes import is_dict, is_sequence

_VALUE = 1  # annotationlib.Format.VALUE
_WIDER: dict[Any, tuple[type, ...]] = {
    collections.abc.Sequence: (list, tuple),
    collections.abc.Iterable: (list, tuple, set, frozenset, dict),
    collections.abc.Collection: (list, tuple, set, frozenset, dict),
    collections.abc.Mapping: (dict,),
}
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
Kind = Literal[
    "", "choice", "boolean", "integer", "number", "format", "array", "object"
]
ONE_LINE: tuple[Kind, ...] = ("choice", "boolean", "integer", "number", "format")
"""Kinds whose values stand on one line."""
_KINDS: dict[str, Kind] = {
    "boolean": "boolean",
    "integer": "integer",
    "number": "number",
    "array": "array",
    "object": "object",
}
_ITEMS = (collections.abc.Iterable, collections.abc.Collection)


def fits(source: Any, target: Any) -> bool:
    """Whether a value of type `source` may go where `target` is wanted.

    >>> fits(int, float), fits(float, int), fits(str, str | None), fits(str, list[str])
    (True, False, True, False)
    >>> fits(Literal["a"], Literal["a", "b"]), fits(Literal["a"], str)
    (True, True)
    """
    source, target = plain_type(source), plain_type(target)
    if target is Any or source is Any or target is object or source == target:
        return True
    if _is_union(source):
        return all(fits(part, target) for part in get_args(source))
    if get_origin(source) is Literal and len(get_args(source)) > 1:
        return all(fits(Literal[value], target) for value in get_args(source))
    if _is_union(target):
        return any(fits(source, part) for part in get_args(target))
    if get_origin(source) is Literal:
        return _literal_fits(get_args(source)[0], target)
    if get_origin(target) is Literal:
        return False
    return _generic_fits(source, target)


def _generic_fits(source: Any, target: Any) -> bool:
    if isinstance(source, typing.NewType):
        return fits(source.__supertype__, target)
    s_base, t_base = get_origin(source) or source, get_origin(target) or target
    if not (inspect.isclass(s_base) and inspect.isclass(t_base)):
        return False
    s_args, t_args = get_args(source), get_args(target)
    if s_base is dict and hasattr(t_base, "__required_keys__"):
        return _row_fits(s_args, t_base)
    if s_base is not t_base and not _base_fits(s_base, t_base):
        return False
    if s_base is str:
        s_args = (str,)
    if not t_args or not s_args:
        return True
    if s_base is dict and t_base in _ITEMS:
        s_args = s_args[:1]
    if s_base is tuple:
        return _tuple_fits(s_args, t_base, t_args)
    return len(s_args) == len(t_args) and all(
        fits(s, t) for s, t in zip(s_args, t_args, strict=True)
    )


def _row_fits(args: tuple[Any, ...], row: Any) -> bool:
    """Whether a dict whose keys are known is a `TypedDict`, as far as types tell."""
    keys = [key for part in _arms(args[:1]) for key in get_args(part)]
    kinds = typing.get_type_hints(row)
    if not row.__required_keys__ <= set(keys) <= kinds.keys():
        return False
    values = _arms(args[1:])
    taken = [[fits(value, kinds[key]) for value in values] for key in keys]
    return all(any(line) for line in [*taken, *zip(*taken, strict=True)])


def _arms(kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(a for k in kinds for a in (get_args(k) if _is_union(k) else (k,)))


def _base_fits(source: type, target: type) -> bool:
    if source is int and target is float:
        return True
    if source is bool:
        return target is bool
    if source in _WIDER.get(target, ()):
        return True
    try:
        return issubclass(source, target)
    except TypeError:  # a TypedDict or a protocol, whose shapes are not compared
        return False


def _tuple_fits(args: tuple[Any, ...], base: type, wanted: tuple[Any, ...]) -> bool:
    items = [a for a in args if a is not ...]
    if base is not tuple or (len(wanted) == 2 and wanted[1] is ...):
        return all(fits(item, wanted[0]) for item in items)
    if ... in args:
        return False
    return len(items) == len(wanted) and all(
        fits(s, t) for s, t in zip(items, wanted, strict=True)
    )


def _literal_fits(value: Any, target: Any) -> bool:
    if get_origin(target) is Literal:
        allowed: list[Any] = list(get_args(target))
        return any(type(value) is type(a) and value == a for a in allowed)
    return fits(type(value), target)


class Meaning(ABC):
    """The mark of a type that says more of its values than the type that it marks."""

    @property
    @abstractmethod
    def kind(self) -> Any:
        """What the values are, as a type without the mark."""


def plain_type(kind: Any) -> Any:
    """A type without annotations, aliases and variables around it."""
    if kind is None:
        return type(None)
    while True:
        if get_origin(kind) is typing.Annotated:
            marks = [m for m in kind.__metadata__ if isinstance(m, Meaning)]
            kind = marks[0].kind if marks else kind.__origin__
        elif isinstance(kind, typing.TypeVar):
            kind = Any
        elif hasattr(kind, "__value__") and type(kind).__name__ == "TypeAliasType":
            kind = kind.__value__
        else:
            return kind


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def other_than_none(kind: Any) -> Any:
    """The one type beside None of an optional one; None where there is no such type.

    >>> other_than_none(int | None), other_than_none(int), other_than_none(int | str)
    (<class 'int'>, None, None)
    """
    kind = plain_type(kind)
    others = [part for part in get_args(kind) if part is not type(None)]
    optional = _is_union(kind) and len(others) == 1
    return others[0] if optional else None


def type_name(kind: Any) -> str:
    """A type as a person would write it.

    >>> type_name(list[str] | None), type_name(Literal["a", 1])
    ('list[str] | None', "Literal['a', 1]")
    """
    kind = plain_type(kind)
    if kind is type(None):
        return "None"
    if _is_union(kind):
        return " | ".join(type_name(part) for part in get_args(kind))
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"Literal[{', '.join(repr(a) for a in args)}]"
    if origin is not None:
        inner = ", ".join("..." if a is ... else type_name(a) for a in args)
        return f"{getattr(origin, '__name__', str(origin))}[{inner}]"
    return getattr(kind, "__name__", str(kind))


def choices_of(kind: Any) -> tuple[Any, ...]:
    """The values a closed choice allows, as they stand in JSON; empty otherwise.

    >>> choices_of(Literal["yes", "no"]), choices_of(str)
    (('yes', 'no'), ())
    """
    kind = plain_type(kind)
    if get_origin(kind) is Literal:
        return get_args(kind)
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return tuple(member.value for member in kind)
    return ()


def members_of(kind: Any) -> dict[str, Any] | None:
    """Attribute names and types of a structured type, or None where it has none."""
    kind = plain_type(kind)
    if not inspect.isclass(kind):
        return None
    structured: Any = kind
    fields = getattr(structured, "model_fields", None)
    if is_dict(fields):
        return {name: info.annotation for name, info in fields.items()}
    if any(hasattr(structured, mark) for mark in ("__dataclass_fields__", "_fields")):
        return typing.get_type_hints(structured)
    return None


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


def check_readable(core: object, literals: bool = True) -> None:
    """Refuse what no JSON is read as, by the core schema that pydantic made of a type.

    What a function of the type's own makes of a value is its own matter.

    Raises:
        SignatureError: A literal is no JSON value, or the values can be read only once.
    """
    waiting, seen = [core], set[int]()
    while waiting:
        part = waiting.pop()
        if is_sequence(part):
            waiting += part
        if not is_dict(part) or id(part) in seen:
            continue
        seen.add(id(part))
        kind = str(part.get("type", ""))
        for value in part.get("expected", ()) if kind == "literal" else ():
            if literals and not isinstance(value, str | int | None):
                _refuse_literal(value)
        if kind == "generator":
            raise SignatureError(
                "Iterable gives values that can be read only once, and they are read "
                "for the prompt, the trace and the result",
                hint="Write list[...], or Sequence[...]",
            )
        if not kind.startswith("function-"):
            waiting += [v for k, v in part.items() if k not in ("metadata", "cls")]


def _refuse_literal(value: object) -> None:
    of, plain, or_all = type(value).__name__, value, ""
    if isinstance(value, enum.Enum):
        plain, or_all, of = value.value, f", or {of}", f"a member of {of}"
    elif isinstance(value, bytes):
        plain = value.decode(errors="replace")
    raise SignatureError(
        f"{value!r} in a Literal is {of}, and no JSON value is read as that",
        hint=f"Write Literal[{plain!r}]{or_all}",
    )


def referred(schema: Any, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a part's reference leads to in the whole schema; the part if it has none.

    Nothing is known of what is no object, or leads elsewhere.

    >>> whole = {"definitions": {"a/b": {"type": "string"}}}
    >>> referred({"$ref": "#/definitions/a~1b"}, whole), referred(True, whole)
    ({'type': 'string'}, {})
    """
    if not is_dict(schema):
        return {}
    if not isinstance(schema.get("$ref"), str):
        return schema
    start, *path = schema["$ref"].split("/")
    found: Any = whole if start == "#" else None
    for step in path:
        name = urllib.parse.unquote(step).replace("~1", "/").replace("~0", "~")
        found = found.get(name) if is_dict(found) else None
    return found if is_dict(found) else {}


def options_of(kind: Any) -> tuple[Any, ...]:
    """As `choices_of`, with None among them where the type may be that too."""
    inner = other_than_none(kind)
    choices = choices_of(inner)
    return (*choices, None) if choices else choices_of(kind)


def kind_of(kind: Any, schema: Mapping[str, Any]) -> Kind:
    """Which values a reader has to look for; empty where any text would do.

    >>> kind_of(int | None, {"anyOf": [{"type": "integer"}]}), kind_of(str, {})
    ('integer', '')
    """
    if fits(str, kind):
        return ""
    if options_of(kind):
        return "choice"
    first = schema
    if other_than_none(kind) is not None:
        first = referred(next(iter(schema.get("anyOf", ())), schema), schema)
    named = str(first.get("type"))
    if named == "string" and "format" in first:
        return "format"
    return _KINDS.get(named, "")


def own_annotations(cls: type, namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the body of a class annotates.

    From Python 3.14 on the body holds a function that tells it (PEP 649), unless a
    module asks for texts; it is asked once, for the class to have it as before.

    Raises:
        SignatureError: A name in it is not defined.
    """
    tell = namespace.get("__annotate_func__")
    if "__annotations__" not in namespace and tell is not None:
        try:
            type.__setattr__(cls, "__annotations__", tell(_VALUE))
        except NameError as error:
            raise _unresolved(cls.__name__, error) from None
    return inspect.get_annotations(cls)


def _unresolved(name: str, error: NameError) -> SignatureError:
    return SignatureError(
        f"{name}: {error}, so a type cannot be resolved",
        hint="Define the type at module level, before the signature",
    )


def resolved_hints(thing: Any, name: str) -> dict[str, Any]:
    """The types of a class's or function's annotations.

    Raises:
        SignatureError: One of them cannot be resolved.
    """
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except NameError as error:
        raise _unresolved(name, error) from None
    except (TypeError, SyntaxError, AttributeError) as error:
        raise SignatureError(f"{name}: {error}, so a type cannot be resolved") from None
