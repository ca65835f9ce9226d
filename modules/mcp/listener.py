"""Serving by the `mcp` library: what a client asks, as plain JSON data, and back.

The second file that imports the library; `library` asks, this one answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import warnings
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from concurrent import futures
from typing import Any, Final, NamedTuple, Protocol, TextIO

import anyio
import mcp_types as types
import uvicorn
from mcp import MCPError
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.message import ServerMessageMetadata

from .library import Data

_AHEAD: Final = 64  # lines
_PIECE: Final = 2**16
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_RESULTS: Final[Mapping[str, type[Any]]] = {
    "elicitation/create": types.ElicitResult,
    "sampling/createMessage": types.CreateMessageResult,
    "roots/list": types.ListRootsResult,
}
_REQUESTS: Final[Mapping[str, type[Any]]] = {
    "elicitation/create": types.ElicitRequest,
    "sampling/createMessage": types.CreateMessageRequest,
    "roots/list": types.ListRootsRequest,
}


class Refused(Exception):
    """The client's answer to a question is an error, or there is no way to ask."""


class Caller:
    """The client that calls a tool, for as long as the call lasts."""

    def __init__(self, context: Any, params: Any) -> None:
        self._context = context
        self._session = context.session
        meta: Any = context.meta
        self.wants_progress = bool(
            meta and meta.get("progress_token", meta.get("progressToken")) is not None
        )
        """Whether it asked to be told how far the call is."""
        given: Mapping[str, Any] = params.input_responses or {}
        self.answers: Data = {
            key: one.model_dump(by_alias=True, mode="json", exclude_none=True)
            for key, one in given.items()
        }
        """What it answered to the questions of an earlier round, by their names."""
        self.state: str = params.request_state or ""
        """What an earlier round left with it."""

    @property
    def abilities(self) -> Data:
        """What the client says it can do, as the protocol names it."""
        told = self._session.client_capabilities
        made: Data = {}
        if told is not None:
            made = told.model_dump(by_alias=True, mode="json", exclude_none=True)
        return made

    @property
    def in_rounds(self) -> bool:
        """Whether a question ends the call, and its answer comes with the next one."""
        return str(self._context.protocol_version) >= "2026"

    async def progress(self, done: float, total: float | None, words: str) -> None:
        """Tell how far the call is."""
        if self.wants_progress:
            await self._session.report_progress(done, total, words or None)

    async def log(self, level: str, data: Any) -> None:
        """Tell what happens."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            await self._session.send_log_message(
                level, data, related_request_id=self._context.request_id
            )

    async def ask(self, method: str, params: Data) -> Data:
        """Ask the client something while the call goes on.

        Raises:
            Refused: It will not answer, or cannot be asked.
        """
        try:
            made = await self._session.send_request(
                _REQUESTS[method].model_validate({"method": method, "params": params}),
                _RESULTS[method],
                metadata=ServerMessageMetadata(
                    related_request_id=self._context.request_id
                ),
            )
        except MCPError as error:
            raise Refused(error.message) from None
        plain: Data = made.model_dump(by_alias=True, mode="json", exclude_none=True)
        return plain


class Offer(Protocol):
    """What is served."""

    name: str
    version: str
    instructions: str

    def listed(self) -> Sequence[Data]:
        """The tools, as the protocol describes them."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a tool."""
        ...

    async def call(self, name: str, arguments: Data, caller: Caller) -> Data:
        """Call a tool; its result, or what is missing, as the protocol has it."""
        ...


