"""A small HTTP server for loopback, in a process of its own.

It does as little as it can for each request, so that what is measured is the client.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import traceback
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

__all__ = ["Answer", "fetch", "hosted", "serve"]

Answer = Callable[[str, bytes], bytes]
"""From path and body of a request to the body that answers it.

A body that starts with "data:" is a stream of events: what stands after the first
`HEAD_BYTES` of it comes after `PAUSE` seconds.
"""

HEAD_BYTES = 4096
PAUSE = 0.02


class _Connection(asyncio.Protocol):
    """Requests of one connection, one after the other."""

    def __init__(self, answer: Answer, delay: float) -> None:
        self._answer = answer
        self._delay = delay
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            first, _, lines = head.partition("\r\n")
            length = 0
            for line in lines.split("\r\n"):
                name, _, value = line.partition(":")
                if name.lower() == "content-length":
                    length = int(value)
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            try:
                self._reply("200 OK", self._answer(first.split(" ")[1], body))
            except Exception:  # noqa: BLE001 - a fault of the bench: shown, and refused
                traceback.print_exc()
                self._reply("400 Bad Request", b"{}")

    def _reply(self, status: str, body: bytes) -> None:
        streamed = body.startswith(b"data:")
        kind = "text/event-stream" if streamed else "application/json"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
        whole = f"{head}Content-Type: {kind}\r\n\r\n".encode() + body
        if streamed:
            self._send(whole[:HEAD_BYTES])
            later = asyncio.get_running_loop().call_later
            later(PAUSE, self._send, whole[HEAD_BYTES:])
        elif self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._send, whole)
        else:
            self._send(whole)

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


async def serve(answer: Answer, delay: float) -> None:
    """Serve until standard input ends; the first line printed is the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(answer, delay), "127.0.0.1", 0, backlog=2048
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)
    # Connections that clients keep open are no reason to stay.


@contextlib.contextmanager
def hosted(*arguments: str) -> Generator[str]:
    """A server process with these arguments, as its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.loopback", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def fetch(url: str) -> Any:
    """The JSON at an address of this machine."""
    with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310 - loopback
        return json.load(reply)
