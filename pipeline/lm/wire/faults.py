"""What a server's refusal means, in weft's errors: one table for every HTTP client.

Nothing that we sent is repeated in a message: the server's own words are shown, cut
short, with every secret that was sent taken out.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

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
from ...ground.lazy import deferred
from ...ground.shapes import as_dict, is_dict, is_list
from ...ground.words import brief
from ..context import window_said
from .remedies import names_no_path, refuses_system, remedy_for, remedy_of
from .secrets import name_of, redacted, without
from .tools import refuses_tools

if TYPE_CHECKING:
    from email import utils as email_utils
else:
    email_utils = deferred("email", "utils")

_BY_STATUS: Final[Mapping[int, type[ModelError]]] = {
    400: InvalidRequest,
    401: AuthError,
    402: BillingError,
    403: AuthError,
    404: NotFoundError,
    407: AuthError,
    408: TimeoutConflict,
    409: TimeoutConflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}
# OpenAI, vLLM, SGLang, llama.cpp, LM Studio, TGI, TensorRT-LLM, Anthropic, Gemini,
# Mistral, Cohere, Bedrock, Groq, xAI, DashScope, Moonshot, Zhipu, MiniMax, SambaNova:
# only texts are sent, so what is too long of a request is its prompt. What is said of
# the answer's own bound (`max_tokens`) is no such thing.
_ASKED: Final = (
    r"(?:prompt|inputs?|messages?|conversation|(?:input|prompt|requested) tokens?|"
    r"token count|context (?:length|window|size|limit)|request(?: size)?)\b"
)
_OPTION: Final = r"max_|temperature|top_|penalty|logit_|stop\b"
_MOST: Final = (
    r"(?:context|maximum (?:allowed |supported )?(?:input|prompt|sequence|allowed|"
    r"length|number of tokens)|token limit|tokens limit|tokens allowed)"
)
_TOO_LONG: Final = re.compile(
    r"context_length_exceeded|exceed_context_size|max_prompt_tokens_exceeded|"
    r"tokens_limit_reached|"
    r"maximum (?:context|prompt|sequence|model|input|allowed) length (?:is|of|\()|"
    r"maximum supported sequence length|maximum context length|"
    rf"{_ASKED}(?:(?!{_OPTION})[^.\n]){{0,60}}\b"
    r"(?:exceed|too long|too large|longer than|larger than)|"
    rf"\bexceed\w*\b[^.\n]{{0,40}}\b{_MOST}|"
    r"(?:greater|longer|larger) than the (?:model|maximum|context)|"
    r"too many (?:input |prompt )?tokens|must have (?:less|fewer) than \d+ tokens|"
    r"`inputs` tokens \+|reduce the length of the (?:messages|prompt|input)|"
    r"reduce your (?:message|prompt|input)|range of input length|expected maxlength|"
    r"context (?:the )?overflow|(?:not|n't) fit (?:in|into) the context|超长",
    re.IGNORECASE,
)
_NEVER_FITS: Final = re.compile(r"request too large for", re.IGNORECASE)
"""Of a rate limit, that a single request is beyond it: no wait helps."""
# llama.cpp: "JSON schema conversion failed: ...", "failed to parse grammar". vLLM: "The
# provided JSON schema contains features not supported by xgrammar." SGLang: "Failed to
# compile json grammar". Ollama: "failed to load model vocabulary required for format".
# OpenAI: "Invalid schema for response_format ...". Anthropic: "compiled grammar is too
# large". DeepSeek: "This response_format type is unavailable now".
_SCHEMA: Final = re.compile(
    r"grammar|json[_ ]schema|response[_ ]format|structured[_ ]output|"
    r"vocabulary required for format",
    re.IGNORECASE,
)
_SCHEMA_TOO: Final = re.compile(r"\bschema|guided|\bregex", re.IGNORECASE)
_UNPAID: Final = re.compile(r"insufficient_quota|billing_hard_limit|credit balance")
# By the provider's name of the error, or in a whole phrase: the bare word stands in
# refusals of an option, too, and those say nothing of the model.
_FILTERS: Final = frozenset(
    {
        *("content_filter", "content_filtered", "content_policy_violation"),
        *("ResponsibleAIPolicyViolation", "data_inspection_failed"),
        *("DataInspectionFailed", "moderation_blocked", "prohibited_content"),
    }
)
_FILTERED: Final = re.compile(
    r"content management policy|content filtering policy|content exists risk|"
    r"considered high risk|inappropriate content|by our safety system|"
    r"violat\w+ [^.]{0,40}(?:usage|content) (?:guideline|polic)|"
    r"(?:prompt|input|response|output|content) (?:was|is|has been) "
    r"(?:flagged|filtered|blocked)",
    re.IGNORECASE,
)
_AS_IT_IS: Final = frozenset({400, 413, 422})
_OF_LENGTH: Final = _AS_IT_IS | {200, 500}
_OF_CONTENT: Final = _AS_IT_IS | {200, 403}
_OF_TOOLS: Final = _AS_IT_IS | {404, 500, 501}
_AT_FAULT: Final = _AS_IT_IS | {500, 501}
"""Where a schema is the cause: some servers say 500 of one that they cannot compile."""


class Unreached(ConnectError):
    """No connection could be made, so nothing was sent and nothing was billed."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server's answer other than success.

    Args:
        status: The HTTP status.
        body: The start of the body.
        model: The model asked.
        request_id: The provider's id of the request, or empty.
        retry_after: Seconds the server asked to wait, or None.
        code: The provider's own name of the error, where it is known apart.
        secrets: Texts that no message may hold.
        schema: Whether a JSON schema, or a grammar, was asked for, and may be what is
            refused.
        tools: Whether tools were offered.
        location: Where a redirect leads, or empty.
    """

    status: int
    body: str
    model: str = ""
    request_id: str = ""
    retry_after: float | None = None
    code: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    schema: bool = False
    tools: bool = False
    location: str = field(default="", repr=False)

    @property
    def words(self) -> str:
        """The server's own words, with its names of the error."""
        code, said = _said(self.body)
        return f"{self.code} {code} {said}"

    @property
    def teaches(self) -> bool:
        """Whether it is the request that is refused as it is, and nothing was done."""
        return self.status in _AS_IT_IS

    @property
    def of_tools(self) -> bool:
        """Whether it is the tools that are refused; some servers say 404 or 500."""
        return self.tools and self.status in _OF_TOOLS and refuses_tools(self.words)

    def of_system(self, roles: list[str]) -> bool:
        """Whether it is the system turn that is refused; llama.cpp says 500."""
        return self.status in _AT_FAULT and refuses_system(self.words, roles)

    def as_error(self) -> ModelError:
        """The error that stands for this refusal."""
        _, said = _said(self.body)
        kind = self._kind()
        if 300 <= self.status < 400 and self.location:
            # Cut after what is secret is out: half a key would be no secret any more.
            said = f"it leads to {brief(redacted(self.location, self.secrets), 200)}"
        words = f": {redacted(said, self.secrets)}" if said else ""
        wait = self.retry_after
        if wait is None and kind.retryable:
            wait = wait_said(self.body)
        return kind(
            f"the server answered {self.status}{words}".rstrip("."),
            hint=remedy_for(kind, self.status, said),
            model=self.model,
            status=self.status,
            request_id=without(name_of(self.request_id), self.secrets),
            retry_after=wait,
        )

    def _kind(self) -> type[ModelError]:
        status, words = self.status, self.words
        if 300 <= status < 400:
            return NotFoundError  # no redirect is followed: it would carry the key away
        if self._is_too_long(words):
            return ContextLengthError
        if status in _OF_CONTENT and self._is_filtered:
            return ContentFiltered
        if self.of_tools:
            return ToolsRefused
        if self.schema and (
            (status in _AT_FAULT and _SCHEMA.search(words))
            or (status in _AS_IT_IS and _SCHEMA_TOO.search(words))
        ):
            return SchemaRefused
        if status in {200, 400, 403, 429} and _UNPAID.search(words):
            return BillingError
        if status == 200 and names_no_path(words):
            return NotFoundError
        if status in _BY_STATUS:
            return _BY_STATUS[status]
        if status >= 500:
            return ServerError
        return InvalidRequest if status >= 400 else ProtocolError

    def _is_too_long(self, words: str) -> bool:
        if self.status == 429:
            return _NEVER_FITS.search(words) is not None
        if self.status not in _OF_LENGTH:
            return False
        if self.status == 413:  # a proxy's page says it in its title
            words = f"{words} {self.body}"
        return bool(_TOO_LONG.search(words)) or window_said(words) is not None

    @property
    def _is_filtered(self) -> bool:
        named, said = _said(self.body)
        return not _FILTERS.isdisjoint(named.split()) or bool(_FILTERED.search(said))


