"""A stream of events as the completion that it is, and shown while it arrives.

A stream is `data: {...}` lines, one piece of the answer each, and `data: [DONE]` at the
end (WHATWG HTML, section 9.2). It is put together into a completion as if it had come
in one body, so that whatever is checked there is checked here too: the same pieces of
meaning are the same value or the same error, whole or one character at a time.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, cast

from ...errors import ModelError, ProtocolError
from ...ground.shapes import as_dict, as_list, is_dict, is_list
from ...ground.strictjson import is_text
from ..abilities import Abilities
from ..lm import Listener
from ..request import Request, Response
from .completion import refusal_in, response_from, text_in
from .finish import choice_in, ending_of, fault_in
from .remedies import remedy_of
from .secrets import Blot, without_keys
from .thinking import Curtain, Shown, thought_in
from .tools import CallPieces

_DONE: Final = "[DONE]"
_FIELDS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
_LONGEST_FIELD: Final = max(map(len, _FIELDS))
_NOTES: Final = ("id", "model", "usage")


def are_events(start: bytes) -> bool:
    r"""Whether a body is a stream of events, whatever type it is said to be of.

    >>> are_events(b"\n: ping\n\ndata: {}"), are_events(b'{"data": 1}')
    (True, False)
    """
    return start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(_FIELDS)


def is_undecided(start: bytes) -> bool:
    """Whether so little of a body has come that it may be either."""
    head = start.removeprefix(codecs.BOM_UTF8).lstrip()
    short = len(head) < _LONGEST_FIELD and not are_events(start)
    return short and any(field.startswith(head) for field in _FIELDS)


class EventReader:
    """Cuts a body that arrives in pieces into the data of its events.

    The data of an event that is named `error` comes as {"error": data}, which is how
    most servers write one without a name.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[str] = []
        self._fails = False
        self._returned = False  # a CR ended the last piece: the LF of the pair may come
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[str]:
        """The data of the events that are complete after some more bytes.

        Raises:
            ProtocolError: A line is no UTF-8.
        """
        if self._returned and piece:
            piece = piece.removeprefix(b"\n")
            self._returned = False
        if b"\r" in piece:
            self._returned = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._rest.append(piece)
        if b"\n" not in piece:  # joined when it is whole, or a long line takes for ever
            return
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest = [rest]
        if not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        for line in lines:
            yield from self._take(line)

    def close(self) -> Iterator[str]:
        """The data of the last event, where the end of the body ends it."""
        yield from self.feed(b"\n\n")

    def _take(self, line: bytes) -> Iterator[str]:
        if line.startswith(b"data:"):
            self._data.append(_decoded(line[5:].removeprefix(b" ")))
        elif line.startswith(b"event:"):
            self._fails = line[6:].strip() == b"error"
        elif not line:
            data, self._data = "\n".join(self._data), []
            fails, self._fails = self._fails, False
            if data:
                yield _fault(data) if fails else data


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        message = "an event of the server's stream is no UTF-8"
        raise ProtocolError(message, hint=remedy_of(ProtocolError)) from None


