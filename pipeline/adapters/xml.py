"""Tags: each field between an opening and a closing tag, its text taken literally."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from ..errors import ParseError
from ..field import FieldSpec
from ..lm.request import JSON
from ..spec import Spec
from .base import Adapter, Parsed, read_fields
from .streaming import FieldReader, TagReader


@final
@dataclass(frozen=True)
class XMLAdapter(Adapter):
    """Fields in `<name>` tags. Only these tags are structure: nothing is escaped."""

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
        return "\n".join(
            f"{_open(f.name, fence)}{f.write(values[f.name])}{_close(f.name, fence)}"
            for f in fields
        )

    def read(self, text: str, spec: Spec, fence: str) -> Parsed:
        """The values in a reply; what stands outside the tags is ignored."""
        found: dict[str, str] = {}
        at = 0
        while True:
            starts = [(text.find(_open(n, fence), at), n) for n in spec.outputs]
            here = [(start, name) for start, name in starts if start >= 0]
            if not here:
                break
            start, name = min(here)
            if name in found:
                raise ParseError(f"field {name!r} comes twice", field=name)
            start += len(_open(name, fence))
            end = text.find(_close(name, fence), start)
            if end < 0:
                raise ParseError(
                    f"the tag {_open(name, fence)} is never closed", field=name
                )
            found[name] = text[start:end]
            at = end + len(_close(name, fence))
        if not found:
            first = next(iter(spec.outputs))
            raise ParseError(
                f"no tag such as {_open(first, fence)} in the reply", field=first
            )
        return read_fields(spec, found, lambda field, part: field.read(part))

    def reader(self, spec: Spec, fence: str) -> FieldReader:
        """Reads tags as they arrive."""
        tags = {n: (_open(n, fence), _close(n, fence)) for n in spec.outputs}
        return TagReader(spec, tags)

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """Every opening and closing tag."""
        names = [f.name for f in spec.fields]
        return tuple(tag for n in names for tag in (_open(n, fence), _close(n, fence)))


def _open(name: str, fence: str) -> str:
    return f"<{name}{fence.replace('#', '-')}>"


def _close(name: str, fence: str) -> str:
    return f"</{name}{fence.replace('#', '-')}>"
