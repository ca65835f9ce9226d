"""A call as messages: as it is sent, as people see it before, what is told of the task.

A context and a glossary are the same for all modules of a program, and are said once in
each prompt. Illustrations stand in the task's own text, and not among the turns: a
model copies less of a case that it is told of than of one that it seems to have
answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from ..ground.strictjson import as_text
from ..lm.request import JSON, Message, ToolDefinition
from ..media.tokens import usual_tokens_of
from ..media.values import Media
from ..parameters import Demo, Parameters
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.wording import NOT_GIVEN

_CHARS_PER_TOKEN = 4


class Around(NamedTuple):
    """What stands around an answer that fills a gap of a text.

    Args:
        head: What stands before it and is no part of the prompt: a blank, as a rule.
        tail: What stands behind it.
        told: Whether the tail tells of the inputs, so that an answer can only be scored
            together with it.
        task: How many characters of the prompt are the instruction.
        cue: How many at its end stand behind the inputs, on the line that is gone on
            with.
    """

    head: str
    tail: str
    told: bool
    task: int
    cue: int


class Rendered(NamedTuple):
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
        media: Whether inputs may be more than text.
        tools: What the model may call.
        around: What stands around an answer that fills a gap of the text.
        shared: The turns at the beginning that other calls share, as the one object
            that these hold too; empty where it is no turn that they share.
    """

    messages: tuple[Message, ...]
    fence: str = ""
    response_format: Mapping[str, JSON] | None = None
    stop: tuple[str, ...] = ()
    continues: bool = False
    echoed: str = ""
    grammar: str = ""
    media: bool = False
    tools: tuple[ToolDefinition, ...] = ()
    around: Around | None = None
    shared: tuple[Message, ...] = ()


class How(NamedTuple):
    """What of a call hangs on the endpoint that is asked.

    Args:
        schema_mode: Whether it is to enforce a JSON schema.
        shown: Whether made-up exchanges show the form where no demo does.
        stop: Whether a stop sequence is to end the reply.
        room: How many tokens the reply may take; a schema leaves each field some.
    """

    schema_mode: bool = False
    shown: bool = False
    stop: bool = False
    room: int | None = None


