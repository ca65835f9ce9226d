"""How one endpoint wants a request written: what is named otherwise, and left out.

A request is what was asked, and its key. What is sent may differ by what is known of
the endpoint: `max_tokens` has a later name and no more room than the context leaves, a
model that reasons takes no temperature, another no system turn. What an endpoint is
known to want comes from its kind, its refusals and the user; see `abilities`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..errors import InvalidRequest
from .abilities import Abilities
from .context import room_for
from .request import JSON, Message, Request
from .route import OPENAI

NOTHING_KNOWN: Final = Abilities()
_BY_ABILITY: Final = ("seed", "stop")
"""Options with an ability of their own."""


def left_out(request: Request, abilities: Abilities) -> tuple[str, ...]:
    """The sampling options that are asked for and not sent.

    >>> left_out(Request("m", (), {"seed": 1, "top_p": 1}), Abilities(seed=False))
    ('seed',)
    """
    refused = [name for name in _BY_ABILITY if getattr(abilities, name) is False]
    if not refused and not abilities.without:
        return ()
    refused += abilities.without
    return tuple(name for name in request.sampling if name in refused)


def options_of(
    request: Request, abilities: Abilities, most: int | None = None
) -> dict[str, JSON]:
    """The sampling options as they are sent.

    Args:
        request: What to ask.
        abilities: What is known of the endpoint.
        most: The most tokens of an answer that the endpoint has room for, where it has
            said so; else that is estimated.

    Raises:
        ContextLengthError: The prompt alone is longer than the model's context.
    """
    without = left_out(request, abilities)
    options = {name: v for name, v in request.sampling.items() if name not in without}
    if most is None:
        most = room_for(request, abilities.context)
    limits = [limit for limit in (most, abilities.output) if limit is not None]
    if limits and type(asked := options.get("max_tokens")) is int:
        options["max_tokens"] = min(asked, *limits)
    # `/completions` has kept the older name, at OpenAI too.
    if abilities.max_completion_tokens and not request.continues:
        options = {_LATER.get(name, name): value for name, value in options.items()}
    return options


_LATER: Final = {"max_tokens": "max_completion_tokens"}


def text_of(request: Request) -> str:
    """The text that a request wants continued.

    Raises:
        InvalidRequest: It holds turns, which a text has none of.
    """
    roles = [message.role for message in request.messages]
    if roles != ["user"]:
        raise InvalidRequest(
            f"a text to be continued is one message of the user, not {roles}",
            hint="Put demos and instruction into the text, or ask without `continues`",
            model=request.model,
        )
    return request.messages[0].content


def turns_of(request: Request, abilities: Abilities) -> list[dict[str, str]]:
    """The turns as they are sent: without a system turn where the model takes none.

    What the system turn says stands then before what the user first says, as the
    templates of models without one do it.
    """
    messages = request.messages
    if abilities.system_role is False:
        messages = _without_system(messages)
    return [message.as_dict() for message in messages]


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    said = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    at = next((n for n, turn in enumerate(turns) if turn.role == "user"), None)
    if not said or at is None:
        return messages
    told = "\n\n".join([*said, turns[at].content])
    return (*turns[:at], Message("user", told), *turns[at + 1 :])


def format_of(request: Request) -> dict[str, JSON]:
    """The fields of a body that say which form the answer is to have."""
    wanted = request.response_format
    if wanted is None:
        return {}
    held = wanted.get("json_schema")
    if not request.continues or request.endpoint == OPENAI:
        return {"response_format": wanted}
    # llama.cpp obeys a schema for a text under this name alone, vLLM under the other,
    # and each passes over what it does not know. OpenAI would refuse such a field.
    schema = held.get("schema") if isinstance(held, Mapping) else None
    return {"response_format": wanted, "json_schema": schema}
