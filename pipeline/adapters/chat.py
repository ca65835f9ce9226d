"""Headings: each field under a line of its own, the form models write most easily."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import final

from ..errors import ParseError
from ..field import FieldSpec
from ..lm.request import JSON
from ..reading.arriving import StructureReader
from ..reading.asides import CLOSES, OPENS, TOKENS, first_turn
from ..reading.fields import Reading, read_lone
from ..reading.headings import BEHIND, EARLY, END, WITHIN, Headings, within_line
from ..spec import Spec
from .base import (
    Adapter,
    Given,
    Parsed,
    begin_with,
    cut_off,
    is_whole,
    read_fields,
    read_lone_reply,
)
from .streaming import LEAST_OF_A_MARK, HeadingReader

_BRACKETS = re.compile(r"\[\[([^\[\]\n]{1,200})\]\]")


@final
@dataclass(frozen=True)
class ChatAdapter(Adapter):
    """Fields under `[[ name ]]` headings, closed by `[[ /end ]]`.

    The second edition says once more, at the end of the user's turn, how the reply
    begins, and ends the reply at its end mark.
    """

    name = "chat"
    asks_whole = 1

    def form(self, spec: Spec, fence: str) -> str:
        """The form of the reply, as the model is told it."""
        lines = ["Reply in exactly this form, each field under its heading:", ""]
        for name in spec.outputs:
            lines += [_heading(name, fence), f"<{name}>"]
        lines.append(_heading(END, fence))
        return "\n".join(lines)

    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """Headings and values; the end mark follows outputs only."""
        lines: list[str] = []
        ends = False
        for field in fields:
            ends = field.role == "output"
            lines += [_heading(field.name, fence), field.write(values[field.name])]
        if ends:
            lines.append(_heading(END, fence))
        return "\n".join(lines)

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The values in a reply; text before the headings and after the end is not."""
        found, last, notes = _found(text, spec, fence)
        if last:
            plain = spec.outputs[last].plain
            found[last], note = _last(found[last], spec, fence, plain=plain)
            notes = [*notes, note] if note else notes
            if given.cut and not is_whole(found[last], spec.outputs[last]):
                del found[last]
                raise cut_off(last, spec, found, _read)
        elif not found:
            lone = _lone(text, spec, given)
            if lone is not None:
                return lone
            first = next(iter(spec.outputs))
            raise ParseError(
                f"no heading such as {_heading(first, fence)} in the reply",
                field=first,
            )
        parsed = read_fields(spec, found, _read)
        return parsed.noting(tuple(notes)) if notes else parsed

    def reminder(self, spec: Spec, fence: str) -> str:
        """The first heading, and what may stand under it."""
        if self.edition == 1:
            return ""
        name, field = next(iter(spec.outputs.items()))
        return begin_with(_heading(name, fence), field)

    def stops(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The end mark."""
        del spec
        return () if self.edition == 1 else (_heading(END, fence),)

    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """The first heading of an output from a place on."""
        begun = [text.find(_heading(name, fence), at) for name in spec.outputs]
        return min((n for n in begun if n >= 0), default=len(text))

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """Reads headings as they arrive."""
        del echoed
        return HeadingReader(spec, _names(spec, fence))

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The headings of every field, and the end mark."""
        return _marks(spec, fence)


def _heading(name: str, fence: str) -> str:
    return f"[[ {name}{fence} ]]"


@lru_cache(maxsize=512)
def _marks(spec: Spec, fence: str) -> tuple[str, ...]:
    names = (*(f.name for f in spec.fields), END)
    return tuple(_heading(name, fence) for name in names)


@lru_cache(maxsize=512)
def _names(spec: Spec, fence: str) -> dict[str, str]:
    """The name that each mark stands for."""
    names = (*(f.name for f in spec.fields), END)
    return {_heading(name, fence): name for name in names}


@lru_cache(maxsize=512)
def _pattern(spec: Spec, fence: str) -> re.Pattern[str]:
    """Any mark of the call, wherever it stands."""
    names = "|".join(map(re.escape, (*(f.name for f in spec.fields), END)))
    return re.compile(re.escape(_heading("@", fence)).replace("@", f"({names})"))


@lru_cache(maxsize=512)
def _required(spec: Spec) -> tuple[str, ...]:
    return tuple(name for name, field in spec.outputs.items() if field.required)


def _found(text: str, spec: Spec, fence: str) -> tuple[dict[str, str], str, list[str]]:
    """The text of each field, the field that no mark closes, and notes."""
    return _found_plainly(text, spec, fence) or _found_anywhere(text, spec, fence)


def _found_plainly(
    text: str, spec: Spec, fence: str
) -> tuple[dict[str, str], str, list[str]] | None:
    """The same of a reply that keeps to the form; None of any other."""
    found: dict[str, str] = {}
    current, start, last = "", 0, len(text)
    for mark in _pattern(spec, fence).finditer(text):
        begin, end = mark.span()
        if (begin and text[begin - 1] != "\n") or (end < last and text[end] != "\n"):
            return None
        name = mark[1]
        if current:
            found[current] = text[start:begin]
        if name in found or name not in spec.outputs:
            whole = name == END and _pattern(spec, fence).search(text, end) is None
            required = _required(spec)
            keeps = whole and all(field in found for field in required)
            return (found, "", []) if keeps and found else None
        current, start = name, end
    return None


def _found_anywhere(
    text: str, spec: Spec, fence: str
) -> tuple[dict[str, str], str, list[str]]:
    found: dict[str, str] = {}
    notes: list[str] = []
    course, start = Headings(spec.outputs, _required(spec)), 0
    for mark in _pattern(spec, fence).finditer(text):
        name, current = mark[1], course.current
        begin, end = mark.span()
        if current or name in spec.outputs:
            behind = text[end : end + 1]
            alone = (begin == 0 or text[begin - 1] == "\n") and behind in ("", "\n")
            of_input = name in spec.inputs
            if not alone and within_line(text, begin, end, name, of_input=of_input):
                notes.append(WITHIN)
            if current:
                part = text[start:begin]
                found[current] = first_turn(part) if of_input else part
        course.meet(name)
        if course.done:
            if name != END or _marked(text, end, spec, fence):
                notes.append(BEHIND)
            break
        start = end
    if course.current:
        found[course.current] = text[start:]
    elif course.ended and not course.done:
        notes.append(EARLY)
    return found, course.current, list(dict.fromkeys(notes))


def _marked(text: str, at: int, spec: Spec, fence: str) -> bool:
    """Whether a mark stands behind a place."""
    return _pattern(spec, fence).search(text, at) is not None


def _last(text: str, spec: Spec, fence: str, *, plain: bool) -> tuple[str, str]:
    """The text of a field that the reply's end closes, and a note.

    Raises:
        ParseError: A thought ends in it, so that it may be no answer at all.
    """
    begun = text.rfind("[")
    while begun > 0 and text[begun - 1] == "[":
        begun -= 1
    if begun >= 0 and len(text) - begun >= LEAST_OF_A_MARK:
        rest = text[begun:]
        if any(mark.startswith(rest) for mark in _names(spec, fence)):
            return text[:begun], "half a mark left out"
    closes = CLOSES.search(text)
    if plain and closes and OPENS.search(text, 0, closes.start()) is None:
        raise ParseError("what stands last in the reply was thought and not answered")
    kept = first_turn(text)
    return kept, "" if kept is text else TOKENS


def _read(field: FieldSpec, text: str) -> Reading:
    return field.read(text)


def _lone(text: str, spec: Spec, given: Given) -> Parsed | None:
    """A reply without headings: its one field alone, or put into the brackets."""
    lone = read_lone_reply(text, spec, given)
    if lone is not None or len(spec.outputs) != 1:
        return lone
    inside = _BRACKETS.findall(text)
    [(name, field)] = spec.outputs.items()
    if len(inside) != 1 or field.shape.kind not in ("choice", "boolean"):
        return None
    if f"[[{inside[0]}]]" in given.echoed:
        return None
    reading = read_lone(field, inside[0])
    if reading is None:
        return None
    return Parsed({name: reading.value}, (f"{name}: read from between the brackets",))
