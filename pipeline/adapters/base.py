"""Adapters: a pure pair, render a call as messages and parse the reply into values.

Six forms are known: `chat` (headings), `json` (one object), `xml` (tags), `plain`
(`name: value`), `completion` (a text to be continued) and `cloze` (a template with a
gap). Each lays a prompt out alike,
what many calls share first, so that servers' prefix caches hit: the fields and the form
of the reply, the task, the demos, and last the input. With `nearest` set, the demos
differ from input to input, and what calls share, and is paid for less, ends before.

What an edition of a form sends stays as it is for ever, because files of compiled
programs name one. Reading improves for all of them.

A value can never become structure. The fence, the word that sets headings or tags
apart, is chosen so that it occurs in no value of the call; a field that comes twice in
a reply is an error. This is framing, no cure for prompt injection: what a value *says*
still reaches the model.
"""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar, NamedTuple, final

from ..errors import ParseError, ValidationError
from ..ground.strictjson import is_text
from ..ground.words import brief
from ..lm.request import JSON, REPAIR, Message, Response, ToolDefinition
from ..parameters import Demo, Parameters
from ..reading.arriving import FieldReader, ReplyReader, StructureReader
from ..reading.asides import (
    THOUGHTS,
    TOKENS,
    behind_thoughts,
    count_unopened,
    may_think,
    without_asides,
    without_last_tokens,
)
from ..reading.fields import CUT, Given, Parsed
from ..signature.field import FieldSpec
from ..signature.signature import Signature, spec_of
from ..signature.spec import Spec
from .demos import MADE_UP, made_up_demos, nearest_demos
from .placing import laid_out
from .prompt import Around, Rendered, listed, told
from .template import NOT_GIVEN

_NUMBERS = re.compile(r"(?<=[#-])[0-9]+")
_NOTHING = Given()


