"""Who answers, and how: the arms of the comparison, by name.

An arm's name is its side and what differs from that side's defaults, with dashes
between: `weft`, `weft-cot`, `weft-noschema`, `weft-json`, `weft-completion-4demos`,
`weft-completion-4demos-draw1` (four other rows),
`dspy`, `dspy-json-cot`. Whatever word is none of these is a form of the reply.
`dspy-schema` is its JSON form under a model's name for which it asks the server to
enforce the schema; by itself it asks that of no model with an unknown name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .. import BenchError

__all__ = ["COMPILED", "ZERO_SHOT", "Arm", "arm_of"]

ZERO_SHOT = (
    "weft",
    "weft-noschema",
    "dspy",
    "dspy-json",
    "dspy-schema",
    "weft-cot",
    "dspy-cot",
    "dspy-json-cot",
)
COMPILED = (
    "weft-BootstrapFewShot",
    "weft-Auto",
    "dspy-BootstrapFewShot",
    "dspy-BootstrapFewShotWithRandomSearch",
)


@dataclass(frozen=True)
class Arm:
    """One way of asking.

    Args:
        side: "weft" or "dspy".
        form: The form of the reply; empty is what the side takes by itself.
        thinks: Whether a field of reasoning comes first (ChainOfThought).
        schema: Whether the server may be asked to enforce a schema.
        demos: How many train rows stand in the prompt, the same for both sides.
        draw: Which ones: another number draws others.
    """

    side: str
    form: str = ""
    thinks: bool = False
    schema: bool = True
    demos: int = 0
    draw: int = 0


def arm_of(name: str) -> Arm:
    """The arm of a name.

    Raises:
        BenchError: There is no such side.

    >>> arm_of("weft-completion/1-4demos")
    Arm(side='weft', form='completion/1', thinks=False, schema=True, demos=4, draw=0)
    """
    side, *words = name.split("-")
    if side not in {"weft", "dspy"}:
        raise BenchError(f"no arm {name!r}: it begins with weft or dspy")
    form, demos, draw = "", 0, 0
    for word in words:
        if few := re.fullmatch(r"(\d+)demos", word):
            demos = int(few[1])
        elif other := re.fullmatch(r"draw(\d+)", word):
            draw = int(other[1])
        elif word not in {"cot", "noschema"}:
            form = word
    return Arm(side, form, "cot" in words, "noschema" not in words, demos, draw)
