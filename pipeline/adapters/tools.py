"""Tool calls in an endpoint's own format: an agent's step as turns that call tools.

For the signature of such a step alone: a thought, a choice among tools, its arguments,
and the trajectory so far. The same contract as in text, so that what a compiler tunes
in one form, demos and the words of tools too, is what is asked in the other: what the
choices say of themselves becomes the definitions of tools, and the trajectory becomes
turns, calls and what came of them. Calls have numbers of ours, not the endpoint's: the
same steps are the same bytes.

An answer without a call is read where it plainly writes one out, as models do whose
template the server does not know.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, final

from ..errors import ConfigError, ParseError
from ..ground import strictjson
from ..ground.shapes import as_dict, as_list, is_dict, is_list
from ..lm.request import JSON, Message, Response, ToolCall, ToolDefinition
from ..parameters import Demo
from ..reading.arriving import Delta, StructureReader
from ..reading.calls import envelope, read_arguments, written
from ..reading.fields import Given, Parsed
from ..reading.marks import Value
from ..reading.scalars import choice_of
from ..signature.field import FieldSpec
from ..signature.note import note_name
from ..signature.spec import Spec
from .base import Adapter
from .placing import Laying

THOUGHT: Final = "thought"
TOOL: Final = "tool"
ARGUMENTS: Final = "arguments"
TRAJECTORY: Final = "trajectory"
ALONGSIDE: Final = "alongside"
"""Of an entry of a trajectory: it was called in the same turn as the one before."""

_OUTPUTS: Final = [THOUGHT, TOOL, ARGUMENTS]
_SENDABLE: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_SENDABLE: Final = re.compile(r"[^a-zA-Z0-9_-]")
_DEFINED: Final = re.compile(r'"#/\$defs/([^"/]+)')
_CALL_BEGINS: Final = re.compile(r"[<{]|```")
_NOT_SHOWN: Final = "(not shown in this example)"
_HOW: Final = (
    "Call a tool in each turn; several at once where none of them needs what another "
    "one gives. Call {end} alone, once you know the answer."
)


class _Tools(NamedTuple):
    """What a signature says of an agent's tools."""

    definitions: tuple[ToolDefinition, ...]
    by_wire: dict[str, str]  # a tool's name by the one that is sent
    by_name: dict[str, str]


def is_step(spec: Spec) -> bool:
    """Whether a signature is that of an agent's step, so that it has this form."""
    return _tools_of(spec) is not None


@lru_cache(maxsize=512)
def _tools_of(spec: Spec) -> _Tools | None:
    if [*spec.outputs] != _OUTPUTS or TRAJECTORY not in spec.inputs:
        return None
    choice = spec.outputs[TOOL]
    enforced = spec.outputs[ARGUMENTS].enforced or {}
    schemas, names = enforced.get("anyOf"), choice.choices
    if not is_list(schemas) or len(schemas) != len(names) or not choice.notes:
        return None
    notes = {note.name: note for note in choice.notes}
    if not all(isinstance(name, str) and name in notes for name in names):
        return None
    by_name = _sent_names(names)
    made = [
        ToolDefinition(
            by_name[name],
            notes[name].text if _is_told(schema) else notes[name].line.strip(),
            _described(name, schema, enforced, notes),
        )
        for name, schema in zip(names, map(as_dict, schemas), strict=True)
    ]
    wire = {sent: name for name, sent in by_name.items()}
    return _Tools(tuple(made), wire, by_name)


def _sent_names(names: Sequence[str]) -> dict[str, str]:
    """The names as endpoints take them: of 64 ASCII letters, digits, _ and -."""
    made: dict[str, str] = {}
    for number, name in enumerate(names):
        sent = name
        if not _SENDABLE.fullmatch(name):
            sent = f"{_NOT_SENDABLE.sub('_', name)[:56]}_{number}"
        made[name] = sent if sent not in made.values() else f"{sent[:56]}_{number}"
    return made


def _is_told(schema: Mapping[str, Any]) -> bool:
    """Whether a schema names its arguments; a step's may have lost them (`either`)."""
    return "properties" in schema


