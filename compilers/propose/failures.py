"""Proposals from what went wrong: each module of each parent with cases of its own.

Reflection (`reflect`), textual gradients (`gradient`), critique (`refine`) and lessons
(`bullets`) differ in what they ask of a writer; what it is shown is found here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from ..search.candidate import Candidate
from ..search.task import Task
from .evidence import cases, seen_by_each
from .writing import instruction_of, spread, within, write_each


class Failures(NamedTuple):
    """What one proposal begins with.

    Args:
        number: Which proposal of the round it is.
        parent: The candidate to change.
        path: The module to change in it.
        instruction: That module's instruction in the parent.
        failing: Cases that went wrong; at least one.
        passing: Cases that went well.
    """

    number: int
    parent: Candidate
    path: str
    instruction: str
    failing: list[dict[str, Any]]
    passing: list[dict[str, Any]]


class Shown(NamedTuple):
    """How much a writer is shown, and what the draws are named after.

    Args:
        purpose: Names the generator that draws the cases.
        failing: How many failing cases.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
    """

    purpose: str
    failing: int
    passing: int
    rows: int


async def write_from_failures(
    task: Task,
    parents: Sequence[Candidate],
    n: int,
    shown: Shown,
    write: Callable[[Failures], Awaitable[Candidate | None]],
) -> list[Candidate]:
    """`n` proposals, spread over parents and modules; none where nothing fails.

    A module that ran on no failing row, as in an arm that was not taken, gets none.
    """
    seen = await seen_by_each(task, parents, shown.failing, shown.rows)
    failing = [result for each in seen.values() for result in each.failing]
    ran = {node.path for result in failing for node in result.trace.nodes}
    paths = [path for path in task.program.modules if path in ran]

    async def one(job: tuple[int, Candidate, str]) -> Candidate | None:
        number, parent, path = job
        rng = task.rng(shown.purpose, number)
        failing = cases(seen[parent.id].failing, path, shown.failing, rng)
        passing = cases(seen[parent.id].passing, path, shown.passing, rng)
        if not failing:
            return None
        now = instruction_of(task, parent, path)
        given = Failures(number, parent, path, now, within(failing), within(passing))
        return await write(given)

    return await write_each(task, spread(task, parents, n, paths), one)
