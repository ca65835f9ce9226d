"""A text to be continued: the task, the demos as cases, and a case that breaks off.

For base models, which were never taught turns, and for servers of completions. With
four cases of a task before it, such a model goes on in kind.

Of a list of choices it goes on with the list. So the second edition, where a grammar
holds the model to them, shows each choice that no demo shows as a case of its own words
(`text: exchange charge`, then `label: exchange_charge`): the label names of zero-shot
classification (Yin et al. 2019, arXiv 1909.00161), put as cases. On Gemma 3 270M ten
labels went from 18 to 48 % right with no row shown (docs/bench-real.md).

A JSON schema among lines is gone on with as well. So the third edition, where nothing
is enforced, tells the shape of a nested output by three made-up cases, and by no words.

A grammar that lets any digits through lets a model write month 15, or 73 of 5 stars.
The fourth edition's keeps numbers to the ends of their types, and dates to months.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from ..ground import strictjson
from ..lm.request import JSON, Message
from ..parameters import Demo
from ..reading.arriving import StructureReader
from ..reading.fields import Given, Parsed, refuse_silence
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.wording import BY_SCHEMA, NOT_GIVEN
from .demos import choices_as_cases
from .json_object import JSONAdapter
from .placing import Laying
from .plain import LineAdapter, LineReader, read_lines
from .schema import line_grammar, response_format_of

_ANSWER = "=>"
_CASES = 3


@final
@dataclass(frozen=True)
class CompletionAdapter(LineAdapter):
    """Cases of `name: value` lines, a blank line after each; the last one breaks off.

    Where the endpoint enforces a grammar, outputs are lines and nothing is said of
    their types; where it enforces schemas alone, and for outputs that are nested, they
    are one JSON object behind `=>`; else lines, with their types told at the top.

    Args:
        enforced: Whether the endpoint enforces a JSON schema.
        ruled: Whether the endpoint enforces a grammar.
    """

    name = "completion"
    enforced: bool = False
    ruled: bool = False

    @property
    def continues(self) -> bool:
        """A call is one text."""
        return True

    def form(self, spec: Spec, fence: str) -> str:
        """What the outputs are; the form itself is seen in the cases."""
        lines = [f"{name}{fence}: {f.wanted}" for name, f in spec.outputs.items()]
        return "\n".join(lines)

    def laying(
        self,
        spec: Spec,
        instruction: str,
        demos: tuple[Demo, ...],
        fence: str,
        *,
        remind: bool,
    ) -> Laying:
        """One text: the task, what is wanted, the cases, and the one to go on with."""
        del remind
        head = self.head(spec, instruction, demos, fence)
        fields, begun = spec.inputs.values(), self._breaks_off(spec, fence)

        def rest(inputs: Mapping[str, JSON]) -> tuple[Message, ...]:
            text = f"{head}{self.write(fields, inputs, fence)}\n{begun}"
            return (Message("user", text),)

        return Laying((), rest)

    def made_up(self, spec: Spec) -> int:
        """One case, or three where they alone say what an output looks like."""
        nested = any(_by_schema(field) for field in spec.outputs.values())
        return _CASES if nested and self._shows_shapes(spec, "") else 1

    def head(
        self, spec: Spec, instruction: str, demos: tuple[Demo, ...], fence: str
    ) -> str:
        """What stands before the input: the task, what is wanted, the cases."""
        ruled = self._is_ruled(spec, fence)
        shapes = not self._shows_shapes(spec, fence)
        told = _told(spec, fence, typed=not ruled, shapes=shapes)
        # Where nothing holds the model to the choices it copies the input instead.
        named = choices_as_cases(spec, demos) if ruled and self.edition > 1 else ()
        cases = [self._case(spec, demo, fence) for demo in (*demos, *named)]
        return "".join(f"{part}\n\n" for part in (instruction, told, *cases) if part)

    def repaired(
        self,
        messages: tuple[Message, ...],
        reply: str,
        again: str,
        spec: Spec,
        fence: str,
    ) -> tuple[Message, ...]:
        """The text with what came, why it is no answer, and the place to go on at."""
        came = reply.strip().partition("\n\n")[0]
        text = f"{messages[0].text} {came}\n\n{again}\n"
        return (Message("user", text + self._breaks_off(spec, fence)),)

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The values in what came; a further case that the model begins is not read."""
        if self._as_object(spec, fence):
            return _OBJECTS.read(text, spec, fence, given)
        refuse_silence(text, spec)
        begun = self._breaks_off(spec, fence)
        whole = text if text.lstrip().startswith(begun) else begun + text
        return read_lines(whole, spec, fence, given, ends_blank=True)

    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """Where the answer begins: at once, since its name stands there already."""
        objects = self._as_object(spec, fence)
        return _OBJECTS.begins(text, at, spec, fence) if objects else at

    def response_format(
        self, spec: Spec, room: int | None
    ) -> Mapping[str, JSON] | None:
        """A JSON schema of the outputs."""
        return response_format_of(spec, room) if self._as_object(spec, "") else None

    def grammar(self, spec: Spec, fence: str, room: int | None) -> str:
        """The grammar of the outputs' lines."""
        if not self.ruled:
            return ""
        bounded = self.edition > 3
        return line_grammar(spec, fence, room, bounded=bounded) or ""

    def stops(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """A blank line: no value holds one."""
        return () if self._as_object(spec, fence) else ("\n\n",)

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """Reads lines, or the object, as they arrive."""
        if self._as_object(spec, fence):
            return _OBJECTS.pieces(spec, fence, echoed)
        return LineReader(spec, fence, next(iter(spec.outputs)), ends_blank=True)

    def _case(self, spec: Spec, demo: Demo, fence: str) -> str:
        known = {f.name: demo.values.get(f.name, NOT_GIVEN) for f in spec.fields}
        asked = self.write(spec.inputs.values(), known, fence)
        if self._as_object(spec, fence):
            made = strictjson.dumps({name: known[name] for name in spec.outputs})
            return f"{asked}\n{_ANSWER} {made}"
        return f"{asked}\n{self.write(spec.outputs.values(), known, fence)}"

    def _is_ruled(self, spec: Spec, fence: str) -> bool:
        return self.ruled and line_grammar(spec, fence, None) is not None

    def _as_object(self, spec: Spec, fence: str) -> bool:
        return self.enforced and not self._is_ruled(spec, fence)

    def _shows_shapes(self, spec: Spec, fence: str) -> bool:
        """Whether cases alone say what nested outputs look like: nothing holds them."""
        held = self._is_ruled(spec, fence) or self._as_object(spec, fence)
        return self.edition > 2 and not held

    def _breaks_off(self, spec: Spec, fence: str) -> str:
        first = f"{next(iter(spec.outputs))}{fence}:"
        return _ANSWER if self._as_object(spec, fence) else first


_OBJECTS = JSONAdapter(2)


def _told(spec: Spec, fence: str, *, typed: bool, shapes: bool) -> str:
    """What fields are described as; and, where nothing else says so, of what type.

    `shapes` is whether types are told that only a schema tells.
    """
    notes: list[str] = []
    for field in spec.fields:
        told = typed and field.role == "output" and (shapes or not _by_schema(field))
        said = "; ".join(filter(None, (field.wanted * told, field.said)))
        notes += [f"{field.name}{fence}: {said}"] if said else []
    return "\n".join(notes)


def _by_schema(field: FieldSpec) -> bool:
    """Whether an output's type is told as a JSON Schema."""
    return field.wanted.startswith(BY_SCHEMA)
