"""Every other provider, through litellm: ours are the only retries, limits and cache.

litellm takes seconds to import, would fetch a price list on the way, retries by itself
in three layers, has a time-out that a dripping server outlasts, follows a redirect with
the key in hand, and reads an answer of any size. So it is imported at the first call,
told to stay offline and never to retry, held to our deadline, and lent a connection of
ours that refuses redirects and floods and names each failure before litellm sees it.
Providers that litellm reaches by other means than its own HTTP client (their vendors'
SDKs) do not use that connection; there the size of an answer is checked only once it
has been read. This is the only file that imports litellm.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import os
import re
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from ...errors import (
    ConfigError,
    InvalidRequest,
    ModelError,
    TooLarge,
)
from ...ground.loops import PerLoop
from ..abilities import Abilities
from ..embedding.reading import options_of as embedding_options
from ..embedding.reading import response_from as embeddings_from
from ..lm import Listener
from ..request import Request, Response
from ..route import Route
from .completion import MAX_TEXT, response_from
from .dialect import NOTHING_KNOWN, Manners, asked_of, format_of, options_of
from .events import Arrival
from .faults import Refusal, too_late
from .secrets import secrets_of, without_keys
from .sessions import lent_sessions, one_attempt
from .verdict import failure_of_litellm, unfinished

# Providers whose code in litellm takes a connection as a handler only.
_BY_HANDLER: Final = frozenset(
    {"anthropic", "databricks", "gemini", "huggingface", "vertex_ai", "watsonx"}
)
# Providers whose models litellm asks to continue a text, beside those of its own list.
_OF_TEXTS: Final = ("openai", "text-completion-openai", "azure_text")
# What a first call would import: within somebody's deadline, and while the loop waits.
_AT_FIRST_CALL: Final = (
    "openai.resources",
    "litellm._service_logger",
    "litellm.litellm_core_utils.default_encoding",
    "litellm.llms.litellm_proxy.chat.transformation",
    "litellm.llms.openai.chat.gpt_audio_transformation",
    "litellm.llms.openai_like.dynamic_config",
    "litellm.llms.vertex_ai.vertex_ai_partner_models.anthropic.transformation",
    "litellm.proxy.openai_files_endpoints.common_utils",
)
_NEVER: Final = 3600.0  # the deadline is ours
_INSTALL: Final = "Install it: pip install 'litellm>=1.83.10'"
# Remarks of pydantic's on litellm's own types and ways; litellm silences the first one.
_REMARKS: Final = (
    (".*`ReadOnly` qualifier.*", UserWarning, ""),
    ("Accessing the 'model_", DeprecationWarning, "litellm"),
)


async def complete(
    request: Request,
    route: Route,
    key: str | None,
    headers: Mapping[str, str],
    deadline: float,
    abilities: Abilities = NOTHING_KNOWN,
    listener: Listener | None = None,
    proxy: str | None = None,
) -> Response:
    """Ask for one completion through litellm, in one attempt.

    Arguments are as in `openai_http.ask`; without a key, litellm looks for one. A text
    that is continued is shown in one piece.

    Raises:
        ModelError: The attempt failed; the class says how.
        ConfigError: litellm is not installed, or does not know the provider.
    """
    litellm = await _library()
    here = await _loops.here()
    sent = {**headers, "Authorization": f"Bearer {key or ''}"}
    secrets = set(secrets_of(route.url, sent, proxy or ""))
    manners = Manners(request, abilities)
    ends = here.loop.time() + deadline
    while True:
        given = _arguments(manners, route, key, headers, deadline)
        asking = _asking(litellm, request, route)
        given |= await _connection(here, route, proxy, by_handler=request.continues)
        if request.continues:
            given["client"] = _client_of_texts(litellm, here.handlers[proxy], given)
        arrival = None
        if listener is not None and not request.continues:
            arrival = Arrival(request, manners.abilities, listener, secrets)
            given |= {"stream": True, "stream_options": {"include_usage": True}}
        tree: dict[str, Any] = {}
        fault: Refusal | ModelError | ConfigError | None = None
        with one_attempt() as attempt:
            try:
                async with asyncio.timeout_at(ends):
                    tree = await _answered(asking, given, arrival)
            except TimeoutError:
                fault = too_late(request.model, deadline)
            except Exception as error:  # noqa: BLE001 - what litellm raises has no one base
                secrets |= attempt.secrets
                fault = failure_of_litellm(litellm, error, request, secrets, attempt)
        secrets |= attempt.secrets
        if fault is None:
            fault = unfinished(tree, attempt, request, secrets, streamed=bool(arrival))
        if not isinstance(fault, Refusal):
            break
        if not manners.learns(fault):
            fault = fault.as_error()
            break
    if fault is not None:
        if arrival is not None and isinstance(fault, ModelError):
            fault = arrival.failed(fault)
        # Out of reach of the `except`: litellm's errors hold the request, the key in
        # it, and would stay with ours as its context.
        raise fault
    response = _read(tree, manners, secrets, arrival)
    if listener is not None and arrival is None:
        listener.show(response.text)
    return response


async def embed(
    request: Request,
    route: Route,
    key: str | None,
    headers: Mapping[str, str],
    deadline: float,
    proxy: str | None = None,
) -> Response:
    """Ask for the vectors of some texts through litellm, in one attempt.

    Raises:
        ModelError: The attempt failed; the class says how.
        ConfigError: litellm is not installed, or does not know the provider.
    """
    litellm = await _library()
    here = await _loops.here()
    sent = {**headers, "Authorization": f"Bearer {key or ''}"}
    secrets = set(secrets_of(route.url, sent, proxy or ""))
    given = {**_addressed(route, key, headers, deadline), **embedding_options(request)}
    given["input"] = [message.text for message in request.messages]
    given |= await _connection(here, route, proxy, by_handler=True)
    if route.through.partition("/")[0] in _OF_TEXTS:
        given["client"] = _client_of_texts(litellm, here.handlers[proxy], given)
    fault: Refusal | ModelError | ConfigError | None = None
    tree: dict[str, Any] = {}
    with one_attempt() as attempt:
        try:
            async with asyncio.timeout(deadline):
                tree = (await litellm.aembedding(**given)).model_dump()
        except TimeoutError:
            fault = too_late(request.model, deadline)
        except Exception as error:  # noqa: BLE001 - what litellm raises has no one base
            secrets |= attempt.secrets
            fault = failure_of_litellm(litellm, error, request, secrets, attempt)
    if fault is not None:  # out of reach of the `except`, as in `complete`
        raise fault.as_error() if isinstance(fault, Refusal) else fault
    return embeddings_from(tree, request, secrets | attempt.secrets)


async def _answered(
    asking: Any, given: dict[str, Any], arrival: Arrival | None
) -> dict[str, Any]:
    """The tree of an answer; the pieces of one that is streamed are shown."""
    answer = await asking(**given)
    if arrival is None:
        return _tree_of(answer)
    async for piece in answer:
        arrival.show(arrival.whole.take(_tree_of(piece)))
    return arrival.whole.whole()


def _read(
    tree: dict[str, Any], manners: Manners, secrets: set[str], arrival: Arrival | None
) -> Response:
    """The response in the tree of an answer of litellm's.

    Raises:
        TooLarge: It is larger than the size limit.
    """
    request = manners.request
    if arrival is None:
        response = response_from(tree, request, secrets, manners.abilities)
        response = without_keys(response, secrets)
    else:
        try:
            response = arrival.response(tree, secrets)
        except ModelError as error:
            raise arrival.failed(error) from None
    usage = response.usage
    if usage is not None and not (
        usage.input_tokens and (usage.output_tokens or not response.text)
    ):
        response = replace(response, usage=None)  # litellm's 0 for what was not sent
    if len(response.text) > MAX_TEXT:
        message = f"the answer is larger than {MAX_TEXT >> 20} MB"
        raise TooLarge(message, model=request.model)
    return response


def _tree_of(answer: Any) -> dict[str, Any]:
    """An answer of litellm's as the server sent it, a refusal back where it stood."""
    tree: dict[str, Any] = answer.model_dump()
    choices: list[dict[str, dict[str, Any]]] = tree.get("choices") or []
    for choice in choices:
        said = choice.get("message") or choice.get("delta") or {}
        own: dict[str, Any] = said.get("provider_specific_fields") or {}
        said.setdefault("refusal", own.get("refusal"))
    return tree


