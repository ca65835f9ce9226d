"""Headings: each field under a line of its own, the form models write most easily.

A mark of the call's fence is structure wherever it stands. The end mark, or the heading
of an input (a model that goes on to make up the next row), ends an answer once every
required field is there; what stands behind is not read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, final

from ..errors import ParseError
from ..lm.request import JSON
from ..reading.arriving import Delta, StructureReader
from ..reading.asides import (
    TOKENS,
    first_turn,
    names_of_thoughts,
    unopened,
    without_closing,
)
from ..reading.fields import (
    BEHIND,
    Given,
    Parsed,
    cut_off,
    is_whole,
    read_fields,
    read_lone,
    read_text,
    read_unframed,
)
from ..reading.marks import Course, MarkReader, Value, sure_end
from ..reading.typography import LINE, RESPELLED, respelled
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from .base import Adapter
from .prompt import begin_with

_END = "/end"
_WITHIN = "a heading within a line"
_CLOSED = "its own closing mark left out"
_EARLY = "an end mark before the last field"
_BRACKETS = re.compile(r"\[\[([^\[\]\n]{1,200})\]\]")
_HEADING = re.compile(
    r"(?:^|(?<=\S)(?=[ \t]*+\[\[[ \t]*+/))[ \t]*+(?P<mark>\[\["
    r"[# \t]*+(?P<name>[^\[\]\n#]{1,200}?)(?P<tag>#\d+)?[# \t]*+\]\])(?::(?=\s|\Z))?",
    re.MULTILINE,
)
_DECORATION = "*_`#>- \t"
_BLANK = " \t\r"
_LEAST_OF_A_MARK = 4  # what is shorter at a reply's end may be text: `[`, `[[`


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
        lines.append(_heading(_END, fence))
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
            lines.append(_heading(_END, fence))
        return "\n".join(lines)

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The values in a reply; text before the headings and after the end is not."""
        form = _form(spec, fence)
        found, last, notes = _found_plainly(text, spec, form) or _found_anywhere(
            text, spec, form, given
        )
        if len(found) < len(spec.outputs):
            again = _respelled(text, spec, fence, given.echoed, found)
            if again is not None:
                return self.read(again, spec, fence, given).noting((RESPELLED,))
        if last:
            field = spec.outputs[last]
            if "[" in found[last] or "<" in found[last]:
                found[last], note = _last(found[last], field, spec, form, given)
                notes += note
            if given.cut and not is_whole(found[last], field):
                raise cut_off(last, spec, found, read_text)
        elif not found:
            heading = _heading(next(iter(spec.outputs)), fence)
            try:
                return read_unframed(text, spec, given, f"heading such as {heading}")
            except ParseError:
                bracketed = _between_brackets(text, spec, given)
                if bracketed is None:
                    raise
                return bracketed
        parsed = read_fields(spec, found, read_text)
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
        return () if self.edition == 1 else (_heading(_END, fence),)

    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """The first heading of an output from a place on."""
        begun = [text.find(_heading(name, fence), at) for name in spec.outputs]
        return min((n for n in begun if n >= 0), default=len(text))

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """Reads headings as they arrive."""
        return _HeadingReader(spec, fence, echoed)

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The headings of every field, and the end mark."""
        return tuple(_heading(name, fence) for name in (*spec.names, _END))


def _heading(name: str, fence: str) -> str:
    return f"[[ {name}{fence} ]]"


class _Form(NamedTuple):
    """What a reader has to know of a call's marks."""

    pattern: re.Pattern[str]  # any mark, wherever it stands
    names: dict[str, str]  # what each mark stands for
    closings: dict[str, str]  # what looks like a mark that closes each output

    def closing(self, name: str, echoed: str) -> str:
        """What may close a field of its own accord; one of an input's is quoted."""
        mark = self.closings.get(name, "")
        return "" if mark in self.names or mark in echoed else mark


