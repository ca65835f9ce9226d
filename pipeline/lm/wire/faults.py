"""What a server's refusal means, in weft's errors: one table for every HTTP client.

Nothing that we sent is repeated in a message: the server's own words are shown, cut
short, with every secret that was sent taken out.
"""

from __future__ import annotations

import base64
import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, urlsplit

from ...errors import (
    AuthError,
    BillingError,
    ConnectError,
    ContentFiltered,
    ContextLengthError,
    InvalidRequest,
    ModelError,
    NotFoundError,
    Overloaded,
    ProtocolError,
    RateLimited,
    SchemaRefused,
    ServerError,
    TimeoutConflict,
)
from ...ground.lazy import deferred
from ..context import HINT, window_said
from ..request import Response

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
    408: TimeoutConflict,
    409: TimeoutConflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}
_HINTS: Final[Mapping[type[ModelError], str]] = {
    AuthError: "Check the key and what it is allowed to do",
    BillingError: "Check the account's plan and its balance",
    NotFoundError: "Check the model's name and api_base",
    ContextLengthError: HINT,
    SchemaRefused: "Ask without a schema: LM(..., schema_mode=False)",
}
_TOO_LONG: Final = re.compile(
    r"context[_ ]length|context window|maximum context|prompt is too long|"
    r"context size|too many (input )?tokens|input is too long|"
    r"must have less than \d+ tokens|exceed_context_size",
    re.IGNORECASE,
)
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
_FILTERED: Final = re.compile(
    r"content_filter|content_policy|content management policy"
)
# OpenAI: "Unsupported value: 'temperature' does not support 0 with this model. Only the
# default (1) value is supported.", and "Unsupported parameter: 'top_p' is not ...".
_NO_OPTION: Final = re.compile(
    r"unsupported (?:value|parameter):\s*'(temperature|top_p|presence_penalty|"
    r"frequency_penalty|reasoning_effort|verbosity|logit_bias|seed|stop)'",
    re.IGNORECASE,
)
_AS_IT_IS: Final = frozenset({400, 413, 422})
_AT_FAULT: Final = _AS_IT_IS | {500, 501}
"""Where a schema is the cause: some servers say 500 of one that they cannot compile."""
_SHOWN: Final = 300
_SHORTEST: Final = 5
_KEY: Final = 16


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
    """

    status: int
    body: str
    model: str = ""
    request_id: str = ""
    retry_after: float | None = None
    code: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    schema: bool = False

    @property
    def words(self) -> str:
        """The server's own words, with its names of the error."""
        code, said = _said(self.body)
        return f"{self.code} {code} {said}"

    @property
    def teaches(self) -> bool:
        """Whether it is the request that is refused as it is, and nothing was done."""
        return self.status in _AS_IT_IS

    def as_error(self) -> ModelError:
        """The error that stands for this refusal."""
        _, said = _said(self.body)
        kind = _kind(self.status, self.words, schema=self.schema)
        words = f": {redacted(said, self.secrets)}" if said else ""
        return kind(
            f"the server answered {self.status}{words}".rstrip("."),
            hint=_option_hint(said) if kind is InvalidRequest else _HINTS.get(kind, ""),
            model=self.model,
            status=self.status,
            request_id=self.request_id,
            retry_after=self.retry_after,
        )


def _option_hint(said: str) -> str:
    """The remedy where a model takes no such option, as models that reason often do."""
    found = _NO_OPTION.search(said)
    return f"Leave {found[1]} out for this model" if found else ""