@dataclass(frozen=True)
class Adapter(ABC):
    """A way to write a call and to read the reply.

    Args:
        edition: Which edition of the form is sent; reading is the same for all.
    """

    name: ClassVar[str]
    asks_whole: ClassVar[int] = 0
    passed_over: ClassVar[Mapping[int, int | None]] = {}
    """Characters that are passed over where marks are read."""
    edition: int = 1

    @property
    def continues(self) -> bool:
        """Whether a call is one text to be continued, and no turns."""
        return False

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
        """Reads the structure of a reply in pieces; `echoed` as `compared` makes it."""

    @final
    def reader(self, spec: Spec, fence: str, echoed: str = "") -> FieldReader:
        """A reader for a reply that arrives piece by piece; `echoed` as in `parse`."""
        given = self.compared(echoed)
        return ReplyReader(lambda: self.pieces(spec, fence, given), spec.names)

    def compared(self, echoed: str) -> str:
        """The inputs as `pieces` compares with them; made once for a reply."""
        return echoed

    @abstractmethod
    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """What no value of the call may contain for this fence to be safe."""

    def response_format(
        self, spec: Spec, room: int | None
    ) -> Mapping[str, JSON] | None:
        """The schema that the endpoint is asked to enforce; None by default.

        `room` is how many tokens the reply may take, where anybody says so.
        """
        del spec, room
        return None

    def grammar(self, spec: Spec, fence: str, room: int | None) -> str:
        """The grammar that the endpoint is asked to enforce; empty by default."""
        del spec, fence, room
        return ""

    def around(self, spec: Spec, said: str, given: Mapping[str, JSON]) -> Around | None:
        """What stands around an answer that fills the gap of a text; else None."""
        del spec, said, given
        return None

    def tools(self, spec: Spec) -> tuple[ToolDefinition, ...]:
        """What the model may call in the endpoint's own format; nothing by default."""
        del spec
        return ()

    def heard(self, response: Response) -> Response:
        """An answer as it is read: its text, by default."""
        return response

    def made_up(self, spec: Spec) -> int:
        """How many made-up exchanges show the form where no demo does."""
        del spec
        return 1

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
        spec, demos = spec_of(signature), parameters.demos
        echoed = "\n".join([f.write(inputs[name]) for name, f in spec.inputs.items()])
        if demos and parameters.nearest:
            demos = nearest_demos(spec, demos, parameters.nearest, inputs)
        fence = self._fence(spec, (*demos, *parameters.illustrations), echoed)
        if shown and not demos:
            demos = made_up_demos(spec, echoed, self.made_up(spec))
        grammar = self.grammar(spec, fence, room)
        enforced, media = schema_mode and not grammar, bool(spec.media)
        wanted = self.response_format(spec, room) if enforced else None
        lay_out = partial(laid_out, self) if media else self.lay_out
        said, remind = told(self.write, spec, parameters, fence), wanted is None
        turns = lay_out(spec, said, demos, inputs, fence, remind=remind)
        ends = _fixed(self, spec, fence).stops if stop else ()
        how = ends, self.continues, echoed, grammar, media, self.tools(spec)
        return Rendered(turns, fence, wanted, *how, self.around(spec, said, inputs))

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
        tail = _fixed(self, spec, fence).tail if remind else ""
        # An exchange that shows the form shows how the reminder is followed.
        made_up = bool(demos) and demos[0].by == MADE_UP
        how = tail.rpartition("\n")[2] if made_up else ""
        head = _head(self, spec, instruction, demos, fence, how)
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
        given = Given(echoed, cut) if echoed or cut else _NOTHING
        plainly = "<" not in text and "THINK]" not in text
        read = self.read if plainly else self._read_without_asides
        try:
            parsed = read(text, spec, fence, given)
            return parsed.noting((CUT,)) if cut else parsed
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
        """The turns that ask to mend a reply: those so far, it, and what is said."""
        del spec, fence
        return *messages, Message("assistant", reply), Message("user", again)

    def _read_without_asides(
        self, text: str, spec: Spec, fence: str, given: Given
    ) -> Parsed:
        """What is read of a reply, its thinking parts and its template's tokens off."""
        names = spec.names
        if not may_think(text, names):
            kept = without_last_tokens(text)
            if kept is text:
                return self.read(text, spec, fence, given)
            ended = given._replace(ended=True)
            return self.read(kept, spec, fence, ended).noting((TOKENS,))

        def begins(part: str, at: int) -> int:
            return self.begins(part, at, spec, fence)

        said = without_asides(text, begins, names)
        given = given._replace(ended=TOKENS in said.notes)
        behind = behind_thoughts(said.text, begins, names)
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
        # A field may speak of such a tag; one that stands in none ends a thought.
        spoken_of = count_unopened(repr(whole.values)) == count_unopened(said.text)
        try:
            answer = self.read(behind, spec, fence, given)
        except ParseError:
            if spoken_of:
                return whole.noting(said.notes)
            raise
        if spoken_of and answer.values != whole.values:
            raise ParseError("what was thought and what was answered both read well")
        return answer.noting(notes)

    @final
    def again(
        self, error: ParseError, spec: Spec, fence: str, *, rest: bool = False
    ) -> str:
        """What the model is told when its reply could not be used.

        With `rest`, the signature holds only the fields that are missing.
        """
        what = "only what is missing" if rest else "the whole reply again"
        asked = f"Write {what}. {self.form(spec, fence)}"
        return f"{REPAIR}: {error.message}.\n{asked}{_fixed(self, spec, fence).tail}"

    def _fence(self, spec: Spec, demos: tuple[Demo, ...], echoed: str) -> str:
        """What sets structure apart: nothing, or a number that stands in no value."""
        held = f"{echoed}\n{_shown(spec, demos)}" if demos else echoed
        bare = held.translate(self.passed_over) if self.passed_over else held
        for mark in _fixed(self, spec, "").marks:
            if mark in bare:
                # No mark of a number can stand where the number itself does not.
                taken = set(_NUMBERS.findall(held))
                return next(f"#{n}" for n in itertools.count(1) if str(n) not in taken)
        return ""


class _Fixed(NamedTuple):
    """What of a call hangs on the contract and the fence alone."""

    marks: tuple[str, ...]  # without what is passed over in them
    stops: tuple[str, ...]
    tail: str  # of the user's turn: the reminder


@lru_cache(maxsize=512)
def _fixed(adapter: Adapter, spec: Spec, fence: str) -> _Fixed:
    marks = [m.translate(adapter.passed_over) for m in adapter.marks(spec, fence)]
    reminder = adapter.reminder(spec, fence)
    tail = f"\n\n{reminder}" if reminder else ""
    return _Fixed(tuple(marks), adapter.stops(spec, fence), tail)


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
    adapter: Adapter,
    spec: Spec,
    instruction: str,
    demos: tuple[Demo, ...],
    fence: str,
    how: str,
) -> tuple[Message, ...]:
    """The turns before the input; `how` ends what the user says in the demos."""
    given = listed("You are given these fields:", spec.inputs.values())
    wanted = listed("You write these fields:", spec.outputs.values(), wanted=True)
    form = adapter.form(spec, fence)
    system = f"{given}\n\n{wanted}\n\n{form}\n\nYour task:\n{instruction}"
    turns = [Message("system", system)]
    for demo in demos:
        asked = _side(adapter, spec.inputs, demo, fence)
        turns.append(Message("user", f"{asked}\n\n{how}" if how else asked))
        turns.append(Message("assistant", _side(adapter, spec.outputs, demo, fence)))
    return tuple(turns)


def _side(
    adapter: Adapter, fields: Mapping[str, FieldSpec], demo: Demo, fence: str
) -> str:
    values = {name: demo.values.get(name, NOT_GIVEN) for name in fields}
    return adapter.write(fields.values(), values, fence)
