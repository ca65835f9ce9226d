"""Misspelt options, and settings that cannot be, are errors that say what was meant."""

from __future__ import annotations

import builtins
import dataclasses
import functools
import inspect
import numbers
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import (
    Annotated,
    Any,
    NamedTuple,
    ParamSpec,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
)

from ..errors import ConfigError
from .hints import hint

P = ParamSpec("P")
T = TypeVar("T")


class Rule(NamedTuple):
    """What a number among the settings may be, in words and as a test."""

    words: str
    fits: Callable[[float], bool]


def _not_negative(number: float) -> bool:
    return number >= 0


def _at_least_one(number: float) -> bool:
    return number >= 1


def _above_zero(number: float) -> bool:
    return number > 0


def _is_share(number: float) -> bool:
    return 0 <= number <= 1


_RULES: Mapping[object, Rule] = {
    int: Rule("a whole number, 0 or more", _not_negative),
    float: Rule("a number, 0 or more", _not_negative),
}
"""Settings count things or weigh them: without a rule of its own none is negative."""

_SEVERAL = re.compile(r"tuple\[(\w+), \.\.\.\]")

Count = Annotated[int, Rule("a whole number, 1 or more", _at_least_one)]
Share = Annotated[float, Rule("a number from 0 to 1", _is_share)]
Positive = Annotated[float, Rule("a number above 0", _above_zero)]


def check_options(given: Iterable[str], known: Iterable[str], who: str) -> None:
    """Refuse names that are not known.

    Raises:
        ConfigError: One of them is unknown; the message names it and the nearest.

    >>> check_options(["temprature"], ["temperature", "seed"], "Predict")
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: Predict has no option 'temprature'. \
Did you mean 'temperature'?
    """
    names = list(known)
    for name in given:
        if name not in names:
            raise ConfigError(
                f"{who} has no option {name!r}", hint=hint("option", name, names)
            )


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Give a function's misspelt and missing arguments a typed error with a remedy.

    >>> @checked
    ... def score(program, *, metric): ...
    >>> score("qa")
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: score: missing a required ...argument: 'metric'. \
Write score(program, metric=...)
    """
    parameters = inspect.signature(function).parameters.values()
    form = _form([p for p in parameters if p.name != "self"])
    return _checked(function, f"Write {function.__name__}({form})")


def checked_with(
    options: Iterable[str],
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """As `checked`, for a function whose `**options` have these names.

    >>> @checked_with(["seed"])
    ... def score(program, **options): ...
    >>> score("qa", sede=1)
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: score has no option 'sede'. Did you mean 'seed'?
    """
    names = tuple(options)

    def check(function: Callable[P, T]) -> Callable[P, T]:
        parameters = inspect.signature(function).parameters.values()
        named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
        return _checked(function, f"Write {function.__name__}({_form(named)})", names)

    return check


def decorator(function: Callable[P, T]) -> Callable[P, T]:
    """As `checked`, for what stands above a `def` and takes nothing else."""
    name = function.__name__
    hint = f"Write @weft.{name}, without brackets, above a typed function"
    return _checked(function, hint)


def _checked(
    function: Callable[P, T], hint: str, options: tuple[str, ...] = ()
) -> Callable[P, T]:
    shape = inspect.signature(function)
    parameters = [p for p in shape.parameters.values() if p.name != "self"]
    open_end = not options and any(p.kind is p.VAR_KEYWORD for p in parameters)
    names = [*(p.name for p in parameters if p.kind is not p.VAR_KEYWORD), *options]

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        if not open_end:
            check_options(kwargs, names, function.__name__)
        wrong = _misfit(shape, args, kwargs)
        if wrong:
            raise ConfigError(f"{function.__name__}: {wrong}", hint=hint)
        return function(*args, **kwargs)

    return wrapper


def _misfit(
    shape: inspect.Signature, args: Iterable[Any], kwargs: Mapping[str, Any]
) -> str:
    """What is wrong with the arguments of a call, in Python's words, or empty."""
    try:
        shape.bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return ""


