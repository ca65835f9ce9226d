"""Signatures built in code: fields marked, added, replaced and left out.

What `Input()` and `Output()` say of a field, and how the fields of one signature become
those of another. Nothing is changed: each function gives a new `Spec`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, NoReturn, cast, get_args

from ..errors import SignatureError, did_you_mean
from ..ground.hints import hint
from ..ground.shapes import is_tuple
from .field import FieldSpec
from .spec import Spec, check_fields, default_instruction


@dataclass(frozen=True)
class Marker:
    """What `Input()` and `Output()` say of a field."""

    role: Literal["input", "output"]
    description: str
    options: Mapping[str, Any]

    def __or__(self, other: object) -> NoReturn:
        raise _hidden("a field", self)

    __ror__ = __or__


def _hidden(what: str, marker: Marker) -> SignatureError:
    """Python gives a field its value first, and then reads its type by that name."""
    word = f"weft.{marker.role.title()}()"
    return SignatureError(
        f"{what} is named as its type is, so that Python reads {word} for the type",
        hint="Write `from __future__ import annotations` at the head of the file, or "
        f"name the type otherwise: `import datetime`, `date: datetime.date = {word}`",
    )


def _is_hidden(kind: Any) -> bool:
    return isinstance(kind, Marker) or any(map(_is_hidden, get_args(kind)))


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
    """The field that a marker and a type make.

    Raises:
        SignatureError: The type is a marker: the field has its type's name.
    """
    if _is_hidden(kind):
        raise _hidden(f"field {name!r}", marker)
    options = dict(marker.options)
    extra = {"default": options.pop("default")} if "default" in options else {}
    return FieldSpec(name, marker.role, kind, marker.description, options, **extra)


def with_one(spec: Spec, name: str, field: Any, kind: Any, *, first: bool) -> Spec:
    """A signature's fields and one more, before or behind the others of its side.

    Raises:
        SignatureError: There is a field of that name, or it can be none.
    """
    if name in spec.names:
        raise SignatureError(
            f"{spec.name} already has a field {name!r}",
            hint=f"Write with_fields({name}=...) to replace it, or rename it",
        )
    way = "prepend" if first else "append"
    typed = field if isinstance(field, type) else kind
    told = getattr(typed, "__name__", str(typed))
    form = f'{way}("{name}", weft.Output("..."), {told})'
    made = _marked(spec.name, name, kind, field, form)
    same = [f for f in spec.fields if f.role == made.role]
    same = [made, *same] if first else [*same, made]
    others = [f for f in spec.fields if f.role != made.role]
    return _built(spec, [*same, *others] if made.role == "input" else [*others, *same])


def with_changed(spec: Spec, fields: Mapping[str, Any]) -> Spec:
    """A signature's fields, some replaced in their places or added behind.

    Raises:
        SignatureError: A value makes no field.
    """
    made = {f.name: f for f in spec.fields}
    for name, given in fields.items():
        known = made.get(name)
        kind: Any = str if known is None else known.annotation
        marker: Any = given
        if is_tuple(given) and len(given) == 2:
            kind, marker = given
        form = f"{name}=Output(...), or (float, Output(...)) with its type"
        made[name] = _marked(spec.name, name, kind, marker, form)
    return _built(spec, made.values())


def without_some(spec: Spec, names: Iterable[str]) -> Spec:
    """A signature's fields without some of them.

    Raises:
        SignatureError: There is no such field, or no input or output is left.
    """
    left_out = list(names)
    for name in left_out:
        if not isinstance(cast(object, name), str):
            raise SignatureError(
                f"{spec.name} has no field {name!r} to leave out",
                hint=f'Write without("{spec.names[-1]}"): names, and no list of them',
            )
        if name not in spec.names:
            raise SignatureError(
                f"{spec.name} has no field {name!r} to leave out",
                hint=did_you_mean(name, spec.names),
            )
    return _built(spec, (f for f in spec.fields if f.name not in left_out))


def instructed(spec: Spec, instruction: str) -> Spec:
    """A signature with another first instruction.

    Raises:
        SignatureError: It is no text.
    """
    if not isinstance(cast(object, instruction), str) or not instruction.strip():
        raise SignatureError(
            f"{instruction!r} is no instruction",
            hint="Say in words what the model is to do",
        )
    return replace(spec, instruction=instruction)


def _built(spec: Spec, fields: Iterable[FieldSpec]) -> Spec:
    """A signature with these fields; an instruction that names them is made anew."""
    made = tuple(fields)
    check_fields(made, spec.name)
    instruction = spec.instruction
    if instruction == default_instruction(spec.fields):
        instruction = default_instruction(made)
    return replace(spec, instruction=instruction, fields=made)


def _marked(who: str, name: str, kind: Any, marker: Any, form: str) -> FieldSpec:
    """The field that is meant; `form` is how it would be written."""
    if isinstance(kind, str):
        raise SignatureError(
            f"{who}: the type of the field {name!r} is the text {kind!r}",
            hint=f"Write the type itself, without quotes: {kind}",
        )
    if isinstance(marker, Marker):
        return marked(name, kind, marker)
    raise SignatureError(
        f"{who}: the field {name!r} is given {marker!r}, which is neither an input nor "
        "an output",
        hint=f"Write {form}",
    )
