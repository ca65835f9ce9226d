"""One connection to a server, and one tool of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from ...pipeline.errors import StepError, ToolServerError
from ...pipeline.graph.step import StepOptions
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.shapes import is_dict
from ...pipeline.run.bridge import on_background
from ..agents.tool import Tool, ToolOptions, shortened
from .content import text_of, value_of
from .handlers import Handlers
from .place import Place
from .schemas import readable, worded

if TYPE_CHECKING:
    from . import library
else:
    library = deferred(__package__, "library")

_ERROR_CHARACTERS: Final = 2_000
_PARTING: Final = 15.0  # seconds


class Session:
    """One connection: opened, used by many calls, closed; all on the background loop.

    Args:
        place: The server.
        handlers: What it may ask in turn.
        seconds: What it may take to answer at first.
    """

    def __init__(self, place: Place, handlers: Handlers, seconds: float) -> None:
        self.place, self.handlers, self._seconds = place, handlers, seconds
        self.link: library.Link | None = None
        """The open connection, or None."""
        self._held: tuple[asyncio.Task[None], asyncio.Event] | None = None
        self._gate = asyncio.Lock()

    async def open(self) -> library.Link:
        """Connect.

        Raises:
            ConfigError: The program cannot be started.
            ToolServerError: There is no server, or it takes longer than it may.
        """
        ready: asyncio.Future[library.Link] = asyncio.get_running_loop().create_future()
        leave = asyncio.Event()
        task = asyncio.create_task(self._hold(ready, leave))
        self._held = (task, leave)
        try:
            async with asyncio.timeout(self._seconds):
                link = await asyncio.shield(ready)
        except BaseException as error:
            await self._part(stop=True)
            if ready.done() and not ready.cancelled():
                ready.exception()  # whoever waited has it, or the time was up
            if not isinstance(error, TimeoutError):
                raise
            raise ToolServerError(
                f"the server {self.place.label} did not answer within "
                f"{self._seconds:g} s",
                hint="Run it by itself to see why, or give connect_timeout=",
            ) from None
        self.link = link
        return link

    async def _hold(
        self, ready: asyncio.Future[library.Link], leave: asyncio.Event
    ) -> None:
        """Hold the connection in one task, as the library wants; until it is left."""
        try:
            async with library.linked(self.place, self.handlers.answers()) as link:
                if not ready.done():
                    ready.set_result(link)
                await leave.wait()
        except asyncio.CancelledError:
            ready.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            if not ready.done():
                ready.set_exception(error)

    async def again(self) -> library.Link:
        """The connection, opened anew where it is gone; many that ask open one."""
        async with self._gate:
            if self.link is None:
                await self._part(stop=False)
                await self.open()
            return cast("library.Link", self.link)

    def lost(self, link: library.Link) -> None:
        """The server is gone: whoever asks next finds no connection."""
        if self.link is link and self._held is not None:
            self.link = None
            self._held[1].set()

    async def close(self) -> None:
        """Part from the server, and wait until its process has ended."""
        await self._part(stop=False)

    async def _part(self, *, stop: bool) -> None:
        held, self._held, self.link = self._held, None, None
        if held is None:
            return
        task, leave = held
        leave.set()
        if stop:
            task.cancel()
        done, _ = await asyncio.wait({task}, timeout=_PARTING)
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=_PARTING)


class Remote:
    """A tool of a server: what it is called there, what it takes, and what it gives.

    Args:
        session: The connection.
        told: What the server says of the tool, as plain data.
    """

    def __init__(self, session: Session, told: Mapping[str, Any]) -> None:
        self.session, self._told = session, told
        self.name = str(told["name"])
        gives = told.get("outputSchema")
        self._gives: Mapping[str, Any] | None = gives if is_dict(gives) else None

    def tool(
        self,
        name: str,
        options: ToolOptions,
        *,
        timeout: float | None,
        reconnect: bool,
    ) -> Tool[..., Any]:
        """The tool under a name of ours."""

        async def call(arguments: dict[str, Any]) -> Any:
            return await on_background(self._call(arguments, timeout, reconnect))

        return Tool.from_schema(
            name,
            worded(self._told.get("description") or self._told.get("title")),
            readable(self._told.get("inputSchema")),
            call,
            options=options,
            step=StepOptions(reusable=False),
        )

    async def _call(
        self, given: dict[str, Any], seconds: float | None, reconnect: bool
    ) -> Any:
        link = self.session.link
        if link is None and reconnect:
            link = await self.session.again()
            await self._refuse_changed(link)
        if link is None:
            raise ToolServerError(
                f"{self.name}: the connection to {self.session.place.label} is closed",
                hint="Call its tools inside `with weft.mcp.tools(...)`; reconnect=True "
                "opens it anew where a server went away",
            )
        try:
            result = await link.call(self.name, given, seconds, self._progress())
        except TimeoutError:
            raise StepError(
                f"{self.name} took longer than {seconds:g} s, and the server was told "
                "to stop"
            ) from None
        except ToolServerError:
            self.session.lost(link)
            raise
        if result.get("isError"):
            said = shortened(text_of(result).strip(), _ERROR_CHARACTERS)
            raise StepError(said or f"{self.name} failed, and does not say why")
        return value_of(result, self._gives)

    async def _refuse_changed(self, link: library.Link) -> None:
        """Refuse a server that came back with another tool under this name."""
        now = [one for one in await link.listed("tools") if one["name"] == self.name]
        if not now or now[0].get("inputSchema") != self._told.get("inputSchema"):
            raise ToolServerError(
                f"{self.session.place.label} came back without {self.name!r} as it was",
                hint="Open the connection anew, and load the program with its tools",
            )

    def _progress(self) -> library.Progress | None:
        tell = self.session.handlers.progress
        if tell is None:
            return None

        async def told(
            progress: float, total: float | None, message: str | None
        ) -> None:
            tell(self.name, progress, total, message or "")

        return told
