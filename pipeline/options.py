"""Misspelt options are errors that say what was meant."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, cast, dataclass_transform

from .errors import ConfigError, did_you_mean

P = ParamSpec("P")
T = TypeVar("T")


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
                f"{who} has no option {name!r}", hint=did_you_mean(name, names)
            )


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Give a function's misspelt keyword arguments a typed error with a remedy."""
    names = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name != "self"
    ]

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        check_options(kwargs, names, function.__name__)
        return function(*args, **kwargs)

    return wrapper


@dataclass_transform(kw_only_default=True, frozen_default=True)
def settings(cls: type[T]) -> type[T]:
    """A frozen dataclass of settings whose misspelt options are typed errors."""
    made = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    fields = cast(Mapping[str, Any], made.__dict__["__dataclass_fields__"])
    build = cast(Callable[..., None], made.__init__)

    @functools.wraps(build)
    def init(self: Any, **options: Any) -> None:
        check_options(options, fields, cls.__name__)
        build(self, **options)

    type.__setattr__(made, "__init__", init)
    return made
