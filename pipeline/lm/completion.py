"""OpenAI's formats: a request as a body, a body as a response.

A request is turns to answer (`/chat/completions`), or one text to continue
(`/completions`).

A success status is not yet an answer. Whatever holds no text is an error that says
what came instead; only a truncated text is a value, because the caller may use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeGuard, cast

from ..errors import ContentFiltered, InvalidRequest, ModelError, ProtocolError
from ..ground.strictjson import plain_text
from .abilities import Abilities
from .dialect import NOTHING_KNOWN, format_of, left_out, options_of, text_of, turns_of
from .faults import Refusal, redacted
from .known.observed import heard
from .lessons import note_thought
from .request import Request, Response, Usage
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
    message = _object(choice.get("message"))
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
    if not isinstance(choices, list) or not choices:
        raise _no_completion("it holds no choice", request)
    return _object(cast("list[object]", choices)[0])


def _error_in_success(
    tree: Mapping[str, Any], request: Request, secrets: Iterable[str]
) -> ModelError:
    """Some gateways answer 200 and put the status into the body."""
    fault = tree["error"]
    code = (
        cast("dict[str, Any]", fault).get("code") if isinstance(fault, dict) else None
    )
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
    if not isinstance(content, list):
        return None
    parts = [_object(part).get("text") for part in cast("list[object]", content)]
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
    tree = _object(value)
    cached = _object(tree.get("prompt_tokens_details")).get("cached_tokens")
    thought = _object(tree.get("completion_tokens_details")).get("reasoning_tokens")
    asked, answered = tree.get("prompt_tokens"), tree.get("completion_tokens")
    if not _is_count(asked) or not _is_count(answered):
        return None
    thought = thought if _is_count(thought) else 0
    # xAI counts what was thought beside the answer and not within: the total tells.
    apart = thought > 0 and tree.get("total_tokens") == asked + answered + thought
    answered += thought if apart else 0
    return Usage(asked, answered, cached if _is_count(cached) else 0, thought)


def _object(value: object) -> dict[str, Any]:
    """A JSON object; whatever else it is holds nothing."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _MOST_TOKENS


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
