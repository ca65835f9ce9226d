"""What an answer that another client has read is worth, by what the server itself said.

A client in between has its own words for what a server says, and several lose what
matters: litellm calls every end that it does not know a good one, makes one up where a
stream breaks off, and says of an error neither its status nor its words. So the bytes
that came over our connection are judged here, in the format of whichever provider; the
client's word counts where nothing came that way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...errors import (
    ConfigError,
    ConnectError,
    ContentFiltered,
    DeadlineExceeded,
    ModelError,
    ProtocolError,
)
from ...ground.shapes import as_dict, as_list
from ..request import Request
from .events import trees_in
from .faults import Refusal, parse_retry_after
from .finish import choice_in, ending_of, fault_in, is_fault, refused
from .remedies import remedy_of
from .secrets import redacted
from .sessions import Attempt

# Where each format says it: OpenAI, Gemini, Anthropic, Bedrock, Cohere, Ollama, watsonx
_PLACES: Final[tuple[tuple[str | int, ...], ...]] = (
    ("choices", 0, "finish_reason"),
    ("candidates", 0, "finishReason"),
    ("stop_reason",),
    ("delta", "stop_reason"),
    ("stopReason",),
    ("finish_reason",),
    ("delta", "finish_reason"),
    ("done_reason",),
    ("results", 0, "stop_reason"),
)
_KNOWN_BY: Final = frozenset({"choices", "candidates"})
_ANSWERED: Final = re.compile(r"Error code: \d+")  # the server said so itself
_LOST: Final = re.compile(r"^Connection error|disconnected|Cannot connect")
_NO_JSON: Final = re.compile(r"Expecting .*char \d+|Unterminated string|Extra data")


class Ending:
    """What a server itself said of the end, in the format of whichever provider.

    Args:
        trees: The body, or the events of a stream.

    >>> Ending([{"candidates": [{"finishReason": "OTHER"}]}]).reason
    'OTHER'
    """

    def __init__(self, trees: Iterable[Mapping[str, Any]]) -> None:
        self.fault: dict[str, Any] = {}
        self.reason: object = None
        self.known = False
        for tree in trees:
            kind = tree.get("type")
            self.known |= not _KNOWN_BY.isdisjoint(tree) or (
                isinstance(kind, str) and kind.startswith("message_")
            )
            if "choices" in tree or is_fault(tree):
                self.fault = self.fault or fault_in(tree, choice_in(tree))
            self._note(tree)

    def _note(self, tree: Mapping[str, Any]) -> None:
        reasons = [_at(tree, place) for place in _PLACES]
        if as_dict(tree.get("promptFeedback")).get("blockReason"):
            reasons.append("content_filter")
        for reason in reasons:
            failed = ending_of(self.reason) is None
            if ending_of(reason) != "" and not failed:
                self.reason = reason

    @property
    def ended(self) -> bool:
        """Whether the server said why it ended."""
        return ending_of(self.reason) != ""

    @property
    def matters(self) -> bool:
        """Whether the answer is cut, withheld or none, whoever says otherwise."""
        return ending_of(self.reason) in (None, "length", "content_filter")


def _at(tree: object, place: tuple[str | int, ...]) -> object:
    for step in place:
        if isinstance(step, int):
            held = as_list(tree)
            tree = held[step] if len(held) > step else None
        else:
            tree = as_dict(tree).get(step)
    return tree


def unfinished(
    tree: dict[str, Any],
    attempt: Attempt,
    request: Request,
    secrets: set[str],
    *,
    streamed: bool,
) -> Refusal | ModelError | None:
    """Why an answer is none by the server's words; else the tree is told its end."""
    ending = Ending(trees_in(b"".join(attempt.body)) if attempt.answered else ())
    if ending.fault:
        return refused(ending.fault, request, secrets)
    if ending.matters:
        for choice in tree.get("choices") or ():
            choice["finish_reason"] = ending.reason
    elif streamed and ending.known and not ending.ended:
        message = "the server's stream broke off before its end"
        return ProtocolError(
            message, hint=remedy_of(ProtocolError), model=request.model
        )
    return None


def failure_of_litellm(
    litellm: Any,
    error: Exception,
    request: Request,
    secrets: set[str],
    attempt: Attempt,
) -> Refusal | ModelError | ConfigError:
    """What an error of litellm means in ours; a test holds the whole table.

    Where the answer came over our connection its own status and words say it, and else
    litellm's do.
    """
    errors, model = litellm.exceptions, request.model
    said = redacted(str(error), secrets)
    ours = _ours_in(error)
    if ours is not None:
        ours.model = model
        return ours
    if "LLM Provider NOT provided" in said:
        message = f"unknown model string {model!r}"
        return ConfigError(message, hint="litellm has no provider of this name")
    cause = str(error.__cause__ or error.__context__)
    if isinstance(error, errors.Timeout) and not _ANSWERED.match(cause):
        return DeadlineExceeded(said, hint=remedy_of(DeadlineExceeded), model=model)
    if attempt.answered:  # what litellm complains of is the answer itself
        fault = Ending(trees_in(b"".join(attempt.body))).fault
        if fault:
            return refused(fault, request, secrets)
        message = f"litellm cannot read the server's answer: {said}"
        return ProtocolError(message, hint=remedy_of(ProtocolError), model=model)
    body = b"".join(attempt.body).decode("utf-8", "replace")
    if not body and isinstance(error, errors.ContentPolicyViolationError):
        return ContentFiltered(said, hint=remedy_of(ContentFiltered), model=model)
    if isinstance(error, errors.APIResponseValidationError):
        return ProtocolError(said, hint=remedy_of(ProtocolError), model=model)
    if not attempt.status:
        if isinstance(error, errors.APIConnectionError) or _LOST.search(cause):
            # litellm may call it "an internal server error".
            return ConnectError(said, hint=remedy_of(ConnectError), model=model)
        if _NO_JSON.search(cause):
            return ProtocolError(said, hint=remedy_of(ProtocolError), model=model)
    own: Mapping[str, str] = getattr(error, "litellm_response_headers", None) or {}
    told = attempt.headers or own
    # Its own word for a prompt that is too long, whatever the server's were.
    long = isinstance(error, errors.ContextWindowExceededError)
    return Refusal(
        attempt.status or int(getattr(error, "status_code", 0) or 500),
        body or said,
        model,
        code="context_length_exceeded" if long else "",
        request_id=told.get("x-request-id", ""),
        retry_after=parse_retry_after(told),
        secrets=tuple(secrets),
        schema=request.response_format is not None,
        tools=bool(request.tools),
    )


def _ours_in(error: BaseException | None) -> ModelError | None:
    """What the connection that we lent has raised, however litellm has wrapped it."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        if isinstance(error, ModelError):
            error.__cause__ = error.__context__ = None  # aiohttp's, with the headers
            return error
        seen.append(error)
        error = error.__cause__ or error.__context__
    return None
