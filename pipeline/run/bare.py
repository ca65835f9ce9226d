"""A bare call of a model, `lm("text")`: no signature, and nothing is read.

Inside a step it belongs to that step's run; on its own it is a run of one node where
somebody follows runs.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import Any, Final, cast, get_args

from ..errors import CallError, ConfigError
from ..graph.tracing import refuse_traced
from ..ground import strictjson
from ..ground.options import check_options
from ..ground.shapes import is_mapping, is_sequence
from ..lm.abilities import abilities_of
from ..lm.lm import FORM, SAMPLING, LanguageModel, Prompt, Sampling, checked_sampling
from ..lm.request import Message, Request, Response, Role
from .ask import Asked, timed
from .bridge import run_ahead, run_sync
from .calling import inside
from .runtime import Runtime, current
from .trace import NodeRun
from .watching import follow, said

_PATH: Final = "lm"
_ROLES: Final = get_args(Role)


def ask_now(
    lm: LanguageModel, prompt: Prompt, sample: int | None, options: Sampling
) -> Response:
    """Ask and wait; see `lm.Direct`."""
    run = run_sync if current().followed else run_ahead
    return run(ask_later(lm, prompt, sample, options))


def ask_later(
    lm: LanguageModel, prompt: Prompt, sample: int | None, options: Sampling
) -> Coroutine[Any, Any, Response]:
    """Ask; what cannot be asked is refused at once, and not where it is awaited."""
    remedy = "Ask through a module, which becomes a node: weft.Predict(...); or ask in "
    remedy += "a @weft.step"
    refuse_traced(f"the model {lm.model!r} cannot be asked", remedy)
    runtime = current()
    request = _request(
        lm, prompt, runtime.sample if sample is None else sample, options
    )
    here = inside.get()
    if here is not None:
        return timed(request, lm, runtime, here.asked, None)
    if runtime.followed:
        return _followed(request, lm, runtime)
    return _recorded(request, lm, runtime)


async def _followed(request: Request, lm: LanguageModel, runtime: Runtime) -> Response:
    """The call as a run of its own."""
    nodes: list[NodeRun] = []

    async def work(inner: Runtime) -> Response:
        return await _recorded(request, lm, inner.having(record=nodes))

    return await follow(runtime, _PATH, _inputs(request), nodes, work)


async def _recorded(request: Request, lm: LanguageModel, runtime: Runtime) -> Response:
    """The call as a node, told to whoever follows it."""
    path = runtime.path + _PATH
    runtime.started(path, "module")
    asked, started = Asked(), time.perf_counter()
    outputs: dict[str, Any] = {}
    problem = ""
    try:
        response = await timed(request, lm, runtime, asked, None)
        outputs = {"text": response.text}
        return response
    except BaseException as error:
        problem = said(error)
        raise
    finally:
        runtime.finished(
            NodeRun(
                path,
                "module",
                _inputs(request),
                outputs,
                tuple(asked.calls),
                seconds=time.perf_counter() - started,
                error=problem,
                order=runtime.order,
                started=started - (runtime.began or started),
                failed=asked.failed,
            )
        )


def _inputs(request: Request) -> dict[str, Any]:
    return {"messages": [message.as_dict() for message in request.messages]}


def _request(
    lm: LanguageModel, prompt: Prompt, sample: int, options: Sampling
) -> Request:
    """What is asked.

    Raises:
        CallError: The prompt is no text and no turns.
        ConfigError: An option is unknown, or has a value that cannot be sent.
    """
    check_options(options, SAMPLING, "a call of a model")
    if type(cast(object, sample)) is not int or sample < 0:
        raise ConfigError(f"sample={sample!r} is no sample", hint="Give 0, 1, 2, ...")
    given = checked_sampling(options, {})
    drawn = {name: given[name] for name in options}
    able = abilities_of(lm)
    return Request(
        lm.model,
        _messages(prompt),
        {**lm.sampling, **drawn},
        endpoint=lm.endpoint,
        sample=sample,
        continues=able is not None and able.base is True and isinstance(prompt, str),
    )


def _messages(prompt: object) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (_message({"role": "user", "content": prompt}),)
    if not is_sequence(prompt) or not prompt:
        what = "no turn" if is_sequence(prompt) else f"of type {type(prompt).__name__}"
        raise CallError(
            f"a model is asked a text or turns, and this is {what}", hint=FORM
        )
    return tuple(map(_message, prompt))


def _message(turn: object) -> Message:
    """A turn, checked."""
    held = turn.as_dict() if isinstance(turn, Message) else turn
    if not is_mapping(held) or {*held} != {"role", "content"}:
        raise CallError(
            f"{turn!r:.200} is no turn: a turn has a role and a content", hint=FORM
        )
    role, content = held["role"], held["content"]
    if role not in _ROLES:
        raise CallError(
            f"{role!r:.200} is no role", hint=f"The roles are {', '.join(_ROLES)}"
        )
    if not isinstance(content, str) or not strictjson.is_text(content):
        raise CallError(
            f"the content of the {role}'s turn is no text that can be sent",
            hint="Give a text without lone surrogates; media go through a @weft.step",
        )
    return Message(role, content)
