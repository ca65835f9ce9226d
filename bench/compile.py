"""Compilers side by side: score, calls and tokens on one simulated model.

weft's compilers and DSPy's optimizers get the same rows, the same metric and the same
model, which runs behind an HTTP address of this machine and counts what it is asked.
The model is simulated (`bench/world`): what counts is how the contenders compare.
Outcomes are kept in build/bench-compile.jsonl; the same command goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import BenchError, Findings, Row, pipes
from .rivals.kept import Kept
from .rivals.page import page
from .rivals.runs import Outcome, Run, outcomes_of
from .rivals.tables import (
    HEADINGS,
    HELD,
    OURS,
    THEIRS,
    THIRD,
    Table,
    difference,
    paired,
)
from .world import TASKS

__all__ = ["run"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "bench-compile.md"
KEPT = ROOT / "build" / "bench-compile.jsonl"
SHARE = 1 / 3
THEIR_TIME = 0.75
"""The part of the minutes after which no run of DSPy's is begun any more."""


def run(
    seeds: int = 2,
    minutes: float = 6.0,
    bound: float = 300.0,
    more: int = 0,
    first: int = 0,
    tasks: str = ",".join(TASKS),
    kept: Path = KEPT,
    rival: str = "",
    held: int = 0,
    write: bool = False,
) -> list[Row]:
    """Compile every task with every contender, DSPy's first.

    A task and seed that there was no time for on DSPy's side is left out on both. Where
    a rival is named, it alone meets Auto, seed by seed.

    Args:
        seeds: How many vocabularies of each task.
        more: On how many further ones the best of DSPy's alone meets Auto.
        first: The number of the first vocabulary; those below 100 were worked on.
        minutes: When to stop; what has not been made by then is left out and named.
        bound: Seconds that one compile may take.
        tasks: Which tasks, with commas between.
        kept: Where outcomes are kept, and read from instead of being made again.
        rival: One of DSPy's optimizers, to be met by Auto alone.
        held: The calls that Auto is held to beside a rival; 0 is as many as it likes.
        write: Whether to write the table to docs/bench-compile.md.
    """
    names = tasks.split(",")
    if unknown := set(names) - set(TASKS):
        raise BenchError(f"no task {sorted(unknown)}; there are {list(TASKS)}")
    book, start = Kept(kept), time.monotonic()
    places = [(task, seed) for seed in range(first, first + seeds) for task in names]

    def made(runs: Sequence[Run], share: float = 1.0) -> list[Outcome]:
        deadline = start + 60 * minutes * share
        fresh = outcomes_of(book.missing(runs), bound, deadline, book.add)
        late = {outcome.run: outcome for outcome in fresh}
        return [book.found.get(run) or late[run] for run in runs]

    if rival:
        if rival not in THEIRS:
            raise BenchError(f"no rival {rival!r}; there are {', '.join(THEIRS)}")
        return duel(Table(made(pairs_of(places, rival, held))), names)
    theirs = made([Run(w, *place) for place in places for w in THEIRS], THEIR_TIME)
    late = {(o.run.task, o.run.seed) for o in theirs if not o.begun}
    places = [place for place in places if place not in late]
    theirs = [o for o in theirs if (o.run.task, o.run.seed) not in late]
    thirds = _thirds(Table(theirs), names)
    ours = made([Run(THIRD, *place, thirds[place[0]]) for place in places])
    ours += made([Run(who, *place) for place in places for who in OURS])
    table = Table([*ours, *theirs])
    after = [
        (task, seed)
        for seed in range(first + seeds, first + seeds + more)
        for task in names
    ]
    further = Table(made(further_of(table, after, thirds)))
    if write:
        PAGE.write_text(page(table, further, (first, seeds, more), bound))
    lines = [*table.plain(names), *(further.summary() if more else ())]
    if late:
        named = ", ".join(f"{task} {seed}" for task, seed in sorted(late))
        lines.append(f"Left out, as DSPy's side was not done in time: {named}.")
    return Findings(rows_of(table, names), "\n".join(lines))


def further_of(
    table: Table, places: Sequence[tuple[str, int]], thirds: Mapping[str, int]
) -> list[Run]:
    """The best of DSPy's by task, and Auto with a third of its calls and without."""
    found: list[Run] = []
    for task, seed in places:
        if best := table.best_of_theirs(task):
            found.append(Run(best.contender, task, seed))
            found.append(Run(THIRD, task, seed, thirds[task]))
            found.append(Run("weft Auto", task, seed))
    return found


def pairs_of(places: Sequence[tuple[str, int]], rival: str, held: int) -> list[Run]:
    """One of DSPy's optimizers and Auto, held to so many calls, in turns."""
    auto = HELD if held else "weft Auto"
    return [
        run for place in places for run in (Run(rival, *place), Run(auto, *place, held))
    ]


def duel(table: Table, tasks: Sequence[str]) -> list[Row]:
    """Auto and its rival by task, and the difference over the seeds that both ended."""
    rows, text = list[Row](), list[str]()
    named = sorted({one.run.contender for one in table.outcomes}, reverse=True)
    for task in tasks:
        auto, other = (table.line(who, [task]) for who in named)
        text += [task, *(pipes(c) for c in (HEADINGS, auto.cells(), other.cells()))]
        text += [f"difference, 95 %: {difference(paired(auto, other))}", ""]
        if auto.score is not None and other.score is not None:
            what = f"compile {task}: {auto.contender} / dspy {other.contender}"
            rows.append(Row.at_least(what, auto.score, other.score, 1.0))
    return Findings(rows, "\n".join(text))


def _thirds(table: Table, tasks: Sequence[str]) -> dict[str, int]:
    """A third of the calls of the best of DSPy's, by task."""
    found: dict[str, int] = {}
    for task in tasks:
        best = table.best_of_theirs(task)
        found[task] = int(best.calls * SHARE) if best and best.calls else 0
    return found


def rows_of(table: Table, tasks: Sequence[str]) -> list[Row]:
    """Auto, held to a third of the calls, against the best of DSPy's."""
    rows: list[Row] = []
    for task in tasks:
        auto, best = table.line(THIRD, [task]), table.best_of_theirs(task)
        if best is None or best.score is None or best.calls is None:
            continue
        if auto.score is None or auto.calls is None:
            continue
        what = f"compile {task}: {THIRD} / dspy {best.contender}"
        rows.append(Row.at_least(f"{what}, test score", auto.score, best.score, 1.0))
        rows.append(Row.at_most(f"{what}, calls", auto.calls, best.calls, SHARE))
    return rows
