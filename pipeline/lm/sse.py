"""Server-sent events of a streamed completion, put together into a whole one.

The wire sends `data: {...}` lines, one piece of the answer each, and `data: [DONE]` at
the end (WHATWG HTML, section 9.2). What comes out is a completion as if it had come in
one body, so that whatever is checked there is checked here too.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..errors import ProtocolError
from ..ground.shapes import is_list
from .thinking import thought_in

_DONE = "[DONE]"


class EventReader:
    """Cuts a body that arrives in pieces into the data of its events.

    The data of an event that is named `error` comes as {"error": data}, which is how
    most servers write one without a name.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[str] = []
        self._fails = False

    def feed(self, piece: bytes) -> Iterator[str]:
        """The data of the events that are complete after some more bytes."""
        self._rest.append(piece)
        if b"\n" not in piece:  # joined when it is whole, or a long line takes for ever
            return
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest = [rest]
        lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        for line in lines:
            text = line.rstrip(b"\r").decode("utf-8", "replace")
            if text.startswith("data:"):
                self._data.append(text[5:].removeprefix(" "))
            elif text.startswith("event:"):
                self._fails = text[6:].strip() == "error"
            elif not text:
                data, self._data = "\n".join(self._data), []
                fails, self._fails = self._fails, False
                if data:
                    yield _fault(data) if fails else data


class Assembly:
    """A completion under way.

    An event that tells of an error ends it, whatever was said before: half an answer is
    none.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._head: dict[str, Any] = {}
        self._finish: str | None = None
        self._refusal = ""
        self._fault: object = None
        self.done = False

    def add(self, data: str) -> str:
        """Take in an event's data; give back the piece of text it holds.

        Raises:
            ProtocolError: It is no JSON object.
        """
        if self.done:
            return ""
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
        for name in ("id", "model", "usage"):
            if event.get(name):
                self._head[name] = event[name]
        self._fault = event if event.get("object") == "error" else event.get("error")
        if self._fault:
            self.done = True
            return ""
        return self._piece(event)

    def _piece(self, event: Mapping[str, Any]) -> str:
        choices = event.get("choices")
        if not is_list(choices) or not choices:
            return ""
        choice = _object(choices[0])
        if choice.get("index"):  # another answer to the same question
            return ""
        if isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]
        part = _object(choice.get("delta"))
        if isinstance(part.get("refusal"), str):
            self._refusal += part["refusal"]
        thought = thought_in(part)
        if thought:
            self._thoughts.append(thought)
        # A text that is continued comes without a delta.
        text = part.get("content") if part else choice.get("text")
        if not isinstance(text, str):
            return ""
        self._texts.append(text)
        return text

    @property
    def begun(self) -> bool:
        """Whether a part of an answer has come, or of the thought before it."""
        return any(self._texts) or bool(self._thoughts)

    def whole(self) -> dict[str, Any]:
        """The completion as one tree.

        Raises:
            ProtocolError: The stream broke off before its end.
        """
        if self._fault:
            inner = _object(self._fault).get("error")
            return {"error": inner or self._fault}
        broken = self._finish is None and not self.done
        if broken or self._finish == "error":
            message = "the server's stream broke off before its end"
            raise ProtocolError(message, model=self._model)
        content = "".join(self._texts) if self._texts else None
        said: dict[str, Any] = {"content": content, "refusal": self._refusal}
        if self._thoughts:
            said["reasoning_content"] = "".join(self._thoughts)
        choice = {"message": said, "finish_reason": self._finish or "stop"}
        return {**self._head, "choices": [choice]}


def _fault(data: str) -> str:
    """The data of an event that is named `error`: JSON as a rule, else words."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        data = json.dumps(data)
    return f'{{"error": {data}}}'


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
