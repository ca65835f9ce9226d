"""Where a program decides: each output of each `Classify`, and what rows say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...modules.deciding.classify import Classify
from ...modules.deciding.rule import Rule
from ...pipeline.data.rows import Example
from ...pipeline.lm.request import JSON
from ...pipeline.measure.decisions.answers import wanted_of
from ...pipeline.measure.row_result import RowResult
from ...pipeline.run.scoring.choices import choices_in
from ...pipeline.trace import NodeRun
from ..search.candidate import Candidate
from ..search.task import Task

NONE = (
    "no module decides by probabilities, but for those of steps: write "
    "weft.Classify(module) and call it in the program"
)
"""Why a program has no such place."""


@dataclass(frozen=True)
class Place:
    """An output of a `Classify` in a program.

    Args:
        path: The module's.
        name: The output's.
        module: What decides, as the candidate has it.
        choices: The values of the output by what they are called, in the type's order.
    """

    path: str
    name: str
    module: Classify[..., Any]
    choices: Mapping[str, JSON]

    @property
    def rule(self) -> Rule:
        """How the output is decided."""
        return self.module.rules[self.name]

    def label(self, row: Example) -> str | None:
        """The choice that a row is labelled with, or None where nobody knows."""
        if self.name not in row.labels:
            return None
        field = self.module.spec.outputs[self.name]
        wanted = wanted_of(field, row.labels[self.name])
        return wanted if wanted in self.choices else None

    def having(
        self, task: Task, now: Candidate, slot: str, value: Mapping[str, JSON]
    ) -> dict[str, Any]:
        """The module's values in a slot, with another one for this output."""
        key = f"{self.path}/{slot}"
        held: Mapping[str, Any] = now.apply(task.program).parameters[key]
        return {key: {**held, self.name: dict(value)}}


def places(task: Task, now: Candidate, slot: str) -> Iterator[Place]:
    """Every output that may be decided otherwise, in the order of the program.

    A threshold below which decisions are unsure is of the rule and of the words that it
    was found for, and those stay.

    Args:
        task: What `keep=` freezes is left out.
        now: The candidate whose outputs they are.
        slot: "rule" or "words".
    """
    program = now.apply(task.program)
    for path, module in program.deciders.items():
        if not isinstance(module, Classify) or not task.keeping.may(f"{path}/{slot}"):
            continue
        asked: Any = module.uses.running["module"]
        for name, values in choices_in(asked, "a decision").items():
            if module.rules[name].unsure_below is None:
                yield Place(path, name, module, values)


def nodes_at(
    path: str, rows: Sequence[Example], seen: Sequence[RowResult]
) -> list[tuple[Example, NodeRun]]:
    """Rows with what ran at a path; none at all where it ran several times in a row.

    What such a row scores hangs on all of its decisions together.
    """
    found: list[tuple[Example, NodeRun]] = []
    for row, result in zip(rows, seen, strict=True):
        nodes = [node for node in result.trace.nodes if node.path == path]
        if len(nodes) > 1:
            return []
        found += [(row, node) for node in nodes]
    return found
