"""Models that ask nobody: for tests of your programs, and for running without a key.

Each satisfies `LanguageModel`, can be called like any model, counts its `calls` and
keeps its `requests`. None of them invents an answer: what was not scripted, recorded or
computed is an error.

Recordings are JSON lines: who was recorded, then one request with its response a line.
A replay stands in for the recorded model, under its name, its endpoint and its
sampling, so the same program makes the same request keys.
"""

from __future__ import annotations

import difflib
import inspect
import json
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeGuard, cast, final

from ..errors import ConfigError
from ..ground.files import AppendLog
from ..ground.hints import Advised
from ..ground.loops import afresh_in_children
from ..ground.shapes import is_dict, is_list
from ..ground.words import counted
from .as_json import (
    key_in,
    request_from_json,
    request_to_json,
    response_from_json,
    response_to_json,
)
from .direct import Direct
from .lm import LanguageModel
from .reply import Fields, spoken
from .request import JSON, REPAIR, Request, Response, ToolCall, Usage, strict_loads

__all__ = ["FunctionLM", "RefusingLM", "ReplayLM", "Reply", "ScriptedLM"]

Reply: TypeAlias = str | Response | Sequence[ToolCall] | Exception
"""What a script may hold: a text, a whole response, tool calls, an error to raise."""

Answer: TypeAlias = str | Response | Sequence[ToolCall]
"""What a function may answer: a text, a whole response, or tool calls."""

_SHOWN: Final = 200
_WHO: Final = ("model", "endpoint", "sampling", "schema_mode")