@dataclass(frozen=True, slots=True)
class Sent(Iterable[str]):
    """The secrets that a request carries, looked for when somebody asks."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def __iter__(self) -> Iterator[str]:
        return iter(secrets_of(self.url, self.headers))


def secrets_of(url: str, headers: Mapping[str, str]) -> list[str]:
    """What a request carries that no message may hold, in every form of its own.

    A server may quote a key without the scheme before it, a login in plain text, or
    the query of the address. Of these last, texts that are too short to keep anything
    safe are left out: they occur in any message.

    >>> secrets_of("http://here?v=2&key=a+key", {"Authorization": "Basic dTpzZXNhbWU="})
    ['Basic dTpzZXNhbWU=', 'Basic', 'dTpzZXNhbWU=', 'u:sesame', 'sesame', \
'v=2&key=a+key', 'a key', 'a+key']
    """
    sent: list[str] = []
    plain: list[str] = []
    for value in headers.values():
        scheme, _, rest = value.partition(" ")
        sent += [value, *value.split()]
        if scheme.lower() == "basic":
            login = _login(rest)
            plain += [login, login.partition(":")[2]]
    query = urlsplit(url).query
    plain += [query, *(value for _, value in parse_qsl(query))]
    plain += [pair.partition("=")[2] for pair in query.split("&")]
    long = (text for text in plain if len(text) >= _SHORTEST)
    return [text for text in dict.fromkeys([*sent, *long]) if text]


def _login(packed: str) -> str:
    """The "user:password" of a Basic scheme, or empty where it holds none."""
    try:
        return base64.b64decode(packed).decode("utf-8", "replace")
    except ValueError:
        return ""


def without_keys(response: Response, sent: Iterable[str]) -> Response:
    """A response whose texts quote none of the keys that were sent.

    It goes into caches, traces and pages. Keys of less than 16 characters stay, since
    those of local servers, such as "EMPTY", are words.

    Args:
        response: What the server answered.
        sent: The values of the headers.

    >>> said = Response("it was sk-0123456789abcdef")
    >>> without_keys(said, ["Bearer sk-0123456789abcdef"]).text
    'it was ***'
    """
    for value in sent:
        key = value.rpartition(" ")[2]
        if len(key) < _KEY:
            continue
        if key in response.text:
            response = replace(response, text=response.text.replace(key, "***"))
        if key in response.reasoning:
            thought = response.reasoning.replace(key, "***")
            response = replace(response, reasoning=thought)
    return response


def redacted(text: str, secrets: Iterable[str]) -> str:
    """A text in one short line, without the secrets.

    A text that is the start of a longer one may end within a secret; that goes too.

    >>> redacted("a bad key: sesame-123, or sesame-1", ["sesame-123"])
    'a bad key: ***, or ***'
    """
    longest_first = sorted(filter(None, secrets), key=len, reverse=True)
    for secret in longest_first:
        text = text.replace(secret, "***")
    for secret in longest_first:
        for length in range(min(len(secret) - 1, len(text)), _SHORTEST - 1, -1):
            if text.endswith(secret[:length]):
                text = f"{text[:-length]}***"
                break
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


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


def _kind(status: int, text: str, *, schema: bool = False) -> type[ModelError]:
    if 300 <= status < 400:
        return NotFoundError  # no redirect is followed: it would carry the key away
    if status in {200, 400, 413, 422}:
        if _TOO_LONG.search(text) or window_said(text) is not None:
            return ContextLengthError
        if _FILTERED.search(text):
            return ContentFiltered
    if schema and (
        (status in _AT_FAULT and _SCHEMA.search(text))
        or (status in _AS_IT_IS and _SCHEMA_TOO.search(text))
    ):
        return SchemaRefused
    if status in {200, 400, 403, 429} and _UNPAID.search(text):
        return BillingError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return ServerError
    return InvalidRequest if status >= 400 else ProtocolError


def _said(body: str) -> tuple[str, str]:
    """The error code and the message in a body, where it is JSON of the usual kind."""
    try:
        tree = cast(object, json.loads(body))
    except (ValueError, RecursionError):
        return "", "" if body.lstrip().startswith("<") else body
    while isinstance(tree, list) and tree:
        tree = cast(list[object], tree)[0]
    if not isinstance(tree, dict):
        return "", body
    fault = cast(dict[str, Any], tree)
    inner = fault.get("error", fault)
    if isinstance(inner, str):
        return "", inner
    if not isinstance(inner, dict):
        return "", body
    fault = cast(dict[str, Any], inner)
    code = f"{fault.get('code', '')} {fault.get('type', '')}"
    return code, str(fault.get("message", "") or body)
