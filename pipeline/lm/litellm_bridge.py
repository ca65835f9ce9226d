"""Every other provider, through litellm: ours are the only retries, limits and cache.

litellm takes seconds to import, would fetch a price list on the way, retries by itself
in two layers, and has a time-out that a dripping server outlasts. So it is imported at
the first call, told to stay offline, told never to retry, and held to our deadline.
This is the only file that imports it.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from ..errors import (
    ConfigError,
    ConnectError,
    ContentFiltered,
    ContextLengthError,
    DeadlineExceeded,
    InvalidRequest,
    ModelError,
    ProtocolError,
    TooLarge,
)
from .completion import MAX_TEXT, response_from
from .faults import Refusal, parse_retry_after, redacted
from .per_loop import PerLoop
from .request import Request, Response
from .route import Route

_INSTALL: Final = "Install it: pip install weft[litellm]"
_ANSWERED: Final = re.compile(r"Error code: \d+")  # the server said so itself
_LOST: Final = re.compile(r"^Connection error|disconnected|Cannot connect")
_NO_JSON: Final = re.compile(r"Expecting .*char \d+|Unterminated string|Extra data")


async def complete(
    request: Request,
    route: Route,
    key: str | None,
    headers: Mapping[str, str],
    deadline: float,
) -> Response:
    """Ask for one completion through litellm, in one attempt.

    Args:
        request: What to ask.
        route: What litellm calls the model, and where it is.
        key: The key, or None for litellm to take the provider's from the environment.
        headers: Further headers.
        deadline: Wall-clock seconds for everything together.

    Raises:
        ModelError: The attempt failed; the class says how.
        ConfigError: litellm is not installed, or does not know the provider.
    """
    if not _loaded():
        await asyncio.to_thread(_load)  # it takes seconds, and others go on meanwhile
    litellm = _load()
    await _loops.here()
    secrets = [part for text in (key or "", *headers.values()) for part in text.split()]
    try:
        async with asyncio.timeout(deadline):
            answer = await litellm.acompletion(
                **_arguments(request, route, key, headers, deadline)
            )
    except TimeoutError:
        message = f"no whole answer within {deadline:g} s"
        raise DeadlineExceeded(message, model=request.model) from None
    except Exception as error:  # noqa: BLE001 - what litellm raises has no one base
        raise _failure(litellm, error, request, secrets) from None
    response = response_from(answer.model_dump(), request, secrets)
    if response.usage is not None and not response.usage.input_tokens:
        response = replace(response, usage=None)  # litellm's word for "not sent"
    if len(response.text) > MAX_TEXT:
        message = f"the answer is larger than {MAX_TEXT >> 20} MB"
        raise TooLarge(message, model=request.model)
    return response


def _arguments(
    request: Request,
    route: Route,
    key: str | None,
    headers: Mapping[str, str],
    deadline: float,
) -> dict[str, Any]:
    given: dict[str, Any] = {
        **request.sampling,
        "model": route.through,
        "messages": [message.as_dict() for message in request.messages],
        "timeout": deadline,
        "num_retries": 0,
        "max_retries": 0,
        "caching": False,
    }
    if request.response_format is not None:
        given["response_format"] = request.response_format
    if route.url:
        given["api_base"] = route.url
    if key is not None:
        given["api_key"] = key
    elif route.through.startswith("openai/"):
        given["api_key"] = "none"  # its client refuses to start without one
    if headers:
        given["extra_headers"] = dict(headers)
    return given


def _loaded() -> bool:
    return _load.cache_info().currsize > 0


@functools.lru_cache(maxsize=1)
def _load() -> Any:
    # Both are read at import. Without the first litellm fetches a price list over the
    # network; the second keeps its notes about its own workings off the screen.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOG", "ERROR")
    try:
        import litellm  # noqa: PLC0415 - it takes seconds, and is optional
    except ImportError:
        raise ConfigError(
            "this provider is reached through litellm, which is not installed",
            hint=_INSTALL,
        ) from None
    litellm.suppress_debug_info = True
    litellm.num_retries = 0
    litellm.cache = None
    return litellm


async def _tidy(loop: asyncio.AbstractEventLoop) -> None:
    """At a loop's end, close litellm's clients in it and finish its background work."""
    litellm = _load()
    clients: dict[str, Any] = litellm.in_memory_llm_clients_cache.cache_dict
    for name in [name for name in clients if name.endswith(f"-{id(loop)}")]:
        client = clients.pop(name)
        closing = getattr(client, "aclose", None) or getattr(client, "close", None)
        with suppress(Exception):  # nobody is left to tell
            if closing is not None:
                await closing()
    worker = sys.modules["litellm.litellm_core_utils.logging_worker"]
    with suppress(Exception):  # as above
        await worker.GLOBAL_LOGGING_WORKER.clear_queue()
        await worker.GLOBAL_LOGGING_WORKER.stop()


_loops: Final = PerLoop(asyncio.get_running_loop, _tidy)


def _failure(
    litellm: Any, error: Exception, request: Request, secrets: list[str]
) -> ModelError | ConfigError:
    """What an error of litellm means in ours; a test holds the whole table."""
    errors, model = litellm.exceptions, request.model
    said = redacted(str(error), secrets)
    if "LLM Provider NOT provided" in said:
        message = f"unknown model string {model!r}"
        return ConfigError(message, hint="litellm has no provider of this name")
    cause = str(error.__cause__ or error.__context__)
    if isinstance(error, errors.Timeout) and not _ANSWERED.match(cause):
        return DeadlineExceeded(said, model=model)
    for theirs, ours in (
        (errors.ContextWindowExceededError, ContextLengthError),
        (errors.ContentPolicyViolationError, ContentFiltered),
        (errors.UnsupportedParamsError, InvalidRequest),
        (errors.APIResponseValidationError, ProtocolError),
        (errors.APIConnectionError, ConnectError),
    ):
        if isinstance(error, theirs):
            return ours(said, model=model)
    if _LOST.search(cause):  # litellm calls both of these an internal server error
        return ConnectError(said, model=model)
    if _NO_JSON.search(cause):
        return ProtocolError(said, model=model)
    headers: Mapping[str, str] = getattr(error, "litellm_response_headers", None) or {}
    return Refusal(
        int(getattr(error, "status_code", 0) or 500),
        said,
        model,
        code=cause,
        request_id=headers.get("x-request-id", ""),
        retry_after=parse_retry_after(headers),
        secrets=tuple(secrets),
    ).as_error()