@dataclass(frozen=True, repr=False)
class Prompt:
    """A prompt that was not sent.

    Args:
        messages: The turns, oldest first.
        model: Who would be asked, or empty where no model is set.
        response_format: What the endpoint would be asked to enforce, or None.
        cost: US dollars of the input side, estimated; None where unknown.
        tools: What the model may call, in the endpoint's own format.
    """

    messages: tuple[Message, ...]
    model: str = ""
    response_format: Mapping[str, JSON] | None = None
    cost: float | None = None
    tools: tuple[ToolDefinition, ...] = ()

    @property
    def tokens(self) -> int:
        """An estimate: four characters a token, and four tokens a turn.

        An image counts as its sides do (`usual_tokens_of`); what is in `uncounted` is
        not in it.
        """
        texts = [p for m in self.messages for p in _texts_of(m)]
        texts += [c.name + c.arguments for m in self.messages for c in m.tool_calls]
        texts += [repr(tool.as_data()) for tool in self.tools]
        media = [one for m in self.messages for one in m.media]
        known = sum(usual_tokens_of(one, self.model) or 0 for one in media)
        chars = sum(map(len, texts))
        return -(-chars // _CHARS_PER_TOKEN) + 4 * len(self.messages) + known

    @property
    def uncounted(self) -> tuple[Media, ...]:
        """What takes a number of tokens that nobody but the provider knows."""
        media = [one for m in self.messages for one in m.media]
        return tuple(one for one in media if usual_tokens_of(one, self.model) is None)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        turns = [f"--- {m.role} ---\n{m.shown}" for m in self.messages]
        if self.tools:
            told = [f"{t.name}: {t.description}".rstrip(": ") for t in self.tools]
            turns.insert(0, "\n".join(["--- tools ---", *told]))
        price = "price unknown" if self.cost is None else f"about ${self.cost:.6f}"
        more = len(self.uncounted)
        beside = f" and {more} whose tokens are unknown" if more else ""
        who = self.model or "no model set"
        foot = f"({who}: about {self.tokens} tokens{beside}, {price})"
        return "\n\n".join([*turns, foot])


def _texts_of(message: Message) -> list[str]:
    content = message.content
    if isinstance(content, str):
        return [content]
    return [part for part in content if isinstance(part, str)]


def begin_with(mark: str, field: FieldSpec) -> str:
    """The reminder at the end of a turn: how the reply begins.

    Choices are said once more: a small model that is far from where it read them makes
    up others.
    """
    start = f"Begin your reply with {mark}"
    if not field.choices:
        return start
    choices = ", ".join(map(as_text, field.choices))
    return f"Choose {field.name} from: {choices}.\n{start}"


def listed(title: str, fields: Iterable[FieldSpec], *, wanted: bool = False) -> str:
    """Fields a line each, under a title; what is wanted of outputs with it."""
    lines = [title]
    for field in fields:
        said = "; ".join(filter(None, (field.wanted * wanted, field.said)))
        lines.append(f"- {field.name}: {said}" if said else f"- {field.name}")
    return "\n".join(lines)


Write: TypeAlias = Callable[[Iterable[FieldSpec], Mapping[str, JSON], str], str]
"""Writes fields and their values, as they stand in a turn."""


def turns_before(
    write: Write,
    spec: Spec,
    form: str,
    instruction: str,
    demos: tuple[Demo, ...],
    fence: str,
    how: str,
) -> tuple[Message, ...]:
    """The turns before the input; `how` ends what the user says in the demos."""
    given = listed("You are given these fields:", spec.inputs.values())
    wanted = listed("You write these fields:", spec.outputs.values(), wanted=True)
    system = f"{given}\n\n{wanted}\n\n{form}\n\nYour task:\n{instruction}"
    turns = [Message("system", system)]
    for demo in demos:
        known = {f.name: demo.values.get(f.name, NOT_GIVEN) for f in spec.fields}
        asked = write(spec.inputs.values(), known, fence)
        turns.append(Message("user", f"{asked}\n\n{how}" if how else asked))
        answered = write(spec.outputs.values(), known, fence)
        turns.append(Message("assistant", answered))
    return tuple(turns)


_CONTEXT: Final = "What holds in every case:"
_GLOSSARY: Final = "What these words mean here:"
_SHOWN: Final = (
    "Illustrations of how it is done. They are about other things than what comes: "
    "take over how they do it, and nothing of what they say."
)


def told(write: Write, spec: Spec, parameters: Parameters, fence: str) -> str:
    """The text of the task; of an instruction alone that one, byte for byte.

    Args:
        write: Writes the fields of an illustration, in the form of the call.
        spec: The fields.
        parameters: What is told.
        fence: What sets structure apart in the call; no illustration holds its marks.
    """
    parts = [parameters.instruction]
    listed = (_CONTEXT, parameters.context), (_GLOSSARY, parameters.glossary)
    for title, held in listed:
        if held:
            lines = (f"- {name}: {text}" for name, text in held.items())
            parts.append("\n".join([title, *lines]))
    if parameters.illustrations:
        shown = [_case(write, spec, demo, fence) for demo in parameters.illustrations]
        numbered = (f"Illustration {n}:\n{text}" for n, text in enumerate(shown, 1))
        parts += [_SHOWN, *numbered]
    return "\n\n".join(filter(None, parts)) if parts[1:] else parts[0]


def _case(write: Write, spec: Spec, demo: Demo, fence: str) -> str:
    """What was given and what was answered; what an illustration lacks is left out."""
    sides = spec.inputs.values(), spec.outputs.values()
    held = [[f for f in side if f.name in demo.values] for side in sides]
    return "\n".join(write(fields, demo.values, fence) for fields in held if fields)
