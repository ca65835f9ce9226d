"""A real HTTP server on the loopback that speaks OpenAI's formats for completions.

Public as `weft.testing.FaultServer`.

It runs an event loop in a thread of its own and misbehaves as it is told: each request
takes the next scripted `Reply`, and when there is none the answer function decides.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from .fault_reply import Reply, completion_of, event_of, head_of, pieces_of

_CHUNK = 16_384
_LOOK = 0.002  # seconds between two looks at what is waited for
_PATIENCE = 60.0  # seconds in which any machine starts or ends a thread


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def authorized(self) -> bool:
        """Whether it carried an Authorization header."""
        return "authorization" in self.headers


Answer = Callable[[dict[str, Any]], "str | Reply"]


class FaultServer:
    """A server that answers, or fails, as it is told; a context manager.

    It counts and keeps what it `seen`, knows how many requests are `in_flight` and how
    many were at `peak`, and serves each connection until the client closes it.

    Args:
        answer: What to answer where nothing is scripted: a text, or a whole `Reply`.

    >>> with FaultServer(lambda body: "hello") as server:
    ...     server.script(Reply(status=503), Reply("late", delay=0.1))
    ...     server.count
    0
    """

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer: Answer = answer or (lambda _: Reply())
        self.seen: list[Seen] = []
        self.in_flight = 0
        self.ended: list[float] = []
        self.peak = 0
        self._script: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._port = 0
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def count(self) -> int:
        """How many requests came."""
        return len(self.seen)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def script(self, *replies: Reply) -> None:
        """Answer the next requests with these, in order of arrival."""
        with self._lock:
            self._script.extend(replies)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_PATIENCE):
            raise RuntimeError("the fault server did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, backlog=1024, limit=2**26
        )
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        except asyncio.CancelledError:
            pass  # the server stops
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Serve one request; whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        body: dict[str, Any] = json.loads(raw) if raw else {}
        with self._lock:
            path = first.split(" ")[1]
            self.seen.append(Seen(time.monotonic(), path, headers, body))
            scripted = self._script.popleft() if self._script else None
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
        try:
            reply = scripted or self.answer(body)
            if isinstance(reply, str):
                reply = Reply(reply)
            return await self._reply(reply, body, reader, writer)
        finally:
            with self._lock:
                self.in_flight -= 1

    async def _reply(
        self,
        reply: Reply,
        asked: dict[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        if reply.hang:
            return await _closed_by(reader)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        await _held(reply)
        if reply.reset and reply.cut is None:
            return _reset(writer)
        if asked.get("stream") and reply.body is None and reply.status == 200:
            return await self._stream(reply, asked, writer)
        body = completion_of(reply, asked) if reply.body is None else reply.body
        await self._send(head_of(reply, len(body)), reply.head_rate, writer)
        chunk = _CHUNK if reply.rate is None else 1
        while reply.endless:
            writer.write(b"%x\r\n%b\r\n" % (chunk, b" " * chunk))
            await writer.drain()
            await asyncio.sleep(0 if reply.rate is None else 1 / reply.rate)
        await self._send(body[: reply.cut], reply.rate, writer)
        if reply.unclosed:
            return await _closed_by(reader)
        if reply.reset:
            return _reset(writer)
        return reply.cut is None and reply.length is None

    async def _stream(
        self, reply: Reply, asked: dict[str, Any], writer: asyncio.StreamWriter
    ) -> bool:
        """Send the answer in events of a few characters each."""
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        whole = json.loads(completion_of(reply, asked))
        for choice in pieces_of(reply, asked)[: reply.pieces]:
            await _held(reply)
            writer.write(event_of(choice, whole, None))
            await writer.drain()
            await asyncio.sleep(reply.pace)
        if reply.pieces is None:
            end: dict[str, Any] = {"text": ""} if "prompt" in asked else {"delta": {}}
            last: dict[str, Any] = {**end, "finish_reason": reply.finish_reason}
            writer.write(event_of(last, whole, None))
            writer.write(event_of(None, whole, whole.get("usage")))
            self.ended.append(time.monotonic())
            writer.write(b"data: [DONE]\n\n")
        return False

    async def _send(
        self, body: bytes, rate: float | None, writer: asyncio.StreamWriter
    ) -> None:
        if rate is None:
            writer.write(body)
            await writer.drain()
            return
        for at in range(len(body)):
            writer.write(body[at : at + 1])
            await writer.drain()
            await asyncio.sleep(1 / rate)


async def _held(reply: Reply) -> None:
    """Wait until the reply may go on."""
    while reply.until is not None and not reply.until():  # noqa: ASYNC110 - no sign is given
        await asyncio.sleep(_LOOK)


async def _closed_by(reader: asyncio.StreamReader) -> bool:
    """Wait until the client has had enough."""
    await reader.read(1)
    return False


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Close with a TCP reset instead of an orderly end."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
