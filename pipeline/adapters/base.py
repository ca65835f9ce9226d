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
from typing import ClassVar, Final, NamedTuple, final

from ..errors import ParseError, ValidationError
from ..ground.lazy import Memo
from ..ground.strictjson import is_text
from ..ground.words import brief
from ..lm.request import JSON, REPAIR, Message, Response, ToolDefinition
from ..parameters import Demo, Parameters
from ..reading.arriving import FieldReader, ReplyReader, StructureReader
from ..reading.asides import read_without_asides
from ..reading.fields import CUT, Given, Parsed
from ..signature.field import FieldSpec
from ..signature.signature import Signature, spec_of
from ..signature.spec import Spec
from .demos import MADE_UP, made_up_demos, nearest_demos
from .placing import Laying, laid_out
from .prompt import Around, How, Rendered, told, turns_before

_NUMBERS = re.compile(r"(?<=[#-])[0-9]+")
_NOTHING = Given()
_MOST_HELD = 64


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
        """Write one call; the arguments are those of `Layout`, `How` and `render`."""
        how = How(schema_mode, shown, stop, room)
        return Layout(self, signature, parameters, how).render(inputs)

    def laying(
        self,
        spec: Spec,
        instruction: str,
        demos: tuple[Demo, ...],
        fence: str,
        *,
        remind: bool,
    ) -> Laying:
        """How calls are laid out: what all of them share, the demos, and the input.

        A schema that is enforced needs no reminder.
        """
        tail = self._tail(spec, fence) if remind else ""
        # An exchange that shows the form shows how the reminder is followed.
        made_up = bool(demos) and demos[0].by == MADE_UP
        how = tail.rpartition("\n")[2] if made_up else ""
        fields = spec.inputs.values()

        def rest(inputs: Mapping[str, JSON]) -> tuple[Message, ...]:
            return (Message("user", self.write(fields, inputs, fence) + tail),)

        form = self.form(spec, fence)
        shared = turns_before(self.write, spec, form, instruction, demos, fence, how)
        return Laying(shared, rest)

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
        try:
            if plainly:
                parsed = self.read(text, spec, fence, given)
            else:
                parsed = read_without_asides(
                    text,
                    spec.names,
                    lambda part, ended: self.read(
                        part, spec, fence, given._replace(ended=ended)
                    ),
                    lambda part, at: self.begins(part, at, spec, fence),
                )
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

    @final
    def again(
        self, error: ParseError, spec: Spec, fence: str, *, rest: bool = False
    ) -> str:
        """What the model is told when its reply could not be used.

        With `rest`, the signature holds only the fields that are missing.
        """
        what = "only what is missing" if rest else "the whole reply again"
        asked = f"Write {what}. {self.form(spec, fence)}"
        return f"{REPAIR}: {error.message}.\n{asked}{self._tail(spec, fence)}"

    def _tail(self, spec: Spec, fence: str) -> str:
        """What ends a turn of the user's: the reminder, where there is one."""
        reminder = self.reminder(spec, fence)
        return f"\n\n{reminder}" if reminder else ""


