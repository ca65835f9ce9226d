"""What was tried: every candidate of a search as one line."""

from __future__ import annotations

from dataclasses import dataclass

from ..pipeline.measure.suspects import suspects_among
from .search.running_cost import RunningCost
from .search.task import NEAR, Task

_ASKED = 8
"""Candidates that are asked about labels: more take longer, and say the same."""


@dataclass(frozen=True)
class Tried:
    """One candidate as it went through the search.

    Args:
        id: The candidate's id.
        origin: How it was made.
        score: Mean on the select rows it was seen on, in [0, 1]; None if on none.
        rows: How many rows those are.
        parent: The id of the candidate it was made from; empty for the seed.
        gain: Its mean less its parent's on the rows that both were seen on, or None.
        size: Characters of its instructions and demos.
        cost: What a row costs, on the average; the seconds are those of this run.
    """

    id: str
    origin: str
    score: float | None
    rows: int
    parent: str = ""
    gain: float | None = None
    size: int = 0
    cost: RunningCost = RunningCost(None, 0.0)  # noqa: RUF009 - frozen, so one will do


def tried(task: Task) -> list[Tried]:
    """Every candidate of the archive, best first."""
    by_id = {c.id: c for c in task.archive}
    lines: list[Tried] = []
    for candidate in task.archive:
        scores = task.scores(candidate, task.rows)
        mean = sum(scores) / len(scores) if scores else None
        parent = by_id.get(candidate.parent)
        gain = task.gain(candidate, parent) if parent else None
        lines.append(
            Tried(
                candidate.id,
                candidate.origin,
                mean,
                len(scores),
                candidate.parent,
                gain,
                task.size(candidate),
                RunningCost.of(task.results(candidate, task.rows)),
            )
        )
    return lines


def suspects(task: Task) -> tuple[str, ...]:
    """Ids of select rows whose label is probably wrong, the surest first.

    The candidates that answered most of the rows, and more than half of those right,
    are asked; see `suspect_labels`.
    """
    good = [c for c in task.archive if task.mean(c, task.rows) > 0.5]
    good.sort(key=lambda c: -len(task.results(c, task.rows)))
    found = suspects_among([task.results(c, task.rows) for c in good[:_ASKED]])
    return tuple(one.example.id for one in found)


def passing_shown(task: Task) -> str:
    """From which score a run was shown as a demo, or empty where nobody need know.

    Where every score is 0 or 1 and nothing else was asked for, it is plain.
    """
    if task.passing is not None:
        return f"runs that score {task.passing:g} or more are shown as demos"
    values = {r.score.value for r in task.cells.values() if r.score is not None}
    changed = (slot for candidate in task.archive for slot in candidate.values.items())
    demos = (demo for key, held in changed if key.endswith("/demos") for demo in held)
    if values <= {0.0, 1.0} or not any(demo.by == "bootstrap" for demo in demos):
        return ""
    return (
        "runs that score 1 are shown as demos, and where none does those of "
        f"{NEAR:g} or more; passing= says otherwise"
    )
