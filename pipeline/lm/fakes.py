"""Models that ask nobody: for tests of your programs, and for running without a key.

Each satisfies `LanguageModel`, can be called like any model, counts its `calls` and
keeps its `requests`. None of them invents an answer: what was not scripted, recorded or
computed is an error.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias, cast, final

from ..errors import ConfigError
from ..ground.shapes import is_dict
from .direct import Direct
from .replay import ReplayLM
from .request import JSON, REPAIR, Request, Response, Usage

__all__ = ["FunctionLM", "RefusingLM", "ReplayLM", "Reply", "ScriptedLM"]

Reply: TypeAlias = str | Response | Exception
"""What a script may hold: a text, a whole response, or an error to raise."""

_SHOWN: Final = 200


class _Fake(Direct):
    """What all fakes share: a name, a count and the requests seen."""

    def __init__(self, model: str, *, schema_mode: bool = False) -> None:
        self._model = model
        self._schema_mode = schema_mode
        self._lock = threading.Lock()
        self.requests: list[Request] = []

    @property
    def calls(self) -> int:
        """How many attempts were made."""
        return len(self.requests)

    @property
    def model(self) -> str:
        """The fake's model name; it decides the price."""
        return self._model

    @property
    def endpoint(self) -> str:
        """The fake's kind and name; part of every cache key."""
        return f"fake:{self._model}"

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """Nothing: a fake draws no samples."""
        return {}

    @property
    def schema_mode(self) -> bool:
        """Whether the fake claims to obey a JSON schema."""
        return self._schema_mode

    def _keep(self, request: Request) -> int:
        """Keep a request and return how many came before it."""
        with self._lock:
            self.requests.append(request)
            return len(self.requests) - 1


@final
class ScriptedLM(_Fake):
    """Gives the replies of a script: in order, or by what the last message holds.

    Args:
        replies: Replies in order; or a mapping from a part of the last message to a
            reply, where the first part that is found decides. An exception is raised.
        model: The name; the replies of two scripts in one cache need two names.
        schema_mode: Whether to claim that JSON schemas are obeyed.

    >>> import asyncio
    >>> from weft.pipeline.lm.request import Message
    >>> lm = ScriptedLM({"capital of France": "Paris"})
    >>> ask = Request(lm.model, (Message("user", "What is the capital of France?"),))
    >>> asyncio.run(lm.complete(ask)).text
    'Paris'
    """

    def __init__(
        self,
        replies: Sequence[Reply] | Mapping[str, Reply],
        *,
        model: str = "scripted",
        schema_mode: bool = False,
    ) -> None:
        super().__init__(model, schema_mode=schema_mode)
        self._by_part = dict(replies) if isinstance(replies, Mapping) else None
        self._in_order = [] if isinstance(replies, Mapping) else list(replies)

    async def complete(self, request: Request) -> Response:
        """Give the next reply, or the one for this request.

        Raises:
            ConfigError: The script holds no reply for this call.
        """
        position = self._keep(request)
        if self._by_part is not None:
            return _answer(self._matching(self._by_part, request), request)
        if position >= len(self._in_order):
            raise ConfigError(
                f"the script of {len(self._in_order)} replies is at its end, and call "
                f"{position + 1} came: {_last(request)!r}{_repaired(request)}",
                hint="Add a reply, or ask less often",
            )
        return _answer(self._in_order[position], request)

    def _matching(self, replies: Mapping[str, Reply], request: Request) -> Reply:
        asked = request.messages[-1].content if request.messages else ""
        for part, reply in replies.items():
            if part in asked:
                return reply
        parts = ", ".join(repr(part) for part in replies)
        hint = f"It answers messages that hold one of: {parts}"
        if repaired := _repaired(request):
            hint = f"Mend the reply, add one for {REPAIR!r}, or set repairs=0"
        raise ConfigError(
            f"the script has no reply for {_last(request)!r}{repaired}", hint=hint
        )


@final
class FunctionLM(_Fake):
    """Answers with a function of the request.

    Args:
        function: Takes a `Request`, returns a text or a `Response`; may be async.
        model: The name; two functions in one cache need two names.
        schema_mode: Whether to claim that JSON schemas are obeyed.
    """

    def __init__(
        self,
        function: Callable[[Request], str | Response | Awaitable[str | Response]],
        *,
        model: str = "function",
        schema_mode: bool = False,
    ) -> None:
        super().__init__(model, schema_mode=schema_mode)
        self._function = function

    async def complete(self, request: Request) -> Response:
        """Call the function; what it raises is raised."""
        self._keep(request)
        reply = self._function(request)
        if inspect.isawaitable(reply):
            reply = await reply
        return _answer(reply, request)


@final
class RefusingLM(_Fake):
    """Refuses every call: proof that something was answered without a model."""

    def __init__(self, *, model: str = "refusing", schema_mode: bool = False) -> None:
        super().__init__(model, schema_mode=schema_mode)

    async def complete(self, request: Request) -> Response:
        """Raise.

        Raises:
            ConfigError: Always.
        """
        self._keep(request)
        raise ConfigError(
            f"a model was asked where none should be: {_last(request)!r}",
            hint="Expected an answer from the cache, or no call at all",
        )


def _answer(reply: Reply, request: Request) -> Response:
    if isinstance(reply, Exception):
        raise reply
    if isinstance(reply, Response):
        return reply
    if not isinstance(cast(object, reply), str):
        raise ConfigError(f"the reply {reply!r} is no text", hint=_as_text(reply))
    asked = sum(len(message.content.split()) for message in request.messages)
    return Response(reply, Usage(asked, len(reply.split())), model=request.model)


def _as_text(reply: object) -> str:
    """How to write a reply of another kind: as the model would."""
    held = reply if is_dict(reply) and reply else {"answer": "..."}
    parts = "".join(f"[[ {name} ]]\n{value}\n" for name, value in held.items())
    return f"Write what the model would: {parts + '[[ /end ]]'!r}"


def _repaired(request: Request) -> str:
    """What a message must say of a call that asks to mend a reply; else nothing."""
    *_, said, asked = request.messages if len(request.messages) > 2 else [None, None]
    if said is None or asked is None or not asked.content.startswith(REPAIR):
        return ""
    reply = said.content[:_SHOWN]
    return f". This is a repair: the reply {reply!r} could not be used"


def _last(request: Request) -> str:
    text = request.messages[-1].content if request.messages else ""
    return text if len(text) <= _SHOWN else f"...{text[-_SHOWN:]}"