def _form(parameters: Iterable[inspect.Parameter]) -> str:
    """What a call must give: the required arguments, and then any options."""
    parts: list[str] = []
    for each in parameters:
        if each.kind is each.VAR_KEYWORD:
            parts.append("option=value")
        elif each.default is each.empty:
            by_name = each.kind is each.KEYWORD_ONLY
            parts.append(f"{each.name}=..." if by_name else each.name)
    return ", ".join(parts)


def explained(hint: str) -> Callable[[type[T]], type[T]]:
    """Give a dataclass's wrong arguments a typed error with this remedy."""

    def explain(cls: type[T]) -> type[T]:
        build = cast(Callable[..., None], cls.__init__)
        shape = inspect.signature(build)

        @functools.wraps(build)
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            try:
                build(self, *args, **kwargs)
            except TypeError:
                wrong = _misfit(shape, (self, *args), kwargs)
                if not wrong:
                    raise
                raise ConfigError(f"{cls.__name__}: {wrong}", hint=hint) from None

        type.__setattr__(cls, "__init__", init)
        return cls

    return explain


@dataclass_transform(kw_only_default=True, frozen_default=True)
def settings(cls: type[T]) -> type[T]:
    """A frozen dataclass of settings whose wrong options are typed errors.

    A setting that is an `int` or a `float` is never negative; `Count`, `Share` and
    `Positive` say more. One that is a tuple holds things of its kind only.

    >>> @settings
    ... class Race:
    ...     rows: Count = 8
    >>> Race(rows=0)
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: Race: rows=0 is not a whole number, 1 or more. \
The default is rows=8
    """
    made = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    fields = cast(Mapping[str, Any], made.__dict__["__dataclass_fields__"])
    build = cast(Callable[..., None], made.__init__)

    @functools.wraps(build)
    def init(self: Any, *placed: Any, **options: Any) -> None:
        if placed:
            first = f"{next(iter(fields))}=..." if fields else ""
            raise ConfigError(
                f"{cls.__name__} takes its options by name, not {placed[0]!r}",
                hint=f"Write {cls.__name__}({first})",
            )
        check_options(options, fields, cls.__name__)
        for name, value in options.items():
            _check_number(cls, fields[name], value)
            _check_several(cls, fields[name], value)
        build(self, **options)

    type.__setattr__(made, "__init__", init)
    return made


def _check_number(cls: type[Any], field: dataclasses.Field[Any], value: object) -> None:
    """Refuse a number that breaks its setting's rule; other settings are let pass."""
    kind: Any = field.type
    if isinstance(kind, str):  # Annotations stand as text; those of numbers are a word.
        kind = _named(cls, kind)
    said = get_origin(kind) is Annotated
    base, rule = get_args(kind)[:2] if said else (kind, _RULES.get(kind))
    if not isinstance(rule, Rule):
        return
    wanted = numbers.Integral if base is int else numbers.Real
    known = type(value) is not bool and isinstance(value, wanted)
    if known and rule.fits(cast(float, value)):
        return
    told = field.default is not dataclasses.MISSING
    raise ConfigError(
        f"{cls.__name__}: {field.name}={value!r} is not {rule.words}",
        hint=f"The default is {field.name}={field.default!r}" if told else "",
    )


def _check_several(
    cls: type[Any], field: dataclasses.Field[Any], value: object
) -> None:
    """Refuse what is no tuple of the things that a setting holds several of.

    A text is one thing, not several letters; a setting that has no default holds at
    least one.
    """
    found = _SEVERAL.fullmatch(str(field.type))
    kind = found and _named(cls, found[1])
    if not isinstance(kind, type):
        return
    listed = cast("list[object]", value) if isinstance(value, list | tuple) else None
    needed = field.default is dataclasses.MISSING
    if listed is None or not all(isinstance(one, kind) for one in listed):
        wrong = f"is no tuple of {'text' if kind is str else kind.__name__.lower()}s"
    elif needed and not listed:
        wrong = "is empty"
    else:
        return
    raise ConfigError(
        f"{cls.__name__}: {field.name}={value!r} {wrong}",
        hint=f"Write {field.name}=(..., ...)",
    )


def _named(cls: type[Any], word: str) -> Any:
    """What a word in an annotation of a class stands for, or None."""
    names = getattr(sys.modules.get(cls.__module__), "__dict__", {})
    return names.get(word, vars(builtins).get(word))
