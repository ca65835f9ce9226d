"""Adapters: a pure pair, render a call as messages and parse the reply into values.

Five forms are known: `chat` (headings), `json` (one object), `xml` (tags), `plain`
(`name: value`) and `completion` (a text to be continued). Each lays a prompt out alike,
what many calls share first, so that servers' prefix caches hit: the fields and the form
of the reply, the task, the demos, and last the input. With `nearest` set, the demos
differ from input to input, and what calls share ends with the task: the demos are then
paid for anew with each call.

Forms have editions, and what an edition sends stays as it is for ever, because files of
compiled programs name one. Reading improves for all of them.

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
from typing import Any, ClassVar, final

from ..base.strictjson import dumps, is_text
from ..errors import ParseError
from ..field import FieldSpec
from ..lm.request import JSON, REPAIR, Message
from ..nearest import nearest_demos
from ..parameters import Demo, Parameters
from ..signature import Signature, spec_of
from ..spec import Spec
from ..typed.wording import brief
from .made_up import made_up_demos
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
        stop: Texts at which the reply is to end.
        continues: Whether the one message is a text to be continued.
        echoed: The inputs as they were written: what a reply quotes of them among words
            is no answer.
    """

    messages: tuple[Message, ...]
    fence: str = ""
    response_format: Mapping[str, JSON] | None = None
    stop: tuple[str, ...] = ()
    continues: bool = False
    echoed: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Output values by field name, and what had to be mended to read them."""

    values: dict[str, Any]
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Adapter(ABC):
    """A way to write a call and to read the reply.

    Args:
        edition: Which edition of the form is sent; reading is the same for all.
    """

    name: ClassVar[str]
    continues: ClassVar[bool] = False
    asks_whole: ClassVar[int] = 0
    edition: int = 1

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

    def response_format(
        self, spec: Spec, room: int | None
    ) -> Mapping[str, JSON] | None:
        """What the endpoint is asked to enforce, where it can; None by default.

        Args:
            spec: The signature.
            room: How many tokens the reply may take; None where nobody says.
        """
        del spec, room
        return None

    def reminder(self, spec: Spec, fence: str) -> str:
        """How the reply begins, said once more at the end of the user's turn."""
        del spec, fence
        return ""

    def stops(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """Where a reply in this form is over."""
        del spec, fence
        return ()

    @final
    def render(
        self,
        signature: type[Signature],
        parameters: Parameters,
        inputs: Mapping[str, JSON],
        *,
        schema_mode: bool = False,
        shown: bool = False,
        stop: bool = False,
        room: int | None = None,
    ) -> Rendered:
        """Write one call.

        Args:
            signature: The contract.
            parameters: Instruction, demos, and how many of these are shown.
            inputs: Input values as plain JSON data.
            schema_mode: Whether the endpoint is to enforce a JSON schema.
            shown: Whether made-up exchanges show the form where no demo does.
            stop: Whether a stop sequence is to end the reply.
            room: How many tokens the reply may take; a schema leaves each field some.
        """
        spec = spec_of(signature)
        written = [f.write(inputs[name]) for name, f in spec.inputs.items()]
        demos, nearest = parameters.demos, parameters.nearest
        if nearest:
            demos = nearest_demos(spec, demos, nearest, inputs)
        echoed = "\n".join(written)
        fence = self._fence(spec, demos, echoed)
        if shown and not demos:
            demos = made_up_demos(spec, echoed)
        wanted = self.response_format(spec, room) if schema_mode else None
        said, remind = parameters.instruction, wanted is None
        turns = self.lay_out(spec, said, demos, inputs, fence, remind=remind)
        ends = self.stops(spec, fence) if stop else ()
        return Rendered(turns, fence, wanted, ends, self.continues, echoed)

    def lay_out(
        self,
        spec: Spec,
        instruction: str,
        demos: tuple[Demo, ...],
        inputs: Mapping[str, JSON],
        fence: str,
        *,
        remind: bool,
    ) -> tuple[Message, ...]:
        """The turns of a call: what all calls share, the demos, and the input.

        A schema that is enforced needs no reminder.
        """
        head = _head(self, spec, instruction, demos, fence)
        asked = self.write(spec.inputs.values(), inputs, fence)
        reminder = self.reminder(spec, fence) if remind else ""
        return *head, Message("user", f"{asked}\n\n{reminder}" if reminder else asked)

    @final
    def parse(
        self,
        text: str,
        signature: type[Signature],
        fence: str = "",
        *,
        echoed: str = "",
        cut: bool = False,
    ) -> Parsed:
        """Read one reply.

        Raises:
            ParseError: A field is missing, doubled, or not of its type.
        """
        if not is_text(text):
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

    @property
    def asks_rest(self) -> bool:
        """Whether a repair asks for what is missing alone, where the rest was read."""
        return self.edition > self.asks_whole

    def repaired(
        self,
        messages: tuple[Message, ...],
        reply: str,
        again: str,
        spec: Spec,
        fence: str,
    ) -> tuple[Message, ...]:
        """The turns that ask to mend a reply: those of the call, it, and what is said.

        Args:
            messages: The turns so far.
            reply: What came.
            again: What `again` says of it.
            spec: The signature that is asked for now.
            fence: What sets structure apart in this call.
        """
        del spec, fence
        return *messages, Message("assistant", reply), Message("user", again)

    @final
    def again(
        self, error: ParseError, spec: Spec, fence: str, *, rest: bool = False
    ) -> str:
        """What the model is told when its reply could not be used.

        Args:
            error: Why it could not be.
            spec: The signature that is asked for now.
            fence: What sets structure apart in this call.
            rest: Whether these are only the fields that are missing.
        """
        what = "only what is missing" if rest else "the whole reply again"
        asked = f"Write {what}. {self.form(spec, fence)}"
        reminder = self.reminder(spec, fence)
        tail = f"\n\n{reminder}" if reminder else ""
        return f"{REPAIR}: {error.message}.\n{asked}{tail}"

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


def begin_with(mark: str, field: FieldSpec) -> str:
    """The reminder at the end of a turn: how the reply begins.

    Choices are said once more: a small model that is far from where it read them makes
    up others.
    """
    start = f"Begin your reply with {mark}"
    if not field.choices:
        return start
    choices = ", ".join(c if isinstance(c, str) else dumps(c) for c in field.choices)
    return f"Choose {field.name} from: {choices}.\n{start}"


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
