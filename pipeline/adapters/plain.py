"""`name: value`, a field a line: the form that asks least of a model.

Only a name at the beginning of a line is structure. A value with a line break is
written as JSON, in one line, so no value can begin one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import final

from ..errors import ParseError
from ..ground import strictjson
from ..lm.request import JSON
from ..reading.arriving import Delta, StructureReader
from ..reading.asides import TOKENS, first_turn
from ..reading.fields import (
    BEHIND,
    Given,
    Parsed,
    Reading,
    cut_off,
    is_whole,
    read_fields,
    read_text,
    read_unframed,
)
from ..reading.marks import Value
from ..reading.typography import LINE, RESPELLED, respelled
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from .base import Adapter
from .prompt import begin_with

_DECORATED = 12  # characters that may stand around a name
_BLANK = " \t\r\n"
_BLANK_LINE = re.compile(r"\n[^\S\n]*+\n")
_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True)
class LineAdapter(Adapter):
    """What is written as `name: value` lines, whatever stands around these."""

    passed_over = str.maketrans("", "", "*_`")  # what may decorate a name

    @final
    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """Names and values, a line each."""
        return "\n".join([_line_of(f, values[f.name], fence) for f in fields])

    @final
    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The names of all fields with their colons."""
        return tuple(f"{name}{fence}:" for name in spec.names)


@final
@dataclass(frozen=True)
class PlainAdapter(LineAdapter):
    """Each field on a line of its own, as `name: value`.

    A value with a line break is written as JSON, so that none can begin a line.
    """

    name = "plain"

    def form(self, spec: Spec, fence: str) -> str:
        """The form of the reply, as the model is told it."""
        lines = "\n".join(f"{name}{fence}: <{name}>" for name in spec.outputs)
        return f"Reply in exactly this form, each field on its line:\n\n{lines}"

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The values in a reply; what stands before the first name is not read."""
        return read_lines(text, spec, fence, given)

    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """The first name of an output from a place on."""
        return first_name(text, at, spec, fence)

    def reminder(self, spec: Spec, fence: str) -> str:
        """The first name, and what may stand behind it."""
        name, field = next(iter(spec.outputs.items()))
        return begin_with(f"{name}{fence}:", field)

    def stops(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """A blank line, where no value can hold one."""
        del fence
        free = any(f.plain and not f.choices for f in spec.outputs.values())
        return () if free else ("\n\n",)

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """Reads lines as they arrive."""
        return LineReader(spec, fence, echoed=echoed)


def _line_of(field: FieldSpec, value: JSON, fence: str) -> str:
    """A field and its value as one line."""
    text = field.write(value)
    if _BREAK.search(text):
        # ASCII, since JSON itself may hold breaks that are no line feeds.
        text = strictjson.spelled(strictjson.dumps(value))
        text = _BREAK.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return f"{field.name}{fence}: {text}"


def read_lines(
    text: str, spec: Spec, fence: str, given: Given, *, ends_blank: bool = False
) -> Parsed:
    """The values in a reply, which a blank line may end behind the last field.

    Raises:
        ParseError: A field is missing, comes twice, or is not of its type.
    """
    found, last, notes = _found(text, spec, fence, ends_blank=ends_blank)
    read = _read if ends_blank else read_text
    if not ends_blank:
        again = _respelled(text, spec, fence, given.echoed, found)
        if again is not None:
            return read_lines(again, spec, fence, given).noting((RESPELLED,))
    if not found:
        first = next(iter(spec.outputs))
        return read_unframed(text, spec, given, f"line such as {first}{fence}:")
    if last:
        ended = first_turn(found[last])
        notes = notes if ended is found[last] else (*notes, TOKENS)
        found[last] = ended
    if given.cut and last:
        over = ends_blank and _BLANK_LINE.search(found[last].strip(_BLANK))
        if not (over or is_whole(found[last], spec.outputs[last])):
            raise cut_off(last, spec, found, read)
    return read_fields(spec, found, read).noting(notes)


def _respelled(
    text: str, spec: Spec, fence: str, echoed: str, found: Collection[str]
) -> str | None:
    """A reply with each name that begins a line as it was asked for.

    Where some names are, those of the fields that are missing, each of which is needed;
    and a line that is decorated as a whole without what decorates it.
    """

    def mark(name: str, _: re.Match[str]) -> str:
        return f"{name}{fence}:"

    ends = spec.inputs
    if not found:
        return respelled(text, LINE, spec.names, fence, mark, echoed, given=ends)
    again = _wrapped(spec, fence).sub(r"\g<line>", text)
    missing = [name for name in spec.required if name not in found]
    if missing:
        names = (*missing, *ends)
        rest = respelled(again, LINE, names, fence, mark, echoed, missing, ends)
        again = again if rest is None else rest
    return None if again == text else again


@lru_cache(maxsize=512)
def _wrapped(spec: Spec, fence: str) -> re.Pattern[str]:
    """A field's line that is decorated as a whole, as in `**x: yes**`."""
    names = "|".join(map(re.escape, spec.outputs))
    return re.compile(
        rf"^[ \t]*+(?:[-*] )?(?P<edge>(?P<one>[*_`])(?P=one){{0,2}}+)"
        rf"(?P<line>(?:{names}){re.escape(fence)}:[ \t](?:(?!(?P=one))[^\n])+)"
        rf"(?P=edge)[ \t\r]*$",
        re.MULTILINE,
    )


