"""What a reply's reasoning was worth: whether there was one, and if it came first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from ..signature.signature import Signature, class_of, spec_of
from ..signature.spec import Spec
from .arriving import AGAIN, FieldReader

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
