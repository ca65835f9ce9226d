"""Fields' texts, or their JSON data, as values: strictly first, then what they mean.

Mending begins where the strict reading failed, so that a clean reply costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from ..errors import ParseError, StepError, ValidationError
from ..ground import strictjson
from ..ground.lazy import deferred
from ..ground.words import brief
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.types import ONE_LINE, fits
from ..signature.wording import simple
from .asides import END, THOUGHTS, first_turn, unfenced
from .data import alternatives, kinds_of
from .nearjson import SAID_AGAIN, quoted
from .typography import folded, unwrapped
from .values import candidates, in_a_loop, mended, not_given, without_thought

if TYPE_CHECKING:
    from . import sentences
else:  # what few replies need
    sentences = deferred(__package__, "sentences")

BEHIND: Final = "what stood behind the answer left out"
CUT: Final = "what followed the answer was cut off"
_BLANK = " \t\r\n"
_UNFIT = (ValueError, StepError)  # of a guess: a validator may know nothing like it
_LONGEST_NONE = 40
_MOST_MENDED = 50_000  # values: mending is Python, and floods come


class Reading(NamedTuple):
    """A value read from a model's text, and what had to be mended to read it."""

    value: Any
    repair: str = ""


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


Read: TypeAlias = Callable[[FieldSpec, Any], Reading]
"""Reads what was found for one field."""


def read_fields(spec: Spec, found: Mapping[str, Any], read: Read) -> Parsed:
    """Turn what was found of each field into values, or say what is missing.

    Raises:
        ParseError: A required field is missing, or a text is not of its type; the
            error holds the values that stand whole.
    """
    values: dict[str, Any] = {}
    repairs: list[str] = []
    try:
        for name, field in spec.outputs.items():
            if name in found:
                none = not_given(spec, name, found[name])
                values[name], repair = none or read(field, found[name])
                if repair:
                    repairs.append(f"{name}: {repair}")
            else:
                values[name] = _default(field)
    except ParseError as error:
        error.partial = read_whole(spec, found, read)
        raise
    return Parsed(values, tuple(repairs))


def _default(field: FieldSpec) -> Any:
    if field.required:
        said = f"field {field.name!r} is missing; wanted {field.wanted}"
        raise ParseError(said, field=field.name, wanted=field.wanted)
    return field.fallback()


def read_whole(spec: Spec, found: Mapping[str, Any], read: Read) -> dict[str, Any]:
    """The values that can be read, whatever else is at fault."""
    values: dict[str, Any] = {}
    for name in found:
        with suppress(ParseError):
            values[name] = read(spec.outputs[name], found[name]).value
    return values


def is_whole(text: str, field: FieldSpec) -> bool:
    """Whether a value is whole though the token limit may have cut what follows.

    So it is where its line has ended, and only one line can hold it; and where it is an
    object that had begun to say the same again.
    """
    if field.kind in ONE_LINE:
        return "\n" in text.lstrip()
    return not field.plain and in_a_loop(text, field) is not None


def cut_off(name: str, spec: Spec, found: Mapping[str, Any], read: Read) -> ParseError:
    """The error for a field that the token limit cut off, with what stands whole."""
    wanted = spec.outputs[name].wanted
    error = ParseError(
        f"field {name!r} is cut off; wanted {wanted}", field=name, wanted=wanted
    )
    rest = {other: found[other] for other in found if other != name}
    error.partial = read_whole(spec, rest, read)
    return error


def read_unframed(text: str, spec: Spec, given: Given, mark: str) -> Parsed:
    """A reply without any mark of its form, as its one field.

    Raises:
        ParseError: Nothing shows that it is that; the error says which mark is missing.
    """
    lone = read_lone_reply(text, spec, given)
    if lone is None:
        raise ParseError(f"no {mark} in the reply", field=next(iter(spec.outputs)))
    return lone


