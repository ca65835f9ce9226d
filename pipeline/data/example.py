"""One row of data, and the content that identifies it."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, cast

from ..errors import DataError, did_you_mean
from ..ground import strictjson
from ..ground.hints import hint
from ..ground.options import explained
from ..ground.plain import plain
from ..ground.words import brief

_MADE = re.compile(r"[0-9a-f]{12}(-\d+)?")
"""Ids of rows that came without one; they say nothing to whoever looks for a row."""


class _FieldError(DataError, AttributeError, KeyError):
    """A field that a row does not hold, whichever way it was asked for."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Misuse(DataError, TypeError):
    """A row that was taken for something else, such as a dict."""


class _Held(dict[str, Any]):
    """The inputs or labels of a row, which say by name what they do not hold.

    Nothing changes them; what they are merged with or copied to is a plain dict.
    """

    __slots__ = ("kind",)

    def __init__(self, kind: str, held: Mapping[str, Any]) -> None:
        super().__init__(held)
        self.kind = kind

    def __missing__(self, name: str) -> Any:
        raise _FieldError(
            f"the row's {self.kind} have no {name!r}",
            hint=did_you_mean(str(name), self),
        )

    def __call__(self, *_: object, **__: object) -> NoReturn:
        raise _Misuse(
            f"the {self.kind} of a row are a mapping, and not called",
            hint=f"Write row.{self.kind}, without brackets",
        )

    def _fixed(self, *_: object, **__: object) -> NoReturn:
        raise _Misuse(
            f"a row never changes, and so its {self.kind} stay",
            hint=f"Make another row: {{**row.{self.kind}, ...}} is a dict of its own",
        )

    if not TYPE_CHECKING:
        # Hidden, so that it stays a mapping like any other to checkers.
        __setitem__ = __delitem__ = __ior__ = _fixed
        clear = pop = popitem = setdefault = update = _fixed

    def __reduce__(self) -> tuple[Any, ...]:
        return _Held, (self.kind, dict(self))


