"""`name: value`, a field a line: the form that asks least of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from ..lm.request import JSON
from ..reading.arriving import StructureReader
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from .base import Adapter
from .lines import LineReader, first_name, line_of, read_lines, undecorated
from .reminder import begin_with
from .reply import Given, Parsed


@final
@dataclass(frozen=True)
class PlainAdapter(Adapter):
    """Each field on a line of its own, as `name: value`.

    A value with a line break is written as JSON, so that none can begin a line.
    """

    name = "plain"

    def form(self, spec: Spec, fence: str) -> str:
        """The form of the reply, as the model is told it."""
        lines = "\n".join(f"{name}{fence}: <{name}>" for name in spec.outputs)
        return f"Reply in exactly this form, each field on its line:\n\n{lines}"

    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """Names and values, a line each."""
        return "\n".join(line_of(f, values[f.name], fence) for f in fields)

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
        del echoed
        return LineReader(spec, fence)

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The names of all fields with their colons."""
        return tuple(f"{f.name}{fence}:" for f in spec.fields)

    def bare(self, text: str) -> str:
        """A text without what may decorate names."""
        return undecorated(text)
