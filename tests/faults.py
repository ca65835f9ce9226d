"""The faults of a server, each with the one error that it is, and what that means.

The only table of them: our client, litellm's, and the retries are held against it.
"""

from __future__ import annotations

import gzip
import json
from typing import NamedTuple

from tests.pipeline.lm.support import completion, fault
from tests.server import Reply
from weft.pipeline.errors import (
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
    ServerError,
    TimeoutConflict,
    TooLarge,
)

PACKED = {"Content-Encoding": "gzip"}
BEGUN = b'{"choices": [{"message": {"content": "'
WHOLE = {"content": "[[ team ]]\na"}


def said(**tree: object) -> Reply:
    """A body of success that says something else."""
    return Reply(body=json.dumps(tree).encode())


FAULTS: dict[str, tuple[Reply, type[ModelError]]] = {
    "302": (Reply(status=302, headers={"Location": "http://x/"}), NotFoundError),
    "400": (fault(400), InvalidRequest),
    "401": (fault(401), AuthError),
    "402": (fault(402), BillingError),
    "403": (fault(403), AuthError),
    "404": (fault(404), NotFoundError),
    "407": (fault(407), AuthError),
    "408": (fault(408), TimeoutConflict),
    "409": (fault(409), TimeoutConflict),
    "413": (fault(413), InvalidRequest),
    "418": (fault(418), InvalidRequest),
    "422": (fault(422), InvalidRequest),
    "429": (fault(429), RateLimited),
    "429 quota": (fault(429, code="insufficient_quota"), BillingError),
    "500": (fault(500), ServerError),
    "502": (Reply(status=502, body=b"<html>bad gateway</html>"), ServerError),
    "503": (fault(503), Overloaded),
    "504": (Reply(status=504, body=b""), ServerError),
    "529": (fault(529), Overloaded),
    "llama.cpp's context": (
        fault(400, "request (18031 tokens) exceeds the available context size"),
        ContextLengthError,
    ),
    "context code": (fault(400, code="context_length_exceeded"), ContextLengthError),
    "context words": (
        fault(400, "This model's maximum context length is 9 tokens"),
        ContextLengthError,
    ),
    "filtered prompt": (fault(400, code="content_filter"), ContentFiltered),
    "filtered answer": (Reply(finish_reason="content_filter"), ContentFiltered),
    "refusal": (completion({"content": None, "refusal": "no"}), ContentFiltered),
    "html": (Reply(body=b"<!doctype html><p>hi"), ProtocolError),
    "bad JSON": (Reply(body=b'{"choices": ['), ProtocolError),
    "deep JSON": (Reply(body=b"[" * 100_000), ProtocolError),
    "a list": (Reply(body=b"[]"), ProtocolError),
    "no choices": (Reply(body=b'{"choices": []}'), ProtocolError),
    "choices null": (Reply(body=b'{"choices": null}'), ProtocolError),
    "no message": (Reply(body=b'{"choices": [{}]}'), ProtocolError),
    "content null": (completion({"content": None}), ProtocolError),
    "content number": (completion({"content": 5}), ProtocolError),
    "surrogate": (completion({"content": "\ud800"}), ProtocolError),
    "empty body": (Reply(body=b""), ProtocolError),
    "200 with error": (Reply(body=b'{"error": {"code": 429}}'), RateLimited),
    "200 with an object of that": (
        said(object="error", message="the engine is overloaded", code=503),
        Overloaded,
    ),
    "200 with a code in words": (said(error={"code": "529"}), Overloaded),
    "200 with a name": (
        said(type="error", error={"type": "overloaded_error", "message": "busy"}),
        Overloaded,
    ),
    "200 with a status": (
        said(error={"status": "RESOURCE_EXHAUSTED", "message": "quota"}),
        RateLimited,
    ),
    "200 with a text": (said(error="upstream went away"), ProtocolError),
    "200 with a detail": (said(detail="no worker is free"), ProtocolError),
    "error in the choice": (
        completion(WHOLE, finish_reason="error", error={"code": 502, "message": "x"}),
        ServerError,
    ),
    "error in a good choice": (completion(WHOLE, error={"code": 429}), RateLimited),
    "error in the message": (
        completion({**WHOLE, "error": {"code": 503}}),
        Overloaded,
    ),
    "error beside the choices": (
        said(
            choices=[{"message": WHOLE, "finish_reason": "stop"}], error={"code": 502}
        ),
        ServerError,
    ),
    **{
        f"ends by {reason!r}": (completion(WHOLE, finish_reason=reason), ProtocolError)
        for reason in (
            *("error", "ERROR", "network_error", "abort", "cancelled", "timeout"),
            *("insufficient_system_resource", "pause_turn", "OTHER", "\ud800", 7),
        )
    },
    **{
        f"ends by {reason!r}": (
            completion(WHOLE, finish_reason=reason),
            ContentFiltered,
        )
        for reason in ("SAFETY", "refusal", "content_filtered", "sensitive")
    },
    "an option of that name": (
        fault(400, "Unrecognized request argument supplied: content_filter"),
        InvalidRequest,
    ),
    "a parameter of that name": (
        fault(400, "content_filter is not enabled here", param="content_filter"),
        InvalidRequest,
    ),
    "filtered by policy": (
        fault(400, "The response was filtered due to the content management policy"),
        ContentFiltered,
    ),
    "filtered within": (
        fault(400, innererror={"code": "ResponsibleAIPolicyViolation"}),
        ContentFiltered,
    ),
    "too short": (Reply(length=10_000), ProtocolError),
    "cut": (Reply(cut=20), ProtocolError),
    "reset": (Reply(reset=True), ConnectError),
    "too large": (completion({"content": " " * (2**23 + 1)}), TooLarge),
    "gzip bomb": (
        Reply(body=gzip.compress(BEGUN + b" " * 2**26), headers=PACKED),
        TooLarge,
    ),
    "no completion, too large": (Reply(body=b" " * (2**23 + 1)), ProtocolError),
    "claims too much": (Reply(length=2**33), TooLarge),
    "endless": (Reply(endless=True), ProtocolError),
    "gzip bomb, no completion": (
        Reply(body=gzip.compress(b" " * 2**26), headers=PACKED),
        ProtocolError,
    ),
    "no gzip": (
        Reply(body=b"x" * 9, headers=PACKED),
        ProtocolError,
    ),
}
"""What comes back at once, or at least comes; each is one request."""

