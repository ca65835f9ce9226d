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
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, final

from ..base.strictjson import dumps, is_text
from ..errors import ParseError, ValidationError
from ..field import FieldSpec
from ..lm.request import JSON, REPAIR, Message
from ..nearest import nearest_demos
from ..parameters import Demo, Parameters
from ..reading.arriving import FieldReader, ReplyReader, StructureReader
from ..reading.asides import (
    CLOSES,
    THOUGHTS,
    TOKENS,
    behind_thoughts,
    first_turn,
    may_think,
    without_asides,
    without_last_tokens,
)
from ..reading.closed import folded
from ..reading.fields import Reading, read_lone
from ..reading.values import ONE_LINE
from ..signature import Signature, spec_of
from ..spec import Spec
from ..typed.wording import brief
from .made_up import MADE_UP, made_up_demos

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
        grammar: The grammar that the endpoint is to enforce, or empty.
    """

    messages: tuple[Message, ...]
    fence: str = ""
    response_format: Mapping[str, JSON] | None = None
    stop: tuple[str, ...] = ()
    continues: bool = False
    echoed: str = ""
    grammar: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Output values by field name, and what had to be mended to read them."""

    values: dict[str, Any]
    repairs: tuple[str, ...] = ()

    def noting(self, notes: tuple[str, ...]) -> Parsed:
        """The same values, with further notes of what was mended."""
        return Parsed(self.values, (*notes, *self.repairs)) if notes else self


class Given(NamedTuple):
    """What is known of a reply beside its text.

    Args:
        echoed: The inputs of the call as they were written into it.
        cut: Whether the token limit ended the reply.
    """

    echoed: str = ""
    cut: bool = False


_NOTHING = Given()


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
    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The values in a reply; raises `ParseError` and nothing else."""

    @abstractmethod
    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """Where the structure of an answer begins, from a place on; else its end."""

    @abstractmethod
    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """A reader of the structure alone, for a reply that arrives in pieces."""

    @final
    def reader(self, spec: Spec, fence: str, echoed: str = "") -> FieldReader:
        """A reader for a reply that arrives piece by piece.

        Args:
            spec: The signature.
            fence: What sets structure apart in this call.
            echoed: The inputs of the call as they were written into it.
        """
        names = _names(spec)
        return ReplyReader(lambda: self.pieces(spec, fence, echoed), names)

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

    def grammar(self, spec: Spec, fence: str, room: int | None) -> str:
        """The grammar that the endpoint is asked to enforce; empty by default."""
        del spec, fence, room
        return ""

    def reminder(self, spec: Spec, fence: str) -> str:
        """How the reply begins, said once more at the end of the user's turn."""
        del spec, fence
        return ""

    def stops(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """Where a reply in this form is over."""
        del spec, fence
        return ()

    def bare(self, text: str) -> str:
        """A text without what is passed over where marks are read."""
        return text

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
        grammar = self.grammar(spec, fence, room)
        wanted = None
        if schema_mode and not grammar:
            wanted = self.response_format(spec, room)
        said, remind = parameters.instruction, wanted is None
        turns = self.lay_out(spec, said, demos, inputs, fence, remind=remind)
        ends = self.stops(spec, fence) if stop else ()
        return Rendered(turns, fence, wanted, ends, self.continues, echoed, grammar)

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
        reminder = self.reminder(spec, fence) if remind else ""
        tail = f"\n\n{reminder}" if reminder else ""
        head = _head(self, spec, instruction, demos, fence)
        if tail and demos and demos[0].by == MADE_UP:
            # An exchange that shows the form shows how the reminder is followed.
            system, shown, answered = head
            how = tail.rpartition("\n")[2]
            head = (system, Message("user", f"{shown.content}\n\n{how}"), answered)
        asked = self.write(spec.inputs.values(), inputs, fence)
        return *head, Message("user", asked + tail)

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

        Args:
            text: The reply.
            signature: The contract.
            fence: What sets structure apart in this call.
            echoed: The inputs of the call as they were written into it: what a reply
                quotes of them among words is no answer.
            cut: Whether the token limit ended the reply, so that what stands last in
                it is an answer only where something closes it.

        Raises:
            ParseError: A field is missing, doubled, or not of its type.
        """
        if not is_text(text):
            raise ParseError("the reply holds a lone surrogate", text=text)
        spec = spec_of(signature)
        try:
            given = Given(echoed, cut) if echoed or cut else _NOTHING
            return self._answer(text, spec, fence, given)
        except ParseError as error:
            if error.text != text:
                error.text = text
            if not error.wanted and not error.hint:
                # Its form is at fault and no value, so nothing of it was shown yet.
                error.hint = f"The reply was {brief(text)!r}"
            error.cut = cut and not isinstance(error, ValidationError)
            raise

    def closed(self, text: str) -> str:
        """A reply that the token limit cut in a text, that text closed."""
        return text

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

    def _answer(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """What is read of a reply, its thinking parts and its template's tokens off."""
        if "<" not in text and "THINK]" not in text:
            return self.read(text, spec, fence, given)
        names = _names(spec)
        if not may_think(text, names):
            kept = without_last_tokens(text)
            parsed = self.read(kept, spec, fence, given)
            return parsed if kept is text else parsed.noting((TOKENS,))

        def begins(part: str, at: int) -> int:
            return self.begins(part, at, spec, fence)

        said = without_asides(text, begins, names)
        behind = behind_thoughts(said.text, names)
        if behind is None or said.unclosed:
            return self.read(said.text, spec, fence, given).noting(said.notes)
        notes = (THOUGHTS, *said.notes)
        try:
            whole = self.read(said.text, spec, fence, given)
        except ParseError as error:
            try:
                return self.read(behind, spec, fence, given).noting(notes)
            except ParseError:
                raise error from None
        try:
            answer = self.read(behind, spec, fence, given)
        except ParseError:
            if CLOSES.search(repr(whole.values)):
                return whole.noting(said.notes)  # a field speaks of such a tag
            raise
        if answer.values != whole.values and CLOSES.search(repr(whole.values)):
            raise ParseError("what was thought and what was answered both read well")
        return answer.noting(notes)

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
        bare = self.bare(f"{written}\n{shown}")
        if not any(self.bare(mark) in bare for mark in self.marks(spec, "")):
            return ""
        # No mark of a number can stand where the number itself does not.
        taken = {*_NUMBERS.findall(written), *_NUMBERS.findall(shown)}
        return next(f"#{n}" for n in itertools.count(1) if str(n) not in taken)


@lru_cache(maxsize=512)
def _names(spec: Spec) -> tuple[str, ...]:
    return tuple(field.name for field in spec.fields)


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
    spec: Spec, found: Mapping[str, Any], read: Callable[[FieldSpec, Any], Reading]
) -> Parsed:
    """Turn what was found under each heading into values, or say what is missing.

    Args:
        spec: The signature.
        found: Text or JSON data by output field.
        read: Reads what was found for one field.

    Raises:
        ParseError: A required field is missing, or a text is not of its type.
    """
    try:
        return _read_all(spec, found, read)
    except ParseError as error:
        error.partial = read_whole(spec, found, read)
        raise