def _found(
    text: str, spec: Spec, fence: str, *, ends_blank: bool
) -> tuple[dict[str, str], str, tuple[str, ...]]:
    """The text of each field, the field that the reply's end closes, and notes."""
    found: dict[str, str] = {}
    name, start = "", 0
    for match in _names(spec, fence).finditer(text):
        if name:
            found[name] = text[start : match.start()]
        whole = len(found) == len(spec.outputs)
        named = match["name"]
        if named in spec.inputs or (whole and ends_blank):
            # A further case begins: what it says is no answer to this one.
            if found:
                return found, "", (BEHIND,)
            name = ""
            continue
        if named in found:
            raise ParseError(f"field {named!r} comes twice", field=named)
        name, start = named, match.end()
    if name:
        found[name] = text[start:]
    return found, name, ()


def _read(field: FieldSpec, text: str) -> Reading:
    """A field's value in a text that may run on: its first line says it, if not all."""
    kept = _BLANK_LINE.split(text.strip(_BLANK), maxsplit=1)[0]
    head, _, rest = kept.strip().partition("\n")
    free = field.plain and not field.choices
    try:
        return read_text(field, kept)
    except ParseError:
        if free or not rest:
            raise
    reading = read_text(field, head)
    return Reading(reading.value, reading.repair or BEHIND)


@lru_cache(maxsize=512)
def _names(spec: Spec, fence: str) -> re.Pattern[str]:
    """The names of fields where they begin a line, with what often decorates them.

    Behind a colon only what was opened before the name is decoration, as in `**x:**`;
    anything else there begins the value.
    """
    names = "|".join(map(re.escape, spec.names))
    mark = re.escape(fence)
    edge = "[*_`]"
    closed = r":(?P=c)(?P=b)(?P=a)|(?P=c):(?P=b)(?P=a)|(?P=c)(?P=b):(?P=a)"
    return re.compile(
        rf"^[ \t]*+(?:[-*] )?(?P<a>{edge}?)(?P<b>{edge}?)(?P<c>{edge}?)"
        rf"(?P<name>{names}){mark}(?:{closed}|{edge}{{0,3}}:)",
        re.MULTILINE,
    )


def first_name(text: str, at: int, spec: Spec, fence: str) -> int:
    """Where the first name of an output begins a line, from a place on."""
    for match in _names(spec, fence).finditer(text, at):
        if match["name"] in spec.outputs:
            return match.start()
    return len(text)


