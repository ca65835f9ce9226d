"""Tags: each field between an opening and a closing tag, its text taken literally."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import final

from ..errors import ParseError
from ..lm.request import JSON
from ..reading.arriving import Delta, StructureReader
from ..reading.asides import first_turn
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
from ..reading.marks import MarkReader, Value
from ..reading.typography import RESPELLED, respelled
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.types import ONE_LINE
from .base import Adapter

_TAG = re.compile(
    r"(?P<mark><(?P<closes>\\?/|\\|)(?P<name>[^\W\d][\w -]{0,80}?)(?P<tag>-\d+)?>)"
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{1,20});")
_ENTITIES = "entities read as characters"
_SLIP = "an opening tag read as the closing one"


@final
@dataclass(frozen=True)
class XMLAdapter(Adapter):
    """Fields in `<name>` tags. Only these tags are structure: nothing is escaped.

    The second edition asks for a missing field alone, and spells control characters.
    """

    name = "xml"
    asks_whole = 1

    def form(self, spec: Spec, fence: str) -> str:
        """The form of the reply, as the model is told it."""
        lines = ["Reply in exactly this form, each field in its tags:", ""]
        lines += [f"{_open(n, fence)}...{_close(n, fence)}" for n in spec.outputs]
        return "\n".join(lines)

    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """Tags and values, one field after the other."""
        spell = self.edition > 1
        texts = {f.name: f.write(values[f.name], spell=spell) for f in fields}
        return "\n".join(
            f"{_open(name, fence)}{text}{_close(name, fence)}"
            for name, text in texts.items()
        )

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The values in a reply; what stands outside the tags is ignored."""
        found, last, notes = _found(text, spec, fence)
        again = _respelled(text, spec, fence, given.echoed, {*found} - {last})
        if again is not None:
            return self.read(again, spec, fence, given).noting((RESPELLED,))
        if last:
            field = spec.outputs[last]
            if given.cut and not is_whole(found[last], field):
                raise cut_off(last, spec, found, _read)
            if field.kind not in ONE_LINE:
                raise ParseError(
                    f"the tag {_open(last, fence)} is never closed", field=last
                )
            notes = ["read without its closing tag"]
        elif not found:
            tag = _open(next(iter(spec.outputs)), fence)
            return read_unframed(text, spec, given, f"tag such as {tag}")
        parsed = read_fields(spec, found, _read)
        return parsed.noting(tuple(notes)) if notes else parsed

    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """The first opening tag of an output from a place on."""
        begun = [text.find(_open(name, fence), at) for name in spec.outputs]
        return min((n for n in begun if n >= 0), default=len(text))

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """Reads tags as they arrive."""
        return _TagReader(spec, fence, echoed)

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """Every opening and closing tag."""
        return _tags(spec, fence)


def _open(name: str, fence: str) -> str:
    return f"<{name}{fence.replace('#', '-')}>"


def _close(name: str, fence: str) -> str:
    return f"</{name}{fence.replace('#', '-')}>"


def _tags(spec: Spec, fence: str) -> tuple[str, ...]:
    return tuple(tag(n, fence) for n in spec.names for tag in (_open, _close))


@lru_cache(maxsize=512)
def _pattern(spec: Spec, fence: str) -> re.Pattern[str]:
    """Any tag of the call."""
    names = "|".join(map(re.escape, spec.names))
    return re.compile(f"<(/?)({names}){re.escape(fence.replace('#', '-'))}>")


def _respelled(
    text: str, spec: Spec, fence: str, echoed: str, found: Collection[str]
) -> str | None:
    """A reply with each tag of another name as it was asked for.

    Where some are found whole, those of the fields that are missing, each of which is
    needed.
    """

    def mark(name: str, found: re.Match[str]) -> str:
        return _close(name, fence) if found["closes"] else _open(name, fence)

    tail = fence.replace("#", "-")
    if not found:
        return respelled(text, _TAG, spec.outputs, tail, mark, echoed)
    missing = [name for name in spec.required if name not in found]
    if not missing:
        return None
    return respelled(text, _TAG, missing, tail, mark, echoed, missing)


