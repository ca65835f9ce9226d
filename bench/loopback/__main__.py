"""`python -m bench.loopback world`, or `canned SECONDS` for always one answer."""

from __future__ import annotations

import asyncio
import json
import sys

from bench.loopback import Answer, serve
from bench.world.hosting import Books

# The fields of either side's template, so that each can read it.
TEXT = (
    "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]\n\n"
    "[[ answer ]]\nyes\n[[ /end ]]\n"
)


def canned() -> Answer:
    """The same completion for every request."""
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
    return lambda path, asked: body


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    answer: Answer = Books() if kind == "world" else canned()
    asyncio.run(serve(answer, float(rest[0]) if rest else 0.0))
