"""`python -m bench.loopback world`, or `canned SECONDS` for always one answer."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bench.loopback import Answer, serve
from bench.world.hosting import Books

# The fields of either side's template, so that each can read it.
TEXT = (
    "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]\n\n"
    "[[ answer ]]\nyes\n[[ /end ]]\n"
)


PIECES = 200
"""Of the answer in a stream, a word each."""


def canned() -> Answer:
    """The same completion for every request, in a stream where one is asked for."""
    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 60, "completion_tokens": 12, "total_tokens": 72}
    body = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "canned",
            "choices": [choice],
            "usage": usage,
        }
    ).encode()
    streams = {mine: streamed(mine) for mine in (True, False)}

    def answer(path: str, asked: bytes) -> bytes:
        del path
        if b'"stream":true' not in asked.replace(b": ", b":"):
            return body
        return streams[b"[[ ## " not in asked]

    return answer


def streamed(mine: bool) -> bytes:
    """The events of an answer of many words, in the form of weft or of DSPy."""
    first, last = ("[[ answer ]]\n", "\n[[ /end ]]\n")
    if not mine:
        first, last = ("[[ ## answer ## ]]\n", "\n\n[[ ## completed ## ]]\n")
    words = [first, *(f"word{n} " for n in range(PIECES)), last]
    common = {"id": "1", "object": "chat.completion.chunk", "created": 1}
    events: list[dict[str, Any]] = [
        {"index": 0, "delta": {"content": word}, "finish_reason": None}
        for word in words
    ]
    events.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    lines = [
        json.dumps({**common, "model": "canned", "choices": [event]})
        for event in events
    ]
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    answer: Answer = Books() if kind == "world" else canned()
    asyncio.run(serve(answer, float(rest[0]) if rest else 0.0))