def read_lone_reply(text: str, spec: Spec, given: Given) -> Parsed | None:
    """A reply without any frame: its one field, if the type shows that it is that."""
    if len(spec.outputs) != 1:
        return None
    [(name, field)] = spec.outputs.items()
    body = unfenced(first_turn(text).strip())
    if not body or "```" in body:
        return None
    reading = read_lone(field, body)
    if reading is None:
        return None
    first, newline, behind = body.partition("\n")
    if sentences.stated(body) and body.rpartition("\n")[2].strip() in given.echoed:
        return None
    if newline:
        framed = any(mark in first for mark in ":[<{()")
        if (first if framed else f"{first}\n{behind[:4]}") in given.echoed:
            return None
    elif given.cut:
        return None
    ended = END.search(body)
    if _is_quoted(body[: ended.end()] if ended else body, field, given):
        return None
    return Parsed({name: reading.value}, (f"{name}: {reading.repair}",))


def _is_quoted(body: str, field: FieldSpec, given: Given) -> bool:
    """Whether a reply is a sentence, or a value with its frame, that an input holds."""
    if body not in given.echoed:
        return False
    framed = body.startswith("{") or body.endswith(">") or unwrapped(body) != body
    told = sentences.told(body, field.name, field.kind)
    return bool(told) or (framed and field.kind in ONE_LINE)


def refuse_silence(text: str, spec: Spec) -> None:
    """Refuse a reply of nothing where a form would take that for a null.

    For forms that have no frame of their own in a reply: nobody wrote a value.

    Raises:
        ParseError: The reply is empty, and its first field may be None.
    """
    name, field = next(iter(spec.outputs.items()))
    if not text.strip(_BLANK) and fits(type(None), field.annotation):
        said = f"field {name!r} is missing; wanted {field.wanted}"
        raise ParseError(said, field=name, wanted=field.wanted)


def read_text(field: FieldSpec, text: str) -> Reading:
    """Read the value that a model wrote under the field's heading.

    Raises:
        ParseError: The text is not of the type at all.
        ValidationError: It is, and breaks a constraint.
    """
    text = text.strip(_BLANK)
    if field.plain:
        return _read_plain(field, text)
    body = unfenced(text)
    try:
        data = strictjson.loads(body)
    except (ValueError, RecursionError) as error:
        data = in_a_loop(body, field)
        if data is not None:
            return Reading(_validated(field, data, text), SAID_AGAIN)
        return _read_loose(field, text, body, str(error))
    if strictjson.control_escapes(body):
        return _read_loose(field, text, body, "an escape has two readings")
    try:
        value = _validated(field, data, text)
    except ValidationError:
        reading = _read_nearly(field, data, body) or _as_it_stands(field, data, text)
        if reading is None:
            raise
        return reading
    return Reading(value, "code fence removed" if body is not text else "")


def read_data(field: FieldSpec, data: Any) -> Reading:
    """Read the JSON data that a model wrote for the field.

    Raises:
        ValidationError: The data is not of the type, or breaks a constraint.
    """
    try:
        return Reading(field.load(data))
    except ValueError as error:
        if field.plain and isinstance(data, str):
            reading = read_text(field, data)
            note = reading.repair or f"read {brief(repr(data))} without its edges"
            return Reading(reading.value, note)
        mending = _read_nearly(field, data, "")
        if mending is not None:
            return mending
        raise ValidationError(
            f"field {field.name!r}: {error}; wanted {field.wanted}",
            field=field.name,
            wanted=field.wanted,
        ) from None


def read_lone(field: FieldSpec, text: str) -> Reading | None:
    """The value of a reply that is nothing else; None where that cannot be told.

    Only of types that a value shows to be its own: a choice, true or false, a number, a
    date, a list or an object. Any text at all would do for a text.
    """
    if not field.kind:
        return None
    try:
        reading = read_text(field, text)
    except ParseError:
        return None
    return Reading(reading.value, reading.repair or "read without any frame")


def _read_plain(field: FieldSpec, text: str) -> Reading:
    data = quoted(text) if text.startswith('"') else text
    if field.choices:
        if data in field.choices:
            return Reading(_validated(field, data, text))
        reading = _read_candidate(field, data)
        if reading is None:
            why = f"{data[:200]!r} is no choice"
            raise _error(field, ValidationError, why, text)
        return reading
    kept = without_thought(data) if data.startswith("<") else data
    try:
        return Reading(field.load(kept), THOUGHTS if kept is not data else "")
    except ValueError as error:
        reading = _read_candidate(field, data)
        if reading is None:
            raise _error(field, ValidationError, str(error), text) from None
        return reading


