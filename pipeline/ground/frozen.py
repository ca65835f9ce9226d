"""A dict that never changes, and says how a changed copy of its owner is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ..errors import ConfigError

V = TypeVar("V")


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