def _read_all(
    spec: Spec, found: Mapping[str, Any], read: Callable[[FieldSpec, Any], Reading]
) -> Parsed:
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


def read_whole(
    spec: Spec, found: Mapping[str, Any], read: Callable[[FieldSpec, Any], Reading]
) -> dict[str, Any]:
    """The values that can be read, whatever else is at fault."""
    values: dict[str, Any] = {}
    for name in found:
        with suppress(ParseError):
            values[name] = read(spec.outputs[name], found[name]).value
    return values


def is_whole(text: str, field: FieldSpec) -> bool:
    """Whether a value is whole though the token limit may have cut what follows.

    So it is where its line has ended, and only one line can hold it.
    """
    return field.shape.kind in ONE_LINE and "\n" in text.lstrip()


def cut_off(
    name: str,
    spec: Spec,
    found: Mapping[str, Any],
    read: Callable[[FieldSpec, Any], Reading],
) -> ParseError:
    """The error for a field that the token limit cut off, with what stands whole."""
    wanted = spec.outputs[name].wanted
    error = ParseError(
        f"field {name!r} is cut off; wanted {wanted}", field=name, wanted=wanted
    )
    error.partial = read_whole(spec, found, read)
    return error


def read_lone_reply(text: str, spec: Spec, given: Given) -> Parsed | None:
    """A reply without any frame: its one field, if the type shows that it is that."""
    if len(spec.outputs) != 1:
        return None
    [(name, field)] = spec.outputs.items()
    body = first_turn(text).strip()
    reading = read_lone(field, body)
    if reading is None:
        return None
    if body.partition("\n")[2]:
        first = folded(body.partition("\n")[0])
        if any(folded(line) == first for line in given.echoed.splitlines()):
            return None
    elif given.cut:
        return None
    return Parsed({name: reading.value}, (f"{name}: {reading.repair}",))
