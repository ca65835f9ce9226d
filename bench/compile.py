"""Compilers side by side: score, calls and tokens on one simulated model.

weft's compilers and DSPy's optimizers get the same rows, the same metric and the same
model, which runs behind an HTTP address of this machine and counts what it is asked.
The model is simulated (`bench/world`): what counts is how the contenders compare.
"""

from __future__ import annotations

from pathlib import Path

from . import Findings, Row
from .rivals.runs import Run, outcomes_of
from .rivals.tables import OURS, THEIRS, Table
from .world import TASKS

__all__ = ["run"]

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "bench-compile.md"
SHARE = 1 / 3


def run(
    seeds: int = 2, minutes: float = 6.0, bound: float = 60.0, write: bool = False
) -> list[Row]:
    """Compile every task with every contender.

    Args:
        seeds: How many vocabularies of each task.
        minutes: When to stop; what has not been made by then is left out and named.
        bound: Seconds that one compile may take.
        write: Whether to write the table to docs/bench-compile.md.
    """
    runs = [
        Run(contender, task, seed)
        for seed in range(seeds)
        for task in TASKS
        for contender in (*OURS, *THEIRS)
    ]
    table = Table(outcomes_of(runs, bound, minutes))
    if write:
        PAGE.write_text(page(table, seeds, bound))
    return Findings(rows_of(table), "\n".join(table.plain()))


def rows_of(table: Table) -> list[Row]:
    """Auto against the best of DSPy's, task by task."""
    rows: list[Row] = []
    for task in TASKS:
        auto, best = table.line("weft Auto", [task]), table.best_of_theirs(task)
        if best is None or best.score is None or best.calls is None:
            continue
        if auto.score is None or auto.calls is None:
            continue
        what = f"compile {task}: weft Auto / dspy {best.contender}"
        rows.append(Row.at_least(f"{what}, test score", auto.score, best.score, 1.0))
        rows.append(Row.at_most(f"{what}, calls", auto.calls, best.calls, SHARE))
    return rows


def page(table: Table, seeds: int, bound: float) -> str:
    """The page in docs/."""
    text = (HERE / "rivals" / "page.md").read_text()
    return text.format(
        tables="\n".join(table.markdown()),
        summary="\n".join(table.summary()),
        seeds=seeds,
        bound=f"{bound:g}",
    )
