"""Programs, modules and tools, served as tools by MCP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket as socket_of
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from socket import socket as Socket
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import pydantic

from ...pipeline.errors import (
    ConfigError,
    SetupError,
    StepError,
    Suspended,
    WeftError,
    cause,
)
from ...pipeline.events import NodeFinished
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program
from ...pipeline.graph.step import Step
from ...pipeline.ground import strictjson
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.plain import plain
from ...pipeline.ground.words import brief
from ...pipeline.media.values import Media
from ...pipeline.run.settings import Settings, current, entered
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.signature import Signature, dump_values, spec_of
from ..agents.arguments import Misfit, arguments_of, schema_of
from ..agents.docstring import said_in
from ..agents.tool import Tool, as_tool, told
from .content import error_of, result_of
from .context import Context, InputRequired, called_by
from .need import need_library

if TYPE_CHECKING:
    from . import listener
else:
    listener = deferred(__package__, "listener")

__all__ = ["Served", "Server", "aserve", "serve"]

Served = Program[..., Any] | Module[..., Any] | Tool[..., Any] | Step[..., Any]
Transport = Literal["stdio", "http"]
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_ALONE: Final = "result"
_log: Final = logging.getLogger("weft")


@dataclass(frozen=True)
class _Entry:
    """One tool that is served.

    Args:
        name: Its name.
        said: What it is for.
        fields: What it takes.
        schema: The JSON Schema of that.
        gives: The JSON Schema of what it gives, an object; None where nobody knows.
        call: Runs it.
        runs: The program, where nodes can be followed; else None.
    """

    name: str
    said: str
    fields: tuple[FieldSpec, ...]
    schema: Mapping[str, Any]
    gives: Mapping[str, Any] | None
    call: Callable[[Mapping[str, Any]], Awaitable[Any]]
    runs: Program[..., Any] | Module[..., Any] | None = None

    def listed(self) -> dict[str, Any]:
        """As the protocol describes it."""
        made = {"name": self.name, "description": self.said, "inputSchema": self.schema}
        return made if self.gives is None else {**made, "outputSchema": self.gives}

    def result(self, value: Any) -> dict[str, Any]:
        """What a call gave, as the protocol carries it."""
        if isinstance(value, Signature):
            outputs = spec_of(type(value)).outputs
            held = {n: v for n, v in dump_values(value).items() if n in outputs}
            known = (self.gives or {}).get("properties", held)
            data: Any = {n: v for n, v in held.items() if n in known}
            return result_of(data, data, structured=self.gives is not None)
        data = plain(value, repr)
        made = result_of(value, data, structured=False)
        if self.gives is not None:
            made["structuredContent"] = {_ALONE: data} if self._alone else data
        return made

    @property
    def _alone(self) -> bool:
        return [*(self.gives or {}).get("properties", {})] == [_ALONE]


class Server:
    """What is served: programs, modules and tools by name; see `serve`.

    Args:
        targets: What becomes a tool each.
        name: What clients are told it is; the first tool's name by default.
        instructions: What clients are told of all of it.

    Raises:
        ConfigError: There is nothing to serve, two share a name, or one has no name.
        SignatureError: An input has no type.

    >>> import weft
    >>> server = Server(weft.Predict("question -> answer", name="qa"))
    >>> server.listed()[0]["inputSchema"]["properties"]
    {'question': {'type': 'string'}}
    >>> server.listed()[0]["outputSchema"]["properties"]
    {'answer': {'type': 'string'}}
    """

    def __init__(self, *targets: Any, name: str = "", instructions: str = "") -> None:
        if not targets:
            raise ConfigError(
                "there is nothing to serve", hint="Write weft.mcp.serve(program)"
            )
        self._entries: dict[str, _Entry] = {}
        for entry in map(_entry_of, targets):
            if entry.name in self._entries:
                raise ConfigError(
                    f"two things to serve are named {entry.name!r}",
                    hint='Give one another name: with_(name="...")',
                )
            if not _NAME.match(entry.name):
                raise ConfigError(
                    f"{entry.name!r} is no name of a tool",
                    hint="Give it one of up to 64 letters, digits, _, - and .",
                )
            self._entries[entry.name] = entry
        self.name = name or next(iter(self._entries))
        self.version = "1"
        self.instructions = instructions
        self._settings: Settings = current()

    def listed(self) -> list[dict[str, Any]]:
        """The tools, as the protocol describes them."""
        return [entry.listed() for entry in self._entries.values()]

    def has(self, name: str) -> bool:
        """Whether there is such a tool."""
        return name in self._entries

    async def call(
        self, name: str, arguments: dict[str, Any], caller: listener.Caller
    ) -> dict[str, Any]:
        """Call a tool; what goes wrong is a result that says so."""
        entry, here = self._entries[name], Context(caller)
        try:
            with entered(self._settings), called_by(here):
                given = arguments_of(entry.name, entry.fields, arguments)
                value = await _run(entry, given, here, follow=caller.wants_progress)
            return entry.result(value)
        except InputRequired as error:
            if error.ability:
                return {"lacks": error.ability}
            return {
                "resultType": "input_required",
                "inputRequests": here.wanted,
                "requestState": here.state,
            }
        except Misfit as error:
            return error_of(str(error))
        except Suspended as error:
            return error_of(
                f"{error.pending.get('tool')!r} needs a person's approval, and nobody "
                "can be asked from here"
            )
        except WeftError as error:
            return error_of(_words(error))
        except Exception:  # noqa: BLE001
            # Whatever it says may be a secret of whoever serves: their log has it.
            _log.exception("serving %r failed", name)
            return error_of(f"{name} failed; the server's log says why")

    def app(
        self,
        *,
        path: str = "/mcp",
        host: str = "127.0.0.1",
        allowed_hosts: Sequence[str] = (),
    ) -> Any:
        """An ASGI application, for a server of your own; its lifespan must be run.

        Args:
            path: Where it answers.
            host: Where it will listen; on this machine requests must name it as host.
            allowed_hosts: Further hosts, with their ports, that requests may name.

        Raises:
            ConfigError: The mcp library is not installed.
        """
        need_library()
        return listener.http_app(listener.listening(self), path, host, allowed_hosts)

    async def run(
        self,
        transport: Transport = "stdio",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        path: str = "/mcp",
        allowed_hosts: Sequence[str] = (),
        wire: listener.Wire | None = None,
        socket: Socket | None = None,
    ) -> None:
        """Serve until the client leaves (stdio) or the process is stopped (http).

        Args:
            transport: "stdio" or "http".
            host: As in `serve`, like those that follow.
            port: 0 takes any that is free.
            path: Where it answers.
            allowed_hosts: Further hosts that requests may name.
            wire: The process's stdin and stdout, where somebody keeps them already.
            socket: What is listened at already, in place of the port.

        Raises:
            ConfigError: The transport is none, or the address cannot be listened at.
        """
        need_library()
        if transport == "http":
            app = self.app(path=path, host=host, allowed_hosts=allowed_hosts)
            with contextlib.ExitStack() as stack:
                held = socket or stack.enter_context(listen_at(host, port))
                await listener.on_http(app, held)
        elif transport == "stdio":
            if wire is not None:
                await listener.on_stdio(listener.listening(self), wire)
                return
            with process_wire() as own:
                await listener.on_stdio(listener.listening(self), own)
        else:
            raise ConfigError(f"transport={transport!r}", hint='Give "stdio" or "http"')


@contextlib.contextmanager
def listen_at(host: str, port: int) -> Generator[Socket]:
    """Listen at an address: whoever connects waits until somebody serves.

    Raises:
        ConfigError: It is taken, or not this machine's.
    """
    family = socket_of.AF_INET6 if ":" in host else socket_of.AF_INET
    with Socket(family) as made:
        made.setsockopt(socket_of.SOL_SOCKET, socket_of.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
            made.listen(128)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"{host}:{port} cannot be listened at: {cause(error)}",
                hint="Name another port; 0 takes any that is free",
            ) from None
        yield made


def place_of(socket: Socket) -> str:
    """Host and port that a socket listens at, as they stand in an address."""
    host, port = socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextlib.contextmanager
def process_wire() -> Generator[listener.Wire]:
    """Keep stdin and stdout for the protocol, from now on; for `Server.run`.

    Raises:
        ConfigError: The mcp library is not installed.
    """
    need_library()
    with listener.wire_of_process() as wire:
        yield wire


def serve(
    *targets: Any,
    name: str = "",
    instructions: str = "",
    transport: Transport = "stdio",
    host: str = "127.0.0.1",
    port: int = 8000,
    path: str = "/mcp",
    allowed_hosts: Sequence[str] = (),
) -> None:
    """Serve programs, modules, tools and typed functions as tools by MCP.

    Each becomes a tool: its inputs are the arguments, with their JSON Schema; what it
    gives is structured content with its schema, and text; images, sound and files are
    sent as such. Errors are results that say so, in weft's words and without
    tracebacks. Where a client asks for it, it is told of each node that is done. A
    client that cancels a call cancels the run. Models, caches and budgets are those of
    the scope that serves.

    With "stdio", stdin and stdout are the protocol's alone while it serves: whatever
    is printed goes to stderr.

    Args:
        targets: What is served.
        name: What clients are told it is; the first tool's name by default.
        instructions: What clients are told of all of it.
        transport: "stdio", or "http" (Streamable HTTP).
        host: Where it listens; this machine alone by default.
        port: With "http".
        path: Where it answers, with "http".
        allowed_hosts: Hosts, with their ports, that requests may name, where it does
            not listen on this machine alone.

    Raises:
        ConfigError: There is nothing to serve, an option is none, or the extra is not
            installed.
    """
    made = Server(*targets, name=name, instructions=instructions)
    where = {"host": host, "port": port, "path": path, "allowed_hosts": allowed_hosts}
    asyncio.run(made.run(transport, **cast(Any, where)))


async def aserve(
    *targets: Any,
    name: str = "",
    instructions: str = "",
    transport: Transport = "stdio",
    host: str = "127.0.0.1",
    port: int = 8000,
    path: str = "/mcp",
    allowed_hosts: Sequence[str] = (),
) -> None:
    """As `serve`, inside an event loop of your own."""
    made = Server(*targets, name=name, instructions=instructions)
    where = {"host": host, "port": port, "path": path, "allowed_hosts": allowed_hosts}
    await made.run(transport, **cast(Any, where))


async def _run(
    entry: _Entry, given: Mapping[str, Any], here: Context, *, follow: bool
) -> Any:
    """Run it; whoever wants to know is told of each node that is done."""
    if not follow or entry.runs is None:
        return await entry.call(given)
    done, value = 0, None
    async for event in entry.runs.astream(**given):
        if isinstance(event, NodeFinished):
            done += 1
            await here.report_progress(done, None, event.path)
        else:
            value = getattr(event, "value", value)
    return value


def _entry_of(target: Any) -> _Entry:
    if isinstance(target, Program | Module):
        return _of_runnable(cast("Program[..., Any]", target))
    tool = as_tool(target)
    return _Entry(
        tool.name,
        tool.description,
        tool.fields,
        tool.schema,
        _gives(tool.step.result),
        lambda given: _called(tool, given),
    )


async def _called(tool: Tool[..., Any], given: Mapping[str, Any]) -> Any:
    """Call a tool; what it raises is told, as it is to an agent's model.

    Raises:
        StepError: It raised.
    """
    try:
        return await tool.step.acall(**given)
    except WeftError:
        raise
    except Exception as error:
        raise StepError(f"{type(error).__name__}: {error}") from error


def _of_runnable(target: Program[..., Any] | Module[..., Any]) -> _Entry:
    fields = tuple(target.inputs.inputs.values())
    said = said_in(target.__doc__ if isinstance(target, Program) else "")
    text = said.of_all
    if isinstance(target, Module):
        text = target.parameters.instruction
    schema = schema_of(target.name, fields)
    for one in fields:
        part = schema["properties"][one.name]
        words = one.description or said.of_each.get(one.name, "")
        if one.media:
            part = {"type": "string", "format": "uri"}
            words = f"{words} (a data: or https: URL)".strip()
        schema["properties"][one.name] = part | (
            {"description": words} if words else {}
        )
    given = target.structure.result
    if isinstance(target, Module) and target.single is None:
        given = target.signature
    return _Entry(
        target.name,
        text,
        fields,
        schema,
        _gives(given),
        lambda g: target.acall(**g),
        target,
    )


def _gives(kind: Any) -> dict[str, Any] | None:
    """The JSON Schema of an object that holds what a call gives; None where unknown."""
    if isinstance(kind, type) and issubclass(kind, Signature):
        outputs = tuple(spec_of(kind).outputs.values())
        if any(one.media for one in outputs):
            return None
        return schema_of(kind.__name__, outputs)
    if kind in (Any, None, type(None)) or (
        isinstance(kind, type) and issubclass(kind, Media)
    ):
        return None
    try:
        schema = pydantic.TypeAdapter(kind).json_schema(mode="serialization")
    except (pydantic.PydanticUserError, TypeError, ValueError, RecursionError):
        return None
    if '"weft-' in strictjson.dumps(schema):
        return None
    if schema.get("type") == "object" and "$ref" not in schema:
        return schema
    defined = schema.pop("$defs", None)
    made = {"type": "object", "properties": {_ALONE: schema}, "required": [_ALONE]}
    return made if defined is None else {**made, "$defs": defined}


def _words(error: WeftError) -> str:
    """What went wrong, for the model that called: no path, no trace."""
    if isinstance(error, StepError):
        return told(error)
    said = f"{type(error).__name__}: {error.message}"
    if isinstance(error, SetupError) and error.hint and "/" not in error.hint:
        said = f"{said}. {error.hint}"
    return brief(said, 1_000)
