"""What was run so far: steps of code."""

from __future__ import annotations

from typing import Any, final

import pydantic

from ...pipeline.ground.shapes import is_list
from ...pipeline.signature.field import FieldSpec


@final
class CodeStep(pydantic.BaseModel):
    """One piece of code that a model wrote, and what came of it."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    thought: str
    """Why the model wrote it."""
    code: str
    """The code that ran: as it was read in the reply."""
    printed: str = ""
    """What it printed."""
    value: str = ""
    """What its last line was worth, as the model is shown it."""
    error: str = ""
    """Why it did not run to its end, or empty."""

    def seen(self) -> dict[str, Any]:
        """The step as the model is shown it in the next one."""
        made: dict[str, Any] = {
            "thought": self.thought,
            "code": self.code,
            "printed": self.printed,
        }
        made |= {"value": self.value} if self.value else {}
        return made | ({"error": self.error} if self.error else {})


SEEN = FieldSpec(
    "trajectory",
    "input",
    list[dict[str, Any]],
    "the code that ran so far, and what came of it",
)
STEPS = FieldSpec("trajectory", "output", list[CodeStep], "the code that ran")
GAVE = ("printed", "value")
"""What of a step may be cut where there is no room for it."""
THOUGHT = FieldSpec("thought", "output", str, "what the code is to find out")


def code_steps_of(result: object) -> list[CodeStep]:
    """The code that led to a result, for type checkers too.

    A result is of the caller's signature, which has no field for it; at run time it is
    the attribute `trajectory`.

    Raises:
        TypeError: The result was not made by running code.
    """
    steps = getattr(result, "__dict__", {}).get("trajectory")
    if not is_list(steps) or not all(isinstance(step, CodeStep) for step in steps):
        raise TypeError(f"{type(result).__name__} was not made by running code")
    return steps
