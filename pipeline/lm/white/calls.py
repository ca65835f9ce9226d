"""Calls to a model in this process: one attempt, on the worker's thread."""

from __future__ import annotations

import asyncio
import threading

from ...errors import DeadlineExceeded, InvalidRequest
from ..lm import Listener
from ..request import Request, Response
from . import loaded, replies
from .loaded import refuse_other
from .lora import refuse_other_weights
from .weights import WhiteModel
from .worker import WORKER


async def ask(
    request: Request,
    model: WhiteModel,
    deadline: float,
    listener: Listener | None = None,
) -> Response:
    """Ask for one completion, in one attempt; a reply is shown as a whole.

    The deadline holds for an attempt once its model is loaded, which takes a while.

    Raises:
        ModelError: The attempt failed; the class says how.
        ConfigError: The model cannot be loaded, or lacks the soft words that stand in
            the request, or its low-rank updates.
    """
    if request.soft is not None:
        refuse_other(request.soft, model)
    if request.lora is not None:
        refuse_other_weights(request.lora, model)
    held = await WORKER.run(loaded.load, model)
    ended = threading.Event()
    try:
        async with asyncio.timeout(deadline):
            made = await WORKER.run(replies.answer, held, request, ended)
    except TimeoutError:
        raise DeadlineExceeded(
            f"{model.name!r} did not answer within {deadline:g} s",
            hint="Give LM(..., timeout=) more seconds, or max_tokens= fewer tokens",
            model=request.model,
        ) from None
    except (RuntimeError, MemoryError) as error:  # of torch: no room, as a rule
        raise InvalidRequest(
            f"{model.name!r} cannot compute this call: {str(error)[:200]}",
            hint="Where memory is short, ask for less, or give a smaller context=",
            model=request.model,
        ) from None
    finally:
        ended.set()
    if listener is not None:
        listener.show(made.text)
    return made
