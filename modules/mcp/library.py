"""The one place that imports the `mcp` library: its wire, as plain JSON data.

It knows the versions of the protocol, its transports and its schemas. What it raises
becomes one of three things here: a server that is gone, or speaks something else
(`ToolServerError`); a call that took too long (`TimeoutError`); or a call that failed
(`StepError`), which a model may be told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, Literal, NamedTuple, Protocol, cast

import httpx2
import mcp_types as types
import pydantic
from mcp import Client, InputRequiredRoundsExceededError, MCPError
from mcp import StdioServerParameters as Program
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from ...pipeline.errors import ConfigError, StepError, ToolServerError, WeftError
from ...pipeline.ground.words import brief
from ...pipeline.lm.wire.secrets import without
from .failures import LastWords, cleaned, fault_of, gone, last_words
from .place import Http, Place

Data = dict[str, Any]
Listed = Literal["tools", "resources", "resource_templates", "prompts"]
# It logs by itself what is told here as errors.
logging.getLogger("mcp").addHandler(logging.NullHandler())

_MOST_PAGES: Final = 100
_MOST_LISTED: Final = 2_000
_MOST_BYTES: Final = 32 * 2**20  # of one event
_LOOK: Final = 2.0  # seconds that a server has to show that it lives
_GONE: Final = frozenset({types.CONNECTION_CLOSED})
# What the library says of a server that is gone, and what servers say of a call.
_EITHER: Final = _GONE | {
    types.REQUEST_TIMEOUT,
    types.INVALID_REQUEST,
    types.INTERNAL_ERROR,
}
_ERROR_CHARACTERS: Final = 2_000
_CLOSED: Final = "ended, or closed the connection"


class Progress(Protocol):
    """Is told how far a call is."""

    async def __call__(
        self, progress: float, total: float | None, message: str | None
    ) -> None:
        """Be told; the total is None where nobody knows it."""
        ...


class Answers(NamedTuple):
    """What a client answers when a server asks; each takes and gives plain data.

    Args:
        elicit: Fills a form in: `{"action": "accept", "content": {...}}`.
        sample: Has a model write the next message.
        log: Is told what the server logs.
        roots: The folders and addresses that the server may work on.
    """

    elicit: Callable[[Data], Awaitable[Data]] | None = None
    sample: Callable[[Data], Awaitable[Data]] | None = None
    log: Callable[[Data], None] | None = None
    roots: tuple[Data, ...] = ()


class Link:
    """An open connection to a server."""

    def __init__(self, client: Client, place: Place, last: LastWords) -> None:
        self._client, self._place, self._last = client, place, last

    @property
    def about(self) -> Data:
        """What the server says of itself: `name`, `version`, `instructions`, ..."""
        info = self._client.server_info
        made: Data = {} if info is None else _plain(info)
        made["protocol"] = self._client.protocol_version
        return {**made, "instructions": self._client.instructions or ""}

    async def listed(self, what: Listed) -> list[Data]:
        """All tools, resources, templates of these or prompts, in the server's order.

        A server may have none of a kind.

        Raises:
            ToolServerError: It does not say.
        """
        ask = getattr(self._client, f"list_{what}")
        found: list[Data] = []
        cursor: str | None = None
        async with self._failing():
            for _ in range(_MOST_PAGES):
                try:
                    page = await ask(cursor=cursor, cache_mode="bypass")
                except MCPError as error:
                    if error.code == types.METHOD_NOT_FOUND:
                        return found
                    raise
                found += map(_plain, getattr(page, what))
                cursor = page.next_cursor
                if not cursor:  # some servers end with an empty one
                    return [cleaned(one, self._place.secrets) for one in found]
                if len(found) > _MOST_LISTED:
                    break
        raise ToolServerError(
            f"{self._place.label} lists {what.replace('_', ' ')} without an end",
            hint="Ask whoever runs it; up to 2,000 are read",
        )

    async def read(self, uri: str, seconds: float | None) -> Data:
        """What a resource holds, as plain data.

        Raises:
            StepError: The server refuses, or takes longer than `seconds`.
            ToolServerError: The server is gone.
        """
        asked = self._client.read_resource(uri, cache_mode="bypass")
        return await self._answered(asked, uri, seconds)

    async def prompt(
        self, name: str, given: dict[str, str], most: float | None
    ) -> Data:
        """The messages of a prompt, as plain data; errors as of `read`."""
        return await self._answered(self._client.get_prompt(name, given), name, most)

    async def _answered(
        self, asked: Awaitable[Any], what: str, seconds: float | None
    ) -> Data:
        try:
            async with self._failing(what), asyncio.timeout(seconds):
                made: Data = cleaned(_plain(await asked), self._place.secrets)
                return made
        except TimeoutError:
            said = f"{what}: the server did not answer within {seconds:g} s"
            raise StepError(said) from None

    async def call(
        self,
        name: str,
        arguments: Data,
        seconds: float | None,
        progress: Progress | None,
    ) -> Data:
        """Call a tool; its result as plain data.

        Raises:
            StepError: The server refuses the call, or answers with no such result.
            TimeoutError: It took longer than `seconds`; the server was told.
            ToolServerError: The server is gone, or hangs.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._failing(name):
            try:
                made = await self._client.call_tool(
                    name,
                    arguments,
                    read_timeout_seconds=seconds,
                    progress_callback=progress,
                )
            except MCPError as error:
                late = seconds is not None and loop.time() - began >= seconds
                late = late and error.code == types.REQUEST_TIMEOUT
                if error.code in _EITHER and not await self._lives():
                    raise await self._ended(error, late=late) from None
                if not late:
                    raise
                raise TimeoutError from None
        result: Data = cleaned(_plain(made), self._place.secrets)
        return result

    async def _lives(self) -> bool:
        """Whether the server answers anything at all."""
        try:
            async with asyncio.timeout(_LOOK):
                await self._client.list_tools(cache_mode="bypass")
        except Exception:  # noqa: BLE001 - whatever it is, it is no answer
            return False
        return True

    async def _ended(self, error: MCPError, *, late: bool) -> ToolServerError:
        """The error of a server that answers nothing any more."""
        what = f"answers nothing any more: {brief(error.message, 300)}"
        if late:
            what = "hangs: it answers nothing any more"
        elif error.code in _GONE:
            await self._last.ended()
            what = _CLOSED
        return gone(self._place, what, self._last.text())

    @contextlib.asynccontextmanager
    async def _failing(self, tool: str = "") -> AsyncGenerator[None]:
        try:
            yield
        except (WeftError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told as ours
            if not tool and isinstance(error, MCPError) and error.code in _GONE:
                await self._last.ended()
            raise _failure(error, self._place, self._last.text(), tool) from None


@contextlib.asynccontextmanager
async def linked(place: Place, answers: Answers) -> AsyncGenerator[Link]:
    """Connect to a server, and part from it.

    Raises:
        ConfigError: The program cannot be started.
        ToolServerError: There is no server, or what is there speaks no MCP.
    """
    async with contextlib.AsyncExitStack() as stack:
        told = stack.enter_context(last_words())
        inside = False
        try:
            transport = await _transport(place, stack, told)
            client = _client(place, transport, answers)
            link = Link(await stack.enter_async_context(client), place, told)
            told.file.close()  # it is the program's own now, and ends with it
            _refuse_other(place, link)
            inside = True
            yield link
        except WeftError:
            raise
        except Exception as error:
            if inside and not isinstance(error, _FOREIGN):
                raise
            told.file.close()
            await told.ended()
            raise _failure(error, place, told.text()) from None


async def _transport(
    place: Place, stack: contextlib.AsyncExitStack, last: LastWords
) -> Any:
    if isinstance(place, Http):

        async def noted(response: httpx2.Response) -> None:
            """Keep the status of a refusal, which the library does not tell."""
            if response.request.method == "POST":
                last.lines.clear()
                if response.status_code >= httpx2.codes.BAD_REQUEST:
                    status = f"{response.status_code} {response.reason_phrase}"
                    last.lines.append(brief(status.strip(), 100))

        client = httpx2.AsyncClient(
            headers=dict(place.headers),
            timeout=httpx2.Timeout(30.0, read=None),
            event_hooks={"response": [noted]},
        )
        await stack.enter_async_context(client)
        return streamable_http_client(
            place.url, http_client=client, max_sse_event_size=_MOST_BYTES
        )
    program, *words = place.command
    return stdio_client(
        Program(
            command=program,
            args=words,
            env=dict(place.env),
            cwd=None if place.cwd is None else os.fspath(place.cwd),
            encoding_error_handler="replace",
        ),
        errlog=last.file,
    )


def _client(place: Place, transport: Any, answers: Answers) -> Client:
    """The library's client, which answers as we do.

    Raises:
        ConfigError: There is no such version of the protocol.
    """
    known = (
        *HANDSHAKE_PROTOCOL_VERSIONS,
        *MODERN_PROTOCOL_VERSIONS,
    )
    if place.protocol not in ("auto", *known):
        raise ConfigError(
            f"protocol={place.protocol!r} is no version of MCP that is known",
            hint=f'Give "auto", or one of {", ".join(known)}',
        )
    old = place.protocol in HANDSHAKE_PROTOCOL_VERSIONS
    given: Data = {}
    if (elicit := answers.elicit) is not None:

        async def elicited(_: Any, params: Any) -> Any:
            return types.ElicitResult.model_validate(await elicit(_plain(params)))

        given["elicitation_callback"] = elicited
    if (sample := answers.sample) is not None:

        async def sampled(_: Any, params: Any) -> Any:
            made = await sample(_plain(params))
            return types.CreateMessageResult.model_validate(made)

        given["sampling_callback"] = sampled
    if (log := answers.log) is not None:

        async def logged(params: Any) -> None:
            log(_plain(params))

        given |= {"logging_callback": logged, "log_level": "debug"}
    if answers.roots:

        async def rooted(_: Any) -> Any:
            return types.ListRootsResult.model_validate({"roots": [*answers.roots]})

        given["list_roots_callback"] = rooted
    info = types.Implementation(name="weft", version="0.1.0")
    mode = "legacy" if old else "auto"
    return Client(transport, mode=mode, client_info=info, cache=None, **given)


def _refuse_other(place: Place, link: Link) -> None:
    """Refuse a server that speaks another version than was wanted."""
    spoken = str(link.about["protocol"])
    wanted = place.protocol
    if wanted in MODERN_PROTOCOL_VERSIONS and spoken != wanted:
        raise ToolServerError(
            f"the server {place.label} speaks version {spoken} of MCP, and "
            f"protocol={wanted!r} was asked for",
            hint='Write protocol="auto"',
        )


# What goes wrong ----------------------------------------------------------------------

_FOREIGN: Final = (
    MCPError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    OSError,
    pydantic.ValidationError,
    BaseExceptionGroup,
)

_WRONG: Final = (
    pydantic.ValidationError,
    RuntimeError,
    InputRequiredRoundsExceededError,
)


def _failure(error: Exception, place: Place, said: str, tool: str = "") -> WeftError:
    """What the library raised, as one of our errors, without its traceback."""
    while isinstance(error, ExceptionGroup):
        group = cast("ExceptionGroup[Exception]", error)
        error = group.exceptions[0]
    if isinstance(error, WeftError):
        return error
    if isinstance(error, MCPError):
        if tool:
            said = without(error.message, place.secrets)
            return StepError(f"{tool}: {brief(said, _ERROR_CHARACTERS)}")
        if error.code in _GONE:
            return gone(place, _CLOSED, said)
        return gone(place, f"does not answer as MCP: {brief(error.message, 300)}", said)
    if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
        return ConfigError(
            f"{place.label} cannot be started: {error.strerror}",
            hint="Name a program on the PATH, or its whole path; and a folder in cwd=",
        )
    if isinstance(error, httpx2.HTTPError | OSError):
        why = brief(str(error) or type(error).__name__, 300)
        return gone(place, f"cannot be reached: {why}", said)
    if tool and isinstance(error, _WRONG):
        why = without(fault_of(error), place.secrets)
        return StepError(
            f"{tool}: the server's answer is not what it says it is: {brief(why, 500)}"
        )
    return gone(place, f"speaks no MCP: {brief(fault_of(error), 300)}", said)


def _plain(model: Any) -> Data:
    made: Data = model.model_dump(by_alias=True, mode="json", exclude_none=True)
    return made