def _asking(litellm: Any, request: Request, route: Route) -> Any:
    """The function of litellm's that asks for this.

    Raises:
        InvalidRequest: A text is to be continued, and litellm would make a turn of it.
    """
    if not request.continues:
        return litellm.acompletion
    provider = route.through.partition("/")[0]
    theirs = (*litellm.openai_text_completion_compatible_providers, *_OF_TEXTS)
    if provider not in theirs:
        raise InvalidRequest(
            f"{provider!r} continues no texts through litellm",
            hint="Give the server's own address: LM(NAME, api_base=...), or base=False",
            model=request.model,
        )
    return litellm.atext_completion


def _arguments(
    manners: Manners,
    route: Route,
    key: str | None,
    headers: Mapping[str, str],
    deadline: float,
) -> dict[str, Any]:
    request, abilities = manners.request, manners.abilities
    given: dict[str, Any] = {
        **options_of(request, abilities, manners.most),
        **asked_of(request, abilities),
        **_addressed(route, key, headers, deadline),
    }
    form = format_of(request)
    # For a text litellm knows no such option, and hands on what is extra.
    given |= {"extra_body": form} if form and request.continues else form
    return given


def _addressed(
    route: Route, key: str | None, headers: Mapping[str, str], deadline: float
) -> dict[str, Any]:
    """Who is asked and how, whatever is asked: once, with our key and deadline."""
    given: dict[str, Any] = {
        "model": route.through,
        "timeout": deadline,
        "num_retries": 0,
        "max_retries": 0,
        "caching": False,
    }
    if route.url:
        given["api_base"] = route.url
    if key is not None:
        given["api_key"] = key
    elif route.through.startswith("openai/"):
        given["api_key"] = "none"  # its client refuses to start without one
    if headers:
        given["extra_headers"] = dict(headers)
    return given