class LineReader(StructureReader):
    """Reads `name: value` lines while they arrive.

    `begun` is the field whose value the reply begins with, if it does; `ends_blank`
    says whether a blank line ends the answer.
    """

    def __init__(
        self,
        spec: Spec,
        fence: str,
        begun: str = "",
        *,
        ends_blank: bool = False,
        echoed: str = "",
    ) -> None:
        self._spec, self._fence, self._echoed = spec, fence, echoed
        self._names = _names(spec, fence)
        self._longest = max(map(len, spec.names)) + len(fence) + _DECORATED
        self._ends_blank = ends_blank
        self._edge: list[str] = []  # blanks at the beginning of the line
        self._held = ""  # of the line behind them, while it may still begin a field
        self._is_text = False  # what follows on this line is the value's
        self._lines = 0  # of the value, that hold something
        self._filled = False  # whether this line does
        self._value: Value | None = None
        self._over = False
        self._met: set[str] = set()
        self._repeats = f"{begun}{fence}:" if begun else ""  # where it may begin so
        self._lead: list[str] = []  # blanks before that
        if begun:
            self._begin(begun)
            self.begun = False  # until some of its value has come

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        self.begun = self.begun or (self._value is not None and bool(text.strip()))
        if self._repeats:
            text = self._without_repeat(text, ends=False)
        *lines, rest = text.split("\n")
        for line in lines:
            yield from self._go_on(line, ends=True)
            yield from self._finish_line()
        yield from self._go_on(rest, ends=False)

    @property
    def whole(self) -> bool:
        """Whether the name of every required field has come."""
        return all(name in self._met for name in self._spec.required)

    def close(self) -> Iterator[Delta]:
        """The pieces that are certain since the reply has ended."""
        if self._repeats:
            lead, self._repeats = self._without_repeat("", ends=True), ""
            yield from self.feed(lead)
        yield from self._go_on("", ends=True)
        if self._value is not None and not self._over:
            yield from self._value.close()

    def respelled(self, text: str) -> str | None:
        """A reply with its names as they were asked for."""
        if self._ends_blank:
            return None
        met = self._met.intersection(self._spec.outputs)
        return _respelled(text, self._spec, self._fence, self._echoed, met)

    def _without_repeat(self, text: str, *, ends: bool) -> str:
        """What a reply says, the name before it left out where it says that again."""
        if not (text.strip() or ends):
            self._lead.append(text)
            return ""
        lead = "".join([*self._lead, text])
        begun = lead.lstrip()
        mark = self._repeats
        if not ends and len(begun) < len(mark) and mark.startswith(begun):
            self._lead = [lead]
            return ""
        self._repeats = ""
        return begun.removeprefix(mark) if begun.startswith(mark) else lead

    def _go_on(self, part: str, *, ends: bool) -> Iterator[Delta]:
        if self._over:
            return
        if self._is_text:
            yield from self._add(part)
            return
        if not self._held:
            held = part.lstrip(" \t")
            self._edge.append(part[: len(part) - len(held)])
            part = held
        self._held += part
        long = len(self._held) > self._longest
        if not (ends or long or ":" in self._held):
            return
        match = self._names.match(self._held)
        if not ends and match is not None and self._may_close(match):
            return
        edge, held = "".join(self._edge), self._held
        self._edge, self._held = [], ""
        if match is None:
            self._is_text = True
            yield from self._add(edge + held)
            return
        if self._value is not None:
            yield from self._value.end()
        self._begin(match["name"])
        yield from self._add(held[match.end() :])

    def _may_close(self, name: re.Match[str]) -> bool:
        """Whether what decorates a name may still be closed behind its colon."""
        opened = len(name["a"] + name["b"] + name["c"])
        colon = self._held.index(":")
        return len(self._held) - colon - 1 < opened

    def _begin(self, name: str) -> None:
        field = self._spec.outputs.get(name)
        if self._ends_blank and self._met.issuperset(self._spec.outputs):
            field = None  # a further case begins
        self._over = field is None and not self._met.isdisjoint(self._spec.outputs)
        self._met.add(name)
        made = None if field is None else Value(name, field.plain, open_end=True)
        self._value = made
        self._is_text, self._lines = True, 0
        self.inside = self._may_speak(field)
        self.begun = self.begun or field is not None

    def _add(self, text: str) -> Iterator[Delta]:
        if self._value is None or self._over:
            return
        field = self._spec.outputs[self._value.field]
        self._filled = self._filled or bool(text.strip())
        if not (self._lines and field.choices):
            yield from self._value.add(text)

    def _finish_line(self) -> Iterator[Delta]:
        if self._value is not None and not self._over:
            if self._ends_blank and self._lines > 0 and not self._filled:
                yield from self._value.end()
                self._value = None
            self._lines += self._filled
            yield from self._add("\n")
        self._edge, self._held = [], ""
        self._is_text = self._filled = False
