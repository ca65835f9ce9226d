"""A template with a gap, which the answer fills: `[text] All in all, it was [z].`

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
from typing import NamedTuple, cast, final

from ..errors import ConfigError, ParseError, did_you_mean
from ..lm.form import ANSWER, INSTRUCTION, Slot, pieces_of
from ..lm.request import JSON, Message
from ..parameters import Demo
from ..reading.arriving import Delta, StructureReader, Value
from ..reading.fields import (
    BEHIND,
    Given,
    Parsed,
    Reading,
    cut_off,
    is_whole,
    read_fields,
    read_text,
)
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from .base import NOT_GIVEN, Adapter
from .prompt import Around

_CASES = "\n\n"
"""What stands between filled templates."""


class Fitted(NamedTuple):
    """A template with the fields of a signature in its slots.

    Args:
        told: What stands behind the instruction; None where none is shown.
        before: Texts and inputs before the gap.
        behind: Texts and inputs behind it.
        output: The field that fills it.
    """

    told: str | None
    before: tuple[str | FieldSpec, ...]
    behind: tuple[str | FieldSpec, ...]
    output: FieldSpec

    @property
    def hangs(self) -> bool:
        """Whether an input stands behind the gap."""
        return any(not isinstance(piece, str) for piece in self.behind)

    @property
    def ends(self) -> tuple[str, ...]:
        """Where a text that fills the gap is over."""
        closing = next((p for p in self.behind[:1] if isinstance(p, str)), "")
        line = closing.partition("\n")[0].rstrip()
        if closing and not line:
            line = "\n" if "\n" in closing else ""
        held = any(line in word for word in _words(self.output) or ())
        return tuple(dict.fromkeys(([] if held or not line else [line]) + [_CASES]))


@lru_cache(maxsize=512)
def fitted(template: str, spec: Spec) -> Fitted:
    """A template for the fields of a signature.

    Raises:
        ConfigError: The signature has several outputs, or media; or a slot is no input,
            or an input has no slot, or two.
    """
    who = f"the template {template!r:.200}"
    if len(spec.outputs) != 1 or spec.media:
        what = "inputs that are no texts" if spec.media else "several outputs"
        raise ConfigError(
            f"{who} has one gap in a text, and {spec.name!r} has {what}",
            hint='Ask in another form, adapter="auto", or for one output at a time',
        )
    pieces, told = [*pieces_of(template)], None
    if pieces[0] == Slot(INSTRUCTION) and INSTRUCTION not in spec.inputs:
        told, following = "", pieces[1]
        del pieces[0]
        if isinstance(following, str):
            pieces[0] = following.lstrip()
            told = following[: len(following) - len(pieces[0])]
    filled: list[str | FieldSpec | None] = []
    for piece in pieces:
        is_gap = piece == Slot(ANSWER)
        text = isinstance(piece, str) or is_gap
        filled.append(
            (None if is_gap else cast(str, piece))
            if text
            else _input_of(cast(Slot, piece), spec, who)
        )
    named = [piece.name for piece in filled if isinstance(piece, FieldSpec)]
    for name in spec.inputs:
        if named.count(name) != 1:
            often = "twice" if name in named else "in no slot"
            raise ConfigError(
                f"{who} has the input {name!r} {often}",
                hint=f"Write [{name}] in one place"
                + (f": [{ANSWER}] is the answer's" if name == ANSWER else ""),
            )
    at = filled.index(None)
    whole = cast("list[str | FieldSpec]", filled)
    return Fitted(told, (*whole[:at],), (*whole[at + 1 :],), *spec.outputs.values())


def _input_of(slot: Slot, spec: Spec, who: str) -> FieldSpec:
    if slot.name in spec.inputs:
        return spec.inputs[slot.name]
    if slot.name == "x" and len(spec.inputs) == 1:
        return next(iter(spec.inputs.values()))
    why = "is no input"
    if slot.name == INSTRUCTION:
        why = "stands at the beginning, or nowhere"
    near = did_you_mean(slot.name, spec.inputs)
    raise ConfigError(
        f"{who}: [{slot.name}] {why}; the inputs of {spec.name!r} are "
        f"{', '.join(spec.inputs)}",
        hint=f"{near}; [[{slot.name}] writes the words themselves".lstrip("; "),
    )


@final
@dataclass(frozen=True)
class ClozeAdapter(Adapter):
    """A text of the user's own with a gap.

    Args:
        template: The text, with its slots.
        text: Whether the model continues a text; else it is asked in turns.
        ruled: Whether the endpoint enforces a grammar: an answer of few values is then
            one of them.
    """

    name = "cloze"
    template: str = ""
    text: bool = False
    ruled: bool = False

    @property
    def continues(self) -> bool:
        """Whether the call is one text to be continued."""
        return self.text

    def form(self, spec: Spec, fence: str) -> str:
        """What is asked of a gap."""
        fit = self._fit(spec)
        kind = fit.output.wanted if _words(fit.output) else ""
        asked = f"Write only what stands in place of [{ANSWER}{fence}]"
        return f"{asked}: {kind}." if kind else f"{asked}."

    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """Values as they stand in the text."""
        del fence
        return "\n".join([_written(field, values[field.name]) for field in fields])

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
        """The text as far as its gap, behind the filled ones; or turns."""
        del remind
        fit = self._fit(spec)
        if not self.text:
            return self._turns(fit, spec, instruction, demos, inputs, fence)
        head = ""
        if fit.told is not None and instruction:
            head = f"{instruction}{fit.told}"
        cases = [self._whole(fit, demo.values) + _CASES for demo in demos]
        begun = _filled(fit.before, inputs).rstrip(" ")
        text = f"{head}{''.join(cases)}{begun}"
        if not text.strip():
            raise ConfigError(
                f"the template {self.template!r:.200} begins with its gap, and nothing "
                "stands before it that a model could continue",
                hint="Write some words before [z], or ask a model in turns",
            )
        return (Message("user", text),)

    def around(self, spec: Spec, inputs: Mapping[str, JSON]) -> Around | None:
        """The blanks before the gap, and all that stands behind it."""
        if not self.text:
            return None
        fit = self._fit(spec)
        before = _filled(fit.before, inputs)
        blanks = before[len(before.rstrip(" ")) :]
        return Around(blanks, _filled(fit.behind, inputs), fit.hangs)

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
        came = reply.strip().partition(_CASES)[0]
        asked = messages[0].text
        return (Message("user", f"{asked} {came}{_CASES}{again}{_CASES}{asked}"),)

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """What fills the gap: all of a reply in a turn, and of a text up to its end."""
        del fence
        fit = self._fit(spec)
        name, kept, ended = fit.output.name, text.lstrip(), False
        for end in fit.ends if self.text else ():
            kept, met, _ = kept.partition(end)
            ended = ended or bool(met)
        found = {name: kept}
        if given.cut and not (ended or is_whole(kept, fit.output)):
            raise cut_off(name, spec, found, _read)
        return read_fields(spec, found, _read)

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
        words = _words(fit.output) if self.ruled else None
        if words is None:
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
        return self._fit(spec).ends if self.text else ()

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """Reads what fills the gap as it arrives."""
        del fence, echoed
        fit = self._fit(spec)
        return _GapReader(fit.output, fit.ends if self.text else ())

    def _fit(self, spec: Spec) -> Fitted:
        return fitted(self.template, spec)

    def _turns(
        self,
        fit: Fitted,
        spec: Spec,
        instruction: str,
        demos: tuple[Demo, ...],
        inputs: Mapping[str, JSON],
        fence: str,
    ) -> tuple[Message, ...]:
        """What a model is asked in turns: each time the text with its gap."""
        told = fit.told is not None and bool(instruction)
        turns = [Message("system", instruction)] if told else []
        asking = f"{_CASES}{self.form(spec, fence)}"
        ask = partial(self._gapped, fit, fence=fence)
        for demo in demos:
            turns.append(Message("user", ask(demo.values) + asking))
            turns.append(Message("assistant", _said(fit, demo.values)))
        return *turns, Message("user", ask(inputs) + asking)

    def _gapped(self, fit: Fitted, values: Mapping[str, JSON], *, fence: str) -> str:
        gap = f"[{ANSWER}{fence}]"
        return f"{_filled(fit.before, values)}{gap}{_filled(fit.behind, values)}"

    def _whole(self, fit: Fitted, values: Mapping[str, JSON]) -> str:
        before, behind = _filled(fit.before, values), _filled(fit.behind, values)
        return f"{before}{_said(fit, values)}{behind}"


def _filled(pieces: Iterable[str | FieldSpec], values: Mapping[str, JSON]) -> str:
    return "".join(
        piece
        if isinstance(piece, str)
        else _written(piece, values.get(piece.name, NOT_GIVEN))
        for piece in pieces
    )


def _said(fit: Fitted, values: Mapping[str, JSON]) -> str:
    return _written(fit.output, values.get(fit.output.name, NOT_GIVEN))


def _written(field: FieldSpec, value: JSON) -> str:
    """A value in a text: a text as it is."""
    return value if isinstance(value, str) and field.plain else field.write(value)


@lru_cache(maxsize=512)
def _words(field: FieldSpec) -> tuple[str, ...] | None:
    """The few values of a field as they are written, or None."""
    values = (True, False) if field.kind == "boolean" else field.options
    return tuple(_written(field, value) for value in values) or None


def _read(field: FieldSpec, text: str) -> Reading:
    """A value; of few ones also what stands first, on a line of its own."""
    first, _, rest = text.strip().partition("\n")
    try:
        return read_text(field, text)
    except ParseError:
        if not rest or _words(field) is None:
            raise
    reading = read_text(field, first)
    return Reading(reading.value, reading.repair or BEHIND)


class _GapReader(StructureReader):
    """Reads one value up to where it ends, as it arrives."""

    begun = inside = whole = True

    def __init__(self, field: FieldSpec, ends: tuple[str, ...]) -> None:
        self._value = Value(field.name, field.plain, open_end=True)
        self._ends = ends
        self._held = ""
        self._begun = self._over = False

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        text = self._held + (text if self._begun else text.lstrip())
        if self._over or not text:
            return
        self._begun = True
        met = [at for end in self._ends if (at := text.find(end)) >= 0]
        self._over = bool(met)
        sure = min(met) if met else _sure(text, self._ends)
        self._held = "" if met else text[sure:]
        yield from self._value.add(text[:sure])

    def close(self) -> Iterator[Delta]:
        """The pieces that are certain since the reply has ended."""
        yield from self._value.add(self._held)
        yield from self._value.close()


def _sure(text: str, ends: tuple[str, ...]) -> int:
    """How far a text goes that can begin no end any more."""
    most = max(map(len, ends), default=0)
    for at in range(max(0, len(text) - most + 1), len(text)):
        if any(end.startswith(text[at:]) for end in ends):
            return at
    return len(text)
