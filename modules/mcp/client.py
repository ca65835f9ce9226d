"""The tools of MCP servers, as tools of ours.

A connection lives on the background loop, whoever opened it, so that synchronous and
asynchronous code, and every loop and thread, share one session; calls run side by side
in it. What a server says is data: names become identifiers, descriptions one paragraph,
results values, and nothing of it is run or followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self, cast, final, overload

from ...pipeline.errors import ConfigError, did_you_mean
from ...pipeline.media.turns import History
from ...pipeline.run.bridge import on_background, run_sync
from ..agents.tool import MOST_CHARACTERS, Tool, ToolOptions
from .handlers import Handlers
from .need import need_library
from .offered import Offered, Read
from .place import Place, checked_seconds, place_of
from .remote import Remote, Session
from .schemas import named

__all__ = ["Choice", "Toolbox", "tools"]

_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Choice:
    """Which tools are taken of servers, and how they are called; see `tools`."""

    only: Sequence[str] | None = None
    rename: Mapping[str, str] = field(default_factory=dict[str, str])
    approval: bool | Sequence[str] = ()
    most: int = MOST_CHARACTERS
    timeout: float | None = 60.0
    reconnect: bool = False

    def __post_init__(self) -> None:
        for name in ("only", "approval"):
            given: Any = getattr(self, name)
            if isinstance(given, str):
                raise ConfigError(
                    f"{name}={given!r}", hint=f"Write a list: {name}=[{given!r}]"
                )
        for old, new in self.rename.items():
            if not new.isidentifier() or new.startswith("_"):
                raise ConfigError(
                    f"rename: {new!r} is no name for {old!r}",
                    hint="Give a name of Python that begins with a letter",
                )
        checked_seconds(self.timeout)
        ToolOptions(self.most)

    def agreed(self, name: str) -> bool:
        """Whether a person must agree to a call of a tool."""
        if isinstance(self.approval, bool):
            return self.approval
        return name in self.approval


@final
class Toolbox(Sequence[Tool[..., Any]]):
    """The tools of some MCP servers, while the connections are open.

    Entered by `with` or `async with`, or opened and closed by hand. A list of tools:
    pass it to an agent, or `[*box, other]`. `box["name"]` is one of them.

    Args:
        places: The servers.
        choice: Which tools, and how they are called.
        handlers: What servers may ask in turn.
        connect_timeout: Seconds that a server may take to answer at first.
    """

    def __init__(
        self,
        places: Sequence[Place],
        choice: Choice,
        handlers: Handlers,
        connect_timeout: float,
    ) -> None:
        self._places, self._choice, self._handlers = places, choice, handlers
        self._seconds = checked_seconds(connect_timeout) or _SECONDS
        self._sessions: list[Session] = []
        self._tools: dict[str, Tool[..., Any]] | None = None
        self.servers: tuple[Mapping[str, Any], ...] = ()
        """What each server says of itself: name, version, protocol, instructions."""
        self.told: dict[str, Mapping[str, Any]] = {}
        """What servers say of each tool, as it came, by the name that it has here."""

    @property
    def by_name(self) -> Mapping[str, Tool[..., Any]]:
        """The tools by the names that a model is told.

        Raises:
            ConfigError: The connections are not open.
        """
        if self._tools is None:
            raise ConfigError(
                "the tools of a server are known once it is connected",
                hint="Write `with weft.mcp.tools(...) as tools:`, or call .open()",
            )
        return self._tools

    def open(self) -> Self:
        """Connect, and wait until it is done.

        Raises:
            ConfigError: A program cannot be started, or two tools have one name.
            ToolServerError: A server does not answer, or speaks no MCP.
        """
        need_library()
        return run_sync(self._open())

    def close(self) -> None:
        """Part from the servers, and wait until those that were started have ended."""
        run_sync(self._close())

    async def aopen(self) -> Self:
        """As `open`, without blocking the event loop."""
        await asyncio.to_thread(need_library)  # it takes as long as a slow import
        return await on_background(self._open())

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await on_background(self._close())

    async def _open(self) -> Self:
        if self._tools is not None:
            raise ConfigError("these connections are open", hint="Close them first")
        sessions = [Session(p, self._handlers, self._seconds) for p in self._places]
        try:
            async with asyncio.TaskGroup() as group:
                opened = [group.create_task(_told_by(one)) for one in sessions]
            told = [task.result() for task in opened]
            self._tools = self._made(sessions, [listed for _, listed in told])
        except BaseException as error:
            await _close_all(sessions)
            if isinstance(error, BaseExceptionGroup):
                errors = cast("BaseExceptionGroup[BaseException]", error)
                raise errors.exceptions[0] from None
            raise
        self._sessions = sessions
        self.servers = tuple(about for about, _ in told)
        return self

    async def _close(self) -> None:
        sessions, self._sessions, self._tools = self._sessions, [], None
        await _close_all(sessions)

    def _made(
        self, sessions: Sequence[Session], told: Sequence[Sequence[Mapping[str, Any]]]
    ) -> dict[str, Tool[..., Any]]:
        """The tools, chosen and named.

        Raises:
            ConfigError: There is no such tool, or two have one name.
        """
        there = [one["name"] for listed in told for one in listed]
        approval = self._choice.approval
        asked = [] if isinstance(approval, bool) else [*approval]
        for name in (*(self._choice.only or ()), *self._choice.rename, *asked):
            if name not in there:
                raise ConfigError(
                    f"no server has a tool {name!r}", hint=did_you_mean(name, there)
                )
        made: dict[str, Tool[..., Any]] = {}
        owners: dict[str, Place] = {}
        for session, listed in zip(sessions, told, strict=True):
            for one in listed:
                if (
                    self._choice.only is not None
                    and one["name"] not in self._choice.only
                ):
                    continue
                tool = self._tool(Remote(session, one), len(self.told))
                if tool.name in made:
                    other = owners[tool.name], self.told[tool.name]["name"]
                    raise _same(tool.name, other, (session.place, one["name"]))
                made[tool.name], owners[tool.name] = tool, session.place
                self.told[tool.name] = one
        return made

    def _tool(self, remote: Remote, position: int) -> Tool[..., Any]:
        choice = self._choice
        own = choice.rename.get(remote.name) or named(remote.name, position)
        options = ToolOptions(choice.most, choice.agreed(remote.name))
        return remote.tool(
            remote.session.place.prefix + own,
            options,
            timeout=checked_seconds(choice.timeout),
            reconnect=choice.reconnect,
        )

    def resources(self) -> list[dict[str, Any]]:
        """What servers say can be read, as plain data: `uri` or `uriTemplate`, `name`.

        Raises:
            ConfigError: The connections are not open.
            ToolServerError: A server is gone.
        """
        return run_sync(self._offered.resources())

    def read(self, uri: str) -> Read:
        """What a resource holds: a `weft.Document`, an image, sound, a file, or a list.

        Args:
            uri: Its address, as a server lists it, or made of a template.

        Raises:
            ConfigError: Nothing is open, or of several servers none lists it.
            StepError: The server refuses, or took longer than `timeout`.
            ToolServerError: The server is gone.
        """
        return run_sync(self._offered.read(uri))

    def reader(self, name: str = "read_resource") -> Tool[..., Any]:
        """A tool by which an agent reads resources: `[*tools, tools.reader()]`."""
        options = ToolOptions(self._choice.most)
        return run_sync(self._offered.reader(name, options))

    def prompts(self) -> list[dict[str, Any]]:
        """The prompts that servers offer, with their arguments, as plain data."""
        return run_sync(self._offered.prompts())

    def prompt(self, prompt: str, /, **arguments: str) -> History:
        """The turns of a server's prompt, for an input of type `weft.History`.

        Args:
            prompt: The server's name for it.
            arguments: What it is given, texts.

        Raises:
            ConfigError: No server has it, or takes or needs other arguments.
            StepError: The server refuses, or took longer than `timeout`.
        """
        return run_sync(self._offered.prompt(prompt, arguments))

    async def aresources(self) -> list[dict[str, Any]]:
        """As `resources`, without blocking the event loop."""
        return await on_background(self._offered.resources())

    async def aread(self, uri: str) -> Read:
        """As `read`, without blocking the event loop."""
        return await on_background(self._offered.read(uri))

    async def aprompts(self) -> list[dict[str, Any]]:
        """As `prompts`, without blocking the event loop."""
        return await on_background(self._offered.prompts())

    async def aprompt(self, prompt: str, /, **arguments: str) -> History:
        """As `prompt`, without blocking the event loop."""
        return await on_background(self._offered.prompt(prompt, arguments))

    @property
    def _offered(self) -> Offered:
        _ = self.by_name  # where nothing is open, its error says so
        return Offered(self._sessions, checked_seconds(self._choice.timeout))

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await self.aopen()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @overload
    def __getitem__(self, index: int | str) -> Tool[..., Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Tool[..., Any]]: ...
    def __getitem__(self, index: int | str | slice) -> Any:
        """A tool by its position or its name; the server's own name will do, too.

        Raises:
            ConfigError: There is none of that name.
        """
        if not isinstance(index, str):
            return [*self.by_name.values()][index]
        found = self.by_name.get(index) or self.by_name.get(named(index, -1))
        if found is None:
            raise ConfigError(
                f"there is no tool {index!r}", hint=did_you_mean(index, self.by_name)
            )
        return found

    def __len__(self) -> int:
        return len(self.by_name)

    def __iter__(self) -> Iterator[Tool[..., Any]]:
        return iter([*self.by_name.values()])

    def __repr__(self) -> str:
        where = ", ".join(place.label for place in self._places)
        held = "closed" if self._tools is None else ", ".join(self._tools) or "none"
        return f"Toolbox({where}: {held})"


def _same(
    name: str, first: tuple[Place, str], second: tuple[Place, str]
) -> ConfigError:
    """The error of two tools, each of a server and by its name there, of one name."""
    labels = " and of ".join(place.label for place, _ in (first, second))
    apart = (
        "Set one server's apart: weft.mcp.Stdio(command, "
        'prefix="hotel_") or weft.mcp.Http(url, prefix=...); or give '
        "one another name: rename={...}"
    )
    if first[0] is second[0]:
        labels = f"{first[0].label}, which calls them {first[1]!r} and {second[1]!r}"
        apart = f'Give one another name: rename={{{second[1]!r}: "..."}}'
        if first[1] == second[1]:
            apart = "Ask whoever runs it, or leave them out: only=[...]"
    return ConfigError(f"two tools are named {name!r}: of {labels}", hint=apart)


async def _told_by(
    session: Session,
) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """What a server says of itself and of its tools, once it is connected."""
    link = await session.open()
    return link.about, await link.listed("tools")


async def _close_all(sessions: Iterable[Session]) -> None:
    await asyncio.gather(*(session.close() for session in sessions))


def tools(
    *servers: Sequence[str] | str | Place,
    only: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    approval: bool | Sequence[str] = (),
    most: int = MOST_CHARACTERS,
    timeout: float | None = 60.0,
    reconnect: bool = False,
    handlers: Handlers | None = None,
    connect_timeout: float = _SECONDS,
) -> Toolbox:
    """The tools of MCP servers, for agents and for code.

    A server is a command, as a list of words, which is started and no shell reads; or
    an http or https address (Streamable HTTP). `weft.mcp.Stdio` and `weft.mcp.Http`
    say more of one: its environment, its headers, a prefix for its tools.

    Each tool has the server's name as an identifier, its description, and the arguments
    of its JSON Schema, which it takes as one dict. A call gives structured data where
    the server sends some, else a text, an image, sound, a file, or a list of these. A
    result that the server marks as an error is a `StepError`, which an agent's model is
    told; so is a call that took too long, which the server is told to stop. A server
    that is gone, or hangs, is a `ToolServerError`, which ends the run.

    Args:
        servers: Commands and addresses.
        only: The tools that are taken, by the servers' names; all by default.
        rename: What tools are called here, by the servers' names.
        approval: The tools that a person must agree to, by the servers' names; True for
            all.
        most: Characters of a result that a model is shown.
        timeout: Seconds that a call may take; None for no limit.
        reconnect: Whether a call that finds its server gone opens the connection anew,
            once. A call that was under way when the server went is never repeated.
        handlers: What servers may ask in turn: a person, a model.
        connect_timeout: Seconds that a server may take to answer at first.

    Returns:
        A list of tools, once it is entered: `with weft.mcp.tools(...) as tools:`, or
        `async with`. Whatever was started ends with it.

    Raises:
        ConfigError: There is no server, or an option is none; when it is entered, a
            program that cannot be started, two tools of one name, or an extra that is
            not installed.
    """
    if not servers:
        raise ConfigError(
            "weft.mcp.tools() names no server",
            hint='Write weft.mcp.tools(["python", "server.py"]), or its address',
        )
    if all(isinstance(one, str) for one in servers) and len(servers) > 1:
        words = [one for one in servers if isinstance(one, str)]
        if not any("://" in word for word in words):
            raise ConfigError(
                f"{' '.join(words)!r:.100} is one command in several arguments",
                hint=f"Write it as one list: weft.mcp.tools({words!r:.100})",
            )
    places = [place_of(one) for one in servers]
    choice = Choice(only, rename or {}, approval, most, timeout, reconnect)
    return Toolbox(places, choice, handlers or Handlers(), connect_timeout)
