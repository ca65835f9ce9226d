"""Calls to a local model: over HTTP, to a server that runs by then.

The deadline of an attempt begins when the server listens. A server that died is started
again by the next call; the call that saw it die may be made once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ...errors import ConnectError, ModelError, ProtocolError
from ...ground.shapes import as_dict
from ..abilities import Abilities
from ..lm import Listener
from ..request import JSON, Request, Response
from ..wire import openai_http
from .model import LocalModel
from .server import SERVERS, Server

_NEVER: Final = -100.0
"""The bias of a token that is not to be said: soft words are read alone."""


async def ask(
    request: Request,
    model: LocalModel,
    headers: Mapping[str, str],
    deadline: float,
    abilities: Abilities,
    listener: Listener | None = None,
) -> Response:
    """Ask for one completion, in one attempt.

    Raises:
        ModelError: The attempt failed; the class says how.
        ConfigError: The server does not start.
    """
    if model.silent:
        barred = {f"{token}": _NEVER for token in model.silent}
        given = as_dict(request.sampling.get("logit_bias"))
        sampling = {**request.sampling, "logit_bias": {**given, **barred}}
        request = replace(request, sampling=sampling)
    if model.adapters:
        wanted = None if request.lora is None else request.lora.digest
        # Each by its number, also at 0: of an empty list the server would keep what it
        # has read through the adapter of the call before.
        scales: list[JSON] = [
            {"id": at, "scale": float(one.sha256 == wanted)}
            for at, one in enumerate(model.adapters)
        ]
        sampling = {**request.sampling, "lora": scales}
        request = replace(request, sampling=sampling)
    server = await SERVERS.running(model)
    sent = {**headers, "Authorization": f"Bearer {server.key}"}
    try:
        return await openai_http.ask(
            request, server.url, sent, deadline, abilities, listener
        )
    except (ConnectError, ProtocolError) as error:
        fault = await _explained(error, model, server)
    raise fault


async def embed(
    request: Request, body: bytes, model: LocalModel, deadline: float
) -> bytes:
    """Ask for the vectors of some texts, in one attempt; the answer as it came.

    Raises:
        ModelError: The attempt failed; the class says how.
        ConfigError: The server does not start.
    """
    server = await SERVERS.running(model)
    sent = {"Authorization": f"Bearer {server.key}"}
    try:
        return await openai_http.post(
            request, "embeddings", body, server.url, sent, deadline
        )
    except (ConnectError, ProtocolError) as error:
        fault = await _explained(error, model, server)
    raise fault


async def _explained(
    error: ModelError, model: LocalModel, server: Server
) -> ModelError:
    """The error, or that the server died, where that is why."""
    death = await server.death()
    if not death:
        return error
    fault = ConnectError(
        f"the llama.cpp server of {model.name!r} died ({death}); the next call starts "
        "it again",
        hint="Where memory is short, give LM a smaller context= or fewer slots=",
        model=error.model,
    )
    fault.begun = error.begun
    return fault
