"""Headings: each field under a line of its own, the form models write most easily."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, final

from ..errors import ParseError
from ..lm.request import JSON
from ..reading.arriving import StructureReader
from ..reading.asides import TOKENS, first_turn, names_of_thoughts, unopened
from ..reading.fields import Reading, read_lone, read_text
from ..reading.headings import BEHIND, EARLY, END, WITHIN, Headings, within_line
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from .base import Adapter
from .reminder import begin_with
from .reply import Given, Parsed, cut_off, is_whole, read_fields, read_lone_reply
from .streaming import LEAST_OF_A_MARK, HeadingReader, sure_end

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
            text = field.write(values[field.name], spell=self.edition > 1)
            lines += [_heading(field.name, fence), text]
        if ends:
            lines.append(_heading(END, fence))
        return "\n".join(lines)

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The values in a reply; text before the headings and after the end is not."""
        form = _form(spec, fence)
        found, last, notes = _found(text, spec, form)
        if last:
            field = spec.outputs[last]
            found[last], note = _last(found[last], field, spec, form, given)
            notes += note
            if given.cut and not is_whole(found[last], field):
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
        return parsed.noting(notes) if notes else parsed

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
        return HeadingReader(spec, _form(spec, fence).names)

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The headings of every field, and the end mark."""
        return _marks(spec, fence)


def _heading(name: str, fence: str) -> str:
    return f"[[ {name}{fence} ]]"


@lru_cache(maxsize=512)
def _marks(spec: Spec, fence: str) -> tuple[str, ...]:
    names = (*(f.name for f in spec.fields), END)
    return tuple(_heading(name, fence) for name in names)


class _Form(NamedTuple):
    """What a reader has to know of a call's marks."""

    pattern: re.Pattern[str]  # any mark, wherever it stands
    names: dict[str, str]  # what each mark stands for
    required: tuple[str, ...]


@lru_cache(maxsize=512)
def _form(spec: Spec, fence: str) -> _Form:
    names = (*(f.name for f in spec.fields), END)
    any_name = f"({'|'.join(map(re.escape, names))})"
    return _Form(
        re.compile(re.escape(_heading("@", fence)).replace("@", any_name)),
        {_heading(name, fence): name for name in names},
        tuple(name for name, field in spec.outputs.items() if field.required),
    )


class _Found(NamedTuple):
    """The text of each field, the field that no mark closes, and notes."""

    texts: dict[str, str]
    last: str = ""
    notes: tuple[str, ...] = ()


def _found(text: str, spec: Spec, form: _Form) -> _Found:
    return _found_plainly(text, spec, form) or _found_anywhere(text, spec, form)


def _found_plainly(text: str, spec: Spec, form: _Form) -> _Found | None:
    """The fields of a reply that keeps to the form; None of any other."""
    found: dict[str, str] = {}
    current, start, last = "", 0, len(text)
    for mark in form.pattern.finditer(text):
        begin, end = mark.span()
        if (begin and text[begin - 1] != "\n") or (end < last and text[end] != "\n"):
            return None
        name = mark[1]
        if current:
            found[current] = text[start:begin]
        if name in found or name not in spec.outputs:
            whole = name == END and form.pattern.search(text, end) is None
            keeps = whole and found and all(field in found for field in form.required)
            return _Found(found) if keeps else None
        current, start = name, end
    return None


def _found_anywhere(text: str, spec: Spec, form: _Form) -> _Found:
    found: dict[str, str] = {}
    notes: list[str] = []
    course, start = Headings(spec.outputs, form.required), 0
    for mark in form.pattern.finditer(text):
        name, current = mark[1], course.current
        begin, end = mark.span()
        if current or name in spec.outputs:
            of_input = name in spec.inputs
            if within_line(text, begin, end, name, of_input=of_input):
                notes.append(WITHIN)
            if current:
                part = text[start:begin]
                found[current] = first_turn(part) if of_input else part
        course.meet(name)
        if course.done:
            if name != END or form.pattern.search(text, end) is not None:
                notes.append(BEHIND)
            break
        start = end
    if course.current:
        found[course.current] = text[start:]
    elif course.ended and not course.done:
        notes.append(EARLY)
    return _Found(found, course.current, tuple(dict.fromkeys(notes)))


def _last(
    text: str, field: FieldSpec, spec: Spec, form: _Form, given: Given
) -> tuple[str, tuple[str, ...]]:
    """The text of a field that the reply's end closes, and a note.

    Raises:
        ParseError: A thought ends in it, so that it may be no answer at all.
    """
    sure = sure_end(text, 0, form.names, "[")
    notes: tuple[str, ...] = ()
    if len(text) - sure >= LEAST_OF_A_MARK and not given.ended:
        text, notes = text[:sure], ("half a mark left out",)
    names = names_of_thoughts(tuple(f.name for f in spec.fields))
    if field.plain and next(unopened(text, names), None) is not None:
        raise ParseError("what stands last in the reply was thought and not answered")
    kept = first_turn(text)
    return kept, notes if kept is text else (*notes, TOKENS)


def _read(field: FieldSpec, text: str) -> Reading:
    return read_text(field, text)


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