def too_late(model: str, deadline: float) -> DeadlineExceeded:
    """The error where an attempt is over before a whole answer has come.

    Args:
        model: The model asked.
        deadline: Wall-clock seconds that it had.
    """
    message = f"no whole answer within {deadline:g} s"
    return DeadlineExceeded(message, hint=remedy_of(DeadlineExceeded), model=model)


def parse_retry_after(
    headers: Mapping[str, str], *, now: float | None = None
) -> float | None:
    """Seconds that a server asks to wait: a number, milliseconds, or an HTTP date.

    A value that is none of these, negative or not finite, is None.

    >>> parse_retry_after({"Retry-After": "2"})
    2.0
    >>> parse_retry_after({"Retry-After": "soon"}) is None
    True
    """
    exact = _seconds(headers.get("retry-after-ms", headers.get("Retry-After-Ms", "")))
    if exact is not None:
        return exact / 1000
    value = headers.get("Retry-After", headers.get("retry-after", "")).strip()
    seconds = _seconds(value)
    if seconds is not None or not value:
        return seconds
    try:
        at = email_utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, at - (time.time() if now is None else now))


def _seconds(text: str) -> float | None:
    try:
        # Python's own numbers may hold "_" and any script's digits; a header's do not.
        seconds = float(text.replace("_", "no").encode("ascii"))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


