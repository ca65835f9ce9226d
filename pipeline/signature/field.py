"""One field of a signature: its name, its type, its rules, and its text form."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Annotated, Any, Literal

import pydantic
from pydantic import TypeAdapter
from pydantic_core import SchemaError

from ..errors import SignatureError
from ..ground import strictjson
from ..ground.plain import is_loose, is_lossy, is_open, ordered, without_models
from ..ground.shapes import is_dict
from ..ground.words import brief
from .types import Kind, check_rules, choices_of, kind_of, options_of
from .wording import first_error, wanted

FieldRole = Literal["input", "output"]
_BLANK = " \t\r\n"
_UNSET: Any = object()
_SAFE = (int, bool, type(None))
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
    """

    name: str
    role: FieldRole
    annotation: Any
    description: str = ""
    constraints: Mapping[str, Any] = field(default_factory=dict[str, Any])
    default: Any = _UNSET

    def __reduce__(self) -> tuple[Any, ...]:
        """What was worked out from the fields is worked out again elsewhere."""
        given: dict[str, Any] = {"constraints": dict(self.constraints)}
        given |= {} if self.required else {"default": self.default}
        told = (self.name, self.role, self.annotation, self.description)
        return partial(FieldSpec, **given), told

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is _UNSET

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """The pydantic adapter of the type with its constraints."""
        kind: Any = self.annotation
        try:
            if self.constraints:
                check_rules(kind, self.constraints)
                kind = Annotated[kind, pydantic.Field(**self.constraints)]
            made: TypeAdapter[Any] = TypeAdapter(kind)
        except _UNUSABLE as error:
            raise self._unusable(error) from error
        return made

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the type."""
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
    def _loose(self) -> bool:
        return is_loose(self.schema)

    @cached_property
    def _open(self) -> bool:
        return is_open(self.schema)

    def check(self, value: Any) -> Any:
        """Validate a Python value strictly; plain JSON data also becomes its type.

        Raises:
            ValueError: The value has another type, breaks a constraint, or cannot be
                sent: NaN, an infinity, a lone surrogate, an object that is no data.
        """
        if self._bare and type(value) is str:
            if not strictjson.is_text(value):
                raise _no_character(value)
            return value
        made = self._made(value)
        if type(made) in _SAFE and not self._loose:
            return made
        try:
            data = self.dump(made)
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
            raise ValueError(str(error)) from None

    def fallback(self) -> Any:
        """A fresh copy of the default, checked.

        Raises:
            ValueError: The default is not of the field's type.
        """
        return copy.deepcopy(self.check(self.default))

    def dump(self, value: Any) -> Any:
        """The value as plain JSON data; sets are sorted."""
        if type(value) is str:
            return value
        data = self.adapter.dump_python(value, mode="json", by_alias=True)
        return ordered(value, data) if self._open else data

    def load(self, data: Any) -> Any:
        """The value of plain JSON data; the inverse of `dump`.

        Raises:
            ValueError: The data has another type or breaks a constraint.
        """
        if self._bare and type(data) is str:
            if not strictjson.is_text(data):
                raise _no_character(data)
            return data
        try:
            made = self.adapter.validate_json(strictjson.dumps(data), strict=True)
        except pydantic.ValidationError as error:
            raise ValueError(first_error(error)) from None
        except TypeError as error:
            raise ValueError(str(error)) from None
        if self._loose or self._open:
            self._refuse_loss(data, made, self.dump(made))
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
        text = strictjson.dumps(data)
        return strictjson.spelled(text) if spell else text

    def _unusable(self, error: Exception) -> SignatureError:
        why = brief(" ".join((str(error) or type(error).__name__).split()), 200)
        return SignatureError(
            f"field {self.name!r} has a type that pydantic cannot check: "
            f"{why.partition('. ')[0].rstrip('.')}",
            hint="Use a standard type or a pydantic model, and rules that fit it",
        )


def _no_character(text: str) -> ValueError:
    return ValueError(f"{brief(repr(text))} holds a lone surrogate, no character")