class Layout:
    """A call without its inputs: what a thousand rows share is worked out once.

    Args:
        adapter: The form.
        signature: The contract.
        parameters: Instruction, demos, and how many of these are shown.
        how: What hangs on the endpoint.
    """

    def __init__(
        self,
        adapter: Adapter,
        signature: type[Signature],
        parameters: Parameters,
        how: How,
    ) -> None:
        self.adapter: Final = adapter
        self.parameters: Final = parameters
        self.continues: Final = adapter.continues
        self._signature, self._how = signature, how
        self._spec = spec = spec_of(signature)
        shown = how.shown and not parameters.demos
        self._made_up = adapter.made_up(spec) if shown else 0
        self._fields = tuple(spec.inputs.items())
        self._nearest = parameters.nearest if parameters.demos else 0
        self._held = "" if self._nearest else self._texts_of(parameters.demos)
        passed_over = adapter.passed_over
        self._marks = [m.translate(passed_over) for m in adapter.marks(spec, "")]
        self._media, self._tools = bool(spec.media), adapter.tools(spec)
        self._by_fence = Memo[str, _Fenced](_MOST_HELD)

    def having(self, parameters: Parameters) -> Layout:
        """The same with other parameters."""
        return Layout(self.adapter, self._signature, parameters, self._how)

    def render(self, inputs: Mapping[str, JSON]) -> Rendered:
        """Write one call; the inputs are plain JSON data."""
        adapter, spec, demos = self.adapter, self._spec, self.parameters.demos
        echoed = "\n".join([f.write(inputs[name]) for name, f in self._fields])
        held = self._held
        if self._nearest:
            demos = nearest_demos(spec, demos, self._nearest, inputs)
            held = self._texts_of(demos)
        fence = self._fence(f"{echoed}\n{held}" if held else echoed)
        known = self._by_fence.get(fence)
        if known is None:
            known = self._by_fence.keep(fence, self._fenced(fence))
        if self._made_up:
            demos = made_up_demos(spec, echoed, self._made_up)
        shared: tuple[Message, ...] = ()
        if self._media:
            how_to = (known.said, demos, inputs, fence)
            turns = laid_out(adapter, spec, *how_to, remind=known.wanted is None)
        else:
            laying = self._laying(known, demos, fence)
            turns = (*laying.shared, *laying.rest(inputs))
            if not self._nearest:  # each call has turns of its own, and none goes on
                shared = laying.shared
        continues = self.continues
        around = adapter.around(spec, known.said, inputs) if continues else None
        how = known.stops, continues, echoed, known.grammar, self._media, self._tools
        return Rendered(turns, fence, known.wanted, *how, around, shared)

    def _laying(self, known: _Fenced, demos: tuple[Demo, ...], fence: str) -> Laying:
        """How calls with these demos are laid out; the same object for the same."""
        held = known.layings.get(id(demos))
        if held is None:
            remind = known.wanted is None
            how = self._spec, known.said, demos, fence
            held = demos, self.adapter.laying(*how, remind=remind)
            if not self._nearest:  # of which each call may have others
                known.layings.keep(id(demos), held)
        return held[1]

    def _fenced(self, fence: str) -> _Fenced:
        adapter, spec = self.adapter, self._spec
        grammar = adapter.grammar(spec, fence, self._how.room)
        enforced = self._how.schema_mode and not grammar
        return _Fenced(
            told(adapter.write, spec, self.parameters, fence),
            adapter.stops(spec, fence) if self._how.stop else (),
            grammar,
            adapter.response_format(spec, self._how.room) if enforced else None,
            Memo(_MOST_HELD),
        )

    def _fence(self, held: str) -> str:
        """What sets structure apart: nothing, or a number that stands in no value."""
        passed_over = self.adapter.passed_over
        bare = held.translate(passed_over) if passed_over else held
        for mark in self._marks:
            if mark in bare:
                # No mark of a number can stand where the number itself does not.
                taken = set(_NUMBERS.findall(held))
                return next(f"#{n}" for n in itertools.count(1) if str(n) not in taken)
        return ""

    def _texts_of(self, demos: tuple[Demo, ...]) -> str:
        """The values of demos and illustrations, as they are written into a call."""
        texts = [
            field.write(demo.values[field.name])
            for demo in (*demos, *self.parameters.illustrations)
            for field in self._spec.fields
            if field.name in demo.values
        ]
        return "\n".join(texts)


class _Fenced(NamedTuple):
    """What of a call hangs on the fence beside its contract and parameters."""

    said: str
    stops: tuple[str, ...]
    grammar: str
    wanted: Mapping[str, JSON] | None
    layings: Memo[int, tuple[tuple[Demo, ...], Laying]]  # by the identity of demos
