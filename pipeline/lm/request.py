"""What goes to a model and what comes back, as plain immutable data.

A `Request` holds every field that can change the answer, the endpoint too, and nothing
else: no key, no time-out, no retry setting. Its canonical bytes are its identity, and
their SHA-256 is the cache key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from ..ground.strictjson import quoted, sorted_text

Scalar: TypeAlias = str | int | float | bool | None
JSON: TypeAlias = "Scalar | list[JSON] | tuple[JSON, ...] | Mapping[str, JSON]"
Role = Literal["system", "user", "assistant"]

_HEAD = b"weft.request/1\n"
REPAIR: Final = "That reply could not be used"
"""How the message begins that asks a model to mend its reply."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str

    def as_dict(self) -> dict[str, str]:
        """The turn in the OpenAI wire format."""
        return {"role": self.role, "content": self.content}


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

    >>> one = Request("m", (Message("user", "hi"),))
    >>> one.key == Request("m", (Message("user", "hi"),), sampling={}).key
    True
    >>> one.key == Request("m", (Message("user", "hi"),), endpoint="http://b").key
    False
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    response_format: Mapping[str, JSON] | None = None
    endpoint: str = ""
    sample: int = 0
    continues: bool = False

    @property
    def canonical(self) -> bytes:
        """The bytes that identify this request, the same in every process.

        Raises:
            ValueError: A number is not finite or a text holds a lone surrogate.
        """
        turns = ",".join(
            [f"[{quoted(m.role)},{quoted(m.content)}]" for m in self.messages]
        )
        # Members in the order of their names, as a sorting encoder would write them.
        kind = '"continues":true,' if self.continues else ""
        text = (
            f'{{{kind}"endpoint":{quoted(self.endpoint)},"messages":[{turns}],'
            f'"model":{quoted(self.model)},'
            f'"response_format":{sorted_text(self.response_format)},'
            f'"sample":{sorted_text(self.sample)},'
            f'"sampling":{sorted_text(self.sampling)}}}'
        )
        return _HEAD + text.encode()

    @property
    def key(self) -> str:
        """SHA-256 of the canonical bytes, in hex; computed once."""
        # By hand: `cached_property` takes a lock in Python 3.11.
        held = self.__dict__
        found: str | None = held.get("_key")
        if found is None:
            found = held["_key"] = hashlib.sha256(self.canonical).hexdigest()
        return found


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


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    Args:
        text: The completion, without what was thought before it.
        usage: Tokens, or None where the server sent none.
        finish_reason: The wire's own word: "stop", "length", ...
        model: The model that really answered, as the server names it.
        cost: US dollars, or None where the price is unknown.
        cached: True where no server was asked.
        request_id: The provider's id, where it gave one.
        retries: Further attempts that it took; 0 for an answer from the cache.
        reasoning: What the model thought first, where its endpoint shows that.
        without: Sampling options that were asked for and not sent, because the endpoint
            refuses them for this model.
    """

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

    def at(self, cost: float) -> Response:
        """The same answer at a price in US dollars."""
        # By hand: `dataclasses.replace` takes four times as long.
        return Response(
            self.text,
            self.usage,
            self.finish_reason,
            self.model,
            cost,
            self.cached,
            self.request_id,
            self.retries,
            self.reasoning,
            self.without,
        )

    def as_cached(self) -> Response:
        """The same answer, marked as one that needed no call."""
        if self.cached:
            return self
        return Response(
            self.text,
            self.usage,
            self.finish_reason,
            self.model,
            self.cost,
            True,
            self.request_id,
            0,
            self.reasoning,
            self.without,
        )
