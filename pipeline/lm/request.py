"""What goes to a model and what comes back, as plain immutable data, and as JSON.

A `Request` holds every field that can change the answer, the endpoint too, and nothing
else: no key, no time-out, no retry setting. Its canonical bytes are its identity, and
their SHA-256 is the cache key. Both are JSON for caches, recordings and journals.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, TypeGuard, cast

from ..errors import CallError, InvalidRequest
from ..ground.frozen import assembled, unchanging
from ..ground.hints import Advised, brought
from ..ground.strictjson import no_constant, plain_text, quoted, sorted_text
from ..ground.words import refusal
from .message import (
    JSON,
    Message,
    Role,
    ToolCall,
    content_to_json,
    turn_to_json,
)
from .scoring.questions import Questions
from .scoring.tokens import TokenLogprob
from .soft.words import Soft

if TYPE_CHECKING:
    from .soft.lora import Lora

__all__ = [
    "JSON",
    "REPAIR",
    "Message",
    "Request",
    "Response",
    "Role",
    "ToolCall",
    "ToolDefinition",
    "Usage",
    "apart",
    "are_counts",
    "content_to_json",
    "is_count",
    "is_price",
    "strict_loads",
    "turn_to_json",
]

HEAD = "weft.request/1\n"
"""What the canonical text of a request begins with."""
MOST_TOKENS: Final = 2**53
"""No call has so many: a count from here on is none."""

MOST_USD: Final = 1e12
"""No call costs so much: a price from here on is none."""

REPAIR: Final = "That reply could not be used"
"""How the message begins that asks a model to mend its reply."""


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as an endpoint that has tools is told it.

    Args:
        name: What the model calls it.
        description: When to use it.
        parameters: The JSON Schema of its arguments, an object.
    """

    name: str
    description: str
    parameters: Mapping[str, JSON]

    def as_data(self) -> dict[str, JSON]:
        """The tool as plain data."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }


@dataclass(frozen=True)
class Request:
    """One call, ready to be sent.

    Args:
        model: The model's name as its endpoint knows it.
        messages: The turns, oldest first.
        sampling: Temperature, max_tokens and the like, in the wire's own names.
        response_format: The wire's `response_format`, or None for plain text.
        endpoint: Who answers: a base URL without credentials, or a back end's name.
        sample: Which of several answers to one prompt this is; 0 is the first.
        continues: Whether one text is to be continued (`/completions`), and no turn
            answered; the text is the only message's.
        tools: What the model may call, in the order in which it is told them.
        questions: What an endpoint made for decisions is asked about the one message,
            or None where a reply is asked for.
        soft: The soft words that stand in the messages, or the prefix that goes along;
            the vectors are identified by their digest.
        lora: The low-rank updates of the weights that it is answered through, likewise.

    >>> one = Request("m", (Message("user", "hi"),))
    >>> one.key == Request("m", (Message("user", "hi"),), sampling={}).key
    True
    >>> one.key == Request("m", (Message("user", "hi"),), endpoint="http://b").key
    False
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Mapping[str, JSON] = field(default_factory=lambda: {})
    response_format: Mapping[str, JSON] | None = None
    endpoint: str = ""
    sample: int = 0
    continues: bool = False
    tools: tuple[ToolDefinition, ...] = ()
    questions: Questions | None = None
    soft: Soft | None = None
    lora: Lora | None = None

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse it. It answers `"x" in request`, too.

        def __getitem__(self, at: object) -> Any:
            message = f"a Request is no text and no mapping, and nothing is at {at!r}"
            raise CallError(message, hint="Read .messages[-1].text, what is said last")

    @property
    def canonical(self) -> bytes:
        """The bytes that identify this request, the same in every process.

        Raises:
            ValueError: A number is not finite or a text holds a lone surrogate.
        """
        before, behind = self._beside_turns()
        return f"{before}{_written(self.messages)}{behind}".encode()

    def beginning(self) -> Beginning:
        """What the keys of requests share that begin as this one, and go on.

        Raises:
            ValueError: As of `canonical`.
        """
        before, behind = self._beside_turns()
        turns = f"{_written(self.messages)}," if self.messages else ""
        return Beginning(self, hashlib.sha256(f"{before}{turns}".encode()), behind)

    def _beside_turns(self) -> tuple[str, str]:
        """What stands before the turns in the canonical text, and what behind."""
        # Members in the order of their names, as a sorting encoder would write them.
        kind = '"continues":true,' if self.continues else ""
        wanted = self.response_format
        form = "null" if wanted is None else sorted_text(wanted)
        told = ""
        if self.tools:
            told = f',"tools":{sorted_text([one.as_data() for one in self.tools])}'
        held = self.questions
        asked = "" if held is None else f'"questions":{sorted_text(held.as_data())},'
        if self.soft is not None:
            told = f',"soft":{sorted_text(self.soft.identity())}{told}'
        held_by = quoted(self.endpoint)
        if self.lora is not None:
            held_by += f',"lora":{sorted_text(self.lora.identity())}'
        behind = (
            f'],"model":{quoted(self.model)},{asked}'
            f'"response_format":{form},"sample":{self.sample:d},'
            f'"sampling":{sorted_text(self.sampling)}{told}}}'
        )
        return f'{HEAD}{{{kind}"endpoint":{held_by},"messages":[', behind

    @property
    def key(self) -> str:
        """SHA-256 of the canonical bytes, in hex; computed once."""
        # By hand: `cached_property` takes a lock in Python 3.11.
        held = self.__dict__
        found: str | None = held.get("_key")
        if found is None:
            found = held["_key"] = hashlib.sha256(self.canonical).hexdigest()
        return found


