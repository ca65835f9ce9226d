"""What was read of a reply: values, what was mended, and what stands whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import ParseError
from ..reading.asides import first_turn
from ..reading.fields import Reading, read_lone, unfenced
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.types import ONE_LINE


@dataclass(frozen=True, slots=True)
class Parsed:
    """Output values by field name, and what had to be mended to read them."""

    values: dict[str, Any]
    repairs: tuple[str, ...] = ()

    def noting(self, notes: tuple[str, ...]) -> Parsed:
        """The same values, with further notes of what was mended."""
        return Parsed(self.values, (*notes, *self.repairs)) if notes else self


class Given(NamedTuple):
    """What is known of a reply beside its text.

    Args:
        echoed: The inputs of the call as they were written into it.
        cut: Whether the token limit ended the reply.
        ended: Whether a token of its template did, which is left out.
    """

    echoed: str = ""
    cut: bool = False
    ended: bool = False


CUT = "what followed the answer was cut off"
NOTHING = Given()
"""Where nothing is known beside the text."""


def read_fields(
    spec: Spec, found: Mapping[str, Any], read: Callable[[FieldSpec, Any], Reading]
) -> Parsed:
    """Turn what was found under each heading into values, or say what is missing.

    Args:
        spec: The signature.
        found: Text or JSON data by output field.
        read: Reads what was found for one field.

    Raises:
        ParseError: A required field is missing, or a text is not of its type.
    """
    try:
        return _read_all(spec, found, read)
    except ParseError as error:
        error.partial = read_whole(spec, found, read)
        raise


def _read_all(
    spec: Spec, found: Mapping[str, Any], read: Callable[[FieldSpec, Any], Reading]
) -> Parsed:
    values: dict[str, Any] = {}
    repairs: list[str] = []
    for name, field in spec.outputs.items():
        if name not in found:
            if field.required:
                raise ParseError(
                    f"field {name!r} is missing; wanted {field.wanted}",
                    field=name,
                    wanted=field.wanted,
                )
            values[name] = field.fallback()
            continue
        reading = read(field, found[name])
        values[name] = reading.value
        if reading.repair:
            repairs.append(f"{name}: {reading.repair}")
    return Parsed(values, tuple(repairs))


def read_whole(
    spec: Spec, found: Mapping[str, Any], read: Callable[[FieldSpec, Any], Reading]
) -> dict[str, Any]:
    """The values that can be read, whatever else is at fault."""
    values: dict[str, Any] = {}
    for name in found:
        with suppress(ParseError):
            values[name] = read(spec.outputs[name], found[name]).value
    return values


def is_whole(text: str, field: FieldSpec) -> bool:
    """Whether a value is whole though the token limit may have cut what follows.

    So it is where its line has ended, and only one line can hold it.
    """
    return field.shape.kind in ONE_LINE and "\n" in text.lstrip()


def cut_off(
    name: str,
    spec: Spec,
    found: Mapping[str, Any],
    read: Callable[[FieldSpec, Any], Reading],
) -> ParseError:
    """The error for a field that the token limit cut off, with what stands whole."""
    wanted = spec.outputs[name].wanted
    error = ParseError(
        f"field {name!r} is cut off; wanted {wanted}", field=name, wanted=wanted
    )
    error.partial = read_whole(spec, found, read)
    return error


def read_lone_reply(text: str, spec: Spec, given: Given) -> Parsed | None:
    """A reply without any frame: its one field, if the type shows that it is that."""
    if len(spec.outputs) != 1:
        return None
    [(name, field)] = spec.outputs.items()
    body = unfenced(first_turn(text).strip())
    if "```" in body:
        return None
    reading = read_lone(field, body)
    if reading is None:
        return None
    first, newline, behind = body.partition("\n")
    if newline:
        framed = ":" in first or "[" in first
        if (first if framed else f"{first}\n{behind[:4]}") in given.echoed:
            return None
    elif given.cut:
        return None
    return Parsed({name: reading.value}, (f"{name}: {reading.repair}",))
