"""OpenAI's formats: a request as a body, a body or a stream of events as a response.

A request is turns to answer (`/chat/completions`), or one text to continue
(`/completions`). A success status is not yet an answer: whatever holds no text is an
error that says what came instead; only a truncated text is a value, because the caller
may use it.

A stream is `data: {...}` lines, one piece of the answer each, and `data: [DONE]` at the
end (WHATWG HTML, section 9.2). It is put together into a completion as if it had come
in one body, so that whatever is checked there is checked here too.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeGuard, cast

from ...errors import ContentFiltered, InvalidRequest, ModelError, ProtocolError
from ...ground.shapes import as_dict, is_list
from ...ground.strictjson import plain_text
from ..abilities import Abilities
from ..known.observed import heard
from ..request import Request, Response, Usage
from .dialect import (
    NOTHING_KNOWN,
    format_of,
    left_out,
    note_thought,
    options_of,
    text_of,
    turns_of,
)
from .faults import Refusal, redacted
from .thinking import cut_off, thought_in

MAX_TEXT: Final = 8 * 2**20
"""The most bytes of an answer."""

_READ, _SHOWN = 4096, 80
_MOST_TOKENS: Final = 2**53


def body_of(
    request: Request,
    abilities: Abilities = NOTHING_KNOWN,
    *,
    streamed: bool = False,
    most: int | None = None,
) -> bytes:
    """The JSON body that asks for a completion.

    Args:
        request: What to ask.
        abilities: What is known of the endpoint.
        streamed: Whether the answer is to come piece by piece.
        most: The most tokens of an answer that the endpoint has room for, where it has
            said so.

    Raises:
        InvalidRequest: A text cannot be sent as UTF-8, or is to be continued and is
            several.
        ContextLengthError: The prompt alone is longer than the model's context.
    """
    asked = (
        {"prompt": text_of(request)}
        if request.continues
        else {"messages": turns_of(request, abilities)}
    )
    body: dict[str, Any] = {"model": request.model, **asked}
    body |= options_of(request, abilities, most)
    if streamed:
        body["stream"] = True
        if abilities.stream_options is not False:
            body["stream_options"] = {"include_usage": True}
    body |= format_of(request)
    try:
        return plain_text(body).encode()
    except (TypeError, ValueError) as error:
        message = f"the request cannot be sent as JSON in UTF-8: {error}"
        raise InvalidRequest(message, model=request.model) from None


def response_of(
    body: bytes,
    request: Request,
    secrets: Iterable[str] = (),
    abilities: Abilities = NOTHING_KNOWN,
) -> Response:
    """The response in a body of success.

    Raises:
        ProtocolError: The body is no completion.
        ContentFiltered: The provider withheld the answer.
        ModelError: The body is an error in spite of the status.
    """
    try:
        tree = cast(object, json.loads(body))
    except (ValueError, RecursionError):
        start = redacted(body[:_READ].decode("utf-8", "replace"), secrets)[:_SHOWN]
        message = f"the server's answer is no JSON; it starts with {start!r}"
        hint = "Check api_base: it ends in /v1 at most servers"
        raise ProtocolError(message, hint=hint, model=request.model) from None
    if not isinstance(tree, dict):
        raise _no_completion("it is no JSON object", request)
    return response_from(cast("dict[str, Any]", tree), request, secrets, abilities)


def response_from(
    tree: Mapping[str, Any],
    request: Request,
    secrets: Iterable[str] = (),
    abilities: Abilities = NOTHING_KNOWN,
) -> Response:
    """The response in a completion; raises as `response_of`."""
    choice = _first_choice(tree, request, secrets)
    heard(request, tree)
    finish = choice.get("finish_reason")
    message = as_dict(choice.get("message"))
    content, thought = _text(message.get("content")), thought_in(message)
    if content is None and request.continues:
        content = _text(choice.get("text"))
    usage = _usage(tree.get("usage"))
    if finish == "content_filter" or (content is None and message.get("refusal")):
        raise ContentFiltered("the provider withheld the answer", model=request.model)
    reasoned = thought or (usage is not None and usage.reasoning_tokens)
    if content is None and (finish == "length" or reasoned):
        content = ""  # the model thought, and said nothing
    if content is None:
        raise _no_completion("its message holds no text", request)
    ending = finish if isinstance(finish, str) else "stop"
    text, thought = _apart(_utf8(content, request), thought, request, ending, abilities)
    return Response(
        text=text,
        usage=usage,
        finish_reason=ending,
        model=_string(tree.get("model")) or request.model,
        request_id=_string(tree.get("id")),
        reasoning=thought,
        without=left_out(request, abilities),
    )


def _apart(
    text: str, thought: str, request: Request, finish: str, abilities: Abilities
) -> tuple[str, str]:
    """The answer and what was thought before it, wherever that stood."""
    if thought:
        note_thought(request, marked=False)
        thought = thought.encode("utf-8", "replace").decode()  # no answer hangs on it
    marked = cut_off(text, request, finish, thinks=abilities.thinks is True)
    if marked is None:
        return text, thought
    note_thought(request, marked=True)
    return marked.answer, "\n".join(filter(None, (thought, marked.reasoning)))


def _first_choice(
    tree: Mapping[str, Any], request: Request, secrets: Iterable[str]
) -> dict[str, Any]:
    choices = tree.get("choices")
    if not choices and tree.get("error"):
        raise _error_in_success(tree, request, secrets)
    if not is_list(choices) or not choices:
        raise _no_completion("it holds no choice", request)
    return as_dict(choices[0])


def _error_in_success(
    tree: Mapping[str, Any], request: Request, secrets: Iterable[str]
) -> ModelError:
    """Some gateways answer 200 and put the status into the body."""
    fault = tree["error"]
    code = as_dict(fault).get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 200
    return Refusal(
        status, json.dumps({"error": fault}), request.model, secrets=tuple(secrets)
    ).as_error()


def _no_completion(what: str, request: Request) -> ProtocolError:
    return ProtocolError(
        f"the server's answer is no completion: {what}", model=request.model
    )


def _text(content: object) -> str | None:
    """A text, or the text parts of a list of parts."""
    if isinstance(content, str):
        return content
    if not is_list(content):
        return None
    parts = [as_dict(part).get("text") for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if texts else None


def _utf8(text: str, request: Request) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _no_completion("its text holds a lone surrogate", request) from None
    return text


def _usage(value: object) -> Usage | None:
    tree = as_dict(value)
    cached = as_dict(tree.get("prompt_tokens_details")).get("cached_tokens")
    thought = as_dict(tree.get("completion_tokens_details")).get("reasoning_tokens")
    asked, answered = tree.get("prompt_tokens"), tree.get("completion_tokens")
    if not _is_count(asked) or not _is_count(answered):
        return None
    thought = thought if _is_count(thought) else 0
    # xAI counts what was thought beside the answer and not within: the total tells.
    apart = thought > 0 and tree.get("total_tokens") == asked + answered + thought
    answered += thought if apart else 0
    return Usage(asked, answered, cached if _is_count(cached) else 0, thought)


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _MOST_TOKENS


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


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
        choice = as_dict(choices[0])
        if choice.get("index"):  # another answer to the same question
            return ""
        if isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]
        part = as_dict(choice.get("delta"))
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
            inner = as_dict(self._fault).get("error")
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
