"""The string and the function form of signatures, and signatures made from others."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import SignatureError
from .field import FieldSpec
from .notation import parse_fields
from .signature import Signature, class_of, resolved_hints, spec_of
from .spec import Spec, check_fields, default_instruction

_ROOT = "Signature"


def make_signature(
    fields: str | tuple[FieldSpec, ...],
    instruction: str = "",
    *,
    name: str = "",
    types: Mapping[str, Any] | None = None,
) -> type[Signature]:
    """A signature from its string form, or from fields.

    Args:
        fields: `"question, k: int -> answer: str"`; an untyped field is `str`.
        instruction: What the model is to do; a plain default is made from the fields.
        name: The signature's name; by default that of its first output, as a class
            would be called.
        types: Further type names that the string may use.

    Raises:
        SignatureError: The text is no signature; the message names the part.

    >>> list(spec_of(make_signature("question, k: int -> answer")).inputs)
    ['question', 'k']
    """
    specs = parse_fields(fields, types) if isinstance(fields, str) else fields
    check_fields(specs, name or (repr(fields) if isinstance(fields, str) else _ROOT))
    spec = Spec(name or _title(specs), instruction or default_instruction(specs), specs)
    return class_of(spec, Signature)


def signature_of(
    given: str | Callable[..., Any], types: Mapping[str, Any] | None = None
) -> type[Signature]:
    """A signature from whatever a module is made of.

    Raises:
        SignatureError: It is neither a signature class nor the string form of one.
    """
    if isinstance(given, str):
        return make_signature(given, types=types)
    if (
        isinstance(given, type)
        and issubclass(given, Signature)
        and spec_of(given).fields
    ):
        return given
    raise SignatureError(
        f"{given!r} is no signature",
        hint='Give a weft.Signature class or a text such as "question -> answer"; '
        "for a function use @weft.predict",
    )


def _title(specs: tuple[FieldSpec, ...]) -> str:
    """A class's name made of the first output's: `short_answer` gives ShortAnswer."""
    first = next(f.name for f in specs if f.role == "output")
    return "".join(part[:1].upper() + part[1:] for part in first.split("_"))


def snake_case(name: str) -> str:
    """A class's name as a module's.

    >>> snake_case("TriageMessage")
    'triage_message'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def extended(signature: type[Signature], *more: FieldSpec) -> type[Signature]:
    """The same signature with more fields: inputs behind the others, outputs before."""
    spec = spec_of(signature)
    for field in more:
        if any(f.name == field.name for f in spec.fields):
            raise SignatureError(
                f"{spec.name} already has a field {field.name!r}",
                hint="Rename it, or use weft.Predict, which adds no field",
            )
    fields = (
        *spec.inputs.values(),
        *(field for field in more if field.role == "input"),
        *(field for field in more if field.role == "output"),
        *spec.outputs.values(),
    )
    return class_of(replace(spec, fields=fields), signature) if more else signature


def function_signature(
    function: Callable[..., Any], output: str | None = None
) -> type[Signature]:
    """The signature of a typed stub function; its body never runs.

    Args:
        function: Its parameters are the inputs, its docstring the instruction.
        output: The output field's name; the function's own name by default.

    Raises:
        SignatureError: A parameter or the result has no type.
    """
    if not inspect.isfunction(function):
        raise SignatureError(
            f"{function!r} is no function",
            hint="Decorate a typed stub such as def sentiment(text: str) -> str: ...",
        )
    hints = resolved_hints(function, function.__name__)
    if hints.get("return", type(None)) is type(None):
        raise SignatureError(
            f"{function.__name__!r} has no result type",
            hint=f"Write def {function.__name__}(...) -> str: ...",
        )
    specs: list[FieldSpec] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise SignatureError(
                f"{function.__name__!r} takes {parameter}",
                hint="Name each input: a model must be told what it is given",
            )
        if parameter.name not in hints:
            raise SignatureError(
                f"{function.__name__}: {parameter.name!r} has no type",
                hint=f"Write {parameter.name}: str",
            )
        unset = parameter.default is parameter.empty
        extra = {} if unset else {"default": parameter.default}
        specs.append(FieldSpec(parameter.name, "input", hints[parameter.name], **extra))
    specs.append(FieldSpec(output or function.__name__, "output", hints["return"]))
    return make_signature(
        tuple(specs), inspect.getdoc(function) or "", name=function.__name__
    )
