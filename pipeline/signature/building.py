"""Signatures built in code: fields marked, added, replaced and left out.

Each of these makes another signature; the one that it is made of stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

from ..errors import SignatureError, did_you_mean
from ..ground.hints import hint
from .field import FieldSpec
from .spec import Spec, check_fields, default_instruction

if TYPE_CHECKING:
    from .signature import Signature


@dataclass(frozen=True)
class Marker:
    """What `Input()` and `Output()` say of a field."""

    role: Literal["input", "output"]
    description: str
    options: Mapping[str, Any]


_OPTIONS = (
    "default",
    "ge",
    "gt",
    "le",
    "lt",
    "multiple_of",
    "min_length",
    "max_length",
    "pattern",
)


def Input(description: str = "", **options: Any) -> Any:  # noqa: N802 - a field word
    """Mark a class attribute as an input field.

    Args:
        description: What the field holds; the model reads it.
        options: `default`, and pydantic's constraints: ge, gt, le, lt, multiple_of,
            min_length, max_length, pattern.

    Raises:
        SignatureError: An unknown option.
    """
    return _mark("input", description, options)


def Output(  # noqa: N802 - a field word
    description: str = "", *, init: Literal[False] = False, **options: Any
) -> Any:
    """Mark a class attribute as an output field; options as for `Input`.

    `init` exists for type checkers alone: outputs are not arguments of a call.
    """
    del init
    return _mark("output", description, options)


def _mark(
    role: Literal["input", "output"], description: str, options: Mapping[str, Any]
) -> Marker:
    for option in options:
        if option not in _OPTIONS:
            raise SignatureError(
                f"{role.capitalize()}() has no option {option!r}",
                hint=hint("option", option, ("description", *_OPTIONS)),
            )
    if not isinstance(cast(object, description), str):
        raise SignatureError(
            f"{role.capitalize()}() got the description {description!r}",
            hint=f'Describe the field in words: {role.capitalize()}("...")',
        )
    return Marker(role, description, MappingProxyType(dict(options)))


def marked(name: str, kind: Any, marker: Marker) -> FieldSpec:
    """The field that a marker and a type make."""
    options = dict(marker.options)
    extra = {"default": options.pop("default")} if "default" in options else {}
    return FieldSpec(name, marker.role, kind, marker.description, options, **extra)


class Building(type):
    """What every signature class can be asked for: another one, made of it.

    The result is a signature like one that was written: `weft.Predict` takes it, and it
    can be changed again. Checkers know of it that it is one, and not its fields.
    """

    __weft__: Spec

    def append(cls, name: str, field: Any, kind: Any = str) -> type[Signature]:
        """The signature with one more field, behind the other inputs or outputs.

        Args:
            name: The field's name.
            field: `Input(...)` or `Output(...)`.
            kind: Its type.

        Raises:
            SignatureError: There is a field of that name, or it can be none.

        >>> import weft
        >>> triage = weft.Predict("message -> team").signature
        >>> weft.Predict(triage.append("sure", weft.Output("from 0 to 1"), float))
        Predict('team': message -> team, sure)
        """
        return cls._with_one(name, field, kind, first=False)

    def prepend(cls, name: str, field: Any, kind: Any = str) -> type[Signature]:
        """As `append`, before the other inputs or outputs.

        >>> import weft
        >>> triage = weft.Predict("message -> team").signature
        >>> weft.Predict(triage.prepend("why", weft.Output("in one sentence")))
        Predict('team': message -> why, team)
        """
        return cls._with_one(name, field, kind, first=True)

    def with_fields(cls, **fields: Any) -> type[Signature]:
        """The signature with fields replaced in their places, or added behind.

        Args:
            fields: By name `Input(...)` or `Output(...)`, for a field that keeps its
                type (`str` for a new one), or a type with it: `(float, Output())`.

        Raises:
            SignatureError: A value is none of these, or makes no field.

        >>> import weft
        >>> triage = weft.Predict("message -> team").signature
        >>> who = weft.Output("who can solve it")
        >>> weft.Predict(triage.with_fields(team=who, k=(int, weft.Input())))
        Predict('team': message, k -> team)
        """
        spec, made = cls.__weft__, {f.name: f for f in cls.__weft__.fields}
        for name, given in fields.items():
            known = made.get(name)
            kind: Any = str if known is None else known.annotation
            marker: Any = given
            if isinstance(given, tuple) and len(cast("tuple[Any, ...]", given)) == 2:
                kind, marker = cast("tuple[Any, Any]", given)
            made[name] = _marked(spec.name, name, kind, marker)
        return cls._built(made.values())

    def without(cls, *names: str) -> type[Signature]:
        """The signature without some of its fields.

        Raises:
            SignatureError: There is no such field, or no input or output is left.

        >>> import weft
        >>> triage = weft.Predict("message, k: int -> team").signature
        >>> weft.Predict(triage.without("k"))
        Predict('team': message -> team)
        """
        spec = cls.__weft__
        for name in names:
            if name not in spec.names:
                raise SignatureError(
                    f"{spec.name} has no field {name!r} to leave out",
                    hint=did_you_mean(name, spec.names),
                )
        return cls._built(f for f in spec.fields if f.name not in names)

    def with_instruction(cls, instruction: str) -> type[Signature]:
        """The signature with another instruction, which modules of it begin with.

        Raises:
            SignatureError: It is no text.

        >>> import weft
        >>> triage = weft.Predict("message -> team").signature
        >>> weft.Predict(triage.with_instruction("Route it.")).instruction
        'Route it.'
        """
        if not isinstance(cast(object, instruction), str) or not instruction.strip():
            raise SignatureError(
                f"{instruction!r} is no instruction",
                hint="Say in words what the model is to do",
            )
        return cls._made(replace(cls.__weft__, instruction=instruction))

    def _with_one(
        cls, name: str, field: Any, kind: Any, *, first: bool
    ) -> type[Signature]:
        spec = cls.__weft__
        if name in spec.names:
            raise SignatureError(
                f"{spec.name} already has a field {name!r}",
                hint=f"Write with_fields({name}=...) to replace it, or rename it",
            )
        made = _marked(spec.name, name, kind, field)
        same = [f for f in spec.fields if f.role == made.role]
        same = [made, *same] if first else [*same, made]
        others = [f for f in spec.fields if f.role != made.role]
        return cls._built(
            [*same, *others] if made.role == "input" else [*others, *same]
        )

    def _built(cls, fields: Iterable[FieldSpec]) -> type[Signature]:
        """The signature with these fields; one that was named by them is named anew."""
        spec, made = cls.__weft__, tuple(fields)
        check_fields(made, spec.name)
        instruction = spec.instruction
        if instruction == default_instruction(spec.fields):
            instruction = default_instruction(made)
        return cls._made(replace(spec, instruction=instruction, fields=made))

    def _made(cls, spec: Spec) -> type[Signature]:
        # No subclass of what it is made of: a field that was left out would come back.
        root = cls.__mro__[-2]
        made = cast("type[Signature]", type.__new__(type(cls), spec.name, (root,), {}))
        made.__weft__ = spec
        return made


def _marked(who: str, name: str, kind: Any, marker: Any) -> FieldSpec:
    if isinstance(marker, Marker):
        return marked(name, kind, marker)
    raise SignatureError(
        f"{who}: the field {name!r} is given {marker!r}, which is neither an input nor "
        "an output",
        hint=f"Write {name}=Output(...), or (float, Output(...)) with its type",
    )