@lru_cache(maxsize=512)
def _form(spec: Spec, fence: str) -> _Form:
    names = (*spec.names, _END)
    any_name = f"({'|'.join(map(re.escape, names))})"
    heading = re.escape(_heading("@", fence)).replace("@", any_name)
    closings = {name: _heading(f"/{name}", fence) for name in spec.outputs}
    known = {_heading(name, fence): name for name in names}
    pattern = re.compile(rf"{heading}(?::(?=\s|\Z|\[\[))?")
    return _Form(pattern, known, closings)


def _respelled(
    text: str, spec: Spec, fence: str, echoed: str, found: Collection[str]
) -> str | None:
    """A reply with headings of other names, or lines, as the headings asked for.

    Each that is missing is needed where some are found; and of lines, which need all.
    """

    def mark(name: str, found: re.Match[str]) -> str:
        heading = _heading(name, fence)
        return heading if found["mark"].startswith("[[") else f"{heading}\n"

    missing = [name for name in spec.required if name not in found]
    if found:
        told = (*missing, *spec.inputs), fence, mark, echoed, missing
        return respelled(text, _HEADING, *told) if missing else None
    if "[[" in text:
        names = (*spec.names, _END, *(f"/{name}" for name in spec.outputs))
        text = respelled(text, _HEADING, names, fence, mark, echoed) or text
        if any(_heading(name, fence) in text for name in spec.outputs):
            return text
    return respelled(text, LINE, spec.names, fence, mark, echoed, missing, spec.inputs)


class _Found(NamedTuple):
    """The text of each field, the field that no mark closes, and notes."""

    texts: dict[str, str]
    last: str = ""
    notes: tuple[str, ...] = ()


def _found_plainly(text: str, spec: Spec, form: _Form) -> _Found | None:
    """The fields of a reply that keeps to the form; None of any other."""
    found: dict[str, str] = {}
    current, start, last = "", 0, len(text)
    for mark in form.pattern.finditer(text):
        begin, end = mark.span()
        if (begin and text[begin - 1] != "\n") or (end < last and text[end] != "\n"):
            return None
        if text[end - 1] == ":":
            return None
        name = mark[1]
        if current:
            found[current] = text[start:begin]
        if name in found or name not in spec.outputs:
            whole = name == _END and form.pattern.search(text, end) is None
            keeps = whole and found and all(n in found for n in spec.required)
            return _Found(found) if keeps else None
        current, start = name, end
    if current:
        found[current] = text[start:]
    return _Found(found, current)


def _found_anywhere(text: str, spec: Spec, form: _Form, given: Given) -> _Found:
    found: dict[str, str] = {}
    notes: list[str] = []
    course, start = Course(spec, _END), 0
    for mark in form.pattern.finditer(text):
        name, current = mark[1], course.current
        begin, end = mark.span()
        if current or name in spec.outputs:
            of_input = name in spec.inputs
            within = _within_line(text, begin, end, name, of_input=of_input)
            if within or text[end - 1] == ":":
                notes.append(_WITHIN)
            if current:
                part = text[start:begin]
                found[current] = part
                if of_input:
                    ended = first_turn(part)
                    found[current] = _unclosed(ended, current, form, given)
                    notes += [_CLOSED] * (found[current] is not ended)
        course.meet(name)
        if course.done:
            if name != _END or form.pattern.search(text, end) is not None:
                notes.append(BEHIND)
            break
        start = end
    if course.current:
        found[course.current] = text[start:]
    elif course.ended and not course.done:
        notes.append(_EARLY)
    return _Found(found, course.current, tuple(dict.fromkeys(notes)))


