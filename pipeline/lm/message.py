"""One turn of a conversation: text, parts of which some are no text, or tool calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ..errors import CallError
from ..ground.frozen import unchanging
from ..ground.shapes import is_dict, is_list
from ..ground.strictjson import plain_text
from ..media.media import Media, Part

Scalar: TypeAlias = str | int | float | bool | None
JSON: TypeAlias = "Scalar | list[JSON] | tuple[JSON, ...] | Mapping[str, JSON]"
Role = Literal["system", "user", "assistant", "tool"]
_CALLED: Final = ("id", "name", "arguments")


@unchanging
@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool that a model asks for, in an endpoint's own format.

    Args:
        name: The tool's name.
        arguments: The arguments as the model wrote them: JSON, as a rule.
        id: By what its result names it; the endpoint's own, or empty.

    >>> ToolCall.of("search", query="sea")
    ToolCall(name='search', arguments='{"query":"sea"}', id='')
    """

    name: str
    arguments: str = "{}"
    id: str = ""

    @classmethod
    def of(cls, name: str, /, **arguments: JSON) -> ToolCall:
        """A call with arguments as values; for scripts and tests."""
        return cls(name, plain_text(arguments))


@unchanging
@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Args:
        role: Who speaks: "system", "user", "assistant", or "tool" for what a tool gave.
        content: A text; or, where a turn holds an image, audio or a file, its parts in
            order: texts, and `weft.Image`, `weft.Audio` or `weft.File` values.
        tool_calls: The calls that an assistant's turn asks for, in order.
        answers: Of a tool's turn, the id of the call whose result it is.
    """

    role: Role
    content: str | tuple[Part, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    answers: str = ""

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse it. It answers `"x" in message`, too.

        def __getitem__(self, at: object) -> Any:
            message = f"a Message is no text and no mapping, and nothing is at {at!r}"
            raise CallError(message, hint="Read .role, and .text or .content")

    def __repr__(self) -> str:
        said = f"role={self.role!r}, content={self.content!r}"
        said += f", tool_calls={self.tool_calls!r}" if self.tool_calls else ""
        said += f", answers={self.answers!r}" if self.answers else ""
        return f"Message({said})"

    @property
    def text(self) -> str:
        """The text; what is none stands in it by its type, size and digest."""
        content = self.content
        return content if isinstance(content, str) else "".join(map(str, content))

    @property
    def shown(self) -> str:
        """The text, and below it what it calls; for people."""
        calls = [f"-> {call.name}({call.arguments})" for call in self.tool_calls]
        return "\n".join([self.text, *calls] if self.text or not calls else calls)

    @property
    def media(self) -> tuple[Media, ...]:
        """What is no text, in order."""
        if isinstance(self.content, str):
            return ()
        return tuple(part for part in self.content if isinstance(part, Media))

    def as_dict(self) -> dict[str, JSON]:
        """The turn as plain data, as in keys and traces: digests in place of data.

        A turn of text alone is in the OpenAI wire format.
        """
        said = {"role": self.role, "content": content_to_json(self.content)}
        return {**said, **called_to_json(self)}


def content_to_json(content: str | tuple[Part, ...]) -> JSON:
    """A turn's content as plain data: a text, or its parts with digests for data.

    >>> content_to_json("hi")
    'hi'
    """
    if isinstance(content, str):
        return content
    return [
        {"text": part} if isinstance(part, str) else part.as_data() for part in content
    ]


def calls_to_json(calls: tuple[ToolCall, ...]) -> list[JSON]:
    """Tool calls as plain data."""
    return [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in calls]


def calls_from_json(data: object) -> tuple[ToolCall, ...]:
    """The inverse of `calls_to_json`.

    Raises:
        ValueError: The data has another form.
    """
    return tuple(map(_call_of, data)) if is_list(data) else _call_of(None)


def _call_of(data: object) -> Any:
    held = [data.get(name) for name in _CALLED] if is_dict(data) else []
    texts = [text for text in held if isinstance(text, str)]
    if len(texts) != len(_CALLED):
        raise ValueError("a tool call is an id, a name and arguments as text")
    number, name, arguments = texts
    return ToolCall(name, arguments, number)


def called_to_json(message: Message) -> dict[str, JSON]:
    """What a turn has of tools, as plain data; nothing where it has none."""
    made: dict[str, JSON] = {}
    if message.tool_calls:
        made["tool_calls"] = calls_to_json(message.tool_calls)
    if message.answers:
        made["answers"] = message.answers
    return made


def turn_to_json(message: Message) -> list[JSON]:
    """A turn as it stands in keys and traces: its role, its content, and tool calls."""
    called = called_to_json(message)
    turn: list[JSON] = [message.role, content_to_json(message.content)]
    return [*turn, called] if called else turn