class _Here:
    """What a loop has of litellm's."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.handlers: dict[str | None, Any] = {}  # by the proxy that they go through


async def _connection(
    here: _Here, route: Route, proxy: str | None, *, by_handler: bool
) -> dict[str, Any]:
    """The options by which litellm takes our connection instead of its own."""
    session = (await lent_sessions.here()).session(proxy)
    if route.through.partition("/")[0] not in _BY_HANDLER and not by_handler:
        return {"shared_session": session}
    if proxy not in here.handlers:
        http = importlib.import_module("litellm.llms.custom_httpx.http_handler")
        made = http.AsyncHTTPHandler(timeout=_NEVER, shared_session=session)
        here.handlers[proxy] = made
    return {"client": here.handlers[proxy]}


def _client_of_texts(litellm: Any, handler: Any, given: Mapping[str, Any]) -> Any:
    """The client that continues texts over our connection; litellm would make its own.

    All who continue texts there speak OpenAI's format, and are asked by its client.
    """
    _, _, key, base = litellm.get_llm_provider(
        given["model"], api_base=given.get("api_base"), api_key=given.get("api_key")
    )
    client: Any = importlib.import_module("openai").AsyncOpenAI
    return client(
        api_key=key or given.get("api_key"),
        base_url=base or given.get("api_base"),
        http_client=handler.client,
        max_retries=0,
    )


def _loaded() -> bool:
    return _load.cache_info().currsize > 0


async def _library() -> Any:
    """litellm; it takes seconds to load, and others go on meanwhile."""
    if not _loaded():
        await asyncio.to_thread(_load)
    _keep_silent()
    return _load()


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
    for name in _AT_FIRST_CALL:
        with suppress(ImportError):  # another version of litellm: it comes at the call
            importlib.import_module(name)
    litellm.suppress_debug_info = True
    litellm.num_retries = 0
    litellm.cache = None
    return litellm


def _keep_silent() -> None:
    """Put the filters of warnings that litellm needs back, or something overrules them.

    pytest undoes at the end of a test what was imported in it has set; where warnings
    are errors, every later call would fail by the remark.
    """
    for remark, kind, module in _REMARKS:
        where = re.compile(module) if module else None
        ours = ("ignore", re.compile(remark, re.IGNORECASE), kind, where, 0)
        firsts = (one for one in warnings.filters if one == ours or one[0] == "error")
        if next(firsts, None) != ours:
            warnings.filterwarnings("ignore", remark, kind, module)


async def _tidy(here: _Here) -> None:
    """At a loop's end, close litellm's clients in it and finish its background work."""
    litellm = _load()
    clients: dict[str, Any] = litellm.in_memory_llm_clients_cache.cache_dict
    ours = [name for name in clients if name.endswith(f"-{id(here.loop)}")]
    for client in (*map(clients.pop, ours), *here.handlers.values()):
        closing = getattr(client, "aclose", None) or getattr(client, "close", None)
        with suppress(Exception):  # nobody is left to tell
            if closing is not None:
                await closing()
    worker = sys.modules["litellm.litellm_core_utils.logging_worker"]
    with suppress(Exception):  # as above
        await worker.GLOBAL_LOGGING_WORKER.clear_queue()
        await worker.GLOBAL_LOGGING_WORKER.stop()


_loops: Final = PerLoop(_Here, _tidy)
