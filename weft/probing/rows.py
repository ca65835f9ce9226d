"""A dozen made-up rows, of a closed label and of a number, for trying forms on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ..modules.predict import Predict

Topic = Literal["weather", "food", "travel"]


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence, with what a module is to make of it.

    Args:
        module: Who is asked.
        sentence: The input.
        right: The output.
    """

    module: Predict[..., Any]
    sentence: str
    right: str | int

    @property
    def output(self) -> str:
        """The output's name."""
        return next(iter(self.module.spec.outputs))


_topic: Final = Predict(
    "sentence -> topic: Topic",
    "Say what the sentence is about.",
    types={"Topic": Topic},
    name="topic",
)
_number: Final = Predict(
    "sentence -> number: int",
    "Write down the number that the sentence names.",
    name="number",
)

ROWS: Final = (
    Row(_topic, "It will rain all afternoon, so take an umbrella.", "weather"),
    Row(_number, "There are three cups on the table.", 3),
    Row(_topic, "The soup needs more salt and a little pepper.", "food"),
    Row(_number, "Twelve students passed the test.", 12),
    Row(_topic, "Our train leaves at nine from platform two.", "travel"),
    Row(_number, "He paid seven coins for the map.", 7),
    Row(_topic, "A warm wind blew in from the south overnight.", "weather"),
    Row(_number, "The tower has forty steps.", 40),
    Row(_topic, "She baked bread with olives and rosemary.", "food"),
    Row(_number, "Only one lamp was lit in the hall.", 1),
    Row(_topic, "We booked a cabin on the ferry to the island.", "travel"),
    Row(_number, "They waited for ninety minutes at the gate.", 90),
)
"""Labels and numbers in turn, so that the first few hold both."""
