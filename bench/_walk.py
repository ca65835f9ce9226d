"""One walk from `Predict` to the wire, counted; a child of `bench.house`.

It uses weft's public names alone, so that it runs on any checkout: its first argument
says which. A server in another thread answers; what is counted runs in this one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(sys.argv[1]).resolve()
sys.path.insert(0, str(ROOT))

import weft  # noqa: E402 - of that checkout

REPLY = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "[[ answer ]]\nyes"},
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer whatever is asked."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(REPLY).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
        del format, args


class _Walk:
    """Counts the calls of weft's own functions while it is set as the profiler."""

    def __init__(self) -> None:
        self.calls: Counter[CodeType] = Counter()

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and _is_ours(frame.f_code.co_filename):
            self.calls[frame.f_code] += 1

    def counted(self) -> dict[str, int]:
        """Files, functions and calls; a comprehension or lambda counts as a call."""
        files = {Path(code.co_filename).resolve() for code in self.calls}
        return {
            "files": len(files),
            "functions": len(self.calls),
            "calls": self.calls.total(),
        }


def _is_ours(file: str) -> bool:
    if not file.startswith(str(ROOT)):
        return False
    parts = Path(file).relative_to(ROOT).parts
    return parts[0] in {"weft", "pipeline", "modules", "compilers"}


async def _walked(module: Any, question: str) -> dict[str, int]:
    walk = _Walk()
    sys.setprofile(walk)
    try:
        await module.acall(question=question)
    finally:
        sys.setprofile(None)
    return walk.counted()


async def _measured(url: str) -> dict[str, dict[str, int]]:
    lm = weft.LM("openai/m", api_base=f"{url}/v1", api_key="none")
    module: Any = weft.Predict("question -> answer", adapter="chat", name="ask")
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        await module.acall(question="warm")  # imports, connections, compiled patterns
        await module.acall(question="warm")
        asked = await _walked(module, "once")
        return {"asked": asked, "cached": await _walked(module, "once")}


def main() -> None:
    """Print the counts of an uncached and of a cached call as JSON."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(asyncio.run(_measured(f"http://127.0.0.1:{server.server_port}"))))
    server.shutdown()


if __name__ == "__main__":
    main()