class _Fake(Direct, Advised):
    """What all fakes share: who they are, a count and the requests seen."""

    _advised_as = "model"

    def __init__(self, model: str, *, schema_mode: bool = False) -> None:
        who: tuple[Any, ...] = (model, f"fake:{model}", {}, schema_mode)
        self._who: Mapping[str, Any] = dict(zip(_WHO, who, strict=True))
        self.requests: list[Request] = []
        self.forget()
        afresh_in_children(self)

    def forget(self) -> None:
        """Start afresh, as a forked child must: no thread of its parent lets go."""
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """How many attempts were made."""
        return len(self.requests)

    @property
    def model(self) -> str:
        """The model's name, which decides the price; a replay has the recorded one."""
        return str(self._who["model"])

    @property
    def endpoint(self) -> str:
        """The fake's kind and name, or the recorded endpoint; in every cache key."""
        return str(self._who["endpoint"])

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """Nothing, for a fake draws no samples; of a replay the recorded options."""
        return dict(self._who["sampling"])

    @property
    def schema_mode(self) -> bool:
        """Whether the fake claims, or the recorded model is held, to obey a schema."""
        return bool(self._who["schema_mode"])

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
            reply, where the first part that is found decides. An exception is raised. A
            list of `weft.ToolCall`s is what a model answers that calls tools.
        model: The name; the replies of two scripts in one cache need two names.
        schema_mode: Whether to claim that JSON schemas are obeyed.

    >>> import asyncio
    >>> from weft.pipeline.lm.request import Message
    >>> lm = ScriptedLM({"capital of France": "Paris"})
    >>> ask = Request(lm.model, (Message("user", "What is the capital of France?"),))
    >>> asyncio.run(lm.complete(ask)).text
    'Paris'
    >>> asyncio.run(ScriptedLM([{"city": "Paris"}]).complete(ask)).text
    '{"city": "Paris"}'
    """

    def __init__(
        self,
        replies: Sequence[Reply | Fields] | Mapping[str, Reply | Fields],
        *,
        model: str = "scripted",
        schema_mode: bool = False,
    ) -> None:
        super().__init__(model, schema_mode=schema_mode)
        if isinstance(cast(object, replies), str):
            hint = "Write a list: ScriptedLM([...])"
            raise ConfigError(f"the script {replies!r} is one text", hint=hint)
        self._by_part = dict(replies) if isinstance(replies, Mapping) else None
        self._in_order = [] if isinstance(replies, Mapping) else list(replies)

    async def complete(self, request: Request) -> Response:
        """Give the next reply, or the one for this request.

        Raises:
            ConfigError: The script holds no reply for this call.
        """
        position = self._keep(request)
        if self._by_part is not None:
            found = self._matching(self._by_part, request)
            return _answer(spoken(found, request), request)
        if position >= len(self._in_order):
            raise ConfigError(
                f"the script of {counted(len(self._in_order), 'reply')} is at its end, "
                f"and call {position + 1} came: {_last(request)!r}{_repaired(request)}",
                hint="Add a reply, or ask less often",
            )
        return _answer(spoken(self._in_order[position], request), request)

    def _matching(
        self, replies: Mapping[str, Reply | Fields], request: Request
    ) -> Reply | Fields:
        asked = request.messages[-1].text if request.messages else ""
        for part, reply in replies.items():
            if part in asked:
                return reply
        parts = ", ".join(repr(part) for part in replies)
        hint = f"It answers messages that hold one of: {parts}; "
        hint += "a reply by field stands in a list, ScriptedLM([{...}])"
        if repaired := _repaired(request):
            hint = f"Mend the reply, add one for {REPAIR!r}, or set repairs=0"
        raise ConfigError(
            f"the script has no reply for {_last(request)!r}{repaired}", hint=hint
        )


@final
class FunctionLM(_Fake):
    """Answers with a function of the request.

    Args:
        function: Takes a `Request`, returns a text, the values of fields by name, a
            list of `weft.ToolCall`s, or a `Response`. One that waits for something is
            async: all calls share a loop, and a function that blocks holds it.
        model: The name; two functions in one cache need two names.
        schema_mode: Whether to claim that JSON schemas are obeyed.
    """

    def __init__(
        self,
        function: Callable[[Request], Answer | Fields | Awaitable[Answer | Fields]],
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
        return _answer(spoken(reply, request), request)


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
    if _are_calls(reply):
        usage = Usage(_words_of(request), sum(len(c.arguments.split()) for c in reply))
        calls = tuple(reply)
        return Response("", usage, "tool_calls", request.model, tool_calls=calls)
    if not isinstance(cast(object, reply), str):
        raise ConfigError(f"the reply {reply!r} is no text", hint=_as_text(reply))
    usage = Usage(_words_of(request), len(cast(str, reply).split()))
    return Response(cast(str, reply), usage, model=request.model)


def _words_of(request: Request) -> int:
    return sum(len(message.text.split()) for message in request.messages)


def _are_calls(reply: object) -> TypeGuard[Sequence[ToolCall]]:
    calls = reply if is_list(reply) else []
    return bool(calls) and all(isinstance(one, ToolCall) for one in calls)


def _as_text(reply: object) -> str:
    """How to write a reply of another kind: as the model would."""
    held = reply if is_dict(reply) and reply else {"answer": "..."}
    parts = "".join(f"[[ {name} ]]\n{value}\n" for name, value in held.items())
    return f"Write what the model would: {parts + '[[ /end ]]'!r}"


def _repaired(request: Request) -> str:
    """What a message must say of a call that asks to mend a reply; else nothing."""
    *_, said, asked = request.messages if len(request.messages) > 2 else [None, None]
    if said is None or asked is None or not asked.text.startswith(REPAIR):
        return ""
    reply = said.text[:_SHOWN]
    return f". This is a repair: the reply {reply!r} could not be used"


def _last(request: Request) -> str:
    text = request.messages[-1].text if request.messages else ""
    return text if len(text) <= _SHOWN else f"...{text[-_SHOWN:]}"


_COMPARED: Final = 200  # recorded requests looked at for the nearest one
_DIFFERENCES: Final = 12  # lines shown
_PATIENCE: Final = 5.0  # seconds, for another process that records into the file


@final
class ReplayLM(_Fake):
    """Replays what was recorded; records what is missing where it is given a model.

    Args:
        path: The file of recordings.
        record: The model to ask for what the file does not hold, or None to ask nobody.

    Raises:
        ConfigError: The file is missing or cannot be read, or is of another model.
    """

    def __init__(
        self, path: str | os.PathLike[str], record: LanguageModel | None = None
    ) -> None:
        super().__init__("")  # until the file says who was recorded
        self._path = Path(path)
        self._source = record
        self._responses: dict[str, Response] = {}
        self._recorded: list[Request] = []
        self._who = self._load() or self._begin()

    async def complete(self, request: Request) -> Response:
        """Give the recorded answer.

        Raises:
            ConfigError: There is none, and no model to record; the message shows how
                the nearest recorded request differs.
        """
        self._keep(request)
        found = self._responses.get(request.key)
        if found is not None:
            return found
        if self._source is None:
            raise self._missing(request)
        response = await self._source.complete(request)
        with self._lock:
            self._responses[request.key] = response
            self._recorded.append(request)
            self._append(
                {
                    "request": request_to_json(request),
                    "response": response_to_json(response),
                }
            )
        return response

    def _append(self, tree: Mapping[str, JSON]) -> None:
        line = json.dumps(tree, sort_keys=True, allow_nan=False) + "\n"
        with AppendLog(self._path, patience=_PATIENCE) as log:
            log.append(line.encode())

    def _begin(self) -> dict[str, JSON]:
        if self._source is None:
            raise ConfigError(
                f"there are no recordings in {str(self._path)!r}",
                hint="Record some: ReplayLM(path, record=LM(...))",
            )
        who = _identity(self._source)
        self._append(who)
        return who

    def _load(self) -> dict[str, JSON] | None:
        """Read the file; who was recorded, or None where there is nothing yet."""
        if not self._path.exists():
            return None
        who: dict[str, Any] | None = None
        lines = self._path.read_text("utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                tree = cast(dict[str, Any], strict_loads(line))
                if who is None:
                    who = {name: tree[name] for name in _WHO}
                    continue
                request = request_from_json(tree["request"])
                response = response_from_json(tree["response"], cached=False)
                self._responses[key_in(tree["request"])] = response
                self._recorded.append(request)
            except (ValueError, KeyError, TypeError) as error:
                what = f"line {number} of {str(self._path)!r} is no recording"
                raise ConfigError(f"{what}: {error}", hint="Record it again") from None
        if who is not None and self._source and _identity(self._source) != who:
            raise ConfigError(
                f"{str(self._path)!r} holds recordings of {who['model']!r}, at "
                f"{who['endpoint']!r} and with other settings",
                hint="Record into another file",
            )
        return who

    def _missing(self, request: Request) -> ConfigError:
        shown = _lines(request)
        near = max(
            (_lines(known) for known in self._recorded[-_COMPARED:]),
            key=lambda lines: difflib.SequenceMatcher(None, lines, shown).quick_ratio(),
            default=None,
        )
        if near is None:
            what = "nothing was recorded"
        else:
            diff = difflib.unified_diff(near, shown, lineterm="", n=0)
            changes = [x for x in diff if not x.startswith(("---", "+++", "@@"))]
            head = "from the nearest one it differs in:"
            what = "\n".join((head, *changes[:_DIFFERENCES]))
        return ConfigError(
            f"this request was not recorded in {str(self._path)!r}; {what}",
            hint="Record it: ReplayLM(path, record=LM(...))",
        )


def _identity(lm: LanguageModel) -> dict[str, JSON]:
    return {
        "model": lm.model,
        "endpoint": lm.endpoint,
        "sampling": json.loads(json.dumps(dict(lm.sampling))),
        "schema_mode": lm.schema_mode,
    }


def _lines(request: Request) -> list[str]:
    """A request as lines that can be compared."""
    tree = request_to_json(request)
    settings = {name: tree[name] for name in sorted(tree) if name != "messages"}
    lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
    for message in request.messages:
        lines += [f"{message.role}: {line}" for line in message.text.split("\n")]
    return lines