def apart(request: Request) -> Request:
    """The same request, in whose sampling and schema whoever sends it may write.

    Requests share these, and clients write into what they are given.
    """
    own = {
        "sampling": deepcopy(dict(request.sampling)),
        "response_format": deepcopy(request.response_format),
    }
    return assembled(Request, vars(request), **own)


class Beginning:
    """Requests that begin with the same turns and differ in the last ones alone.

    A long prompt is the same for a thousand rows but for its end: what all of them
    share is hashed once, and not for every key.

    >>> told = Message("system", "Be brief.")
    >>> begun = Request("m", (told,), {"seed": 1}).beginning()
    >>> one = begun.ending((Message("user", "Hi"),))
    >>> one == Request("m", (told, Message("user", "Hi")), {"seed": 1})
    True
    """

    def __init__(self, request: Request, hashed: Any, behind: str) -> None:
        self._request, self._hashed, self._behind = request, hashed, behind
        names = [field.name for field in fields(request)]
        self._held = {n: getattr(request, n) for n in names if n != "messages"}

    def ending(self, turns: tuple[Message, ...]) -> Request:
        """The request that goes on with these turns; its key is known.

        Raises:
            ValueError: A text holds a lone surrogate.
        """
        key = self._hashed.copy()
        key.update(f"{_written(turns)}{self._behind}".encode())
        held, messages = self._held, (*self._request.messages, *turns)
        return assembled(Request, held, messages=messages, _key=key.hexdigest())


def _written(turns: tuple[Message, ...]) -> str:
    return ",".join(
        [
            f"[{quoted(m.role)},{quoted(c)}]"
            if type(c := m.content) is str and not (m.tool_calls or m.answers)
            else sorted_text(turn_to_json(m))
            for m in turns
        ]
    )


@unchanging
@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the server counted them.

    Args:
        input_tokens: Of the prompt.
        output_tokens: Of the answer, with what was thought before it.
        cached_input_tokens: Those of the prompt that the server had at hand.
        reasoning_tokens: Those of the output that were thought; 0 where none were, or
            the server does not say.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0


@unchanging
@dataclass(frozen=True, slots=True)
class Response(Advised):
    """One answer.

    Args:
        text: The completion, without what was thought before it.
        usage: Tokens, or None where the server sent none.
        finish_reason: Why it ended, in OpenAI's words: "stop", "length",
            "tool_calls", "function_call".
        model: The model that really answered, as the server names it.
        cost: US dollars, or None where the price is unknown.
        cached: True where no server was asked.
        request_id: The provider's id, where it gave one.
        retries: Further attempts that it took; 0 for an answer from the cache.
        reasoning: What the model thought first, where its endpoint shows that.
        without: Sampling options that were asked for and not sent, because the endpoint
            refuses them for this model.
        tool_calls: What it asks to be called, in order; of a request with `tools`.
        logprobs: How probable each of its tokens was, where that was asked for
            (`logprobs=`) and the endpoint says it; else None.
    """

    _advised_as = "response"
    text: str
    usage: Usage | None = None
    finish_reason: str = "stop"
    model: str = ""
    cost: float | None = None
    cached: bool = False
    request_id: str = ""
    retries: int = 0
    reasoning: str = ""
    without: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse it. It answers a loop over it, too.

        def __getitem__(self, at: object) -> Any:
            message = f"a model's answer is one Response, in which nothing is at {at!r}"
            raise CallError(message, hint=brought("response", "choices"))

        def __len__(self) -> int:
            message = "a model's answer is one Response, which has no length"
            raise CallError(message, hint=brought("response", "choices"))

        def __bool__(self) -> bool:
            return True  # Python would ask for the length

    def at(self, cost: float) -> Response:
        """The same answer at a price in US dollars."""
        return self._with(cost, self.cached, self.retries)

    def as_cached(self) -> Response:
        """The same answer, marked as one that needed no call."""
        return self if self.cached else self._with(self.cost, True, 0)

    def _with(self, cost: float | None, cached: bool, retries: int) -> Response:
        # By hand: `dataclasses.replace` takes four times as long.
        return Response(
            self.text,
            self.usage,
            self.finish_reason,
            self.model,
            cost,
            cached,
            self.request_id,
            retries,
            self.reasoning,
            self.without,
            self.tool_calls,
            self.logprobs,
        )


def as_sent(body: Mapping[str, Any], request: Request) -> bytes:
    """A body as it is sent: JSON in UTF-8.

    Raises:
        InvalidRequest: It cannot be written so.
    """
    try:
        return plain_text(body).encode()
    except (TypeError, ValueError) as error:
        message = f"the request cannot be sent as JSON in UTF-8: {error}"
        raise InvalidRequest(message, model=request.model) from None


def strict_loads(text: str | bytes) -> object:
    """JSON without NaN and infinities, whatever its depth.

    Raises:
        ValueError: It is no JSON.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogatepass")
    try:
        return cast(object, _DECODER.decode(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        raise refusal(error) from None


_DECODER: Final = json.JSONDecoder(parse_constant=no_constant)
"""`json.loads` would make one for each call."""


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a number of tokens that a call can have.

    >>> is_count(7), is_count(-1), is_count(10**30), is_count(True)
    (True, False, False, False)
    """
    return type(value) is int and 0 <= value < MOST_TOKENS


def are_counts(*values: int) -> bool:
    """Whether each is a number of tokens that a call can have."""
    known = {*map(type, values)} == {int}
    return known and 0 <= min(values) <= max(values) < MOST_TOKENS


def is_price(value: object) -> bool:
    """Whether it is an amount of US dollars that a call can cost.

    >>> is_price(0.25), is_price(float("inf")), is_price(float("nan")), is_price(-1)
    (True, False, False, False)
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= cast(float, value) < MOST_USD
