"""OpenAI-compatible endpoints over HTTP: vLLM, SGLang, llama.cpp, Ollama, OpenAI.

One attempt a call, under one wall-clock deadline that covers connecting, headers and a
body that drips. No redirect is followed, since it would carry the key away; no proxy
is taken from the environment; and no body is read beyond a size, packed or not.
`models` imports this file, and aiohttp with it, at the first call.
"""

from __future__ import annotations

import asyncio
import functools
import io
import zlib
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from ..errors import DeadlineExceeded, ModelError, ProtocolError, TooLarge
from .completion import body_of, response_from, response_of
from .faults import Refusal, Sent, parse_retry_after, without_keys
from .lm import Listener
from .request import Request, Response
from .route import OPENAI
from .sessions import GZIP_OR_ZLIB, LOST, MAX_BODY, Answer, failure_of, sessions
from .sse import Assembly, EventReader

_MAX_REFUSAL: Final = 64 * 2**10
_LARGE: Final = 2**20
_PATIENCE: Final = 2.0  # seconds: the status says enough
_NEWER_NAMES: Final = {"max_tokens": "max_completion_tokens"}


def complete(
    request: Request, url: str, headers: Mapping[str, str], deadline: float
) -> Coroutine[Any, Any, Response]:
    """Ask for one completion, in one attempt.

    Args:
        request: What to ask.
        url: The base URL.
        headers: Further headers, the key in them.
        deadline: Wall-clock seconds for everything together.

    Raises:
        ModelError: The attempt failed; the class says how.
    """
    return _within(deadline, request, url, headers)


def stream(
    request: Request,
    url: str,
    headers: Mapping[str, str],
    deadline: float,
    listener: Listener,
) -> Coroutine[Any, Any, Response]:
    """As `complete`, and show the pieces of the text as they arrive.

    Raises:
        ModelError: The attempt failed; the class says how.
    """
    return _within(deadline, request, url, headers, listener)


async def _within(
    deadline: float,
    request: Request,
    url: str,
    headers: Mapping[str, str],
    listener: Listener | None = None,
) -> Response:
    names = _NEWER_NAMES if url == OPENAI else None
    body = _sendable(body_of(request, names, streamed=listener is not None))
    sent = Sent(url, headers)
    try:
        async with asyncio.timeout(deadline):
            session = await sessions.here()
            post = session.post(
                _target(url), data=body, headers=headers, allow_redirects=False
            )
            # Awaited first: as one context, post and answer are two objects more in
            # each call in flight, which every collection of garbage walks.
            async with await post as answer:
                response = await _answered(answer, request, sent, listener)
            return without_keys(response, headers.values())
    except ModelError as error:
        error.__context__ = None  # a JSON error holds the whole answer
        raise
    except TimeoutError:
        message = f"no whole answer within {deadline:g} s"
        fault: ModelError = DeadlineExceeded(message, model=request.model)
    except LOST as error:
        fault = failure_of(error, request.model, url)
    # Out of reach of the `except`: aiohttp's errors hold the headers, the key in them,
    # and would stay with ours as its context.
    raise fault


async def _answered(
    answer: Answer, request: Request, sent: Sent, listener: Listener | None
) -> Response:
    """The response in an answer whose head has come."""
    if not 200 <= answer.status < 300:
        start = await _start_of(answer)
        raise Refusal(
            answer.status,
            start.decode("utf-8", "replace"),
            request.model,
            answer.headers.get("x-request-id", ""),
            parse_retry_after(answer.headers),
            secrets=tuple(sent),
        ).as_error()
    kind = answer.headers.get("Content-Type", "").lower()
    if listener is not None and "text/event-stream" in kind:
        return await _follow(answer, request, sent, listener)
    return response_of(await _read(answer, request), request, sent)


def _sendable(body: bytes) -> bytes | io.BytesIO:
    """The body; a large one is read piece by piece, or it would block the loop."""
    return body if len(body) < _LARGE else io.BytesIO(body)


async def _start_of(answer: Answer) -> bytes:
    """The start of a refusal's body; what has come, where the rest does not come."""
    start = b""
    with suppress(TimeoutError, *LOST):
        async with asyncio.timeout(_PATIENCE):
            while len(start) < _MAX_REFUSAL and (
                more := await answer.content.readany()
            ):
                start += more
    return start


async def _follow(
    answer: Answer,
    request: Request,
    secrets: Iterable[str],
    listener: Listener,
) -> Response:
    """A streamed answer, shown while it arrives."""
    reader, whole, size = EventReader(), Assembly(request.model), 0
    begun = False
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            message = f"the answer is larger than {MAX_BODY >> 20} MB"
            raise TooLarge(message, model=request.model)
        for data in reader.feed(chunk):
            text = whole.add(data)
            if text:
                begun = True
                listener.show(text)
        if whole.done:
            break
    try:
        return response_from(whole.whole(), request, secrets)
    except ModelError as error:
        error.begun = begun
        raise


async def _read(answer: Answer, request: Request) -> bytes:
    """The whole body, unpacked, or an error before it grows too large."""
    chunks: list[bytes] = []
    size = answer.content_length or 0
    if 0 < size <= MAX_BODY:
        chunks.append(await answer.content.read())
    elif not size:
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            if size > MAX_BODY:
                break
            chunks.append(chunk)
    body = b"".join(chunks)
    packed = answer.headers.get("Content-Encoding", "identity").lower() != "identity"
    if packed and size <= MAX_BODY:
        body = _unpack(body, request)
        size = len(body)
    if size > MAX_BODY:
        message = f"the answer is larger than {MAX_BODY >> 20} MB"
        raise TooLarge(message, model=request.model)
    return body


def _unpack(body: bytes, request: Request) -> bytes:
    """Unpack gzip or deflate, at most one byte beyond the size that is refused."""
    unpacker = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        return unpacker.decompress(body, MAX_BODY + 1)
    except zlib.error:
        message = "the answer is packed in a way that was not asked for"
        raise ProtocolError(message, model=request.model) from None


@functools.lru_cache(maxsize=64)
def _target(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path}/chat/completions"))
