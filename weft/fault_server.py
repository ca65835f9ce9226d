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
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


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
        events: The pieces of a stream of events, byte for byte, instead of those of the
            text; sent whatever was asked, and the connection is closed behind them.
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
    events: Sequence[bytes] | None = None
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


_CHUNK = 16_384
_LOOK = 0.002  # seconds between two looks at what is waited for
_PATIENCE = 60.0  # seconds in which any machine starts or ends a thread
_ports: deque[int] = deque(maxlen=10_000)  # of the last servers; a system has 28,000


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
            self._accept, sock=_fresh_socket(), backlog=1024, limit=2**26
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
        if reply.events is not None:
            return await self._events(reply, reply.events, writer)
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

    async def _events(
        self, reply: Reply, events: Sequence[bytes], writer: asyncio.StreamWriter
    ) -> bool:
        """Send the pieces of a stream as they are."""
        headers = {"Content-Type": "text/event-stream", **reply.headers}
        lines = ["HTTP/1.1 200 OK", *(f"{n}: {v}" for n, v in headers.items())]
        writer.write(("\r\n".join(lines) + "\r\nConnection: close\r\n\r\n").encode())
        for event in events[: reply.pieces]:
            await _held(reply)
            writer.write(event)
            await writer.drain()
            await asyncio.sleep(reply.pace)
        return False

    async def _stream(
        self, reply: Reply, asked: dict[str, Any], writer: asyncio.StreamWriter
    ) -> bool:
        """Send the answer in events of a few characters each."""
        whole = json.loads(completion_of(reply, asked))
        choices = pieces_of(reply, asked)[: reply.pieces]
        events = [event_of(choice, whole, None) for choice in choices]
        if reply.pieces is None:
            end: dict[str, Any] = {"text": ""} if "prompt" in asked else {"delta": {}}
            last: dict[str, Any] = {**end, "finish_reason": reply.finish_reason}
            usage = event_of(None, whole, whole.get("usage"))
            events.append(event_of(last, whole, None) + usage + b"data: [DONE]\n\n")
        await self._events(reply, events, writer)
        if reply.pieces is None:
            self.ended.append(time.monotonic())
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


def _fresh_socket() -> socket.socket:
    """A socket at a port that none of this process's last servers had.

    What a process has learnt of one server it would believe of the next one there.
    """
    with ExitStack() as passed:  # they are held, so that the system names other ports
        while True:
            one = socket.create_server(("127.0.0.1", 0))
            if (port := one.getsockname()[1]) not in _ports:
                _ports.append(port)
                return one
            passed.enter_context(one)


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Close with a TCP reset instead of an orderly end."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
