"""Stands in for llama.cpp's wheel: the same few names, and a server without a model.

It answers with its process id, or where a schema is asked for with the first choice for
each field. What the file ends with, and what it is asked, say what else it does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class CommonParams(SimpleNamespace):
    def __init__(self) -> None:
        super().__init__(
            model=SimpleNamespace(),
            cpuparams=SimpleNamespace(),
            cpuparams_batch=SimpleNamespace(),
        )


class Server:
    def __init__(self, params: CommonParams) -> None:
        print("no word of the parent's")
        model = Path(params.model.path).read_bytes()
        if model.endswith(b"refuses"):
            print("E there is no room for it", file=sys.stderr)
            raise RuntimeError("Failed to init server")
        if model.endswith(b"hangs"):
            time.sleep(60)
        self._http = ThreadingHTTPServer((params.hostnames[0], params.port), _Answers)
        self._http.params = params  # type: ignore[attr-defined]
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def listening_address(self) -> str:
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        params: Any = self.server.params  # type: ignore[attr-defined]
        size = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(size))
        asked = body["messages"][-1]["content"]
        if asked == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if asked == "break off":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")
            self.wfile.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        right = f"Bearer {params.api_keys[0]}"
        status = 200 if self.headers["Authorization"] == right else 401
        told = {"pid": os.getpid(), "context": params.n_ctx // params.n_parallel}
        form = body.get("response_format")
        if form is not None:
            fields = form["json_schema"]["schema"]["properties"]
            told = {name: each["enum"][0] for name, each in fields.items()}
        self._send(status, json.dumps(told))

    def _send(self, status: int, text: str) -> None:
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        choices = [{"message": message, "finish_reason": "stop"}]
        body = json.dumps({"choices": choices, "usage": usage}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return