def _read_loose(field: FieldSpec, text: str, body: str, why: str) -> Reading:
    for data, note in _guesses(field, text):
        with suppress(*_UNFIT):
            return Reading(field.load(data), note)
    reading = _read_candidate(field, body)
    if reading is not None:
        return reading
    if fits(str, field.annotation):
        return Reading(_validated(field, text, text))
    kind = simple(field.annotation, field.schema)
    shown = f"{brief(repr(text))} is not {kind}" if kind else f"not JSON: {why}"
    raise _error(field, ParseError, shown, text)


def _read_nearly(field: FieldSpec, data: Any, text: str) -> Reading | None:
    """What JSON data of another type, or its text, plainly means for the field."""
    if isinstance(data, str) and field.kind in ONE_LINE:
        found = _read_candidate(field, data)
        null = found is None and data and _is_none(data, field)
        return Reading(None, f"read {data!r} as null") if null else found
    # Of a number with a point the text says more: 10.000 may be ten thousand.
    spelled = bool(text) and isinstance(data, float)
    crowd = strictjson.is_crowd(data, _MOST_MENDED)
    fixed = None if spelled or crowd else mended(data, field)
    if fixed is not None:
        with suppress(*_UNFIT):
            return Reading(field.load(fixed[0]), fixed[1])
    closed = field.kind in ("choice", "integer", "number")
    return _read_candidate(field, text) if text and closed else None


def _as_it_stands(field: FieldSpec, data: Any, text: str) -> Reading | None:
    """A text that happens to be JSON, where a union has texts and nothing like it.

    A text in quotes is the one that it spells, and data of a kind that another part of
    the union has is meant as that: it breaks a rule.
    """
    if isinstance(data, str) or not fits(str, field.annotation):
        return None
    if _is_kind_of_a_part(field, data):
        return None
    try:
        return Reading(field.load(text), "read as bare text")
    except ValueError:
        return None


def _is_kind_of_a_part(field: FieldSpec, data: Any) -> bool:
    """Whether JSON data is of a kind that a part of the field's type has."""
    nested = isinstance(data, dict | list)
    kinds = kinds_of(data)
    parts = [part.get("type") for part in alternatives(field.schema, field.schema)]
    return any(named in kinds or (named is None and nested) for named in parts)


def _read_candidate(field: FieldSpec, text: str) -> Reading | None:
    """The value that a text plainly means, if it means one."""
    for data, note in candidates(text, field):
        with suppress(*_UNFIT):
            return Reading(field.load(data), note)
    return None


def _guesses(field: FieldSpec, text: str) -> Iterator[tuple[Any, str]]:
    """What a text that is no JSON may have meant, the likeliest first."""
    if text in field.options:
        yield text, "read as bare text"
    lowered = text.lower()
    if lowered in ("true", "false") and not fits(str, field.annotation):
        yield lowered == "true", f"read {text!r} as JSON"
    if _is_none(text, field):
        yield None, f"read {text!r} as null"
    yield text, "read as bare text"


def _is_none(text: str, field: FieldSpec) -> bool:
    """Whether a text says that there is no value, and nothing else that would do."""
    if not fits(type(None), field.annotation):
        return False
    if text == "":
        return True
    if len(text) > _LONGEST_NONE or text[0] in "\"'":
        return False
    word, options = folded(text), [o for o in field.options if isinstance(o, str)]
    if word in map(folded, options):
        return False
    return text.lower() == "none" or (
        word in ("none", "null") and not fits(str, field.annotation)
    )


def _validated(field: FieldSpec, data: Any, text: str) -> Any:
    try:
        return field.load(data)
    except ValueError as error:
        raise _error(field, ValidationError, str(error), text) from None


def _error(field: FieldSpec, kind: type[ParseError], why: str, text: str) -> ParseError:
    return kind(
        f"field {field.name!r}: {why}; wanted {field.wanted}",
        text=text,
        field=field.name,
        wanted=field.wanted,
    )
