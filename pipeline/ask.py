"""One question to a model: render, call, parse, and at most a few repairs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .adapters import Adapter, adapter_of
from .errors import ModelError, ParseError, Truncated
from .lm.caller import call
from .lm.lm import LanguageModel
from .lm.request import JSON, Message, Request, Response
from .parameters import Parameters
from .running.telling import Telling
from .runtime import Runtime
from .signature import Signature, spec_of
from .trace import Call
from .traces.watching import said


@dataclass
class Asked:
    """The calls made for one question so far; filled even when it ends in an error.

    `failed` is the call that brought no answer and so ended it.
    """

    calls: list[Call] = field(default_factory=list[Call])
    failed: Call | None = None
    repairs: list[str] = field(default_factory=list[str])


def request_for(
    lm: LanguageModel,
    parameters: Parameters,
    messages: tuple[Message, ...],
    response_format: Mapping[str, JSON] | None,
    sample: int,
) -> Request:
    """The request that a model is sent: module sampling wins over the model's."""
    sampling = {**lm.sampling, **parameters.sampling}
    return Request(lm.model, messages, sampling, response_format, lm.endpoint, sample)


async def ask(
    who: str,
    signature: type[Signature],
    parameters: Parameters,
    inputs: Mapping[str, JSON],
    *,
    lm: LanguageModel,
    repairs: int,
    runtime: Runtime,
    asked: Asked,
) -> dict[str, Any]:
    """Ask a model and read its answer.

    Args:
        who: The module's path, for messages.
        signature: The contract, with every output the model is to write.
        parameters: Instruction, demos, adapter and sampling.
        inputs: Checked input values as plain JSON data.
        lm: Who answers.
        repairs: How many further calls may show the model its own reply and the error.
        runtime: Cache, ledger and retries.
        asked: Filled with the calls made.

    Returns:
        Output values by field name.

    Raises:
        ParseError: No reply could be used; the error names module, adapter and field.
        ModelError: The call itself failed.
    """
    adapter = adapter_of(parameters.adapter)
    rendered = adapter.render(signature, parameters, inputs, schema_mode=lm.schema_mode)
    messages = rendered.messages
    telling = None
    if runtime.sink is not None:
        spec, fence = spec_of(signature), rendered.fence
        reader = partial(adapter.reader, spec, fence)
        telling = Telling(who, runtime.order, runtime.sink, reader)
    for attempt in range(repairs + 1):
        request = request_for(
            lm, parameters, messages, rendered.response_format, runtime.sample
        )
        response = await timed(request, lm, runtime, asked, telling)
        if response.finish_reason == "length":
            raise Truncated(
                f"{who}: the reply stopped at the token limit",
                hint="Raise max_tokens, or ask for less",
                model=lm.model,
            )
        try:
            parsed = adapter.parse(response.text, signature, rendered.fence)
        except ParseError as error:
            if attempt == repairs:
                raise error.located(who, adapter.name) from None
            asked.repairs.append(error.message)
            messages += _repair(
                adapter, response.text, error, signature, rendered.fence
            )
            continue
        asked.repairs.extend(parsed.repairs)
        return parsed.values
    raise AssertionError("the last attempt returns or raises")


async def timed(
    request: Request,
    lm: LanguageModel,
    runtime: Runtime,
    asked: Asked,
    telling: Telling | None,
) -> Response:
    """Make one call, and note what came of it.

    Args:
        request: What to ask.
        lm: Who answers.
        runtime: Cache, ledger and retries, and who follows the run.
        asked: Gets the call.
        telling: Who is told the reply while it arrives.

    Raises:
        ModelError: The call failed.
    """
    started = time.perf_counter()
    for watcher in runtime.watchers:
        watcher.call_started(request)
    if telling is not None:
        telling.restart()
    try:
        response = await call(
            request,
            lm,
            cache=runtime.store,
            retry=runtime.retry,
            ledger=runtime.ledger,
            account=runtime.account,
            listener=telling,
        )
    except BaseException as error:
        asked.failed = made = _failed(request, error, started, runtime)
        _tell(made, runtime)
        raise
    if telling is not None:
        telling.flush()
    made = Call(
        request.messages,
        response.text,
        response.model or lm.model,
        response.usage,
        response.cost,
        response.cached,
        time.perf_counter() - started,
        request.key,
        started - (runtime.began or started),
        request.endpoint,
        response.finish_reason,
        response.request_id,
        response.retries,
        reasoning=response.reasoning,
        without=response.without,
    )
    asked.calls.append(made)
    _tell(made, runtime)
    return response


def _failed(
    request: Request, error: BaseException, started: float, runtime: Runtime
) -> Call:
    """A call that brought no answer, as its trace holds it."""
    return Call(
        request.messages,
        reply="",
        model=request.model,
        usage=None,
        cost=None,
        cached=False,
        seconds=time.perf_counter() - started,
        key=request.key,
        started=started - (runtime.began or started),
        endpoint=request.endpoint,
        retries=error.retries if isinstance(error, ModelError) else 0,
        error=said(error),
    )


def _tell(made: Call, runtime: Runtime) -> None:
    for watcher in runtime.watchers[::-1]:
        watcher.call_finished(made)


def _repair(
    adapter: Adapter,
    reply: str,
    error: ParseError,
    signature: type[Signature],
    fence: str,
) -> tuple[Message, Message]:
    again = adapter.again(error, spec_of(signature), fence)
    sendable = reply.encode("utf-8", "replace").decode()
    return Message("assistant", sendable), Message("user", again)
