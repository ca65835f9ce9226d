"""What helps where a server refuses: by the kind of its refusal, or by its words.

The nearer remedy wins. Servers that do not know a path, a model without chat turns and
a template without a system turn say so in many words, which are listed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ...errors import (
    AuthError,
    BillingError,
    ConnectError,
    ContentFiltered,
    ContextLengthError,
    DeadlineExceeded,
    InvalidRequest,
    ModelError,
    NotFoundError,
    Overloaded,
    ProtocolError,
    RateLimited,
    SchemaRefused,
    ServerError,
    TimeoutConflict,
    ToolsRefused,
)
from ..context import HINT

AT_V1: Final = "Check api_base: it ends in /v1 at most servers"

_LONGER: Final = "retry=weft.RetryPolicy(retries=8, cap=30)"
_BY_KIND: Final[Mapping[type[ModelError], str]] = {
    AuthError: "Check the key and what it is allowed to do",
    BillingError: "Check the account's plan and its balance",
    NotFoundError: "Check the model's name and api_base",
    ContextLengthError: HINT,
    SchemaRefused: "Ask without a schema: LM(..., schema_mode=False)",
    ToolsRefused: 'Let the agent choose in text: weft.ReAct(..., calls="text")',
    InvalidRequest: "Asked the same again it is refused again: change what the server "
    "names, such as an option of LM(...) or a field of its extra=",
    RateLimited: "Have fewer calls in flight, by concurrency=, or try them for longer: "
    f"{_LONGER}",
    Overloaded: f"Ask later, or try for longer: {_LONGER}",
    ServerError: "The server's log says why; where it passes by itself, try for "
    f"longer: {_LONGER}",
    TimeoutConflict: f"Ask for a shorter answer, or try for longer: {_LONGER}",
    ConnectError: f"Is the server running? Where it comes back, try for longer: "
    f"{_LONGER}",
    DeadlineExceeded: "Give a call more time, LM(..., timeout=300), or ask for a "
    "shorter answer",
    ProtocolError: "The server, or a proxy before it, reports success without an "
    "answer: its log says why",
    ContentFiltered: "Ask otherwise, or answer by weft.Fallback",
}

# OpenAI: "Unsupported value: 'temperature' does not support 0 with this model. Only the
# default (1) value is supported.", and "Unsupported parameter: 'top_p' is not ...".
_NO_OPTION: Final = re.compile(
    r"unsupported (?:value|parameter):\s*'(temperature|top_p|presence_penalty|"
    r"frequency_penalty|reasoning_effort|verbosity|logit_bias|seed|stop)'",
    re.IGNORECASE,
)
_SHOWS_FEWER: Final = re.compile(
    r"logprobs\b[^.\n]{0,60}(?:<=|≤|less|at most|no more|maximum|between|up to|exceed|"
    r"range|greater|than)|(?:maximum|more than|at most)[^.\n]{0,60}logprobs\b",
    re.IGNORECASE,
)
"""Of log-probabilities, that so many are not shown."""
_NO_BOUND: Final = re.compile(
    r"(?:unsupported|unrecognized|unknown|unexpected|extra)\b[^.\n]{0,60}"
    r"\bmax_(?:completion_)?tokens|\bmax_(?:completion_)?tokens\b[^.\n]{0,40}"
    r"(?:not (?:supported|permitted|allowed)|unsupported|unknown|extra)",
    re.IGNORECASE,
)
# LM Studio: "Unexpected endpoint or method. (POST /chat/completions)". OpenAI: "Invalid
# URL (POST /chat/completions)". Express: "Cannot POST /chat/completions".
_NO_PATH: Final = re.compile(
    r"(?:unexpected|unknown|invalid|unsupported|no such|no matching) "
    r"(?:endpoint|route|path|url)\b|\b(?:endpoint|route|path|url) (?:was |is )?"
    r"(?:not found|unknown|not supported|does not exist)|\b(?:POST|GET) /",
    re.IGNORECASE,
)
# FastAPI (vLLM, SGLang): "Not Found". llama.cpp: "File Not Found". Go: "404 page not
# found". Where it is the model that is not there, servers name it.
_NOTHING_THERE: Final = re.compile(
    r"[\s\d]*(?:error:? )?(?:file |page |resource )?not found[\s.!]*|\s*",
    re.IGNORECASE,
)
# transformers and vLLM: "As of transformers v4.44, default chat template is no longer
# allowed, so you must provide a chat template", "tokenizer.chat_template is not set".
# Ollama: '"m" does not support chat'. OpenAI: "This is not a chat model". TGI:
# "Template error: template not found".
_NO_CHAT: Final = re.compile(
    r"chat[ _]templates? (?:is|are) (?:no longer allowed|not (?:set|defined|found))|"
    r"(?:no|provide a|without a|not have a|not define a) chat[ _]template\b|"
    r"cannot use chat[ _]template|(?:not|n't) support chat\b|not a chat model|"
    r"\btemplate not found",
    re.IGNORECASE,
)
_QUOTE: Final = "['\"`]?"
# Templates of Gemma, Mistral and Llama 2 as servers pass their words on; Google:
# "Developer instruction is not enabled for models/gemma-3-27b-it".
_NO_SYSTEM: Final = re.compile(
    rf"(?:system|developer){_QUOTE} (?:role|message|prompt|turn|instruction)s? "
    r"(?:is |are )?(?:not (?:supported|allowed|permitted|accepted|enabled)|"
    r"unsupported)|"
    rf"\brole:? {_QUOTE}system{_QUOTE} (?:is )?(?:not |un)(?:supported|allowed|known)|"
    rf"(?:does not|doesn't|cannot) (?:support|accept|take|handle) (?:an? |the |any )?"
    rf"{_QUOTE}system\b|"
    rf"(?:unexpected|unsupported|unknown|invalid) (?:message )?role:? {_QUOTE}system"
    rf"(?!{_QUOTE} after)|"
    r"\bonly (?:(?!system)[\w,/'\"` ]){1,60} roles?\b",
    re.IGNORECASE,
)
_ALTERNATE: Final = re.compile(r"\broles? must alternate", re.IGNORECASE)
_OF_TURNS: Final = re.compile(
    rf"\balternat|\broles?\b[^.\n]{{0,40}}\bsystem\b|\bsystem{_QUOTE} "
    r"(?:role|message|prompt|turn|instruction)",
    re.IGNORECASE,
)

_CONTINUES: Final = (
    "A base model has no turns: where it is one, have it continue a text, "
    "LM(..., base=True); else give the server a chat template"
)
_TURNS: Final = (
    "Where the model takes no system turn, say so: "
    'LM(..., abilities={"system_role": False}); turns of user and assistant alternate'
)


def remedy_for(kind: type[ModelError], status: int, said: str) -> str:
    """What helps against a refusal.

    Args:
        kind: The error that it is.
        status: Its HTTP status.
        said: The server's own words; empty where it has none.

    >>> remedy_for(NotFoundError, 404, "Invalid URL (POST /chat/completions)")
    'Check api_base: it ends in /v1 at most servers'
    >>> remedy_for(NotFoundError, 404, "no model 'm'")
    "Check the model's name and api_base"
    >>> remedy_for(AuthError, 407, "")
    'The proxy wants a login: LM(..., proxy="http://NAME:PASSWORD@HOST:PORT")'
    """
    near = _BY_STATUS.get(status, "") if kind in (AuthError, InvalidRequest) else ""
    if near:
        return near
    if kind in (InvalidRequest, NotFoundError) and _NO_CHAT.search(said):
        near = _CONTINUES
    elif kind is NotFoundError:
        astray = _NO_PATH.search(said) or _NOTHING_THERE.fullmatch(said)
        near = _ELSEWHERE if status in range(300, 400) else AT_V1 if astray else ""
    elif kind is InvalidRequest:
        near = _of_option(said) or (_TURNS if _OF_TURNS.search(said) else "")
        near = AT_V1 if status == _NO_SUCH_METHOD else near
    return near or remedy_of(kind)


_NO_SUCH_METHOD: Final = 405
_ELSEWHERE: Final = (
    "No redirect is followed, for it would carry the key away: give api_base the "
    "address itself"
)
_BY_STATUS: Final[Mapping[int, str]] = {
    407: 'The proxy wants a login: LM(..., proxy="http://NAME:PASSWORD@HOST:PORT")',
    413: "The request is larger than the server, or a proxy before it, takes: send "
    "less, such as fewer demos or shorter inputs",
}


def remedy_of(kind: type[ModelError]) -> str:
    """What helps against a kind of failure, where nothing nearer is known."""
    return _BY_KIND.get(kind, "")


def names_no_path(said: str) -> bool:
    """Whether a server says that it knows no such path.

    >>> names_no_path("Unexpected endpoint or method. (POST /chat/completions)")
    True
    """
    return _NO_PATH.search(said) is not None


def refuses_system(said: str, roles: list[str]) -> bool:
    """Whether it is the system turn that a refusal is about.

    Args:
        said: The server's own words.
        roles: Those of the turns that were sent.

    >>> said = "Conversation roles must alternate user/assistant/user/assistant/..."
    >>> refuses_system(said, ["system", "user"]), refuses_system(said, ["user", "user"])
    (True, False)
    """
    if "system" not in roles:
        return False
    if _NO_SYSTEM.search(said):
        return True
    # A template may say no more than that turns alternate, as all the others do.
    others = [role for role in roles if role != "system"]
    in_turn = [("user", "assistant")[at % 2] for at in range(len(others))]
    return others == in_turn and _ALTERNATE.search(said) is not None


def _of_option(said: str) -> str:
    """The remedy where a model takes no such option, as models that reason often do."""
    bound = _NO_BOUND.search(said)
    if bound:  # weft sends it unasked
        return 'Leave it out: LM(..., abilities={"without": ("max_tokens",)})'
    if _SHOWS_FEWER.search(said):
        return (
            "Fewer of the likeliest tokens are shown there: weft.Classify(..., "
            "shown=5), or logprobs=5"
        )
    found = _NO_OPTION.search(said)
    return f"Leave {found[1]} out for this model" if found else ""
