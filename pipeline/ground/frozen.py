"""What never changes, and says how a changed copy is made: dicts and dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from ..errors import ConfigError, did_you_mean

T = TypeVar("T")
V = TypeVar("V")


def unchanging(cls: type[T]) -> type[T]:
    """Let a frozen dataclass say what to write instead of setting a field.

    Python's own refusal of a class with slots is about `super`, where there is no such
    field.

    >>> from dataclasses import dataclass
    >>> @unchanging
    ... @dataclass(frozen=True, slots=True)
    ... class Limit:
    ...     calls: int
    >>> Limit(3).calls = 4
    Traceback (most recent call last):
    dataclasses.FrozenInstanceError: Limit never changes, and so 'calls' cannot be \
set. Write dataclasses.replace(..., calls=...): it gives a new one
    >>> Limit(3).call = 4
    Traceback (most recent call last):
    dataclasses.FrozenInstanceError: Limit has no 'call'. Did you mean 'calls'?
    """
    fields = [*cast("dict[str, Any]", cls.__dict__["__dataclass_fields__"])]

    def refused(name: str, what: str) -> FrozenInstanceError:
        if name not in fields:
            said = did_you_mean(name, fields)
            return FrozenInstanceError(f"{cls.__name__} has no {name!r}. {said}")
        return FrozenInstanceError(
            f"{cls.__name__} never changes, and so {name!r} cannot be {what}. Write "
            f"dataclasses.replace(..., {name}=...): it gives a new one"
        )

    def refuse_setting(self: object, name: str, value: object) -> None:
        if name in fields or type(self) is cls:
            raise refused(name, "set")
        object.__setattr__(self, name, value)  # of somebody's subclass

    def refuse_taking(self: object, name: str) -> None:
        if name in fields or type(self) is cls:
            raise refused(name, "taken out")
        object.__delattr__(self, name)

    put: Callable[..., None] = type.__setattr__
    put(cls, "__setattr__", refuse_setting)
    put(cls, "__delattr__", refuse_taking)
    return cls


def assembled(cls: type[T], held: Mapping[str, Any], /, **values: object) -> T:
    """A frozen dataclass of all its fields, in a third of the time.

    Args:
        cls: Its class, which has no slots.
        held: Fields by name.
        values: The others, and those that win over `held`.

    For what every call makes and nothing keeps, in code that knows each field: nothing
    is checked, no default filled in, and it takes more memory. Its own way sets field
    after field past what refuses to be set.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Point:
    ...     x: int
    ...     y: int
    >>> assembled(Point, vars(Point(1, 1)), y=2) == Point(1, 2)
    True
    """
    one = object.__new__(cls)
    one.__dict__.update(held, **values)
    return one


def fixed(held: Mapping[str, V], remedy: str) -> Fixed[V]:
    """A copy of a mapping that nobody changes, with copies of its values."""
    if type(held) is Fixed:
        return cast("Fixed[V]", held)
    return Fixed({n: deepcopy(v) for n, v in held.items()}, remedy=remedy)


class Fixed(dict[str, V]):
    """What a program holds by name; a plain `dict(...)` of it may be changed.

    >>> held = Fixed({"a": 1}, remedy="Write with_parameters({...})")
    >>> held["a"], held | {"b": 2}
    (1, {'a': 1, 'b': 2})
    >>> held["a"] = 3
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: 'a' cannot be set here. Write with_...
    """

    def __init__(self, held: dict[str, V], *, remedy: str) -> None:
        super().__init__(held)
        self._remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the remedy: what crosses to another process is a copy."""
        return dict, (dict(self),)

    if not TYPE_CHECKING:
        # Hidden: a checker knows a dict, and the methods below give no result.

        def __setitem__(self, name: str, value: object) -> NoReturn:
            raise ConfigError(f"{name!r} cannot be set here", hint=self._remedy)

        def __delitem__(self, name: str) -> NoReturn:
            raise ConfigError(f"{name!r} cannot be taken out", hint=self._remedy)

        def __ior__(self, other: object) -> NoReturn:
            raise ConfigError("nothing can be set here", hint=self._remedy)

        def _refuse(self, *_: object, **__: object) -> NoReturn:
            raise ConfigError("nothing can be changed here", hint=self._remedy)

        clear = pop = popitem = setdefault = update = _refuse
