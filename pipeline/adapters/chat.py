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
from ..spec import Spec
from .base import Adapter, Parsed, begin_with, read_fields
from .streaming import FieldReader, HeadingReader

_END = "/end"


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
            lines += [_heading(field.name, fence), field.write(values[field.name])]
        if ends:
            lines.append(_heading(_END, fence))
        return "\n".join(lines)

    def read(self, text: str, spec: Spec, fence: str) -> Parsed:
        """The values in a reply; text before the headings and after the end is not."""
        found: dict[str, str] = {}
        current, start, ended = "", 0, False
        for match in _lines(spec, fence).finditer(text):
            name = match[1]
            if name == _END and not current:
                continue
            if current:
                found[current] = text[start : match.start()]
            ended = ended or name == _END
            if name in found:
                raise ParseError(f"field {name!r} comes twice", field=name)
            current, start = "" if ended else name, match.end()
        if current:
            found[current] = text[start:]
        if not found:
            first = next(iter(spec.outputs))
            raise ParseError(
                f"no heading such as {_heading(first, fence)} in the reply",
                field=first,
            )
        return read_fields(spec, found, lambda field, part: field.read(part))

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

    def reader(self, spec: Spec, fence: str) -> FieldReader:
        """Reads headings as they arrive."""
        headings = {_heading(name, fence): name for name in spec.outputs}
        return HeadingReader(spec, headings, _heading(_END, fence))

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The headings of every field, and the end mark."""
        return _marks(spec, fence)


def _heading(name: str, fence: str) -> str:
    return f"[[ {name}{fence} ]]"


@lru_cache(maxsize=512)
def _marks(spec: Spec, fence: str) -> tuple[str, ...]:
    names = (*(f.name for f in spec.fields), _END)
    return tuple(_heading(name, fence) for name in names)


@lru_cache(maxsize=512)
def _lines(spec: Spec, fence: str) -> re.Pattern[str]:
    """Lines that hold the heading of an output, or the end mark, and nothing else."""
    names = "|".join(map(re.escape, (*spec.outputs, _END)))
    mark = re.escape(_heading("@", fence)).replace("@", f"({names})")
    return re.compile(rf"^[ \t\r]*+{mark}[ \t\r]*+$", re.MULTILINE)
