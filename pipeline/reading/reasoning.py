"""What a reply's reasoning was worth: whether there was one, and if it came first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from ..errors import ParseError
from ..lm.request import Response
from ..signature.signature import Signature, class_of, spec_of
from ..signature.spec import Spec
from .arriving import AGAIN, FieldReader
from .fields import Parsed

REASONING: Final = "reasoning"
"""The field that holds what leads to an answer; the first output where it is asked."""

EMPTY: Final = "empty"
"""It came, and said nothing."""

AFTER: Final = "after the answer"
"""It was written behind another output, so that it led to none."""


_FIRST: Final = re.compile(rf"\W{{0,9}}{REASONING}\b")
"""A reply that plainly begins with it, in whatever form."""

_LOOKED_AT: Final = 100_000
"""Characters of a reply in which the first field is looked for."""

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
    if not thought or not asks_first(signature):
        return parse(response.text, signature)
    try:
        parsed = parse(response.text, signature)
    except ParseError as error:
        if not error.message.startswith(f"field {REASONING!r} is missing"):
            raise
        try:
            parsed = parse(response.text, without_reasoning(signature))
        except ParseError:
            raise error from None  # as it would have been said without a thought
    if str(parsed.values.get(REASONING, "")).strip():
        return parsed
    rest = {name: v for name, v in parsed.values.items() if name != REASONING}
    values: dict[str, Any] = {REASONING: thought, **rest}
    return replace(parsed, values=values, repairs=(*parsed.repairs, FILLED))


def has_thought(response: Response) -> bool:
    """Whether the model thought, shown or not."""
    counted = response.usage is not None and response.usage.reasoning_tokens > 0
    return bool(response.reasoning.strip()) or counted


def fault_of_reasoning(
    spec: Spec, values: dict[str, Any], new: Callable[[], FieldReader], text: str
) -> str:
    """What is wrong with the reasoning in a reply; empty where it led to the answer.

    A model that writes its reasons behind the answer has answered without any, and so
    has one that writes none: what they are worth differs, so the two are told apart.

    Args:
        spec: The fields that were asked for.
        values: What was read.
        new: Makes a reader of replies as they arrive.
        text: The reply.

    Returns:
        `EMPTY`, `AFTER`, or an empty text; that too where no reasoning is asked first.
    """
    if next(iter(spec.outputs), "") != REASONING or len(spec.outputs) < 2:
        return ""
    held = values.get(REASONING)
    if not (held.strip() if isinstance(held, str) else held):
        return EMPTY
    if _FIRST.match(text):
        return ""
    for delta in new().feed(text[:_LOOKED_AT]):
        if delta != AGAIN:
            return AFTER if delta.field != REASONING else ""
    return ""


def asks_first(signature: type[Signature]) -> bool:
    """Whether the first output is a reasoning in free text, as a thought is."""
    first = next(iter(spec_of(signature).outputs.values()), None)
    return first is not None and first.name == REASONING and first.annotation is str


@lru_cache(maxsize=256)
def without_reasoning(signature: type[Signature]) -> type[Signature]:
    """The same contract without a reasoning."""
    spec = spec_of(signature)
    fields = tuple(field for field in spec.fields if field.name != REASONING)
    return class_of(replace(spec, fields=fields), signature)
