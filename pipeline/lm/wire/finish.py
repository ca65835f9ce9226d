"""How an answer ended, in whatever words: whole, cut short, withheld, or not at all.

A success status says that something came, and not that it is an answer. A provider that
fails under way says so in the body: as an `error` beside the choices or within one, as
an object that is an error itself, or as a finish reason that is no end. Of these none
may become a value, a score or a cache entry. So the reasons that end an answer are
listed, with what other formats call them, and every other word is a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...errors import ProtocolError
from ...ground.shapes import as_dict, as_list
from ..request import Request
from .faults import Refusal
from .secrets import redacted

# OpenAI's four words, and what stands for each elsewhere: TGI, Together, Anthropic,
# Cohere, Gemini, Bedrock, Mistral, Zhipu, watsonx, AI21.
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stop": (
        *("stop", "eos", "eos_token", "stop_sequence", "end_turn", "complete"),
        *("completed", "endoftext"),
    ),
    "length": (
        *("length", "max_tokens", "max_output_tokens", "max_length", "model_length"),
        *("token_limit", "model_context_window_exceeded"),
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use"),
    "function_call": ("function_call",),
    "content_filter": (
        *("content_filter", "content_filtered", "safety", "recitation", "blocklist"),
        *("prohibited_content", "spii", "refusal", "guardrail_intervened"),
        *("sensitive", "error_toxic"),
    ),
}
_ENDS: Final = {word: end for end, words in _WORDS.items() for word in words}
_NONE: Final = ("", "null")  # what some servers write for it
_READ, _SHOWN = 4096, 80  # bytes of a body that is no JSON; characters of it

_SAYS: Final = ("error", "message", "detail", "msg", "error_msg")
_HOLDERS: Final = ("message", "delta")
_PARTS: Final = (*_SAYS, "object", "type", "code", "status", "status_code", "errors")
_NUMBERS: Final = ("code", "status", "status_code", "error_code", "http_status")
_NAMES: Final = ("type", "code", "status")
_BY_NAME: Final[Mapping[str, int]] = {
    **dict.fromkeys(("overloaded", "engineoverloaded"), 529),
    **dict.fromkeys(("unavailable", "serviceunavailable"), 503),
    **dict.fromkeys(("ratelimit", "ratelimitexceeded", "toomanyrequests"), 429),
    **dict.fromkeys(("resourceexhausted", "throttling", "insufficientquota"), 429),
    **dict.fromkeys(("authentication", "unauthenticated", "unauthorized"), 401),
    **dict.fromkeys(("invalidapikey", "invalidauthentication"), 401),
    **dict.fromkeys(("permission", "permissiondenied", "forbidden"), 403),
    **dict.fromkeys(("notfound", "modelnotfound"), 404),
    **dict.fromkeys(("invalidrequest", "badrequest", "invalidargument"), 400),
    **dict.fromkeys(("timeout", "requesttimeout", "deadlineexceeded"), 408),
    **dict.fromkeys(("internal", "internalserver", "server", "api"), 500),
    **dict.fromkeys(("contentfilter", "contentpolicyviolation"), 400),
    **dict.fromkeys(("contextlengthexceeded", "exceedcontextsize"), 400),
    "billing": 402,
    "requesttoolarge": 413,
}
_LONGEST_NAME: Final = 80
_NO_LETTER: Final = re.compile(r"[^a-z]+")


def tree_in(
    body: bytes, request: Request, secrets: Iterable[str], hint: str = ""
) -> object:
    """The JSON in a body of success.

    Raises:
        ProtocolError: It is none; the message shows how the body starts, and `hint`
            says what to look at.
    """
    try:
        tree: object = json.loads(body)
    except (ValueError, RecursionError):
        start = redacted(body[:_READ].decode("utf-8", "replace"), secrets)[:_SHOWN]
        message = f"the server's answer is no JSON; it starts with {start!r}"
        raise ProtocolError(message, hint=hint, model=request.model) from None
    return tree


def ending_of(reason: object) -> str | None:
    """A finish reason in OpenAI's words; "" where there is none, None for a failure.

    >>> ending_of("MAX_TOKENS"), ending_of("end_turn"), ending_of(""), ending_of(None)
    ('length', 'stop', '', '')
    >>> ending_of("error") is None, ending_of("network_error") is None
    (True, True)
    """
    if reason == "stop":
        return "stop"
    if reason is None or (isinstance(reason, str) and reason.strip() in _NONE):
        return ""
    return _ENDS.get(reason.strip().lower()) if isinstance(reason, str) else None


def choice_in(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The answer among the choices: the one of index 0, whatever their order."""
    for choice in map(as_dict, as_list(tree.get("choices"))):
        if not choice.get("index"):
            return choice
    return {}


def fault_in(tree: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    """What a body or an event of success says went wrong; empty where nothing did.

    Args:
        tree: The body or event.
        choice: The answer in it, as `choice_in` finds it.

    >>> fault_in({}, {"error": {"code": 502}, "finish_reason": "error"})
    {'error': {'code': 502}}
    >>> fault_in({"error": None}, {"message": {"content": "4"}})
    {}
    """
    if is_fault(tree):
        return {name: tree[name] for name in _PARTS if name in tree}
    said = choice.get("error")
    for name in _HOLDERS:
        said = said or (name in choice and as_dict(choice[name]).get("error"))
    if said:
        return {"error": said}
    if tree.get("choices") or not any(_is_words(tree.get(name)) for name in _SAYS):
        return {}
    return {name: tree[name] for name in _PARTS if name in tree}


def is_fault(tree: Mapping[str, Any]) -> bool:
    """Whether a body or an event is an error, and says so."""
    if tree.get("error"):
        return True
    return tree.get("object") == "error" or tree.get("type") == "error"


def refused(
    fault: Mapping[str, Any], request: Request, secrets: Iterable[str]
) -> Refusal:
    """The refusal that a fault within a success is: with the status that it names."""
    return Refusal(
        _status_of(fault),
        json.dumps(fault),
        request.model,
        secrets=tuple(secrets),
        schema=request.response_format is not None,
        tools=bool(request.tools),
    )


def _status_of(fault: Mapping[str, Any]) -> int:
    """The status that a fault names by number or by word; 200 where it names none."""
    inner = fault.get("error")
    parts = (as_dict(inner), fault)
    for part in parts:
        for name in _NUMBERS:
            number = _number(part.get(name))
            if 400 <= number < 600:
                return number
    names: list[object] = [part.get(name) for part in parts for name in _NAMES]
    for word in (*names, inner):
        if isinstance(word, str) and len(word) < _LONGEST_NAME:
            plain = _NO_LETTER.sub("", word.lower())
            plain = plain.removesuffix("error").removesuffix("exception")
            if plain in _BY_NAME:
                return _BY_NAME[plain]
    return 200


def _number(value: object) -> int:
    if isinstance(value, str) and len(value) == 3 and value.isdecimal():
        return int(value)
    return value if type(value) is int else 0


def _is_words(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