def _found(text: str, spec: Spec, fence: str) -> tuple[dict[str, str], str, list[str]]:
    """The text of each field, the field that no tag closes, and notes.

    Raises:
        ParseError: A field comes twice, or its tags stand where they close nothing.
    """
    found: dict[str, str] = {}
    current, start = "", 0
    for tag in _pattern(spec, fence).finditer(text):
        closes, name = tag.groups()
        if name not in spec.outputs:
            if current or not found:
                continue
            if all(n in found for n in spec.required):
                return found, "", [BEHIND]
        elif current:
            if not (name == current and (closes or _is_slip(text, tag, spec))):
                raise _misplaced(text, tag, current, fence)
            found[current], current = text[start : tag.start()], ""
            if not closes:
                return found, "", [_SLIP]
        elif closes:
            if found:
                raise ParseError(f"the tag {tag[0]} closes nothing", field=name)
        elif name in found:
            raise ParseError(f"field {name!r} comes twice", field=name)
        else:
            current, start = name, tag.end()
    if current:
        found[current] = text[start:]
    return found, current, []


def _is_slip(text: str, tag: re.Match[str], spec: Spec) -> bool:
    """Whether an opening tag was to close a value, since nothing stands behind it."""
    behind = first_turn(text[tag.end() :]).strip()
    return not behind and spec.outputs[tag[2]].kind in ONE_LINE


def _read(field: FieldSpec, text: str) -> Reading:
    """A field's value; of a closed type also with XML's entities for characters.

    In a text they are text, for nothing is escaped; no value of a closed type has them
    that the text as it stands does not read as.
    """
    try:
        return read_text(field, text)
    except ParseError:
        plain = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
        if not field.kind or plain == text:
            raise
        try:
            reading = read_text(field, plain)
        except ParseError:
            reading = None
        if reading is None:
            raise
    return Reading(reading.value, "; ".join(filter(None, (_ENTITIES, reading.repair))))


def _misplaced(text: str, tag: re.Match[str], current: str, fence: str) -> ParseError:
    if text.find(_close(current, fence), tag.end()) < 0:
        why = f"the tag {_open(current, fence)} is never closed"
    else:
        why = f"the tag {tag[0]} stands in field {current!r}"
    return ParseError(why, field=current)


class _TagReader(MarkReader):
    def __init__(self, spec: Spec, fence: str, echoed: str) -> None:
        super().__init__(spec, _pattern(spec, fence), _tags(spec, fence), "<")
        self._fence, self._echoed = fence, echoed
        self._found: list[str] = []

    @property
    def whole(self) -> bool:
        """Whether every required field has come, and a tag has closed it."""
        found = all(name in self._found for name in self._spec.required)
        return found and self._value is None

    def close(self) -> Iterator[Delta]:
        """Nothing more: what no tag closes is no field."""
        return iter(())

    def respelled(self, text: str) -> str | None:
        """A reply with its tags as they were asked for."""
        found = [*self._found]
        if self._value is not None:
            found.remove(self._value.field)
        return _respelled(text, self._spec, self._fence, self._echoed, found)

    def _passes_over(self, mark: re.Match[str]) -> bool:
        return self._value is not None and mark[2] in self._spec.inputs

    def _meet(self, mark: re.Match[str]) -> Iterator[Delta]:
        closes, name = mark.groups()
        value, self._value, self.inside = self._value, None, False
        if value is not None:
            self.failed = not (closes and value.field == name)
            if not self.failed:
                yield from value.end()
        elif name in self._spec.inputs:
            self._over = bool(self._found) and self.whole
        elif closes or name in self._found:
            self.failed = bool(self._found)
        else:
            self._found.append(name)
            field = self._spec.outputs[name]
            self.begun, self.inside = True, self._may_speak(field)
            self._value = Value(name, field.plain)
