"""Connections: our own, and those that we lend to a client that is not ours.

A lent session has the manners of our own: it follows no redirect, which would carry the
key away; it hands on no more of a body than we would read, packed or not; and what
failed over it in one attempt is not sent again, whatever the client thinks of that.
This is the only file that imports aiohttp. What it uses of it is public, but for two
names: the kind of a connection (`ResponseHandler`) and the place where a connector
keeps it (`_factory`), without which an answer that nobody asked for could be taken for
the next one. So the version is held below 4 in `pyproject.toml`, and tests fail where
either name moves.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import zlib
from collections.abc import AsyncIterator, Generator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict

from ...errors import ConnectError, ModelError, ProtocolError, TooLarge
from ...ground.loops import PerLoop
from .faults import Refusal, Unreached
from .remedies import remedy_of
from .secrets import secrets_of

MAX_BODY: Final = 8 * 2**20
"""The most bytes of an answer, before and after unpacking."""

LOST: Final = (aiohttp.ClientError, OSError)
"""What a connection that fails raises."""

Answer = aiohttp.ClientResponse

_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "weft",
}

_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress"})
_GZIP_OR_ZLIB: Final = 47  # zlib's way to say: look at the header
_SECRET: Final = re.compile(r"auth|key|token|secret|password", re.IGNORECASE)


def failure_of(
    error: BaseException, model: str, url: str, *, proxied: bool = False
) -> ModelError:
    """What a fault of the connection means; the address is shown, no header is.

    Args:
        error: What aiohttp raised.
        model: The model asked.
        url: The address asked.
        proxied: Whether it was asked through a proxy.
    """
    where = urlsplit(url).netloc.rpartition("@")[2]
    if isinstance(error, aiohttp.ClientHttpProxyError):
        fault = Refusal(error.status, "", model).as_error()
        message = f"the proxy before {where} answered {error.status}"
        hint = "Check its login: proxy='http://USER:PASSWORD@HOST:PORT'"
        known = type(fault) if error.status == _PROXY_LOGIN else ConnectError
        return known(message, hint=hint, model=model, status=error.status)
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or type(error).__name__
        message = f"no connection to {where} could be made: {reason}"
        return Unreached(message, hint=_HINT[proxied], model=model)
    cut_short = isinstance(error, aiohttp.ClientPayloadError)
    reset = isinstance(error.__cause__, OSError)
    if (cut_short and not reset) or isinstance(error, aiohttp.ClientResponseError):
        message = f"the answer from {where} breaks off or is no HTTP"
        return ProtocolError(message, hint=remedy_of(ProtocolError), model=model)
    message = f"the connection to {where} was lost: {type(error).__name__}"
    return ConnectError(message, hint=remedy_of(ConnectError), model=model)


_PROXY_LOGIN: Final = 407
_HINT: Final = {
    False: "Is the server running? Where only a proxy leads out, name it: "
    "LM(..., proxy='http://HOST:PORT'); none is taken from the environment",
    True: "Are the proxy and the server running?",
}
_START: Final = 4096
# How an answer begins in the formats of OpenAI, Anthropic, Gemini and Ollama.
_COMPLETION: Final = re.compile(rb'"(?:choices|content|candidates|message|delta)"\s*:')


class Meter:
    """Unpacks a body piece by piece, and refuses one that grows too large.

    One that began as a completion is the model's own fault, and else the server's. So
    what is too large by its own claim is refused when its first piece has come.
    """

    def __init__(self, answer: Answer, model: str = "") -> None:
        packing = answer.headers.get("Content-Encoding", "").strip().lower()
        packed = packing in _PACKED  # some name the charset there
        self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB) if packed else None
        self._model = model
        self._taken = self._unpacked = 0
        self._claimed = answer.content_length or 0
        self._start = b""

    def take(self, piece: bytes) -> bytes:
        """A further piece, unpacked.

        Raises:
            TooLarge: A completion is larger than the limit, packed or not.
            ProtocolError: Something else is, or it is packed in another way than it
                says.
        """
        self._taken += len(piece)
        if self._unpacker is None:
            self._note(piece)
            self._check(max(self._taken, self._claimed))
            return piece
        try:
            piece = self._unpacker.decompress(piece, MAX_BODY + 1)
        except zlib.error:
            message = "the answer is packed in a way that was not asked for"
            raise ProtocolError(message, model=self._model) from None
        self._unpacked += len(piece)
        self._note(piece)
        self._check(max(self._taken, self._claimed, self._unpacked))
        return piece

    def _note(self, piece: bytes) -> None:
        if len(self._start) < _START:
            self._start += piece[:_START]

    def _check(self, size: int) -> None:
        if size <= MAX_BODY:
            return
        message = f"the answer is larger than {MAX_BODY >> 20} MB"
        if _COMPLETION.search(self._start):
            raise TooLarge(message, model=self._model)
        message += ", and no completion"
        raise ProtocolError(message, model=self._model)


class _Wire(ResponseHandler):
    """A connection that is used again only where nothing came in that nobody asked for.

    aiohttp asks when a connection is put back, and not when it is taken out: what comes
    in between, from a server or a proxy that is out of step, would be taken for the
    answer to the next question, and be kept as that.
    """

    def is_connected(self) -> bool:
        """Whether it may be used."""
        return super().is_connected() and not self.should_close


def _open_session(**lent: Any) -> aiohttp.ClientSession:
    pool: Any = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
    # aiohttp has no other place where the kind of a connection is said.
    pool._factory = functools.partial(_Wire, loop=asyncio.get_running_loop())
    return aiohttp.ClientSession(
        connector=pool,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        trust_env=False,
        **lent,
    )


def _abandon(session: aiohttp.ClientSession) -> None:
    """Let go of a session whose loop is closed: nothing can wait there."""
    pool = session.connector
    session.detach()
    if pool is not None:
        next(pool.close().__await__(), None)  # the one step that needs no loop


def _open_own() -> aiohttp.ClientSession:
    return _open_session(headers=_HEADERS)


sessions: Final = PerLoop(_open_own, aiohttp.ClientSession.close, _abandon)
"""Our own, one for each event loop."""


@dataclass(slots=True)
class Attempt:
    """What went over lent sessions in one attempt.

    Args:
        failed: The failures, by method and address.
        secrets: The keys that were sent, wherever the client took them from.
        status: That of the last answer; 0 where none came this way.
        headers: Those of the last answer.
        body: What came of it, unpacked.
    """

    failed: dict[tuple[str, str], ModelError] = field(
        default_factory=dict[tuple[str, str], ModelError]
    )
    secrets: set[str] = field(default_factory=set[str], repr=False)
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: list[bytes] = field(default_factory=list[bytes], repr=False)

    @property
    def answered(self) -> bool:
        """Whether the last answer was one of success."""
        return 200 <= self.status < 300


_attempt: Final[ContextVar[Attempt | None]] = ContextVar("_attempt", default=None)


@contextlib.contextmanager
def one_attempt() -> Generator[Attempt]:
    """In this scope a request that failed is not sent again over a lent session."""
    made = Attempt()
    token = _attempt.set(made)
    try:
        yield made
    finally:
        _attempt.reset(token)


class _Lent(aiohttp.ClientResponse):
    """An answer as a client that is not ours gets to see it."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Read the head of the answer, and let it pass or refuse it."""
        await super().start(connection)
        attempt = _attempt.get()
        if attempt is not None:
            attempt.status, attempt.headers, attempt.body = (
                self.status,
                super().headers,
                [],
            )
        if self.status >= 300:
            fault = _noted(self.method, self.url, Refusal(self.status, "").as_error())
            if self.status < 400:
                raise fault
        self.content = cast("aiohttp.StreamReader", _Bounded(self))
        return self

    @property
    def headers(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride] # theirs is a kept property, and a property is what one is
        """The server's own, and the word by which SDKs are told not to try again."""
        told = CIMultiDict(super().headers)
        told["x-should-retry"] = "false"
        return told