def _within_line(text: str, start: int, end: int, name: str, *, of_input: bool) -> bool:
    """Whether a mark shares its line with other text.

    Raises:
        ParseError: It is decorated, or an input's in the middle of a sentence: there
            is no telling whether it is meant as structure.
    """
    stop = text.find("\n", end)
    behind = text[end : stop if stop >= 0 else len(text)].strip(_BLANK)
    before = text[text.rfind("\n", 0, start) + 1 : start].strip(_BLANK)
    if not before and not behind:
        return False
    framed = start > 0 and text[start - 1] == text[end : end + 1]
    if before and (not before.strip(_DECORATION) or (framed and before[-1] in "*_`")):
        raise ParseError(f"the heading of {name!r} is decorated", field=name)
    if of_input and before:
        raise ParseError(f"the heading of {name!r} stands in a sentence", field=name)
    return True


def _last(
    text: str, field: FieldSpec, spec: Spec, form: _Form, given: Given
) -> tuple[str, tuple[str, ...]]:
    """The text of a field that the reply's end closes, and a note.

    Raises:
        ParseError: A thought ends in it, so that it may be no answer at all.
    """
    sure = sure_end(text, 0, form.names, "[")
    notes: tuple[str, ...] = ()
    if len(text) - sure >= _LEAST_OF_A_MARK and not given.ended:
        text, notes = text[:sure], ("half a mark left out",)
    if field.plain and any(unopened(text, names_of_thoughts(spec.names))):
        raise ParseError("what stands last in the reply was thought and not answered")
    ended = first_turn(text)
    notes = notes if ended is text else (*notes, TOKENS)
    kept = _unclosed(ended, field.name, form, given)
    return kept, notes if kept is ended else (*notes, _CLOSED)


def _unclosed(text: str, name: str, form: _Form, given: Given) -> str:
    """The text of a field without a mark of its own name that closes it."""
    mark = form.closing(name, given.echoed)
    return without_closing(text, mark) if mark else text


def _between_brackets(text: str, spec: Spec, given: Given) -> Parsed | None:
    """A reply that puts its one value where the heading's name belongs."""
    inside = _BRACKETS.findall(text)
    if len(inside) != 1 or len(spec.outputs) != 1:
        return None
    [(name, field)] = spec.outputs.items()
    if field.kind not in ("choice", "boolean") or f"[[{inside[0]}]]" in given.echoed:
        return None
    reading = read_lone(field, inside[0])
    if reading is None:
        return None
    return Parsed({name: reading.value}, (f"{name}: read from between the brackets",))


class _HeadingReader(MarkReader):
    def __init__(self, spec: Spec, fence: str, echoed: str) -> None:
        form = _form(spec, fence)
        super().__init__(spec, form.pattern, form.names, "[")
        self._form, self._fence, self._echoed = form, fence, echoed
        self._course = Course(spec, _END)

    @property
    def whole(self) -> bool:
        """Whether the heading of every required field has come."""
        return self._course.whole

    def close(self) -> Iterator[Delta]:
        """The pieces that are certain since the reply has ended."""
        if self._value is None:
            return
        if len(self._held) < _LEAST_OF_A_MARK:
            yield from self._value.add(self._held)
        yield from self._value.close()

    def respelled(self, text: str) -> str | None:
        """A reply with its headings as they were asked for."""
        begun = self._course.begun
        return _respelled(text, self._spec, self._fence, self._echoed, begun)

    def _meet(self, mark: re.Match[str]) -> Iterator[Delta]:
        name = mark[1]
        last, by_input = self._value, name in self._spec.inputs
        self._value = None
        try:
            self._course.meet(name)
        except ParseError:
            self.failed = True
        if last is not None:
            yield from last.end(by_input=by_input)
        if self._course.current and not self.failed:
            plain = self._spec.outputs[name].plain
            closing = self._form.closing(name, self._echoed)
            how = {"open_end": True, "headed": True}
            self._value = Value(name, plain, closing=closing, **how)
        self._over = self._course.done
        self.begun = bool(self._course.begun)
        opened = self._value is not None
        self.inside = opened and self._may_speak(self._spec.outputs[name])
