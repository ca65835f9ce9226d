"""Server-sent events of a streamed completion, put together into a whole one.

The wire sends `data: {...}` lines, one piece of the answer each, and `data: [DONE]` at
the end (WHATWG HTML, section 9.2). What comes out is a completion as if it had come in
one body, so that whatever is checked there is checked here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..base.shapes import is_list
from ..errors import ProtocolError

_DONE = "[DONE]"


class EventReader:
    """Cuts a body that arrives in pieces into the data of its events."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[str]:
        """The data of the events that are complete after some more bytes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            text = line.rstrip(b"\r").decode("utf-8", "replace")
            if text.startswith("data:"):
                self._data.append(text[5:].removeprefix(" "))
            elif not text and self._data:
                data, self._data = "\n".join(self._data), []
                yield data


class Assembly:
    """A completion under way."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._texts: list[str] = []
        self._head: dict[str, Any] = {}
        self._finish: str | None = None
        self._refusal = ""
        self.done = False

    def add(self, data: str) -> str:
        """Take in an event's data; give back the piece of text it holds.

        Raises:
            ProtocolError: It is no JSON object.
        """
        if data.strip() == _DONE:
            self.done = True
            return ""
        try:
            tree: object = json.loads(data)
        except (ValueError, RecursionError):
            tree = None
        if not isinstance(tree, dict):
            message = "an event of the server's stream is no JSON object"
            raise ProtocolError(message, model=self._model)
        event = cast("dict[str, Any]", tree)
        for name in ("id", "model", "usage", "error"):
            if event.get(name):
                self._head[name] = event[name]
        return self._piece(event)

    def _piece(self, event: Mapping[str, Any]) -> str:
        choices = event.get("choices")
        if not is_list(choices) or not choices:
            return ""
        choice = _object(choices[0])
        if isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]
        part = _object(choice.get("delta"))
        if isinstance(part.get("refusal"), str):
            self._refusal += part["refusal"]
        text = part.get("content")
        if not isinstance(text, str):
            return ""
        self._texts.append(text)
        return text

    def whole(self) -> dict[str, Any]:
        """The completion as one tree.

        Raises:
            ProtocolError: The stream broke off before its end.
        """
        if not self.done and self._finish is None and "error" not in self._head:
            message = "the server's stream broke off before its end"
            raise ProtocolError(message, model=self._model)
        content = "".join(self._texts) if self._texts else None
        said: dict[str, Any] = {"content": content, "refusal": self._refusal}
        choice = {"message": said, "finish_reason": self._finish or "stop"}
        if "error" in self._head and content is None:
            return self._head
        return {**self._head, "choices": [choice]}


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