class Assembly:
    """A completion under way.

    An event that tells of an error ends it, whatever was said before: half an answer is
    none.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls = CallPieces()
        self._logprobs: dict[str, list[Any]] = {}
        self._head: dict[str, Any] = {}
        self._finish: object = None
        self._refusal = ""
        self._half = ""  # the first half of a character that two events share
        self._fault: dict[str, Any] = {}
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
            hint = remedy_of(ProtocolError)
            raise ProtocolError(message, hint=hint, model=self._model)
        return self.take(cast("dict[str, Any]", tree))

    def take(self, event: Mapping[str, Any]) -> str:
        """As `add`, of an event that is read already."""
        if self.done:
            return ""
        for name in _NOTES:
            held = event.get(name)
            if held and (name != "usage" or name not in self._head or _counts(held)):
                self._head[name] = held
        choice = choice_in(event)
        self._fault = fault_in(event, choice)
        if self._fault:
            self.done = True
            return ""
        return self._piece(choice)

    def end(self, last: Iterable[str]) -> str:
        """The body is over: take in what its end has ended, where it is whole."""
        pieces: list[str] = []
        try:
            pieces += map(self.add, last)
        except ProtocolError:
            if not self._ended:  # else it is what comes behind the answer
                raise
        return "".join(pieces)

    def _piece(self, choice: Mapping[str, Any]) -> str:
        reason = choice.get("finish_reason")
        if ending_of(reason) != "" and ending_of(self._finish) is not None:
            self._finish = reason
        part = as_dict(choice.get("delta"))
        if "delta" not in choice and not self._texts:
            part = as_dict(choice.get("message"))  # a whole answer in one event
        self._refusal += refusal_in(part)
        self._calls.add(part)
        for name, said in as_dict(choice.get("logprobs")).items():
            if is_list(said):
                self._logprobs.setdefault(name, []).extend(said)
        thought = thought_in(part)
        if thought:
            self._thoughts.append(thought)
        # A text that is continued comes without a delta.
        text = text_in(part.get("content") if part else choice.get("text"))
        if text is None:
            return ""
        self._texts.append(text)
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        text = _paired(text.removesuffix(self._half))
        return text if is_text(text) else ""

    @property
    def begun(self) -> bool:
        """Whether a part of an answer has come, or of the thought before it."""
        return any(self._texts) or bool(self._thoughts) or bool(self._calls)

    @property
    def _ended(self) -> bool:
        return self.done or self._finish is not None

    def whole(self) -> dict[str, Any]:
        """The completion as one tree.

        Raises:
            ProtocolError: The stream broke off before its end.
        """
        if self._fault:
            return self._fault
        if not self._ended:
            message = "the server's stream broke off before its end"
            hint = remedy_of(ProtocolError)
            raise ProtocolError(message, hint=hint, model=self._model)
        content = _paired("".join(self._texts)) if self._texts else None
        said: dict[str, Any] = {"content": content, "refusal": self._refusal}
        if self._thoughts:
            said["reasoning_content"] = _paired("".join(self._thoughts))
        if self._calls:
            said["tool_calls"] = self._calls.whole()
        choice: dict[str, Any] = {"message": said, "finish_reason": self._finish}
        if self._logprobs:
            choice["logprobs"] = self._logprobs
        return {**self._head, "choices": [choice]}


def _paired(text: str) -> str:
    """A text in which halves of a character that came apart are one again."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _fault(data: str) -> str:
    """The data of an event that is named `error`: JSON as a rule, else words."""
    try:
        tree: object = json.loads(data)
    except (ValueError, RecursionError):
        tree = data
    return json.dumps(tree if as_dict(tree).get("error") else {"error": tree})


def completion_in(body: bytes, model: str) -> dict[str, Any]:
    """The completion in a whole body of events.

    Raises:
        ProtocolError: It is none, or breaks off.
    """
    reader, whole = EventReader(), Assembly(model)
    for data in reader.feed(body):
        whole.add(data)
    whole.end(reader.close())
    return whole.whole()


def trees_in(body: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects in a body of whatever kind: one, a list, lines, or events.

    What is none of these is passed over: it is for those to judge who know the format.
    """
    reader = EventReader()
    if are_events(body):
        with suppress(ProtocolError):
            for data in (*reader.feed(body), *reader.close()):
                yield from _objects(data)
        return
    text = body.decode("utf-8", "replace")
    whole = list(_objects(text))
    yield from whole
    if not whole:
        for line in text.splitlines():
            yield from _objects(line)


def _counts(usage: object) -> bool:
    """Whether a usage counts anything: some servers close a stream with zeros."""
    return any(as_dict(usage).values())


def _objects(text: str) -> Iterator[dict[str, Any]]:
    try:
        tree: object = json.loads(text)
    except (ValueError, RecursionError):
        return
    for one in [tree] if is_dict(tree) else as_list(tree):
        if is_dict(one):
            yield one


class Arrival:
    """A streamed answer: put together, and shown while it comes.

    What is thought is not shown.

    Args:
        request: What was asked.
        abilities: What is known of the endpoint.
        listener: Who is shown the pieces.
        secrets: What the request carries, and nobody may be shown.
    """

    def __init__(
        self,
        request: Request,
        abilities: Abilities,
        listener: Listener,
        secrets: Iterable[str],
    ) -> None:
        self._request = request
        self._abilities = abilities
        self._listener = listener
        self._blot = Blot(secrets)
        self._curtain = Curtain(request, thinks=abilities.thinks is True)
        self.whole: Final = Assembly(request.model)

    def show(self, text: str) -> None:
        """Show a further piece."""
        if sure := self._blot.feed(text) if text else "":
            self._show(self._curtain.feed(sure))

    def response(self, tree: Mapping[str, Any], secrets: Iterable[str]) -> Response:
        """The response in the tree of all pieces, shown to its end.

        Raises:
            ModelError: As `response_from`.
        """
        keys = list(secrets)
        response = response_from(tree, self._request, keys, self._abilities)
        response = without_keys(response, keys)
        self._show(self._curtain.rest(response.text))
        return response

    def failed(self, error: ModelError) -> ModelError:
        """The error of this answer, which may be billed where it had begun."""
        error.begun = self.whole.begun
        error.model = error.model or self._request.model
        return error

    def _show(self, more: Shown) -> None:
        if more.anew:
            self._listener.restart()
        if more.text:
            self._listener.show(more.text)
