"""Programs, modules and tools, served as tools by MCP."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import socket
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from ...pipeline.errors import (
    ConfigError,
    SetupError,
    StepError,
    Suspended,
    WeftError,
    cause,
)
from ...pipeline.events import NodeFinished
from ...pipeline.ground import strictjson
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.words import brief
from ...pipeline.lm.wire.secrets import without
from ...pipeline.run.bridge import waits_for
from ...pipeline.run.settings import Settings, current, entered
from ..agents.arguments import Misfit
from ..agents.tool import told
from .content import error_of
from .context import Context, InputRequired, called_by
from .need import need_library
from .served import Served, served_as

if TYPE_CHECKING:
    from . import listener
else:
    listener = deferred(__package__, "listener")

__all__ = ["Server", "aserve", "serve"]

Transport = Literal["stdio", "http"]
_SECRET: Final = re.compile("key|token|secret|password|credential", re.IGNORECASE)
_LONG: Final = 8
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_log: Final = logging.getLogger("weft")


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
        self._entries: dict[str, Served] = {}
        for entry in map(served_as, targets):
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
                given = entry.checked(arguments)
                if entry.approval and not await _agreed(name, arguments, here):
                    return error_of(f"{name}: a person said no")
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
        listening: socket.socket | None = None,
    ) -> None:
        """Serve until the client leaves (stdio) or the process is stopped (http).

        Args:
            transport: "stdio" or "http".
            host: As in `serve`, like those that follow.
            port: 0 takes any that is free.
            path: Where it answers.
            allowed_hosts: Further hosts that requests may name.
            wire: The process's stdin and stdout, where somebody keeps them already.
            listening: What is listened at already, in place of the port.

        Raises:
            ConfigError: The transport is none, or the address cannot be listened at.
        """
        need_library()
        if transport == "http":
            app = self.app(path=path, host=host, allowed_hosts=allowed_hosts)
            with contextlib.ExitStack() as stack:
                held = listening or stack.enter_context(listen_at(host, port))
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
def listen_at(host: str, port: int) -> Generator[socket.socket]:
    """Listen at an address: whoever connects waits until somebody serves.

    Raises:
        ConfigError: It is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
            made.listen(128)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"{host}:{port} cannot be listened at: {cause(error)}",
                hint="Name another port; 0 takes any that is free",
            ) from None
        yield made


def place_of(one: socket.socket) -> str:
    """Host and port that is listened at, as they stand in an address."""
    host, port = one.getsockname()[:2]
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
    await made.run(
        transport, host=host, port=port, path=path, allowed_hosts=allowed_hosts
    )


@waits_for(aserve, asyncio.run)
def serve() -> None:
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


async def _agreed(name: str, arguments: Mapping[str, Any], here: Context) -> bool:
    """Whether the client's user agrees to a call, with these arguments.

    Raises:
        StepError: The client has nobody to ask.
        InputRequired: The client is to ask first, and to call again.
    """
    if not here.can("elicitation") and not here.in_rounds:
        raise StepError(
            f"{name} needs a person's approval, and this client can ask nobody "
            "(elicitation)"
        )
    text = strictjson.dumps(dict(sorted(arguments.items())))
    question = f"approval-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    form = {
        "type": "object",
        "properties": {"approve": {"type": "boolean"}},
        "required": ["approve"],
    }
    made = await here.elicit(f"May {name} run with {text}?", form, name=question)
    return made is not None and made["approve"] is True


async def _run(
    entry: Served, given: Mapping[str, Any], here: Context, *, follow: bool
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


def _words(error: WeftError) -> str:
    """What went wrong, for the model that called: no trace, and no secret of ours."""
    said = f"{type(error).__name__}: {error.message}"
    if isinstance(error, StepError):
        said = told(error)
    elif isinstance(error, SetupError) and error.hint and "/" not in error.hint:
        said = f"{said}. {error.hint}"
    own = [v for n, v in os.environ.items() if _SECRET.search(n) and len(v) >= _LONG]
    return brief(without(said, own), 1_000)