SLOW: dict[str, Reply] = {
    "hang": Reply(hang=True),
    "drip": Reply(rate=20),
    "dripping headers": Reply(head_rate=20),
    "endless drip": Reply(endless=True, rate=20),
    "never closing": Reply(unclosed=True),
}
"""What only a deadline ends."""


class Meaning(NamedTuple):
    """What an error says of the call, of the run, and of the model."""

    retryable: bool
    """Whether the same call may work later."""
    aborts: bool
    """Whether a run of many rows ends at once."""
    scores: bool
    """Whether the model is at fault, so that a score may take it for a zero."""


MEANS: dict[type[ModelError], Meaning] = {
    AuthError: Meaning(retryable=False, aborts=True, scores=False),
    BillingError: Meaning(retryable=False, aborts=True, scores=False),
    NotFoundError: Meaning(retryable=False, aborts=True, scores=False),
    InvalidRequest: Meaning(retryable=False, aborts=False, scores=False),
    ContextLengthError: Meaning(retryable=False, aborts=False, scores=False),
    ContentFiltered: Meaning(retryable=False, aborts=False, scores=True),
    RateLimited: Meaning(retryable=True, aborts=False, scores=False),
    Overloaded: Meaning(retryable=True, aborts=False, scores=False),
    ServerError: Meaning(retryable=True, aborts=False, scores=False),
    TimeoutConflict: Meaning(retryable=True, aborts=False, scores=False),
    ConnectError: Meaning(retryable=True, aborts=False, scores=False),
    DeadlineExceeded: Meaning(retryable=True, aborts=False, scores=False),
    ProtocolError: Meaning(retryable=True, aborts=False, scores=False),
    TooLarge: Meaning(retryable=False, aborts=False, scores=True),
}


def attempts(kind: type[ModelError], retries: int) -> int:
    """How many requests it takes until a fault that stays is given up."""
    if kind is ProtocolError:  # a body that is no completion
        return min(1, retries) + 1
    return retries + 1 if MEANS[kind].retryable else 1
