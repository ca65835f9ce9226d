"""OpenAI's formats: a request as a body, a body as a response.

A request is turns to answer (`/chat/completions`), or one text to continue
(`/completions`). A success status is not yet an answer: whatever holds no text, or did
not end, is an error that says what came instead (`finish`); only a truncated text is a
value, because the caller may use it. A stream is put together into the same completion
(`events`), so that whatever is checked here is checked there too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from ...errors import ContentFiltered, ProtocolError
from ...ground.shapes import as_dict, as_list, is_dict, is_list
from ...ground.words import brief
from ..abilities import Abilities
from ..known.observed import heard
from ..request import Request, Response, ToolCall, Usage, as_sent, is_count
from ..scoring.tokens import tokens_of
from .dialect import (
    NOTHING_KNOWN,
    asked_of,
    format_of,
    left_out,
    note_thought,
    options_of,
)
from .finish import choice_in, ending_of, fault_in, refused, tree_in
from .remedies import AT_V1, remedy_of
from .secrets import name_of, redacted
from .thinking import THINKING, cut_off, thought_in
from .tools import calls_in

MAX_TEXT: Final = 8 * 2**20
"""The most bytes of an answer."""

_SHOWN = 80


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
    body: dict[str, Any] = {"model": request.model, **asked_of(request, abilities)}
    body |= options_of(request, abilities, most)
    if streamed:
        body["stream"] = True
        if abilities.stream_options is not False:
            body["stream_options"] = {"include_usage": True}
    body |= format_of(request)
    return as_sent(body, request)


def response_of(
    body: bytes,
    request: Request,
    secrets: Iterable[str] = (),
    abilities: Abilities = NOTHING_KNOWN,
) -> Response:
    """The response in a body of success.

    Raises:
        ProtocolError: The body is no completion, or says that it failed.
        ContentFiltered: The provider withheld the answer.
        ModelError: The body is an error in spite of the status.
    """
    tree = tree_in(body, request, secrets, AT_V1)
    if not isinstance(tree, dict):
        raise _no_completion("it is no JSON object", request, AT_V1)
    return response_from(cast("dict[str, Any]", tree), request, secrets, abilities)


def response_from(
    tree: Mapping[str, Any],
    request: Request,
    secrets: Iterable[str] = (),
    abilities: Abilities = NOTHING_KNOWN,
) -> Response:
    """The response in a completion; raises as `response_of`."""
    choice = choice_in(tree)
    fault = fault_in(tree, choice)
    if fault:
        raise refused(fault, request, secrets).as_error()
    if not choice and not any(map(is_dict, as_list(tree.get("choices")))):
        raise _no_completion("it holds no choice", request, AT_V1)
    ending = _ending_of(choice, request, secrets)
    heard(request, tree, choice)
    message = as_dict(choice.get("message"))
    content, thought = text_in(message.get("content")), thought_in(message)
    if content is None and request.continues:
        content = text_in(choice.get("text"))
    usage = _usage(tree.get("usage"))
    refusal = refusal_in(message)
    # By a module, or in an `extra` of the user's.
    offered = request.tools or "tools" in request.sampling
    calls = calls_in(message) if offered else ()
    silent = not calls and not (content or "").strip()
    if ending == "content_filter" or (refusal and silent):
        raise _withheld(refusal, request, secrets)
    reasoned = thought or (usage is not None and usage.reasoning_tokens)
    if content is None and (calls or ending == "length" or reasoned):
        content = ""  # the model thought, or called something, and said nothing
    if content is None:
        raise _without_text(message, request)
    text, thought = _apart(_utf8(content, request), thought, request, ending, abilities)
    return Response(
        text=text,
        usage=usage,
        finish_reason=ending,
        model=name_of(tree.get("model")) or request.model,
        request_id=name_of(tree.get("id")),
        reasoning=thought,
        without=left_out(request, abilities),
        tool_calls=tuple(
            ToolCall(_utf8(c.name, request), _utf8(c.arguments, request), name_of(c.id))
            for c in calls
        ),
        logprobs=tokens_of(choice) if "logprobs" in request.sampling else None,
    )


def _ending_of(
    choice: Mapping[str, Any], request: Request, secrets: Iterable[str]
) -> str:
    """Why a choice ended, in OpenAI's words.

    Raises:
        ProtocolError: It did not end: the provider failed, or gave up.
    """
    reason = choice.get("finish_reason")
    ending = ending_of(reason)
    if ending is None:
        shown = redacted(str(reason), secrets)[:_SHOWN]
        message = f"the provider ended the answer with {shown!r}, which is no end"
        hint = remedy_of(ProtocolError)
        raise ProtocolError(message, hint=hint, model=request.model)
    return ending or "stop"


def _withheld(
    refusal: str, request: Request, secrets: Iterable[str]
) -> ContentFiltered:
    said = f": {redacted(refusal, secrets)}" if refusal else ""
    message = f"the provider withheld the answer{said}".rstrip(".")
    hint = remedy_of(ContentFiltered)
    return ContentFiltered(message, hint=hint, model=request.model)


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


def _without_text(message: Mapping[str, Any], request: Request) -> ProtocolError:
    """Of an answer that says nothing, and may call what nobody offered."""
    unasked = calls_in(message)
    if not unasked:
        return _no_completion("its message holds no text", request)
    return _no_completion(
        f"it calls {brief(unasked[0].name)!r}, a tool that was not offered, and holds "
        "no text",
        request,
        "Where the server gives the model tools of its own, take them away there; else "
        "take a model that answers in text",
    )


def _no_completion(what: str, request: Request, hint: str = "") -> ProtocolError:
    return ProtocolError(
        f"the server's answer is no completion: {what}",
        hint=hint or remedy_of(ProtocolError),
        model=request.model,
    )


def text_in(content: object) -> str | None:
    """A text, or the text parts of a list of parts; None where there is none.

    >>> text_in([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "4"}])
    '4'
    """
    if isinstance(content, str):
        return content
    parts = [content] if is_dict(content) else as_list(content)
    texts = [
        part if isinstance(part, str) else as_dict(part).get("text")
        for part in parts
        if as_dict(part).get("type") not in THINKING
    ]
    found = [text for text in texts if isinstance(text, str)]
    return "".join(found) if found else None


def refusal_in(message: Mapping[str, Any]) -> str:
    """What a model said instead of an answer: in a field, or in parts of a list."""
    said, parts = message.get("refusal"), message.get("content")
    if is_list(parts):
        texts = [said, *(as_dict(part).get("refusal") for part in parts)]
        return "".join([text for text in texts if isinstance(text, str)])
    return said if isinstance(said, str) else ""


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
    if not is_count(asked) or not is_count(answered):
        return None
    thought = thought if is_count(thought) else 0
    # xAI counts what was thought beside the answer and not within: the total tells.
    apart = thought > 0 and tree.get("total_tokens") == asked + answered + thought
    answered += thought if apart else 0
    return Usage(asked, answered, cached if is_count(cached) else 0, thought)
