"""One turn of a conversation: text, or parts of which some are no text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..media.media import Media, Part

Scalar: TypeAlias = str | int | float | bool | None
JSON: TypeAlias = "Scalar | list[JSON] | tuple[JSON, ...] | Mapping[str, JSON]"
Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Args:
        role: Who speaks.
        content: A text; or, where a turn holds an image, audio or a file, its parts in
            order: texts, and `weft.Image`, `weft.Audio` or `weft.File` values.
    """

    role: Role
    content: str | tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text; what is none stands in it by its type, size and digest."""
        content = self.content
        return content if isinstance(content, str) else "".join(map(str, content))

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
        return {"role": self.role, "content": content_to_json(self.content)}


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
