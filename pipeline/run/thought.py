"""What a model thought, where its answer is read: a field it fills, an end it explains.

A `ChainOfThought` asks for a `reasoning` before the answer. A model whose endpoint
shows what it thought has given its reasoning already, and often leaves the field out,
or empty: then the thought is the field's value. What is asked stays the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ..errors import ParseError, Truncated
from ..lm.request import Response
from ..signature.signature import Signature, class_of, spec_of

if TYPE_CHECKING:
    from ..reading.fields import Parsed


REASONING: Final = "reasoning"
"""The field that a thought can fill."""

FILLED: Final = f"{REASONING!r} was filled with what the model thought"
"""The repair that says so."""


def read_reply(
    response: Response,
    signature: type[Signature],
    parse: Callable[[str, type[Signature]], Parsed],
) -> Parsed:
    """Read a reply; a `reasoning` that it leaves out or empty is what was thought.

    Args:
        response: What the model answered.
        signature: The contract.
        parse: Reads a text by a contract.

    Raises:
        ParseError: The reply cannot be used, with the thought either.
    """
    thought = response.reasoning.strip()
    if not thought or not _asks_first(signature):
        return parse(response.text, signature)
    try:
        parsed = parse(response.text, signature)
    except ParseError as error:
        if not error.message.startswith(f"field {REASONING!r} is missing"):
            raise
        try:
            parsed = parse(response.text, _without(signature))
        except ParseError:
            raise error from None  # as it would have been said without a thought
    if str(parsed.values.get(REASONING, "")).strip():
        return parsed
    rest = {name: v for name, v in parsed.values.items() if name != REASONING}
    values: dict[str, Any] = {REASONING: thought, **rest}
    return replace(parsed, values=values, repairs=(*parsed.repairs, FILLED))


def truncated(who: str, response: Response, model: str) -> Truncated:
    """The error of a reply that stopped at the token limit."""
    if response.text.strip() or not has_thought(response):
        return Truncated(
            f"{who}: the reply stopped at the token limit",
            hint="Raise max_tokens, or ask for less",
            model=model,
        )
    return Truncated(
        f"{who}: the reply stopped at the token limit before the answer began",
        hint="All of max_tokens went into reasoning: raise max_tokens, or lower "
        "reasoning_effort",
        model=model,
    )


def only_thought(error: ParseError, response: Response) -> ParseError:
    """The error of a reply that cannot be used; it says so where there was no answer.

    For who reads the error. A model that is to mend its reply is told as ever.
    """
    if response.text.strip() or not has_thought(response):
        return error
    return type(error)(
        "only reasoning came, and no answer",
        text=error.text,
        field=error.field,
        wanted=error.wanted,
        module=error.module,
        adapter=error.adapter,
        hint="Lower reasoning_effort, or ask with another adapter=",
    )


def has_thought(response: Response) -> bool:
    """Whether the model thought, shown or not."""
    counted = response.usage is not None and response.usage.reasoning_tokens > 0
    return bool(response.reasoning.strip()) or counted


def _asks_first(signature: type[Signature]) -> bool:
    """Whether the first output is a reasoning in free text."""
    first = next(iter(spec_of(signature).outputs.values()), None)
    return first is not None and first.name == REASONING and first.annotation is str


@lru_cache(maxsize=256)
def _without(signature: type[Signature]) -> type[Signature]:
    spec = spec_of(signature)
    fields = tuple(field for field in spec.fields if field.name != REASONING)
    return class_of(replace(spec, fields=fields), signature)