class _Bounded:
    """A body that ends in an error of ours where it grows too large or breaks off."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._content = answer.content
        self._sent = answer.method, answer.url
        self._meter = Meter(answer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """The body as it came; unpacked it is counted, and kept for the attempt."""
        attempt = _attempt.get()
        try:
            async for chunk in self._content.iter_chunked(size):
                plain = self._meter.take(chunk)
                if attempt is not None:
                    attempt.body.append(plain)
                yield chunk
        except ModelError as error:
            raise _noted(*self._sent, error) from None
        except LOST as error:
            if isinstance(error, TimeoutError):
                raise
            lost = failure_of(error, "", str(self._sent[1]))
            raise _noted(*self._sent, lost) from None


async def _before(
    _: aiohttp.ClientSession,
    context: SimpleNamespace,
    asked: aiohttp.TraceRequestStartParams,
) -> None:
    asked.headers["Accept-Encoding"] = "identity"
    attempt = _attempt.get()
    if attempt is None:
        return
    sent = {n: value for n, value in asked.headers.items() if _SECRET.search(n)}
    attempt.secrets.update(secrets_of(str(asked.url), sent))
    before = attempt.failed.get((asked.method, str(asked.url)))
    if before is not None:
        raise before


async def _after(
    _: aiohttp.ClientSession,
    context: SimpleNamespace,
    failed: aiohttp.TraceRequestExceptionParams,
) -> None:
    error = failed.exception
    if isinstance(error, TimeoutError):
        return
    if isinstance(error, LOST):
        error = failure_of(error, "", str(failed.url))
    if isinstance(error, ModelError):
        raise _noted(failed.method, failed.url, error) from None


def _noted(method: str, url: object, fault: ModelError) -> ModelError:
    attempt = _attempt.get()
    if attempt is not None:
        attempt.failed.setdefault((method, str(url)), fault)
    return fault


def _open_lent(proxy: str | None = None) -> aiohttp.ClientSession:
    watch = aiohttp.TraceConfig()
    watch.on_request_start.append(_before)
    watch.on_request_exception.append(_after)
    return _open_session(response_class=_Lent, trace_configs=[watch], proxy=proxy)


class Lending:
    """The sessions of one loop for a client that is not ours: one for each proxy."""

    def __init__(self) -> None:
        self._open: dict[str | None, aiohttp.ClientSession] = {}

    def session(self, proxy: str | None = None) -> aiohttp.ClientSession:
        """The session that goes through a proxy, or directly."""
        if proxy not in self._open:
            self._open[proxy] = _open_lent(proxy)
        return self._open[proxy]

    async def close(self) -> None:
        """Close them all, in their loop."""
        for session in self._open.values():
            await session.close()

    def abandon(self) -> None:
        """Let go of them all, where their loop is closed."""
        for session in self._open.values():
            _abandon(session)


lent_sessions: Final = PerLoop(Lending, Lending.close, Lending.abandon)
"""Sessions for a client that is not ours: what they raise is ours, or a time-out."""
