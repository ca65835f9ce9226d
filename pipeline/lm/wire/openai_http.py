"""OpenAI-compatible endpoints over HTTP: vLLM, SGLang, llama.cpp, Ollama, OpenAI.

A request is turns to answer, a text to continue, or questions to decide.
One attempt a call, under one wall-clock deadline that covers connecting, headers and a
body that drips. No redirect is followed, since it would carry the key away; no proxy
is taken from the environment, but where the model names one it is gone through; and no
body is read beyond a size, packed or not.
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

from ...errors import ModelError
from ..abilities import Abilities
from ..lm import Listener
from ..request import Request, Response
from .completion import body_of, response_from, response_of
from .decisions import decision_body, decisions_of
from .dialect import NOTHING_KNOWN, Manners
from .events import Arrival, EventReader, are_events, completion_in, is_undecided
from .faults import Refusal, parse_retry_after, too_late
from .secrets import Sent, without_keys
from .sessions import LOST, MAX_BODY, Answer, Meter, failure_of, sessions

_MAX_REFUSAL: Final = 64 * 2**10
_LARGE: Final = 2**20
_RULES: Final = frozenset({"grammar", "structured_outputs"})
_PATIENCE: Final = 2.0  # seconds: the status says enough


async def ask(
    request: Request,
    url: str,
    headers: Mapping[str, str],
    deadline: float,
    abilities: Abilities = NOTHING_KNOWN,
    listener: Listener | None = None,
    proxy: str | None = None,
) -> Response:
    """Ask for one completion, or for some decisions, in one attempt.

    A request that is refused for the way in which it is asked is asked the other way at
    once, within the same attempt.

    Args:
        request: What to ask.
        url: The base URL.
        headers: Further headers, the key in them.
        deadline: Wall-clock seconds for everything together.
        abilities: What is known of the endpoint.
        listener: Who is shown the pieces of the text as they arrive.
        proxy: The address of a proxy to go through, with its login where it has one.

    Raises:
        ModelError: The attempt failed; the class says how.
    """
    manners = Manners(request, abilities, streamed=listener is not None)
    sent = Sent(url, headers, proxy or "")
    target = _target(url, _path_of(request))
    body = _body_of(manners)
    try:
        async with asyncio.timeout(deadline):
            session = await sessions.here()
            while True:
                post = session.post(
                    target,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    proxy=proxy,
                )
                # Awaited first: as one context, post and answer are two objects more in
                # each call in flight, which every collection of garbage walks.
                async with await post as answer:
                    said = await _answered(answer, manners, sent, listener)
                if isinstance(said, Response):
                    return without_keys(said, sent)
                if not manners.learns(said):
                    raise said.as_error()
                body = _body_of(manners)
    except ModelError as error:
        error.__context__ = None  # a JSON error holds the whole answer
        raise
    except TimeoutError:
        fault: ModelError = too_late(request.model, deadline)
    except LOST as error:
        fault = failure_of(error, request.model, url, proxied=proxy is not None)
    # Out of reach of the `except`: aiohttp's errors hold the headers, the key in them,
    # and would stay with ours as its context.
    raise fault


async def post(
    request: Request,
    path: str,
    body: bytes,
    url: str,
    headers: Mapping[str, str],
    deadline: float,
    proxy: str | None = None,
) -> bytes:
    """Send a body to a path below the base URL; the whole answer, in one attempt.

    Args:
        request: What is asked, for messages.
        path: Such as "embeddings".
        body: What is sent, as JSON.
        url: The base URL.
        headers: Further headers, the key in them.
        deadline: Wall-clock seconds for everything together.
        proxy: The address of a proxy to go through.

    Raises:
        ModelError: The attempt failed; the class says how.
    """
    parts, sent = urlsplit(url), Sent(url, headers, proxy or "")
    target = urlunsplit(parts._replace(path=f"{parts.path}/{path}"))
    try:
        async with asyncio.timeout(deadline):
            session = await sessions.here()
            async with session.post(
                target,
                data=body if len(body) < _LARGE else io.BytesIO(body),
                headers=headers,
                allow_redirects=False,
                proxy=proxy,
            ) as answer:
                if 200 <= answer.status < 300:
                    return await _read(answer, request)
                refusal = await _refusal(answer, request, sent)
        fault: ModelError = refusal.as_error()
    except ModelError as error:
        error.__context__ = None
        raise
    except TimeoutError:
        fault = too_late(request.model, deadline)
    except LOST as error:
        fault = failure_of(error, request.model, url, proxied=proxy is not None)
    raise fault  # out of reach of the `except`, as in `ask`


async def _refusal(answer: Answer, request: Request, sent: Sent) -> Refusal:
    """What stands for an answer other than success."""
    start = await _start_of(answer)
    return Refusal(
        answer.status,
        start.decode("utf-8", "replace"),
        request.model,
        answer.headers.get("x-request-id", ""),
        parse_retry_after(answer.headers),
        secrets=tuple(sent),
        schema=request.response_format is not None
        or not _RULES.isdisjoint(request.sampling),
        tools=bool(request.tools),
        location=answer.headers.get("location", ""),
    )


async def _answered(
    answer: Answer, manners: Manners, sent: Sent, listener: Listener | None
) -> Response | Refusal:
    """The response in an answer whose head has come, or what stands for one."""
    request = manners.request
    if not 200 <= answer.status < 300:
        return await _refusal(answer, request, sent)
    if listener is not None and request.questions is None:
        return await _follow(answer, manners, sent, listener)
    return _whole(await _read(answer, request), manners, sent)


def _whole(body: bytes, manners: Manners, secrets: Iterable[str]) -> Response:
    """The response in a whole body; some servers stream whatever they are asked."""
    request, abilities = manners.request, manners.abilities
    if request.questions is not None:
        return decisions_of(body, request, request.questions, secrets)
    if not are_events(body):
        return response_of(body, request, secrets, abilities)
    tree = completion_in(body, request.model)
    return response_from(tree, request, secrets, abilities)


def _body_of(manners: Manners) -> bytes | io.BytesIO:
    """The body; a large one is read piece by piece, or it would block the loop."""
    request = manners.request
    if request.questions is not None:
        body = decision_body(request, request.questions)
    else:
        body = body_of(
            request, manners.abilities, streamed=manners.streamed, most=manners.most
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
    """An answer shown while it arrives, where it does arrive in pieces."""
    request = manners.request
    meter, start = Meter(answer, request.model), b""
    chunks = answer.content.iter_any()
    async for chunk in chunks:
        start = (start + meter.take(chunk)).lstrip()
        if not is_undecided(start):
            break
    arrival = Arrival(request, manners.abilities, listener, secrets)
    if not are_events(start):
        rest = [meter.take(chunk) async for chunk in chunks]
        response = _whole(b"".join([start, *rest]), manners, secrets)
        response = without_keys(response, secrets)
        listener.show(response.text)
        return response
    reader, whole = EventReader(), arrival.whole
    try:
        for data in reader.feed(start):
            arrival.show(whole.add(data))
        while not whole.done:
            chunk = await anext(chunks, b"")
            if not chunk:
                arrival.show(whole.end(reader.close()))
                break
            for data in reader.feed(meter.take(chunk)):
                arrival.show(whole.add(data))
        return arrival.response(whole.whole(), secrets)
    except ModelError as error:
        raise arrival.failed(error) from None


async def _read(answer: Answer, request: Request) -> bytes:
    """The whole body, unpacked, or an error before it grows too large."""
    meter = Meter(answer, request.model)
    if answer.content_length and answer.content_length <= MAX_BODY:
        return meter.take(await answer.content.read())
    return b"".join([meter.take(piece) async for piece in answer.content.iter_any()])


@functools.lru_cache(maxsize=64)
def _target(url: str, path: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path}/{path}"))


def _path_of(request: Request) -> str:
    """Where a request goes, below the base URL."""
    if request.questions is not None:
        return request.questions.wire
    return "completions" if request.continues else "chat/completions"