def listening(offer: Offer) -> Server[Any]:
    """A server of the library that serves an offer."""

    async def listed(_: Any, __: Any) -> Any:
        return types.ListToolsResult.model_validate({"tools": [*offer.listed()]})

    async def called(context: Any, params: Any) -> Any:
        if not offer.has(params.name):
            raise MCPError(
                types.INVALID_PARAMS, f"there is no tool {params.name!r:.80}"
            )
        caller = Caller(context, params)
        made = await offer.call(params.name, dict(params.arguments or {}), caller)
        if lacking := made.get("lacks"):
            raise MCPError(
                types.MISSING_REQUIRED_CLIENT_CAPABILITY,
                f"{params.name} needs a client that offers {lacking}",
                {"requiredCapabilities": {lacking: {}}},
            )
        if made.get("resultType") == "input_required":
            return types.InputRequiredResult.model_validate(made)
        return types.CallToolResult.model_validate(made)

    async def levelled(_: Any, __: Any) -> Any:
        return types.EmptyResult()

    server: Server[Any] = Server(
        offer.name,
        version=offer.version,
        instructions=offer.instructions or None,
        on_list_tools=listed,
        on_call_tool=called,
    )
    server.add_request_handler(
        "logging/setLevel", types.SetLevelRequestParams, levelled
    )
    security = RequestStateSecurity.ephemeral()
    server.middleware.append(
        RequestStateBoundary(security, default_audience=offer.name)
    )
    return server


class Wire(NamedTuple):
    """This process's own stdin, as a number, and stdout: for the protocol alone."""

    read: int
    write: TextIO


@contextlib.contextmanager
def wire_of_process() -> Generator[Wire]:
    """Keep stdin and stdout for the protocol: whatever else is printed goes to stderr.

    That holds for this process, for libraries in C and for what is started from it.
    """
    sys.stdout.flush()
    kept = [os.dup(0), os.dup(1)]
    printed, nothing = sys.stdout, os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        with os.fdopen(os.dup(kept[1]), "w", encoding="utf-8", newline="\n") as file:
            yield Wire(kept[0], file)
    finally:
        printed.flush()  # what was left in its buffer is none of the protocol
        for to, fd in enumerate(kept):
            os.dup2(fd, to)
            os.close(fd)
        sys.stdout = printed


async def on_stdio(server: Server[Any], wire: Wire) -> None:
    """Serve one client, until it closes our stdin."""
    lines: Any = _Lines(wire.read)
    async with stdio_server(lines, anyio.wrap_file(wire.write)) as (receive, send):
        await server.run(receive, send, server.create_initialization_options())


class _Lines:
    """The lines of a file, read in a thread that nothing waits for.

    A thread that waits for a line cannot be stopped: Ctrl-C must not wait for it.
    """

    def __init__(self, file: int) -> None:
        self._file = file

    async def __aiter__(self) -> AsyncGenerator[str]:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[str | None] = asyncio.Queue(_AHEAD)

        def put(line: str | None) -> None:
            asyncio.run_coroutine_threadsafe(arrived.put(line), loop).result()

        def read() -> None:
            rest = b""
            with contextlib.suppress(OSError, RuntimeError, futures.CancelledError):
                while piece := os.read(self._file, _PIECE):
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        put(line.decode("utf-8", "replace"))
                put(None)

        threading.Thread(target=read, name="weft-mcp-stdin", daemon=True).start()
        while (line := await arrived.get()) is not None:
            yield line


def http_app(
    server: Server[Any], path: str, host: str, allowed_hosts: Sequence[str]
) -> Any:
    """The server as an ASGI application.

    On this machine requests must name it as their host; elsewhere one of those that
    were named. So no page of the web can have a browser ask it (DNS rebinding).
    """
    names = [*allowed_hosts]
    if host in _LOOPBACK:
        names += ["127.0.0.1:*", "localhost:*", "[::1]:*"]
    security = TransportSecuritySettings(
        allowed_hosts=names,
        allowed_origins=[
            f"{scheme}://{n}" for n in names for scheme in ("http", "https")
        ],
    )
    return server.streamable_http_app(
        streamable_http_path=path, host=host, transport_security=security
    )


async def on_http(app: Any, listening: socket.socket) -> None:
    """Serve an application at a socket, until the process is told to stop."""
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5)
    await uvicorn.Server(config).serve(sockets=[listening])
