"""One JSON object; a JSON schema is enforced by the endpoint where it can be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

from ..errors import ParseError
from ..ground import strictjson
from ..lm.request import JSON
from ..reading.among import BEGINS, Part, around, escaped, is_echo, parts
from ..reading.arriving import StructureReader
from ..reading.asides import first_turn
from ..reading.fields import (
    Given,
    Parsed,
    read_data,
    read_fields,
    read_lone_reply,
    read_whole,
)
from ..reading.nearjson import SAID_AGAIN, NotNearJSON, said_once
from ..reading.nulls import LEFT_OUT, left_out
from ..reading.reasoning import REASONING
from ..reading.typography import RESPELLED, keyed, loosened
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from .base import Adapter
from .objects import ObjectReader
from .prompt import begin_with
from .schema import response_format_of

# A text that is still open where a reply ends, but for half an escape.
_OPEN_TEXT = re.compile(
    r'"(\w{1,200})"\s{0,20}:\s{0,20}"((?:[^"\\]|\\(?:[^u]|u[0-9a-fA-F]{4}))*+)'
    r"(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z",
    re.DOTALL,
)


@final
@dataclass(frozen=True)
class JSONAdapter(Adapter):
    """Fields as one JSON object; quoting keeps every value inside its own string.

    The second edition leaves each field room in the schema that is enforced, and says
    at the end of the user's turn how the reply begins.
    """

    name = "json"
    asks_whole = 1

    def form(self, spec: Spec, fence: str) -> str:
        """The form of the reply, as the model is told it."""
        del fence
        inner = ", ".join(f'"{name}": <{name}>' for name in spec.outputs)
        return f"Reply with one JSON object and nothing else:\n\n{{{inner}}}"

    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """One JSON object, the fields in order."""
        del fence
        text = strictjson.dumps({f.name: values[f.name] for f in fields})
        return strictjson.spelled(text) if self.edition > 1 else text

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The object in the reply; text around it is passed over and noted."""
        del fence
        try:
            part = _object(text)
        except ParseError as error:
            return _read_nearly(text, spec, given, error)
        words = around(text, part.start, part.end)
        if words and _is_echo(part, spec, text, given):
            raise ParseError("the object in the reply is quoted from an input")
        try:
            return _values(part, spec, words)
        except ParseError:
            named = _named(part.value, spec)
            known = any(name in named for name in spec.outputs)
            lone = None if known else read_lone_reply(text, spec, given)
            if lone is None:
                raise
            return lone

    def closed(self, text: str) -> str:
        """A reply that the token limit cut in a text, with its quotes and its brace."""
        begun = _OPEN_TEXT.search(text)
        return text if begun is None else f'{text[: begun.end(2)]}"}}'

    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """Where an object begins from a place on."""
        del spec, fence
        begun = BEGINS["{"].search(text, at)
        return begun.start() if begun else len(text)

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """Reads the object as it arrives."""
        del fence
        return ObjectReader(spec, echoed)

    def compared(self, echoed: str) -> str:
        """The inputs without what spacing and spelling add."""
        return loosened(echoed)

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """Nothing: JSON quoting already keeps values apart."""
        del spec, fence
        return ()

    def reminder(self, spec: Spec, fence: str) -> str:
        """How the object begins."""
        del fence
        if self.edition == 1:
            return ""
        name, field = next(iter(spec.outputs.items()))
        return begin_with(f'{{"{name}":', field)

    def response_format(
        self, spec: Spec, room: int | None
    ) -> Mapping[str, JSON] | None:
        """A JSON schema of the outputs, for endpoints that enforce one."""
        return response_format_of(spec, room if self.edition > 1 else None)


def _object(text: str) -> Part:
    """The outermost object of a reply, read strictly."""
    first, last = text.find("{"), text.rfind("}")
    if first < 0 or last < first:
        raise ParseError("no JSON object in the reply")
    try:
        data = strictjson.loads(text[first : last + 1])
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the JSON object cannot be read: {error}") from None
    if strictjson.control_escapes(text):
        raise ParseError("the JSON object cannot be read: a backslash may be meant")
    return Part(data, first, last + 1, ())


def _is_echo(part: Part, spec: Spec, text: str, given: Given) -> bool:
    source = text[part.start : part.end]
    meant = keyed(part.value, spec.outputs)
    return is_echo(part.value, source, [*spec.outputs, *meant], given.echoed)


def _named(data: Mapping[str, Any], spec: Spec) -> Mapping[str, Any]:
    """An object with each key that means the name of a missing output as that name."""
    meant = keyed(data, spec.outputs)
    if not meant:
        return data
    return {meant.get(key, key): value for key, value in data.items()}


def _values(part: Part, spec: Spec, words: str) -> Parsed:
    data = _named(part.value, spec)
    found = {name: data[name] for name in spec.outputs if name in data}
    absent = left_out(data, spec.outputs, REASONING)
    extra = [name for name in data if name not in spec.outputs]
    notes = part.notes
    if data.keys() != part.value.keys():
        notes += (RESPELLED,)
    if words:
        notes += ("text around the object left out",)
    if extra:
        notes += (f"unknown keys left out: {', '.join(extra)[:200]}",)
    notes += tuple(f"{name}: {LEFT_OUT}" for name in absent)
    try:
        parsed = read_fields(spec, found | dict.fromkeys(absent), read_data)
    except ParseError as error:
        for name in absent:  # nobody wrote it, and it is asked for with the rest
            error.partial.pop(name, None)
        raise
    return parsed.noting(notes) if notes else parsed


def _read_nearly(text: str, spec: Spec, given: Given, error: ParseError) -> Parsed:
    """The one object that fits, among words or nearly JSON; else the error."""
    body = first_turn(text)
    try:
        objects = parts(body)
    except NotNearJSON as why:
        members = _named(why.members, spec)
        found = {name: members[name] for name in spec.outputs if name in members}
        if len(found) == len(spec.outputs) and said_once(body) is not None:
            return _values(Part(why.members, 0, len(body), (SAID_AGAIN,)), spec, "")
        error.partial = read_whole(spec, found, read_data)
        begun = _OPEN_TEXT.search(body) if given.cut else None
        if begun and begun[1] in spec.outputs:
            error.field, error.wanted = begun[1], spec.outputs[begun[1]].wanted
        raise error from None
    if not objects:
        objects = escaped(body)
    fitting = [part for part in objects if _fits(part.value, spec)]
    entire = bool(fitting)
    fitting = fitting or [p for p in objects if _fits(p.value, spec, with_nulls=True)]
    words = around(body, fitting[0].start, fitting[0].end) if fitting else ""
    if words:
        fitting = [p for p in fitting if not _is_echo(p, spec, body, given)]
    # What follows a whole answer up to the token limit is rambling.
    at_once = entire and fitting and not around(body, fitting[0].start, len(body))
    if (given.cut and at_once) or (
        fitting and all(p.value == fitting[0].value for p in fitting)
    ):
        chosen = fitting[0]
    elif not objects or (len(objects) == 1 and not fitting and not words):
        lone = read_lone_reply(text, spec, given)
        if lone is not None:
            return lone
        if not objects:
            raise error
        chosen = objects[0]
    else:
        raise error
    try:
        return _values(chosen, spec, words)
    except ParseError as why:
        error.partial = why.partial
        raise error from None


def _fits(data: Mapping[str, Any], spec: Spec, *, with_nulls: bool = False) -> bool:
    named = _named(data, spec)
    nulls = left_out(named, spec.outputs, REASONING) if with_nulls else ()
    return all(name in named or name in nulls for name in spec.required)
