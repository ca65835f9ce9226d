"""A template with a gap, which the answer fills: "[text] All in all, it was [z]".

Such a template puts a task as a text that a language model may have met (PET: Schick &
Schuetze 2021, arXiv 2001.07676). What stands around the slots is sent as it is written,
and the template is the whole of it: no field is described, and no made-up case is
shown. A demo is the template filled, its gap too, with a blank line behind it.

A base model goes on with the text as far as the gap; blanks before the gap are the
answer's, as tokens have them. What stands behind the gap is scored with the answer. A
model that was taught turns is shown the text with its gap, and asked what fills it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import final

from ..errors import ConfigError, ParseError
from ..lm.form import ANSWER
from ..lm.request import JSON, Message
from ..parameters import Demo
from ..reading.arriving import Delta, StructureReader
from ..reading.fields import (
    BEHIND,
    Given,
    Parsed,
    Reading,
    cut_off,
    is_whole,
    read_fields,
    read_text,
    refuse_silence,
)
from ..reading.gaps import CASES, Gap
from ..reading.marks import Value
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from .base import Adapter
from .placing import Laying
from .prompt import Around
from .template import Fitted, filled_in, fitted, said_of, words_of, written


@final
@dataclass(frozen=True)
class ClozeAdapter(Adapter):
    """A text of the user's own with a gap.

    Args:
        template: The text, with its slots.
        text: Whether the model continues a text; else it is asked in turns.
        ruled: Whether the endpoint enforces a grammar: an answer of few values is then
            one of them.
        stopped: Whether the endpoint is told where to stop.

    The second edition stops nowhere that a value may go on: the first one stops at the
    full stop of "It costs [z].", and gets 1 of 1.5. Its demos show a text in quotes
    where it would not be read as it is; its grammar knows the null of `bool | None`.
    """

    name = "cloze"
    template: str = ""
    text: bool = False
    ruled: bool = False
    stopped: bool = False

    @property
    def continues(self) -> bool:
        """Whether the call is one text to be continued."""
        return self.text

    def form(self, spec: Spec, fence: str) -> str:
        """What is asked of a gap."""
        fit = self._fit(spec)
        kind = fit.output.wanted if words_of(fit.output, self.edition) else ""
        asked = f"Write only what stands in place of [{ANSWER}{fence}]"
        return f"{asked}: {kind}." if kind else f"{asked}."

    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """Values as they stand in the text."""
        del fence
        return "\n".join([written(field, values[field.name]) for field in fields])

    def laying(
        self,
        spec: Spec,
        instruction: str,
        demos: tuple[Demo, ...],
        fence: str,
        *,
        remind: bool,
    ) -> Laying:
        """The text as far as its gap, behind the filled ones; or turns."""
        del remind
        fit = self._fit(spec)
        if not self.text:
            return self._turns(fit, spec, instruction, demos, fence)
        head = ""
        if fit.told is not None and instruction:
            head = f"{instruction}{fit.told}"
        cases = [self._whole(fit, demo.values) + CASES for demo in demos]
        head += "".join(cases)

        def rest(inputs: Mapping[str, JSON]) -> tuple[Message, ...]:
            text = head + filled_in(fit.before, inputs).rstrip(" ")
            if not text.strip():
                raise ConfigError(
                    f"the template {self.template!r:.200} begins with its gap, and "
                    "nothing stands before it that a model could continue",
                    hint="Write some words before [z], or ask a model in turns",
                )
            return (Message("user", text),)

        return Laying((), rest)

    def around(self, spec: Spec, said: str, given: Mapping[str, JSON]) -> Around | None:
        """What stands before the gap and behind it, and where soft words may stand."""
        if not self.text:
            return None
        fit = self._fit(spec)
        before = filled_in(fit.before, given)
        begun = before.rstrip(" ")
        last = fit.before[-1] if fit.before else ""
        cue = last.rstrip(" ").rpartition("\n")[2] if isinstance(last, str) else ""
        behind, task = (
            filled_in(fit.behind, given),
            0 if fit.told is None else len(said),
        )
        return Around(before[len(begun) :], behind, fit.hangs, task, len(cue))

    def repaired(
        self,
        messages: tuple[Message, ...],
        reply: str,
        again: str,
        spec: Spec,
        fence: str,
    ) -> tuple[Message, ...]:
        """The text with what came, why it is no answer, and the text once more."""
        if not self.text:
            return super().repaired(messages, reply, again, spec, fence)
        came = reply.strip().partition(CASES)[0]
        asked = messages[0].text
        return (Message("user", f"{asked} {came}{CASES}{again}{CASES}{asked}"),)

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """What fills the gap: all of a reply in a turn, and of a text up to its end."""
        del fence
        refuse_silence(text, spec)
        fit = self._fit(spec)
        name, text = fit.output.name, text.lstrip()
        if not self.text:
            if given.cut and not is_whole(text, fit.output):
                raise cut_off(name, spec, {name: text}, read_text)
            return read_fields(spec, {name: text}, read_text)
        gap = self._gap(fit)
        end = gap.find(text, final=not given.cut)
        kept = text[: end.at] if end.over else text
        if given.cut and not (end.over or is_whole(kept, fit.output)):
            raise cut_off(name, spec, {name: kept}, _read)
        if gap.may_be_cut(kept, end, _read):
            raise _stopped(gap)
        return read_fields(spec, {name: kept}, _read)

    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """Where the answer begins: at once."""
        del text, spec, fence
        return at

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The gap, where a model sees it; nothing where the text ends there."""
        del spec
        return () if self.text else (f"[{ANSWER}{fence}]",)

    def grammar(self, spec: Spec, fence: str, room: int | None) -> str:
        """One of few values, with the blanks that stand before the gap."""
        del fence, room
        fit = self._fit(spec)
        words = words_of(fit.output, self.edition) if self.ruled else ()
        if not words:
            return ""
        last = fit.before[-1] if fit.before else ""
        blanks = ""
        if self.text and isinstance(last, str):
            blanks = last[len(last.rstrip(" ")) :]
        said = [json.dumps(blanks + word, ensure_ascii=False) for word in words]
        return f"root ::= {' | '.join(said)}"

    def stops(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """What stands behind the gap, and a blank line."""
        del fence
        return self._gap(self._fit(spec)).stops if self.text else ()

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """Reads what fills the gap as it arrives."""
        del fence, echoed
        fit = self._fit(spec)
        return _GapReader(fit.output, self._gap(fit) if self.text else None)

    def _fit(self, spec: Spec) -> Fitted:
        return fitted(self.template, spec)

    def _gap(self, fit: Fitted) -> Gap:
        return _gap_of(fit, self.edition, self.stopped)

    def _turns(
        self,
        fit: Fitted,
        spec: Spec,
        instruction: str,
        demos: tuple[Demo, ...],
        fence: str,
    ) -> Laying:
        """What a model is asked in turns: each time the text with its gap."""
        told = fit.told is not None and bool(instruction)
        turns = [Message("system", instruction)] if told else []
        asking = f"{CASES}{self.form(spec, fence)}"
        ask = partial(self._gapped, fit, fence=fence)
        for demo in demos:
            turns.append(Message("user", ask(demo.values) + asking))
            turns.append(Message("assistant", self._said(fit, demo.values)))

        def rest(inputs: Mapping[str, JSON]) -> tuple[Message, ...]:
            return (Message("user", ask(inputs) + asking),)

        return Laying(tuple(turns), rest)

    def _gapped(self, fit: Fitted, values: Mapping[str, JSON], *, fence: str) -> str:
        gap = f"[{ANSWER}{fence}]"
        return f"{filled_in(fit.before, values)}{gap}{filled_in(fit.behind, values)}"

    def _whole(self, fit: Fitted, values: Mapping[str, JSON]) -> str:
        before, behind = filled_in(fit.before, values), filled_in(fit.behind, values)
        return f"{before}{self._said(fit, values)}{behind}"

    def _said(self, fit: Fitted, values: Mapping[str, JSON]) -> str:
        """What fills the gap of a solved case."""
        field, value = fit.output, values.get(fit.output.name)
        free = isinstance(value, str) and field.plain and not field.choices
        if self.edition == 1 or not free:
            return said_of(fit, values)
        text = str(value)
        return self._gap(fit).said(text) if self.text else field.write(text)


@lru_cache(maxsize=512)
def _gap_of(fit: Fitted, edition: int, stopped: bool) -> Gap:
    words = words_of(fit.output, edition)
    return Gap(fit.output, fit.closing, words, edition, stopped)


def _stopped(gap: Gap) -> ParseError:
    """The error for a value of which a stop sequence may have taken a part."""
    field = gap.field
    return ParseError(
        f"field {field.name!r} may be cut off: the reply ended at {gap.closing!r}, "
        f"which may stand within it; wanted {field.wanted}",
        field=field.name,
        wanted=field.wanted,
        hint="The second edition of the form does not stop there: give the template "
        "anew by weft.cloze(...), or `weft eval --edition newest`",
    )


def _read(field: FieldSpec, text: str) -> Reading:
    """A value of a text that may run on; of few ones also what its first line says."""
    first, _, rest = text.strip().partition("\n")
    try:
        return read_text(field, text)
    except ParseError:
        if not rest or not words_of(field):
            raise
    reading = read_text(field, first)
    return Reading(reading.value, reading.repair or BEHIND)


class _GapReader(StructureReader):
    """Reads one value up to where it ends, as it arrives."""

    def __init__(self, field: FieldSpec, gap: Gap | None) -> None:
        self._value = Value(field.name, field.plain, open_end=True)
        self._gap = gap
        self._held = ""
        self._over = self._waits = self._within = False
        self.inside = self._may_speak(field)

    @property
    def whole(self) -> bool:
        """Whether some text has come: there is no mark to wait for."""
        return self.begun

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        text = self._held + (text if self.begun else text.lstrip())
        if self._over or not text:
            return
        gap, first = self._gap, not self.begun
        self.begun = True
        if gap is None:
            yield from self._value.add(text)
            return
        self._waits = gap.waits(text) if first else self._waits
        self._held = text
        if not self._waits:
            yield from self._give(final=False)

    def close(self) -> Iterator[Delta]:
        """The pieces that are certain since the reply has ended."""
        if not self._over:
            yield from self._give(final=True)
        yield from self._value.close()

    def _give(self, *, final: bool) -> Iterator[Delta]:
        end = None
        if self._gap:
            end = self._gap.find(self._held, final=final, within=self._within)
        at = len(self._held) if end is None else end.at
        self._within = self._within or at > 0
        self._over = end is not None and end.over
        text, self._held = self._held[:at], self._held[at:]
        yield from self._value.add(text)