_WAITS: Final = frozenset(
    {"retryafter", "retryafterseconds", "retryaftersec", "retryafterms", "retrydelay"}
    | {"retryin", "estimatedtime"}
)
_LONGEST_SPAN: Final = 80
_UNIT: Final = (
    r"(\d+(?:\.\d+)?) ?(ms|milliseconds?|h|hours?|hrs?|m|minutes?|mins?|"
    r"s|seconds?|secs?)(?![a-z])"
)
_SPAN: Final = re.compile(_UNIT, re.IGNORECASE)
_IN_WORDS: Final = re.compile(
    r"\b(?:again|retry|retrying|wait|resets?)\b[^\d\n]{0,40}"
    rf"((?:{_UNIT}(?:[ ,]|and )*)+)",
    re.IGNORECASE,
)


def wait_said(body: str) -> float | None:
    """Seconds that a server asks to wait in the body of a refusal, or None.

    >>> wait_said('{"error": {"details": [{"retryDelay": "45.8s"}]}}')
    45.8
    >>> wait_said('{"error": {"message": "Please try again in 1m2.5s."}}')
    62.5
    >>> wait_said("at most 20s of audio") is None
    True
    """
    try:
        left = [cast(object, json.loads(body))]
    except (ValueError, RecursionError):
        left = []
    while left:
        part = left.pop()
        if is_list(part):
            left += part
        if not is_dict(part):
            continue
        for name, value in part.items():
            plain = "".join(filter(str.isalpha, str(name))).lower()
            if plain in _WAITS:
                seconds = _span(value, milli=plain.endswith("ms"))
                if seconds is not None:
                    return seconds
            left.append(value)
    found = _IN_WORDS.search(_said(body)[1])
    return _span(found[1]) if found else None


def _span(value: object, *, milli: bool = False) -> float | None:
    """Seconds in a number, a text such as "1m2.5s", or an object of Protobuf's kind."""
    value = as_dict(value).get("seconds", value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value}"
    if not isinstance(value, str) or len(value) > _LONGEST_SPAN:
        return None
    bare = _seconds(value.strip())
    if bare is not None:
        return bare / 1000 if milli else bare
    spans = [float(hit[1]) * _unit(hit[2].lower()) for hit in _SPAN.finditer(value)]
    return sum(spans) if spans else None


def _unit(word: str) -> float:
    """Seconds in a unit of time."""
    if word == "ms" or word.startswith("milli"):
        return 0.001
    return {"h": 3600.0, "m": 60.0}.get(word[0], 1.0)


def _said(body: str) -> tuple[str, str]:
    """The error's names and its message in a body, where it is JSON of a usual kind."""
    try:
        tree = cast(object, json.loads(body))
    except (ValueError, RecursionError):
        return "", "" if body.lstrip().startswith("<") else body
    while is_list(tree) and tree:
        tree = tree[0]
    if not is_dict(tree):
        return "", body
    inner = tree.get("error") or tree
    if isinstance(inner, str):
        more = tree.get("message")
        named = inner if " " not in inner else ""
        return named, f"{inner}: {more}" if isinstance(more, str) and more else inner
    if not is_dict(inner):
        return "", body
    fault = cast(dict[str, Any], inner)
    names = [fault.get(name, "") for name in ("code", "type", "status")]
    names.append(as_dict(fault.get("innererror")).get("code", ""))
    message = next((fault[n] for n in _MESSAGES if fault.get(n)), "")
    return " ".join(map(str, names)), str(message) if message else body


_MESSAGES: Final = ("message", "detail", "msg", "error_msg")
