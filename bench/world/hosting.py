"""The simulated model behind an HTTP address, with a count for every run.

    POST /TASK-SEED/RUN/v1/chat/completions
    GET  /TASK-SEED/RUN/counts

The address says whose account a call goes on and which world the model is of, as a
model's name would. Equal requests at a temperature above 0 are different samples.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .model import reply_to, tokens
from .tasks import world_of

__all__ = ["Books", "Counts"]


@dataclass
class Counts:
    """What one run was charged."""

    calls: Counter[str] = field(default_factory=Counter[str])
    input_tokens: Counter[str] = field(default_factory=Counter[str])
    output_tokens: Counter[str] = field(default_factory=Counter[str])


class Books:
    """Answers requests and keeps the accounts."""

    def __init__(self) -> None:
        self._counts: dict[str, Counts] = {}
        self._seen: Counter[bytes] = Counter()

    def __call__(self, path: str, body: bytes) -> bytes:
        """The body that answers a request."""
        parts = path.strip("/").split("/")
        counts = self._counts.setdefault("/".join(parts[:2]), Counts())
        if parts[-1] == "counts":
            return json.dumps(vars(counts)).encode()
        return json.dumps(self._completion(parts, json.loads(body), counts)).encode()

    def _completion(
        self, parts: list[str], asked: dict[str, Any], counts: Counts
    ) -> dict[str, Any]:
        task, _, seed = parts[0].partition("-")
        world = world_of(task, int(seed))
        choices: list[dict[str, Any]] = []
        sent = sum(tokens(str(m.get("content") or "")) for m in asked["messages"])
        spent = 0
        for index in range(int(asked.get("n") or 1)):
            sample = self._sample("/".join(parts[:2]), asked)
            form = asked.get("response_format")
            reply = reply_to(world, asked["messages"], form, sample)
            written = tokens(reply.text)
            counts.calls[reply.role] += 1
            counts.input_tokens[reply.role] += sent
            counts.output_tokens[reply.role] += written
            spent += written
            message = {"role": "assistant", "content": reply.text}
            choices.append(
                {"index": index, "message": message, "finish_reason": "stop"}
            )
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": asked.get("model", ""),
            "choices": choices,
            "usage": {
                "prompt_tokens": sent,
                "completion_tokens": spent,
                "total_tokens": sent + spent,
            },
        }

    def _sample(self, run: str, asked: dict[str, Any]) -> int:
        if asked.get("temperature") == 0:
            return 0
        text = json.dumps([run, asked["messages"]], sort_keys=True)
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        self._seen[key] += 1
        return self._seen[key] - 1
