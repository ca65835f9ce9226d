"""Misspelt options, and settings that cannot be, are errors that say what was meant.

pydantic is not asked: it would want each annotation at run time, where settings hold
protocols that are imported for checkers only, and it speaks its own words.
"""

from __future__ import annotations

import builtins
import dataclasses
import errno
import functools
import inspect
import math
import numbers
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import (
    Annotated,
    Any,
    NamedTuple,
    ParamSpec,
    TypeVar,
    cast,
    dataclass_transform,
    get_origin,
)

from ..errors import ArtifactError, ConfigError, WeftError
from .frozen import unchanging
from .hints import hint
from .shapes import is_mapping, is_sequence
from .strictjson import is_text

P = ParamSpec("P")
T = TypeVar("T")


class Rule(NamedTuple):
    """What a number among the settings may be, in words and by its bounds."""

    words: str
    kind: type
    least: float
    most: float = math.inf

    def fits(self, value: Any) -> bool:
        """Whether a value is such a number."""
        known = type(value) is not bool and isinstance(value, self.kind)
        return known and self.least <= value <= self.most


_RULES: Mapping[object, Rule] = {
    int: Rule("a whole number, 0 or more", numbers.Integral, 0),
    float: Rule("a number, 0 or more", numbers.Real, 0),
}
"""Settings count things or weigh them: without a rule of its own none is negative."""

_BOUND = ("self", "cls")
"""Parameters of methods that no caller writes."""

_SEVERAL = re.compile(r"tuple\[(\w+), \.\.\.\]")

Count = Annotated[int, Rule("a whole number, 1 or more", numbers.Integral, 1)]
Rounds = Annotated[
    int, Rule("a whole number, 1 or more, at most 1000", numbers.Integral, 1, 1000)
]
"""Each is planned and counted before the first call: more would never begin."""
Share = Annotated[float, Rule("a number from 0 to 1", numbers.Real, 0, 1)]
Positive = Annotated[float, Rule("a number above 0", numbers.Real, math.ulp(0.0))]


def require_whole(
    what: str,
    value: object,
    least: int,
    most: int,
    kind: str = "no such number",
    hint: str = "",
) -> None:
    """Refuse what is no whole number from `least` to `most`.

    Args:
        what: Whose number it is, and which: "Decompose: most".
        value: What was given.
        least: The least that it may be.
        most: The most that it may be.
        kind: What it is not, in words.
        hint: What to write instead, where bounds do not say it.

    Raises:
        ConfigError: It is none, or out of its bounds.
    """
    if type(value) is not int or not least <= value <= most:
        bounds = f"Give a whole number from {least} to {most}"
        raise ConfigError(f"{what}={value!r} is {kind}", hint=hint or bounds)


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


def path_of(
    given: str | os.PathLike[str], what: str, error: type[WeftError] = ArtifactError
) -> Path:
    """The path that a caller named; what can name no file is refused as what it is.

    An empty text is nobody's folder: what is written there would be spread over the
    current one.

    Args:
        given: What was passed.
        what: What it should name, such as "run_dir".
        error: What is raised.

    Raises:
        WeftError: It is no path, is empty, holds a null character, or is too long.

    >>> path_of("", "run_dir")
    Traceback (most recent call last):
    weft.pipeline.errors.ArtifactError: run_dir='' names no file and no folder: it is \
empty. Give a path such as "runs/a"
    """
    value, problem = cast(object, given), ""
    if not isinstance(value, str | os.PathLike):
        problem = f"it is of type {type(value).__name__}"
    elif not os.fspath(given):
        problem = "it is empty"
    else:
        try:
            os.lstat(given)
        except ValueError as fault:
            problem = str(fault)
        except OSError as fault:
            named = fault.errno == errno.ENAMETOOLONG
            problem = "the name is too long" if named else ""
    if problem:
        raise error(
            f"{what}={value!r:.80} names no file and no folder: {problem}",
            hint='Give a path such as "runs/a"',
        )
    return Path(given)


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Give a function's misspelt and missing arguments a typed error with a remedy.

    >>> @checked
    ... def score(program, *, metric): ...
    >>> score("qa")
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: score: missing a required ...argument: 'metric'. \
Write score(program, metric=...)
    """
    return _checked(function)


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
        return _checked(function, options=names)

    return check


def checked_as(form: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """As `checked`, for a function whose remedy is a call like this one.

    >>> @checked_as('configure(lm="embedded")')
    ... def configure(**options): ...
    >>> configure("embedded")
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: configure: too many positional arguments. Write \
configure(lm="embedded")
    """
    return functools.partial(_checked, remedy=f"Write {form}")


def decorator(function: Callable[P, T]) -> Callable[P, T]:
    """As `checked`, for what stands above a `def` and takes nothing else."""
    remedy = (
        f"Write @weft.{function.__name__}, without brackets, above a typed function"
    )
    return _checked(function, remedy)


def _checked(
    function: Callable[P, T], remedy: str = "", options: tuple[str, ...] = ()
) -> Callable[P, T]:
    shape = inspect.signature(function)
    form = _form(function, "" if options else "option=value")
    named = [p for p in shape.parameters.values() if p.kind is not p.VAR_KEYWORD]
    is_open = not options and len(named) < len(shape.parameters)
    names = [*(p.name for p in named if p.name not in _BOUND), *options]

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        if not is_open:
            check_options(kwargs, names, _called(function, args))
        wrong = _misfit(shape, args, kwargs)
        if wrong:
            who = _called(function, args)
            raise ConfigError(f"{who}: {wrong}", hint=remedy or f"Write {who}({form})")
        return function(*args, **kwargs)

    return wrapper


def _called(function: Callable[..., Any], args: Sequence[Any]) -> str:
    """What is written to call it: a function's name, or that of what is being made."""
    if function.__name__ != "__init__" or not args:
        return function.__name__
    return type(args[0]).__name__


