"""One answer of the fault server: how it goes wrong, and its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer of the server, and how it goes wrong.

    Args:
        text: The completion's text; ignored where `body` is given.
        body: The raw body, instead of a completion.
        status: The HTTP status.
        headers: Further headers.
        finish_reason: Why the completion ended.
        usage: The completion's usage, None for one counted in words, {} for none.
        delay: Seconds before the headers.
        until: What must be true before the headers, and before each piece of a stream.
        rate: Body bytes a second, or None for all at once.
        head_rate: Header bytes a second, or None for all at once.
        cut: Close the connection after so many body bytes.
        reset: Reset the connection, at once or after `cut` bytes.
        length: The Content-Length to claim.
        endless: Send body bytes for ever, at `rate` where it is given.
        unclosed: Claim no length, and never close the connection.
        hang: Send nothing, until the client gives up.
        pace: Seconds between the pieces of an answer that is streamed.
        pieces: How many pieces of a streamed answer are sent before it breaks off.
        width: Characters in each of these pieces.
        reasoning: What was thought, in a field beside the text.
        thinking: The name of that field.
    """

    text: str = "ok"
    body: bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    finish_reason: str = "stop"
    usage: Mapping[str, Any] | None = None
    delay: float = 0.0
    until: Callable[[], object] | None = None
    rate: float | None = None
    head_rate: float | None = None
    cut: int | None = None
    reset: bool = False
    length: int | None = None
    endless: bool = False
    unclosed: bool = False
    hang: bool = False
    pace: float = 0.0
    pieces: int | None = None
    width: int = 7
    reasoning: str = ""
    thinking: str = "reasoning_content"


def head_of(reply: Reply, length: int) -> bytes:
    """The status and the headers of an answer with a body of this length."""
    headers = {"Content-Type": "application/json", **reply.headers}
    if reply.endless:
        headers["Transfer-Encoding"] = "chunked"
    elif not reply.unclosed:
        claimed = length if reply.length is None else reply.length
        headers.setdefault("Content-Length", str(claimed))
    lines = [f"HTTP/1.1 {reply.status} status"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def completion_of(reply: Reply, asked: dict[str, Any]) -> bytes:
    """The body of a completion, as OpenAI writes it; of a text where one was asked."""
    texts = [
        asked.get("prompt", ""),
        *(m.get("content") for m in asked.get("messages", [])),
    ]
    words = sum(len(str(text).split()) for text in texts)
    usage = reply.usage
    if usage is None:
        answered = len(reply.text.split())
        usage = {
            "prompt_tokens": words,
            "completion_tokens": answered,
            "total_tokens": words + answered,
        }
    message = {"role": "assistant", "content": reply.text}
    if reply.reasoning:
        message[reply.thinking] = reply.reasoning
    said = {"text": reply.text} if "prompt" in asked else {"message": message}
    tree: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "text_completion" if "prompt" in asked else "chat.completion",
        "created": 1,
        "model": asked.get("model", ""),
        "choices": [{"index": 0, **said, "finish_reason": reply.finish_reason}],
    }
    if usage:
        tree["usage"] = dict(usage)
    return json.dumps(tree).encode()


def pieces_of(reply: Reply, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The choices of a streamed completion's events: thoughts first, then the text."""
    name = "text" if "prompt" in asked else "content"
    parts = [
        {field: text[at : at + reply.width]}
        for field, text in ((reply.thinking, reply.reasoning), (name, reply.text))
        for at in range(0, len(text), reply.width)
    ]
    return parts if "prompt" in asked else [{"delta": part} for part in parts]


def event_of(choice: dict[str, Any] | None, whole: dict[str, Any], usage: Any) -> bytes:
    """One event of a streamed completion; without a choice it holds the usage."""
    tree = {"id": whole["id"], "model": whole["model"], "usage": usage}
    tree["choices"] = [] if choice is None else [{"index": 0, **choice}]
    return b"data: " + json.dumps(tree).encode() + b"\n\n"
