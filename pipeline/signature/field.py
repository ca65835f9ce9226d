"""One field of a signature: its name, its type, its rules, and its text form."""

from __future__ import annotations

import contextlib
import copy
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Annotated, Any, ClassVar, Final, Literal, get_origin

import pydantic
from pydantic import TypeAdapter
from pydantic_core import SchemaError

from ..errors import SignatureError, StepError
from ..ground import strictjson
from ..ground.hints import brought
from ..ground.plain import is_loose, is_lossy, is_open, ordered, without_models
from ..ground.shapes import is_dict
from ..ground.words import brief
from ..media.fields import holds, is_history
from ..media.turns import text_of_turns
from .json_schema import JsonSchema, json_schema_of
from .lossless import (
    DecimalSchema,
    QuietSchema,
    as_read,
    forks,
    has_functions,
    may_hold_decimals,
    places,
    refuse_depth,
    with_digits,
)
from .note import Note
from .types import Kind, check_rules, choices_of, kind_of, options_of
from .wording import first_error, raised_by_validator, raised_in_type, wanted

FieldRole = Literal["input", "output"]
_log: Final = logging.getLogger("weft")
_BLANK = " \t\r\n"
_OURS: Final = re.compile(r"\bweft\.(?:\w+\.)*(\w+)")
"""A class of weft's own, in what pydantic says of one that it cannot check."""
_UNSET: Any = object()
_SAFE = (int, bool, type(None))
_LISTS = (list, set, frozenset)
_UNUSABLE = (
    pydantic.PydanticUserError,
    SchemaError,
    NameError,
    TypeError,
    ValueError,
    RecursionError,
)


