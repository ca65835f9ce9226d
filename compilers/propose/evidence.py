"""Evidence: what a candidate did on training rows, what failed and what passed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...pipeline.errors import BudgetExceeded
from ...pipeline.ground.plain import plain
from ...pipeline.measure.row_result import RowResult
from ..candidate import Candidate
from ..driving.task import Task
from .base import Calls
from .demos import passes
from .rows import ordered

_BLOCK = 8


class Seen(NamedTuple):
    """Results on training rows."""

    failing: list[RowResult]
    passing: list[RowResult]


async def seen_by(task: Task, candidate: Candidate, failures: int, most: int) -> Seen:
    """Run a candidate on training rows until enough of them fail.

    What is paid for already comes first. Where the ledger ends, what was seen counts.

    Args:
        task: Whose training rows are used; no select row is ever shown to a writer.
        candidate: Who runs.
        failures: How many failing rows are enough.
        most: How many rows it is run on at the most.
    """
    rows = ordered(task.split.train, task.rng("evidence", candidate.id))
    rows.sort(key=lambda row: task.result(candidate, row) is None)
    seen = Seen([], [])
    start = 0
    while start < min(most, len(rows)) and len(seen.failing) < failures:
        reach = task.rows_in_reach(1, min(_BLOCK, most - start))
        block = rows[start : start + reach]
        if not block:
            break
        start += len(block)
        try:
            results = await task.observe(candidate, block, "bootstrap")
        except BudgetExceeded:
            break
        for result in results:
            (seen.passing if passes(result) else seen.failing).append(result)
    return seen


async def seen_by_each(
    task: Task, candidates: Sequence[Candidate], failures: int, most: int
) -> dict[str, Seen]:
    """As `seen_by`, for each different candidate, by its id."""
    found: dict[str, Seen] = {}
    for candidate in dict.fromkeys(candidates):
        found[candidate.id] = await seen_by(task, candidate, failures, most)
    return found


def evidence_calls(rows: int, runners: int, train: int, calls_a_row: int) -> Calls:
    """Calls of running candidates on training rows for evidence.

    Args:
        rows: How many rows each is run on at the most.
        runners: How many different candidates there may be; as a rule it is one.
        train: How many training rows there are.
        calls_a_row: Calls of one row.
    """
    seen = min(rows, train) * calls_a_row
    return Calls(min(_BLOCK, train) * calls_a_row, seen, runners * seen)


def case_of(result: RowResult, path: str) -> dict[str, Any] | None:
    """One run of a module as a writer is shown it; None where it did not run."""
    node = next((n for n in reversed(result.trace.nodes) if n.path == path), None)
    if node is None:
        return None
    case: dict[str, Any] = {
        "inputs": dict(node.inputs),
        "outputs": dict(node.outputs),
        "wanted": dict(result.example.labels),
        "score": 0.0 if result.score is None else result.score.value,
    }
    final = plain(result.prediction, repr)
    if final not in (node.outputs, None):
        case["final result"] = final
    said = node.error or result.error or (result.score.feedback if result.score else "")
    if said:
        case["feedback"] = said[:500]
    return case


def cases(
    results: Sequence[RowResult], path: str, count: int, rng: random.Random
) -> list[dict[str, Any]]:
    """A seeded draw of cases of one module."""
    found = [case for r in results if (case := case_of(r, path)) is not None]
    return rng.sample(found, min(count, len(found)))


def patched(text: str, old: str, new: str) -> str:
    r"""A text with one passage replaced; with the new one at its end where it has none.

    >>> patched("Be brief. Be kind.", "Be brief.", "Use ten words.")
    'Use ten words. Be kind.'
    >>> patched("Be brief.", "", "Be kind.")
    'Be brief.\nBe kind.'
    """
    old, new = old.strip(), new.strip()
    if old and old in text:
        return text.replace(old, new, 1)
    return f"{text}\n{new}" if new and new not in text else text
