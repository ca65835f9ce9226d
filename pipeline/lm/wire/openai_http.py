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
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from ...errors import DeadlineExceeded, ModelError
from ..abilities import Abilities
from ..lm import Listener
from ..request import Request, Response
from .completion import Assembly, EventReader, body_of, response_from, response_of
from .dialect import NOTHING_KNOWN, Manners
from .faults import Refusal, Sent, parse_retry_after, without_keys
from .sessions import LOST, Answer, Meter, failure_of, sessions
from .thinking import Curtain, Shown

_MAX_REFUSAL: Final = 64 * 2**10
_LARGE: Final = 2**20
_PATIENCE: Final = 2.0  # seconds: the status says enough


async def ask(
    request: Request,
    url: str,
    headers: Mapping[str, str],
    deadline: float,
    abilities: Abilities = NOTHING_KNOWN,
    listener: Listener | None = None,
) -> Response:
    """Ask for one completion, in one attempt.

    A request that is refused for the way in which it is asked is asked the other way at
    once, within the same attempt.

    Args:
        request: What to ask.
        url: The base URL.
        headers: Further headers, the key in them.
        deadline: Wall-clock seconds for everything together.
        abilities: What is known of the endpoint.
        listener: Who is shown the pieces of the text as they arrive.

    Raises:
        ModelError: The attempt failed; the class says how.
    """
    manners = Manners(request, abilities, streamed=listener is not None)
    sent = Sent(url, headers)
    target = _target(url, request.continues)
    body = _body_of(manners)
    try:
        async with asyncio.timeout(deadline):
            session = await sessions.here()
            while True:
                post = session.post(
                    target, data=body, headers=headers, allow_redirects=False
                )
                # Awaited first: as one context, post and answer are two objects more in
                # each call in flight, which every collection of garbage walks.
                async with await post as answer:
                    said = await _answered(answer, manners, sent, listener)
                if isinstance(said, Response):
                    return without_keys(said, headers.values())
                if not manners.learns(said):
                    raise said.as_error()
                body = _body_of(manners)
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
    answer: Answer, manners: Manners, sent: Sent, listener: Listener | None
) -> Response | Refusal:
    """The response in an answer whose head has come, or what stands for one."""
    request = manners.request
    if not 200 <= answer.status < 300:
        start = await _start_of(answer)
        return Refusal(
            answer.status,
            start.decode("utf-8", "replace"),
            request.model,
            answer.headers.get("x-request-id", ""),
            parse_retry_after(answer.headers),
            secrets=tuple(sent),
            schema=request.response_format is not None or "grammar" in request.sampling,
        )
    kind = answer.headers.get("Content-Type", "").lower()
    if listener is not None and "text/event-stream" in kind:
        return await _follow(answer, manners, sent, listener)
    body = await _read(answer, request)
    return response_of(body, request, sent, manners.abilities)


def _body_of(manners: Manners) -> bytes | io.BytesIO:
    """The body; a large one is read piece by piece, or it would block the loop."""
    body = body_of(
        manners.request,
        manners.abilities,
        streamed=manners.streamed,
        most=manners.most,
    )
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
    manners: Manners,
    secrets: Iterable[str],
    listener: Listener,
) -> Response:
    """A streamed answer, shown while it arrives; what is thought is not shown."""
    request, abilities = manners.request, manners.abilities
    reader, whole = EventReader(), Assembly(request.model)
    meter = Meter(answer, request.model)
    curtain = Curtain(request, thinks=abilities.thinks is True)
    async for chunk in answer.content.iter_any():
        for data in reader.feed(meter.take(chunk)):
            text = whole.add(data)
            if text:
                _show(curtain.feed(text), listener)
        if whole.done:
            break
    try:
        response = response_from(whole.whole(), request, secrets, abilities)
    except ModelError as error:
        error.begun = whole.begun
        raise
    _show(curtain.rest(response.text), listener)
    return response


def _show(more: Shown, listener: Listener) -> None:
    if more.anew:
        listener.restart()
    if more.text:
        listener.show(more.text)


async def _read(answer: Answer, request: Request) -> bytes:
    """The whole body, unpacked, or an error before it grows too large."""
    meter = Meter(answer, request.model)
    if answer.content_length:
        return meter.take(await answer.content.read())
    return b"".join([meter.take(piece) async for piece in answer.content.iter_any()])


@functools.lru_cache(maxsize=64)
def _target(url: str, continues: bool) -> str:
    parts = urlsplit(url)
    path = "completions" if continues else "chat/completions"
    return urlunsplit(parts._replace(path=f"{parts.path}/{path}"))