@dataclass(frozen=True, eq=False)
class FieldSpec:
    """A named, typed field.

    Args:
        name: A Python identifier; it is also the word the model sees.
        role: "input" or "output".
        annotation: Any type pydantic understands.
        description: What the field holds, for the model and for people.
        constraints: Keyword arguments of `pydantic.Field`: ge, le, max_length, ...
        default: The value when none is given; unset means required.
        notes: What is said of its choices, in the order in which it is told.
        enforced: The JSON Schema that an endpoint is asked to enforce, where that is
            tighter than what is read; the type's own by default.
    """

    name: str
    role: FieldRole
    annotation: Any
    description: str = ""
    constraints: Mapping[str, Any] = field(default_factory=dict[str, Any])
    default: Any = _UNSET
    notes: tuple[Note, ...] = ()
    enforced: Mapping[str, Any] | None = None
    _told: ClassVar[bool] = False

    def __reduce__(self) -> tuple[Any, ...]:
        """What was worked out from the fields is worked out again elsewhere."""
        given: dict[str, Any] = {"constraints": dict(self.constraints)}
        given |= {} if self.required else {"default": self.default}
        given |= {"notes": self.notes} if self.notes else {}
        given |= {"enforced": self.enforced} if self.enforced else {}
        told = (self.name, self.role, self.annotation, self.description)
        return partial(FieldSpec, **given), told

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is _UNSET

    @cached_property
    def said(self) -> str:
        """All that a model is told of it: its description, and below it the notes."""
        return self.description + "".join(note.line for note in self.notes)

    @cached_property
    def descriptions(self) -> dict[str, str]:
        """The texts of `said` by the names that parameters have for them."""
        noted = {f"{self.name}.{note.name}": note.text for note in self.notes}
        return {self.name: self.description, **noted}

    def described(self, texts: Mapping[str, str]) -> FieldSpec:
        """The same field with other texts, by the names of `descriptions`."""
        notes = tuple(
            note._replace(text=texts.get(f"{self.name}.{note.name}", note.text))
            for note in self.notes
        )
        said = texts.get(self.name, self.description)
        return replace(self, description=said, notes=notes)

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """The pydantic adapter of the type with its constraints."""
        kind: Any = self.annotation
        try:
            if self.constraints and self._whole is not None:
                raise TypeError("the rules of a JSON Schema stand in the schema itself")
            if self.constraints:
                check_rules(kind, self.constraints)
                kind = Annotated[kind, pydantic.Field(**self.constraints)]
            if get_origin(self.annotation) in _LISTS:
                # One wrong item is enough: a long list may hold a million of them.
                kind = Annotated[kind, pydantic.FailFast()]
            made: TypeAdapter[Any] = TypeAdapter(kind)
        except _UNUSABLE as error:
            raise self._unusable(error) from error
        return made

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the type."""
        if self._whole is not None:
            _ = self.adapter
            return self._whole.words()
        try:
            return self.adapter.json_schema()
        except _UNUSABLE as error:
            raise self._unusable(error) from error

    @cached_property
    def plain(self) -> bool:
        """Whether the value is written as bare text rather than as JSON."""
        choices = self.choices
        if choices:
            return all(isinstance(c, str) for c in choices)
        return self.schema.get("type") == "string"

    @cached_property
    def media(self) -> bool:
        """Whether its values may hold images, audio, files, or turns."""
        return holds(self.schema)

    @cached_property
    def turns(self) -> bool:
        """Whether its value is a history of turns."""
        return self.media and is_history(self.schema)

    @cached_property
    def wanted(self) -> str:
        """The type and its rules in words, as the model reads them."""
        return wanted(self.annotation, self.schema)

    @cached_property
    def choices(self) -> tuple[Any, ...]:
        """The values of a closed choice; empty for any other type."""
        return choices_of(self.annotation)

    @cached_property
    def options(self) -> tuple[Any, ...]:
        """The choices, with None among them where the value may be that too."""
        return options_of(self.annotation)

    @cached_property
    def kind(self) -> Kind:
        """Which values a reader has to look for; empty where any text would do."""
        return kind_of(self.annotation, self.schema)

    @cached_property
    def _bare(self) -> bool:
        return self.annotation is str and not self.constraints

    @cached_property
    def _whole(self) -> JsonSchema | None:
        return json_schema_of(self.annotation)

    @cached_property
    def _loose(self) -> bool:
        return self._whole is None and is_loose(self.schema)

    @cached_property
    def _open(self) -> bool:
        return self._whole is None and is_open(self.schema)

    @cached_property
    def exact_schema(self) -> dict[str, Any]:
        """The schema, in which a decimal has a type of its own, "decimal"."""
        if self._whole is not None or not may_hold_decimals(self.schema):
            return self.schema
        return self.adapter.json_schema(schema_generator=DecimalSchema)

    @cached_property
    def _forks(self) -> bool:
        return self._whole is None and forks(self.schema)

    @cached_property
    def one_way(self) -> bool:
        """Whether what the type writes may be other data than what it reads."""
        if self._bare or self._whole is not None:
            return False
        try:
            written = self.adapter.json_schema(
                mode="serialization", schema_generator=QuietSchema
            )
        except _UNUSABLE:
            return True
        other = places(written) != places(self.schema)
        return other or has_functions(self.adapter.core_schema)

    def check(self, value: Any) -> Any:
        """Validate a Python value strictly; plain JSON data also becomes its type.

        Raises:
            ValueError: The value has another type, breaks a constraint, or cannot be
                sent: NaN, an infinity, a lone surrogate, an object that is no data.
            StepError: A validator of the type raised anything but a ValueError.
        """
        if self._bare and type(value) is str:
            if not strictjson.is_text(value):
                raise strictjson.no_character(value)
            return value
        try:
            made = self._made(value)
        except Exception as error:
            fault = raised_in_type(self.name, error)
            if fault is None:
                raise
            raise fault from error
        if type(made) in _SAFE and not self._loose:
            return made
        try:
            data = self.shown(made)
            strictjson.dumps(data)
        except (TypeError, ValueError, RecursionError) as error:
            why = brief(str(error), 200)
            raise ValueError(f"{brief(repr(value))} cannot be sent: {why}") from None
        self._refuse_loss(value, made, data)
        return made

    def _made(self, value: Any) -> Any:
        try:
            return self.adapter.validate_python(value, strict=True)
        except pydantic.ValidationError as error:
            try:
                text = strictjson.dumps(without_models(value))
                return self.adapter.validate_json(text, strict=True)
            except (TypeError, ValueError, RecursionError):
                raise ValueError(first_error(error)) from None
        except TypeError as error:  # a rule that this value knows nothing of
            if raised_by_validator(error):
                raise
            raise ValueError(str(error)) from None

    def fallback(self) -> Any:
        """A fresh copy of the default, checked.

        Raises:
            ValueError: The default is not of the field's type.
        """
        return copy.deepcopy(self.check(self.default))

    def shown(self, value: Any) -> Any:
        """The value as its type writes it, which is what a model is shown of an input.

        A type may write more than it reads, such as computed fields, or other names.
        """
        if type(value) is str:
            return value
        data = self.adapter.dump_python(value, mode="json", by_alias=True)
        return ordered(value, data) if self._open else data

    def dump(self, value: Any) -> Any:
        """The value as plain JSON data that `load` makes it of again; sets are sorted.

        Where the type does not read what it writes, this is what it reads, as far as
        the value tells: its data under the names that are read, and nothing computed.
        """
        if type(value) is str:
            return value
        data = self.shown(value)
        if not self.one_way or self._is(data, value):
            return data
        with contextlib.suppress(*_UNUSABLE):
            read = self.adapter.dump_python(
                value, mode="json", by_alias=True, round_trip=True
            )
            for form in (read, as_read(value)):
                if self._is(form, value):
                    return ordered(value, form) if self._open else form
        if not self._told:
            object.__setattr__(self, "_told", True)
            _log.warning(
                "field %r: its type does not read what it writes, so demos cannot "
                "hold its values as a model wrote them: %s",
                self.name,
                brief(repr(data)),
            )
        return data

    def _is(self, data: Any, value: Any) -> bool:
        """Whether `load` makes this value of the data."""
        try:
            return bool(self.load(data) == value)
        except (ValueError, StepError):
            return False

    def load(self, data: Any) -> Any:
        """The value of plain JSON data; the inverse of `dump`.

        Raises:
            ValueError: The data has another type or breaks a constraint.
            StepError: A validator of the type raised anything but a ValueError.
        """
        if self._bare and type(data) is str:
            if not strictjson.is_text(data):
                raise strictjson.no_character(data)
            return data
        if self.exact_schema is self.schema:
            return self._loaded(data, data)
        try:
            return self._loaded(with_digits(data, self.exact_schema), data)
        except ValueError:  # as where one arm of a union has a float there
            return self._loaded(data, data)

    def _loaded(self, data: Any, given: Any) -> Any:
        if self._forks:
            refuse_depth(data)
        try:
            made = self.adapter.validate_json(strictjson.dumps(data), strict=True)
        except pydantic.ValidationError as error:
            raise ValueError(first_error(error)) from None
        except Exception as error:
            if isinstance(error, TypeError) and not raised_by_validator(error):
                raise ValueError(str(error)) from None
            fault = raised_in_type(self.name, error)
            if fault is None:
                raise
            raise fault from error
        if self._loose or self._open:
            kept = as_read(made) if self.one_way else self.shown(made)
            self._refuse_loss(given, made, kept)
        return made

    def _refuse_loss(self, given: Any, made: Any, kept: Any) -> None:
        if (self._loose or self._open) and is_lossy(given, kept):
            raise ValueError(f"{brief(repr(given))} is of another type")
        if is_dict(given) and is_dict(made) and len(made) < len(given):
            raise ValueError(f"two keys of {brief(repr(given))} are one")

    def write(self, data: Any, *, spell: bool = True) -> str:
        """JSON data as the text that stands under the field's heading.

        Bare text is written as it is, unless its edges would be lost or it could be
        taken for a quoted text; `read_text` gives back exactly what was written.

        Args:
            data: Plain JSON data.
            spell: Whether a form feed before a letter is spelled by its number, so that
                it is no backslash; first editions of forms, which stay as they were,
                write the escape.
        """
        if isinstance(data, str) and self.plain:
            bare = data and data == data.strip(_BLANK) and data[0] != '"'
            if bare:
                return data
        elif self.turns:
            return text_of_turns(data)
        elif isinstance(data, str) and self.media:
            return data
        text = strictjson.dumps(data)
        return strictjson.spelled(text) if spell else text

    def _unusable(self, error: Exception) -> SignatureError:
        why = brief(" ".join((str(error) or type(error).__name__).split()), 200)
        found = _OURS.search(why)
        remedy = brought("type", found[1]) if found else ""
        return SignatureError(
            f"field {self.name!r} has a type that pydantic cannot check: "
            f"{why.partition('. ')[0].rstrip('.')}",
            hint=remedy
            or "Use a standard type or a pydantic model, and rules that fit it",
        )
