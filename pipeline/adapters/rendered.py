"""A call as it goes to a model, in one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..lm.request import JSON, Message


@dataclass(frozen=True, slots=True)
class Rendered:
    """A call as it goes to a model.

    Args:
        messages: The turns, oldest first.
        fence: What sets structure apart in this call; `parse` needs it.
        response_format: The wire's `response_format`, or None.
        stop: Texts at which the reply is to end.
        continues: Whether the one message is a text to be continued.
        echoed: The inputs as they were written: what a reply quotes of them among words
            is no answer.
        grammar: The grammar that the endpoint is to enforce, or empty.
    """

    messages: tuple[Message, ...]
    fence: str = ""
    response_format: Mapping[str, JSON] | None = None
    stop: tuple[str, ...] = ()
    continues: bool = False
    echoed: str = ""
    grammar: str = ""