def _misfit(
    shape: inspect.Signature, args: Iterable[Any], kwargs: Mapping[str, Any]
) -> str:
    """What is wrong with the arguments of a call, in Python's words, or empty."""
    try:
        shape.bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return ""


def _form(function: Callable[..., Any], rest: str) -> str:
    """What a call must give: the required arguments, and then any options."""
    parts: list[str] = []
    for each in inspect.signature(function).parameters.values():
        if each.kind is each.VAR_KEYWORD:
            if rest:
                parts.append(rest)
        elif each.default is each.empty and each.name not in _BOUND:
            by_name = each.kind is each.KEYWORD_ONLY
            parts.append(f"{each.name}=..." if by_name else each.name)
    return ", ".join(parts)


def explained(remedy: str) -> Callable[[type[T]], type[T]]:
    """Give wrong arguments of a class a typed error with this remedy.

    Who sets a field of a frozen dataclass is told what to write, as by `unchanging`.
    """

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
                raise ConfigError(f"{cls.__name__}: {wrong}", hint=remedy) from None

        type.__setattr__(cls, "__init__", init)
        return unchanging(cls) if "__dataclass_fields__" in vars(cls) else cls

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

    A setting without a default must be given.

    >>> @settings
    ... class Relay:
    ...     of: tuple[Race, ...]
    >>> Relay()
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: Relay needs 'of'. Write Relay(of=...)
    """
    made = unchanging(dataclasses.dataclass(frozen=True, kw_only=True)(cls))
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
        if missing := [name for name in required(made) if name not in options]:
            said = ", ".join(f"{name}=..." for name in missing)
            raise ConfigError(
                f"{cls.__name__} needs {' and '.join(map(repr, missing))}",
                hint=f"Write {cls.__name__}({said})",
            )
        for name, value in options.items():
            _check(cls, fields[name], value)
        build(self, **options)

    type.__setattr__(made, "__init__", init)
    return made


def required(cls: type[Any]) -> list[str]:
    """The settings of a class that have no default."""
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is field.default_factory is dataclasses.MISSING
    ]


def _check(cls: type[Any], field: dataclasses.Field[Any], value: object) -> None:
    """Refuse a value that cannot be: a number out of its bounds, no tuple of such."""
    words, needed = "", field.default is dataclasses.MISSING
    several = _SEVERAL.fullmatch(str(field.type))
    if several:
        words = _no_tuple(_named(cls, several[1]), value, needed=needed)
        remedy = f"Write {field.name}=(..., ...)"
    else:
        kind: Any = _named(cls, field.type) if type(field.type) is str else field.type
        said = get_origin(kind) is Annotated
        rule: Any = kind.__metadata__[0] if said else _RULES.get(kind)
        if isinstance(rule, Rule) and not rule.fits(value):
            words = f"is not {rule.words}"
        remedy = "" if needed else f"The default is {field.name}={field.default!r}"
    if not words and not _is_sendable(value):
        words = "holds a lone surrogate, which is no character"
        remedy = "Leave it out: no prompt and no file can hold it"
    if words:
        wrong = f"{cls.__name__}: {field.name}={value!r} {words}"
        raise ConfigError(wrong, hint=remedy)


def _is_sendable(value: object) -> bool:
    """Whether every text in a value, itself or one of several, is one."""
    if isinstance(value, str):
        return is_text(value)
    if is_mapping(value):
        return all(_is_sendable(part) for pair in value.items() for part in pair)
    return not is_sequence(value) or all(map(_is_sendable, value))


def _no_tuple(kind: object, value: object, *, needed: bool) -> str:
    """Why a value is no tuple of a kind of thing, or empty; a text is one thing."""
    if not isinstance(kind, type):
        return ""
    listed = cast("list[object]", value) if isinstance(value, list | tuple) else None
    if listed is None or not all(isinstance(one, kind) for one in listed):
        return f"is no tuple of {'text' if kind is str else kind.__name__.lower()}s"
    return "is empty" if needed and not listed else ""


def _named(cls: type[Any], word: str) -> Any:
    """What a word in an annotation of a class stands for, or None."""
    names = getattr(sys.modules.get(cls.__module__), "__dict__", {})
    return names.get(word, vars(builtins).get(word))
