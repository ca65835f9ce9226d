"""OpenAI's chat-completion format: a request as a body, a body as a response.

A success status is not yet an answer. Whatever holds no text is an error that says
what came instead; only a truncated text is a value, because the caller may use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeGuard, cast

from ..base.compact import plain_text
from ..errors import ContentFiltered, InvalidRequest, ModelError, ProtocolError
from .faults import Refusal, redacted
from .known import heard
from .request import Request, Response, Usage

MAX_TEXT: Final = 8 * 2**20
"""The most bytes of an answer."""

_READ, _SHOWN = 4096, 80
_MOST_TOKENS: Final = 2**53


def body_of(
    request: Request,
    renamed: Mapping[str, str] | None = None,
    *,
    streamed: bool = False,
) -> bytes:
    """The JSON body that asks for a completion.

    Args:
        request: What to ask.
        renamed: Sampling options that this server knows by another name.
        streamed: Whether the answer is to come piece by piece.

    Raises:
        InvalidRequest: A text cannot be sent as UTF-8.
    """
    names = renamed or {}
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [message.as_dict() for message in request.messages],
        **{names.get(name, name): value for name, value in request.sampling.items()},
    }
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.response_format is not None:
        body["response_format"] = request.response_format
    try:
        return plain_text(body).encode()
    except (TypeError, ValueError) as error:
        message = f"the request cannot be sent as JSON in UTF-8: {error}"
        raise InvalidRequest(message, model=request.model) from None


def response_of(body: bytes, request: Request, secrets: Iterable[str] = ()) -> Response:
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
    return response_from(cast("dict[str, Any]", tree), request, secrets)


def response_from(
    tree: Mapping[str, Any], request: Request, secrets: Iterable[str] = ()
) -> Response:
    """The response in a completion; raises as `response_of`."""
    choice = _first_choice(tree, request, secrets)
    heard(request, tree)
    finish = choice.get("finish_reason")
    message = _object(choice.get("message"))
    content = _text(message.get("content"))
    if finish == "content_filter" or (content is None and message.get("refusal")):
        raise ContentFiltered("the provider withheld the answer", model=request.model)
    if content is None and finish == "length":
        content = ""  # all of max_tokens went into reasoning
    if content is None:
        raise _no_completion("its message holds no text", request)
    return Response(
        text=_utf8(content, request),
        usage=_usage(tree.get("usage")),
        finish_reason=finish if isinstance(finish, str) else "stop",
        model=_string(tree.get("model")) or request.model,
        request_id=_string(tree.get("id")),
    )


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
    asked, answered = tree.get("prompt_tokens"), tree.get("completion_tokens")
    if not _is_count(asked) or not _is_count(answered):
        return None
    return Usage(asked, answered, cached if _is_count(cached) else 0)


def _object(value: object) -> dict[str, Any]:
    """A JSON object; whatever else it is holds nothing."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _MOST_TOKENS


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
