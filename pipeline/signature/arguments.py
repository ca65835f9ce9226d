"""What a step that takes `*args` or `**kwargs` passes on, named by `inputs=`.

A wrapper of others takes whatever these take. A graph is checked by names and types, so
somebody has to say them: in words, or by naming something that takes the same.
"""

from __future__ import annotations

import inspect
import keyword
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

from ..errors import GraphError, SignatureError
from ..seam import caller
from .forms import parse_fields
from .signature import Signature, spec_of
from .spec import Spec

Inputs = str | Mapping[str, Any] | Iterable[str] | Callable[..., Any]
"""Names and types: as text, by name, names alone, or of what takes the same."""

POSITIONAL_ONLY: Final = inspect.Parameter.POSITIONAL_ONLY
POSITIONAL_OR_KEYWORD: Final = inspect.Parameter.POSITIONAL_OR_KEYWORD
VAR_POSITIONAL: Final = inspect.Parameter.VAR_POSITIONAL
VAR_KEYWORD: Final = inspect.Parameter.VAR_KEYWORD
_OPEN: Final = (VAR_POSITIONAL, VAR_KEYWORD)


def named_parameters(
    own: inspect.Signature, inputs: Inputs, step: str
) -> inspect.Signature:
    """A function's parameters, with what `*args` and `**kwargs` hold by name.

    Raises:
        GraphError: The function takes neither, or something is no name.
    """
    known = [p for p in own.parameters.values() if p.kind not in _OPEN]
    if len(known) == len(own.parameters):
        raise GraphError(
            f"{caller()}: step {step!r} is given inputs=, and its function takes no "
            "*args and no **kwargs",
            hint="Leave inputs= out: its parameters are its inputs",
        )
    taken = {p.name for p in known}
    added = [p for p in _parameters(inputs, step) if p.name not in taken]
    first = [p for p in known if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    rest = [p for p in known if p.kind is inspect.Parameter.KEYWORD_ONLY]
    try:
        return own.replace(parameters=[*first, *added, *rest])
    except ValueError as error:
        raise GraphError(
            f"{caller()}: step {step!r}: inputs= names {error}",
            hint="Name each once, and what has no default before what has one",
        ) from None


def types_of(inputs: Inputs) -> dict[str, Any]:
    """The types that `inputs=` says, by name."""
    return {name: kind for name, kind, _ in _entries(inputs)}


def _parameters(inputs: Inputs, step: str) -> Iterator[inspect.Parameter]:
    try:
        entries = list(_entries(inputs))
    except (SignatureError, TypeError, NameError) as error:
        raise GraphError(
            f"{caller()}: step {step!r}: inputs={inputs!r} names no inputs: {error}",
            hint='Write inputs="question, k: int", or what takes the same',
        ) from None
    for name, kind, default in entries:
        text = cast(object, name)
        good = isinstance(text, str) and text.isidentifier()
        if not good or keyword.iskeyword(name):
            raise GraphError(
                f"{caller()}: step {step!r}: inputs= names {name!r}, which is no name",
                hint='Write inputs="question, k: int"',
            )
        yield inspect.Parameter(
            name, POSITIONAL_OR_KEYWORD, default=default, annotation=kind
        )


def _entries(inputs: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, type and default of each input."""
    none = inspect.Parameter.empty
    if isinstance(inputs, str):
        fields = parse_fields(f"{inputs} -> made")
        yield from ((f.name, f.annotation, none) for f in fields if f.role == "input")
    elif isinstance(inputs, Mapping):
        for name, kind in cast("Mapping[str, Any]", inputs).items():
            yield name, kind, none
    elif (taken := _fields_of(inputs)) is not None:
        for spec in taken.inputs.values():
            yield spec.name, spec.annotation, none if spec.required else spec.default
    elif callable(inputs):
        function = getattr(inputs, "function", inputs)
        hints = typing.get_type_hints(function)
        shape = getattr(inputs, "parameters", None) or inspect.signature(function)
        for parameter in shape.parameters.values():
            if parameter.kind not in _OPEN:
                said = parameter.annotation
                kind = hints.get(parameter.name, Any if said is none else said)
                yield parameter.name, kind, parameter.default
    else:
        yield from ((name, Any, none) for name in inputs)


def _fields_of(inputs: Any) -> Spec | None:
    """The fields of a signature, module or program."""
    if isinstance(inputs, type) and issubclass(inputs, Signature):
        return spec_of(inputs)
    found: object = getattr(cast(object, inputs), "inputs", None)
    return found if isinstance(found, Spec) else None
