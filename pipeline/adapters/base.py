"""Adapters: a pure pair, render a call as messages and parse the reply into values.

Three forms are known: `chat` (headings), `json` (one object) and `xml` (tags). Each
lays a prompt out alike, what many calls share first, so that servers' prefix caches
hit: the fields and the form of the reply, the task, the demos, and last the input.
With `nearest` set, the demos differ from input to input, and what calls share ends with
the task: the demos are then paid for anew with each call.

A value can never become structure. The fence, the word that sets headings or tags
apart, is chosen so that it occurs in no value of the call; a field that comes twice in
a reply is an error. This is framing, no cure for prompt injection: what a value *says*
still reaches the model.
"""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

from ..base import strictjson
from ..errors import ParseError
from ..field import FieldSpec
from ..lm.request import JSON, REPAIR, Message
from ..nearest import nearest_demos
from ..parameters import Demo, Parameters
from ..signature import Signature, spec_of
from ..spec import Spec
from ..typed.wording import brief
from .streaming import FieldReader

NOT_GIVEN = "(not given for this example)"
_NUMBERS = re.compile(r"(?<=[#-])[0-9]+")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A call as it goes to a model.

    Args:
        messages: The turns, oldest first.
        fence: What sets structure apart in this call; `parse` needs it.
        response_format: The wire's `response_format`, or None.
    """

    messages: tuple[Message, ...]
    fence: str = ""
    response_format: Mapping[str, JSON] | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """Output values by field name, and what had to be mended to read them."""

    values: dict[str, Any]
    repairs: tuple[str, ...] = ()


class Adapter(ABC):
    """A way to write a call and to read the reply; holds no state."""

    name: str

    @abstractmethod
    def form(self, spec: Spec, fence: str) -> str:
        """The form of the reply, as the model is told it."""

    @abstractmethod
    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """Fields and their values, as they stand in a turn."""

    @abstractmethod
    def read(self, text: str, spec: Spec, fence: str) -> Parsed:
        """The values in a reply; raises `ParseError` and nothing else."""

    @abstractmethod
    def reader(self, spec: Spec, fence: str) -> FieldReader:
        """A reader for a reply that arrives piece by piece."""

    @abstractmethod
    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """What no value of the call may contain for this fence to be safe."""

    def response_format(self, spec: Spec) -> Mapping[str, JSON] | None:
        """What the endpoint is asked to enforce, where it can; None by default."""
        del spec
        return None

    @final
    def render(
        self,
        signature: type[Signature],
        parameters: Parameters,
        inputs: Mapping[str, JSON],
        *,
        schema_mode: bool = False,
    ) -> Rendered:
        """Write one call.

        Args:
            signature: The contract.
            parameters: Instruction, demos, and how many of these are shown.
            inputs: Input values as plain JSON data.
            schema_mode: Whether the endpoint obeys a JSON schema.
        """
        spec = spec_of(signature)
        written = [f.write(inputs[name]) for name, f in spec.inputs.items()]
        demos, nearest = parameters.demos, parameters.nearest
        if nearest:
            demos = nearest_demos(spec, demos, nearest, inputs)
        fence = self._fence(spec, demos, "\n".join(written))
        head = _head(self, spec, parameters.instruction, demos, fence)
        turn = Message("user", self.write(spec.inputs.values(), inputs, fence))
        wanted = self.response_format(spec) if schema_mode else None
        return Rendered((*head, turn), fence, wanted)

    @final
    def parse(self, text: str, signature: type[Signature], fence: str = "") -> Parsed:
        """Read one reply.

        Raises:
            ParseError: A field is missing, doubled, or not of its type.
        """
        if not strictjson.is_text(text):
            raise ParseError("the reply holds a lone surrogate", text=text)
        spec = spec_of(signature)
        try:
            return self.read(text, spec, fence)
        except ParseError as error:
            if error.text != text:
                error.text = text
            if not error.wanted and not error.hint:
                # Its form is at fault and no value, so nothing of it was shown yet.
                error.hint = f"The reply was {brief(text)!r}"
            raise

    @final
    def again(self, error: ParseError, spec: Spec, fence: str) -> str:
        """What the model is told when its reply could not be used."""
        return (
            f"{REPAIR}: {error.message}.\n"
            f"Write the whole reply again. {self.form(spec, fence)}"
        )

    def _fence(self, spec: Spec, demos: tuple[Demo, ...], written: str) -> str:
        shown = _shown(spec, demos)
        if not any(m in written or m in shown for m in self.marks(spec, "")):
            return ""
        # No mark of a number can stand where the number itself does not.
        taken = {*_NUMBERS.findall(written), *_NUMBERS.findall(shown)}
        return next(f"#{n}" for n in itertools.count(1) if str(n) not in taken)


@lru_cache(maxsize=512)
def _shown(spec: Spec, demos: tuple[Demo, ...]) -> str:
    texts = [
        field.write(demo.values[field.name])
        for demo in demos
        for field in spec.fields
        if field.name in demo.values
    ]
    return "\n".join(texts)


@lru_cache(maxsize=512)
def _head(
    adapter: Adapter, spec: Spec, instruction: str, demos: tuple[Demo, ...], fence: str
) -> tuple[Message, ...]:
    given = _listed("You are given these fields:", spec.inputs.values())
    wanted = _listed("You write these fields:", spec.outputs.values(), wanted=True)
    form = adapter.form(spec, fence)
    system = f"{given}\n\n{wanted}\n\n{form}\n\nYour task:\n{instruction}"
    turns = [Message("system", system)]
    for demo in demos:
        turns.append(Message("user", _side(adapter, spec.inputs, demo, fence)))
        turns.append(Message("assistant", _side(adapter, spec.outputs, demo, fence)))
    return tuple(turns)


def _side(
    adapter: Adapter, fields: Mapping[str, FieldSpec], demo: Demo, fence: str
) -> str:
    values = {name: demo.values.get(name, NOT_GIVEN) for name in fields}
    return adapter.write(fields.values(), values, fence)


def _listed(title: str, fields: Iterable[FieldSpec], *, wanted: bool = False) -> str:
    lines = [title]
    for field in fields:
        notes = [field.wanted] if wanted else []
        if field.description:
            notes.append(field.description)
        lines.append(
            f"- {field.name}: {'; '.join(notes)}" if notes else f"- {field.name}"
        )
    return "\n".join(lines)


def read_fields(
    spec: Spec, found: Mapping[str, str], read: Callable[[FieldSpec, str], Any]
) -> Parsed:
    """Turn the texts found under each heading into values, or say what is missing.

    Args:
        spec: The signature.
        found: Text by output field.
        read: Reads one field's text; gives a `Reading`.

    Raises:
        ParseError: A required field is missing, or a text is not of its type.
    """
    values: dict[str, Any] = {}
    repairs: list[str] = []
    for name, field in spec.outputs.items():
        if name not in found:
            if field.required:
                raise ParseError(
                    f"field {name!r} is missing; wanted {field.wanted}",
                    field=name,
                    wanted=field.wanted,
                )
            values[name] = field.fallback()
            continue
        reading = read(field, found[name])
        values[name] = reading.value
        if reading.repair:
            repairs.append(f"{name}: {reading.repair}")
    return Parsed(values, tuple(repairs))