def _described(
    tool: str,
    schema: Mapping[str, Any],
    whole: Mapping[str, Any],
    notes: Mapping[str, Any],
) -> dict[str, Any]:
    """The schema of a tool's arguments, with what is said of each."""
    made: dict[str, Any] = {"type": "object", "properties": {}, **schema}
    properties: dict[str, Any] = {}
    for name, part in as_dict(made["properties"]).items():
        note = notes.get(f"{tool}.{note_name(name)}")
        said = {"description": note.text} if note is not None and note.text else {}
        properties[name] = {**part, **said} if is_dict(part) else part
    made["properties"] = properties
    used = _used(made, as_dict(whole.get("$defs")))
    return {**made, "$defs": used} if used else made


def _used(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is defined for all tools, what a schema leads to, in that order."""
    found, todo = set[str](), [schema]
    while todo:
        for sent in _DEFINED.findall(strictjson.dumps(todo.pop())):
            name = sent.replace("~1", "/").replace("~0", "~")
            if name in defined and name not in found:
                found.add(name)
                todo.append(defined[name])
    return {name: held for name, held in defined.items() if name in found}


def named(spec: Spec, sent: str) -> str:
    """The name of the tool that a call names, but for its spelling; else as it is."""
    tools = _tools_of(spec)
    if tools is None or sent in tools.by_wire:
        return sent if tools is None else tools.by_wire[sent]
    try:
        return str(choice_of(sent, tools.by_name))
    except LookupError:
        return sent


@final
@dataclass(frozen=True)
class ToolsAdapter(Adapter):
    """Tools as definitions, steps as calls; what is called is the reply."""

    name = "tools"
    asks_whole = 1

    def tools(self, spec: Spec) -> tuple[ToolDefinition, ...]:
        """What may be called.

        Raises:
            ConfigError: The signature is not that of an agent's step.
        """
        return _needed(spec).definitions

    def form(self, spec: Spec, fence: str) -> str:
        """How many calls a turn may make, and how it ends."""
        del fence
        return _HOW.format(end=_needed(spec).definitions[-1].name)

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """The headings of the inputs."""
        return tuple(f"[[ {f.name}{fence} ]]" for f in _given(spec))

    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """Headings and values, without the trajectory."""
        lines: list[str] = []
        for field in fields:
            if field.name != TRAJECTORY:
                lines += [f"[[ {field.name}{fence} ]]", field.write(values[field.name])]
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
        """The task, the demos, the input, and each step as calls with their results."""
        del remind
        told = [
            f"- {field.name}: {field.said}" if field.said else f"- {field.name}"
            for field in _given(spec)
        ]
        lines = ["You are given these fields:", *told]
        system = [*lines, "", self.form(spec, fence), "", "Your task:", instruction]
        turns = [Message("system", "\n".join(system))]
        numbers = itertools.count(1)
        for demo in demos:
            turns += self._case(spec, demo.values, fence, numbers)
            last = _step_in(demo.values)
            if last is not None:
                turns += _turn_of(spec, [last], numbers)
        at = next(numbers)

        def rest(inputs: Mapping[str, JSON]) -> tuple[Message, ...]:
            return tuple(self._case(spec, inputs, fence, itertools.count(at)))

        return Laying(tuple(turns), rest)

    def _case(
        self, spec: Spec, values: Mapping[str, Any], fence: str, numbers: Iterator[int]
    ) -> Iterator[Message]:
        known = {f.name: values.get(f.name, "(not given)") for f in _given(spec)}
        yield Message("user", self.write(_given(spec), known, fence))
        for group in _groups(values.get(TRAJECTORY)):
            yield from _turn_of(spec, group, numbers)

    def heard(self, response: Response) -> Response:
        """The answer with its calls as its text, so that they are read like any."""
        if not response.tool_calls:
            return response
        text = envelope(response.text, response.tool_calls)
        return replace(response, text=text)

    def read(self, text: str, spec: Spec, fence: str, given: Given) -> Parsed:
        """The first call of a tool that there is; the others are the answer's own."""
        del fence
        thought, calls = written(text, partial(_is_known, spec), given.echoed)
        known = _needed(spec).by_name
        for call in calls:
            name = named(spec, call.name)
            if name not in known:
                continue
            made = read_arguments(call.arguments)
            cut = made.arguments is None or not call.arguments.strip()
            if cut and given.cut:
                raise ParseError("a call was cut off", field=ARGUMENTS)
            values = {THOUGHT: thought, TOOL: name, ARGUMENTS: made.arguments or {}}
            return Parsed(values, made.notes)
        wanted = f"a call of one of {', '.join(_needed(spec).by_wire)}"
        if calls:
            said = f"there is no tool {calls[0].name!r:.80}"
            raise ParseError(said, field=TOOL, wanted=wanted)
        raise ParseError(
            "no tool was called",
            field=TOOL,
            wanted=wanted,
            hint="Where the server passes tools over in silence, ask in text: "
            'weft.ReAct(..., calls="text")',
        )

    def begins(self, text: str, at: int, spec: Spec, fence: str) -> int:
        """A call that is written out begins at its tag or its brace."""
        del spec, fence
        found = [text.find(mark, at) for mark in ("<tool_call>", "{")]
        return min((n for n in found if n >= 0), default=len(text))

    def pieces(self, spec: Spec, fence: str, echoed: str) -> StructureReader:
        """What is said beside the calls, as it arrives: the thought."""
        del fence
        return _ThoughtReader(spec, echoed)


class _ThoughtReader(StructureReader):
    """Reads a thought, which is all the text there is but for a call in it.

    From where a call may be written out nothing is certain before the end.
    """

    def __init__(self, spec: Spec, echoed: str) -> None:
        self._value = Value(THOUGHT, plain=True)
        self._spec, self._echoed = spec, echoed
        self._text, self._shown = "", 0

    @property
    def whole(self) -> bool:
        """Whether it has begun: nothing else is read."""
        return self.begun

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        self._text += text
        self.begun = self.inside = self.begun or bool(text.strip())
        call = _CALL_BEGINS.search(self._text, self._shown)
        yield from self._show(call.start() if call else len(self._text))

    def close(self) -> Iterator[Delta]:
        """The pieces that are certain since the reply has ended."""
        end = len(self._text)
        if self._shown < end:
            known = partial(_is_known, self._spec)
            thought, calls = written(self._text, known, self._echoed)
            if calls:
                end = self._text.find(thought) + len(thought)
        yield from self._show(end)
        yield from self._value.close()

    def _show(self, end: int) -> Iterator[Delta]:
        if end > self._shown:
            yield from self._value.add(self._text[self._shown : end])
            self._shown = end


def _needed(spec: Spec) -> _Tools:
    tools = _tools_of(spec)
    if tools is None:
        raise ConfigError(
            f"the form 'tools' is for the steps of agents, and {spec.name!r} is none",
            hint='Leave adapter= out, or write weft.ReAct(..., calls="native")',
        )
    return tools


def _given(spec: Spec) -> list[FieldSpec]:
    """The inputs that stand in the user's turn."""
    return [field for name, field in spec.inputs.items() if name != TRAJECTORY]


def _groups(trajectory: object) -> Iterator[list[Mapping[str, Any]]]:
    """The steps of a trajectory by the turns in which they were called."""
    group: list[Mapping[str, Any]] = []
    for entry in filter(is_dict, as_list(trajectory)):
        if group and entry.get(ALONGSIDE) is not True:
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def _step_in(values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The step that a demo shows as the answer, without what came of it."""
    if not isinstance(values.get(TOOL), str):
        return None
    return {n: values.get(n) for n in _OUTPUTS} | {"observation": _NOT_SHOWN}


def _turn_of(
    spec: Spec, group: Sequence[Mapping[str, Any]], numbers: Iterator[int]
) -> Iterator[Message]:
    """A turn that calls tools, and one for what came of each call."""
    names = _needed(spec).by_name
    calls: list[ToolCall] = []
    for entry in group:
        tool = str(entry.get(TOOL, ""))
        arguments = strictjson.dumps(as_dict(entry.get(ARGUMENTS)))
        # Nine letters and digits: Mistral takes nothing else.
        number = f"call{next(numbers):05d}"
        calls.append(ToolCall(names.get(tool) or _safe(tool), arguments, number))
    thought = group[0].get(THOUGHT)
    yield Message("assistant", thought if isinstance(thought, str) else "", (*calls,))
    for call, entry in zip(calls, group, strict=True):
        error, seen = entry.get("error"), entry.get("observation", "")
        told = f"Error: {error}" if error else str(seen)
        yield Message("tool", told, answers=call.id)


def _safe(name: str) -> str:
    """The name of a tool that there is none of, as endpoints take it."""
    return _NOT_SENDABLE.sub("_", name)[:64] or "unknown"


def _is_known(spec: Spec, name: str) -> bool:
    return named(spec, name) in _needed(spec).by_name
