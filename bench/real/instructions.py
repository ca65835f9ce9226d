"""The collection of small tasks with instructions that people wrote for them.

Honovich et al. 2022, "Instruction Induction", arXiv 2205.10782; its rows and
instructions stand beside the checkout, and `SOURCES.md` there names the licence.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import weft

from .._data import lines_of

__all__ = ["Task", "collection"]

METRICS = {
    "em": weft.metrics.exact("output"),
    "f1": weft.metrics.f1("output"),
    "contains": weft.metrics.contains("output"),
    "exact_set": weft.metrics.set_match("output"),
}


@dataclass(frozen=True)
class Task:
    """A task of the collection.

    Args:
        name: As the collection calls it.
        metric: How its answers are scored.
        instruction: The first one that people wrote.
        instructions: All of them.
        rows: By split; the label is every answer that is accepted.
    """

    name: str
    metric: Any
    instruction: str
    instructions: Sequence[str]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def all_rows(self) -> list[Mapping[str, Any]]:
        """The rows of every split."""
        return [row for part in self.rows.values() for row in part]


@functools.cache
def collection() -> Mapping[str, Task]:
    """The tasks by name, in the collection's order."""
    rows: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(dict)
    for line in lines_of("instruction_induction"):
        shown = {"input": line["inputs"]["input"], "output": line["meta"]["accept"]}
        splits = rows[line["inputs"]["task"]]
        splits.setdefault(line["split"], []).append({**shown, "id": line["id"]})
    return {
        name: Task(name, METRICS[line["metric"]], told[0], told, rows[name])
        for line in lines_of("instruction_induction_gold")
        for name, told in [(line["task"], line["instructions"])]
    }