@explained("Give rows as plain dicts: the program knows which keys are its inputs")
@dataclass(frozen=True, repr=False)
class Example:
    """One row; immutable.

    Fields are read as attributes or by name, labels first, then inputs. A field that
    is called like a member of this class, such as "id", is read by name: `ex["id"]`.
    What a metric is given reads structured fields as the program's types; `labels` and
    `inputs` hold what was written in the row.

    Args:
        id: Unique among the rows it was read with.
        inputs: What the program is given, by input name.
        labels: What it should answer; empty where nobody knows.
        meta: Anything else; no program and no metric needs it.

    >>> ex = Example("m1", {"message": "no card"}, {"team": "cards"})
    >>> ex.team, ex["message"]
    ('cards', 'no card')
    """

    id: str
    inputs: Mapping[str, Any]
    labels: Mapping[str, Any] = field(default_factory=lambda: {})
    meta: Mapping[str, Any] = field(default_factory=lambda: {})

    def __post_init__(self) -> None:
        for name in ("inputs", "labels", "meta"):
            object.__setattr__(self, name, _Held(name, getattr(self, name)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the inputs and the labels; not over the id or the meta.

        Raises:
            DataError: A value has no JSON form.
        """
        return self._digest_of(inputs=self.inputs, labels=self.labels)

    @cached_property
    def asked(self) -> str:
        """SHA-256 over what is asked: the inputs alone; of a row without any, all.

        Raises:
            DataError: A value has no JSON form.
        """
        return self._digest_of(inputs=self.inputs) if self.inputs else self.digest

    @cached_property
    def fields_digest(self) -> str:
        """SHA-256 over all fields, whichever of them a program takes as its inputs.

        Raises:
            DataError: A value has no JSON form.
        """
        return self._digest_of(fields={**self.inputs, **self.labels})

    def filled(self, values: Mapping[str, Any]) -> Example:
        """The same row with inputs that it left out; its digests stay as they were."""
        if not values:
            return self
        made = Example(self.id, {**self.inputs, **values}, self.labels, self.meta)
        made.__dict__.update(digest=self.digest, fields_digest=self.fields_digest)
        return made

    def _digest_of(self, **parts: Mapping[str, Any]) -> str:
        try:
            content = {name: _by_name(held) for name, held in parts.items()}
            text = strictjson.canonical(content).encode()
        except (ValueError, RecursionError) as error:
            who = f"row {self.id!r}: " if self.id else ""
            raise DataError(f"{who}{error}") from None
        return hashlib.sha256(text).hexdigest()

    def __getitem__(self, name: str) -> Any:
        """The label, or else the input, of that name.

        Raises:
            DataError: There is none; it is an AttributeError and a KeyError too. Or it
                is asked for by a number, as a loop over the row does.
        """
        if not isinstance(cast(object, name), str):
            raise _no_mapping(self)
        for values in (self.__dict__.get("_read", {}), self.labels, self.inputs):
            if name in values:
                return values[name]
        known = [*self.labels, *self.inputs]
        raise _FieldError(
            f"{row_name(self)} has no field {name!r}",
            hint=hint("row", name, known),
        )

    def __getattr__(self, name: str) -> Any:
        # Copying and pickling ask a bare instance for such names.
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "keys" and name not in self:
            # `{**row}` asks for it, and has words of its own for a missing attribute.
            return functools.partial(_refuse_mapping, self)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self.labels or name in self.inputs

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse it.

        def __len__(self) -> int:
            raise _no_mapping(self)

    def __bool__(self) -> bool:
        return True  # Python would ask for the length

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (dict(self.inputs), dict(self.labels), dict(self.meta))
        return type(self), (self.id, *parts)

    def __repr__(self) -> str:
        parts = [repr(self.id), repr(dict(self.inputs))]
        if self.labels or self.meta:
            parts.append(repr(dict(self.labels)))
        if self.meta:
            parts.append(repr(dict(self.meta)))
        return f"Example({', '.join(parts)})"


def _no_mapping(row: Example) -> _Misuse:
    said = f"{row_name(row)} is no mapping and no list"
    return _Misuse(said, hint=hint("row", "keys", ()))


def _refuse_mapping(row: Example) -> NoReturn:
    raise _no_mapping(row)


def named(row: Example, name: str) -> Example:
    """The same row with another id; what is known of its content stays known."""
    made = object.__new__(type(row))
    made.__dict__.update(row.__dict__, id=name)
    return made


def read_as(row: Example, values: Mapping[str, Any]) -> Example:
    """The same row, whose fields are read as these values; its labels stay as written.

    >>> row = read_as(Example("m1", {}, {"day": "2 May"}), {"day": (2, 5)})
    >>> row.day, row["day"], row.labels["day"]
    ((2, 5), (2, 5), '2 May')
    """
    made = named(row, row.id)
    made.__dict__["_read"] = values
    return made


def typed_labels(row: Example) -> list[Any]:
    """What its fields are read as, where that is no value of its labels.

    >>> row = read_as(Example("m1", {}, {"day": "2 May"}), {"day": (2, 5)})
    >>> typed_labels(row), typed_labels(Example("m1", {}, {"day": "2 May"}))
    ([(2, 5)], [])
    """
    return [*row.__dict__.get("_read", {}).values()]


def row_name(row: Example) -> str:
    """A row in a message: its id, with its inputs where the id is made of digits only.

    >>> row_name(Example("m1", {"message": "no card"}))
    "row 'm1'"
    >>> row_name(Example("0123456789ab", {"message": "no card"}))
    "row '0123456789ab' (message='no card')"
    """
    if not _MADE.fullmatch(row.id):
        return f"row {row.id!r}"
    inputs = ", ".join(f"{name}={value!r:.60}" for name, value in row.inputs.items())
    return f"row {row.id!r} ({brief(inputs)})"


def require_rows(rows: Sequence[Example], what: str) -> None:
    """Refuse an empty set of rows; `what` names their use, as in "evaluate".

    Raises:
        DataError: There is no row.
    """
    if not rows:
        raise DataError(f"there are no rows for {what}", hint="Give at least one")


def distinct(rows: Iterable[Example]) -> list[Example]:
    """The rows without those that stand there again: a copy is no further draw.

    >>> [row.id for row in distinct([Example("a", {"x": 1}), Example("b", {"x": 1})])]
    ['a']
    """
    found: dict[str, Example] = {}
    for row in rows:
        found.setdefault(row.digest, row)
    return [*found.values()]


def digest_rows(rows: Iterable[Example]) -> str:
    """SHA-256 over the rows' contents, whatever their order and their ids."""
    digests = "\n".join(sorted(row.digest for row in rows))
    return hashlib.sha256(digests.encode()).hexdigest()


def _by_name(values: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        try:
            made[name] = plain(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{name!r}: {error}") from None
    return made
