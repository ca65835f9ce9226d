"""Demonstrations: from labels, and from the program's own passing traces."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from ...pipeline import strictjson
from ...pipeline.data import Example
from ...pipeline.evaluate import RowResult
from ...pipeline.module import Module
from ...pipeline.options import settings
from ...pipeline.parameters import Demo
from ...pipeline.signature import spec_of
from ..candidate import Candidate
from ..task import Task
from .base import FREE, Calls, Proposer

_PASS = 1.0
_NEAR = 0.5
_BATCH = 8


@settings
class LabeledDemos(Proposer):
    """Rows with their labels as demos, balanced over the labels' values.

    Applies to modules whose inputs and own outputs stand in the rows.

    Args:
        demos: How many demos a module gets at the most.
    """

    demos: int = 16

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Seeded draws; no model is called."""
        made: list[Candidate] = []
        for number in range(n):
            rng = task.rng("labelled", number)
            hidden = left_out(task, rng) if number else set[str]()
            values = labelled_values(task, self.demos, rng, hidden)
            if values:
                parent = parents[number % len(parents)]
                count = sum(len(demos) for demos in values.values())
                made.append(parent.but(values, f"{count} labelled demos"))
        return made

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE


@settings
class BootstrapDemos(Proposer):
    """Demos from traces of the program that pass the metric (Khattab et al. 2023).

    The teacher is the parent with labelled demos, where rows hold any; a row never
    sees itself. It runs on training rows until enough traces pass; where none does, the
    best of those that score at least one half stand in. Every module on a
    passing trace gets its part of it as a demo, and labelled demos fill what is left.

    Args:
        demos: How many demos a module gets at the most.
        bootstrapped: How many of them come from passing traces.
        shuffled: Whether later proposals draw at random; the first never does.
    """

    demos: int = 16
    bootstrapped: int = 4
    shuffled: bool = True

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """One pool of passing traces, `n` draws from it."""
        wanted = self.bootstrapped * (3 if n > 1 else 1)
        pool = await self._pool(task, parents[0], wanted)
        made: list[Candidate] = []
        for number in range(n):
            rng = task.rng("bootstrap", number)
            values = self._draw(task, pool, number, rng)
            if values:
                parent = parents[number % len(parents)]
                made.append(parent.but(values, self._origin(values)))
        return made

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """From nothing where calls are short, to every training row without success."""
        wanted = self.bootstrapped * (3 if n > 1 else 1)
        most = min(train, wanted * 4) * calls_a_row
        return Calls(0, min(2 * wanted * calls_a_row, most), most)

    async def _pool(
        self, task: Task, parent: Candidate, wanted: int
    ) -> list[RowResult]:
        rows = ordered(task.split.train, task.rng("bootstrap order"))
        passing = passing_traces(task, parent)[:wanted]
        near: list[RowResult] = []
        start, most = 0, min(len(rows), wanted * 4)
        while start < most and len(passing) < wanted:
            block = rows[
                start : start + task.rows_in_reach(1, min(_BATCH, most - start))
            ]
            if not block:
                break
            start += len(block)
            teacher = _teacher(task, parent, block, self.demos)
            results = await task.observe(teacher, block, "bootstrap")
            passing += [r for r in results if passes(r)]
            near += [r for r in results if not passes(r) and _score(r) >= _NEAR]
        if not passing:  # as with token overlap, where nothing is ever quite right
            passing = sorted(near, key=lambda r: -_score(r))
        return list({r.example.digest: r for r in passing}.values())[:wanted]

    def _draw(
        self, task: Task, pool: list[RowResult], number: int, rng: random.Random
    ) -> dict[str, Any]:
        drawn = list(pool)
        count = self.bootstrapped
        if number > 0 and self.shuffled:
            rng.shuffle(drawn)
            count = rng.randint(1, self.bootstrapped)
        drawn = drawn[:count]
        hidden = left_out(task, rng) if number else set[str]()
        found: dict[str, list[Demo]] = {}
        for result in drawn:
            for path, demo in demos_of(result).items():
                found.setdefault(path, []).append(demo)
        values: dict[str, Any] = {}
        for path, module in task.program.modules.items():
            own = found.get(path, [])[: self.demos]
            taken = hidden | {demo.source for demo in own}
            fill = labelled(task, module, self.demos - len(own), rng, taken, own)
            if own or fill:
                # A demo that lacks an output, as reasoning, never stands last.
                whole = set(module.spec.outputs) <= set(
                    spec_of(module.signature).outputs
                )
                shown = own + fill if whole else fill + own
                values[f"{path}/demos"] = tuple(shown)
        return values

    def _origin(self, values: Mapping[str, Any]) -> str:
        demos = [demo for group in values.values() for demo in group]
        passed = sum(1 for demo in demos if demo.by == "bootstrap")
        return f"{passed} bootstrapped and {len(demos) - passed} labelled demos"


def passes(result: RowResult) -> bool:
    """Whether a row's trace is worth showing."""
    return _score(result) >= _PASS


def _score(result: RowResult) -> float:
    return 0.0 if result.score is None else result.score.value


def passing_traces(task: Task, candidate: Candidate) -> list[RowResult]:
    """Traces of a candidate on training rows that passed and are paid for already."""
    found = (task.result(candidate, row) for row in task.split.train)
    return [r for r in found if r is not None and passes(r)]


def demos_of(result: RowResult) -> dict[str, Demo]:
    """A passing row's trace as one demo a module path; the last run of each counts."""
    found: dict[str, Demo] = {}
    for node in result.trace.nodes:
        if node.kind == "module" and not node.error:
            values = {**node.inputs, **node.outputs}
            found[node.path] = Demo(values, result.example.id, "bootstrap")
    return found


def left_out(task: Task, rng: random.Random) -> set[str]:
    """Ids of a third of the training rows, so that no row is in every draw of demos.

    Without it the only row of a rare label would be, however wrong it is.
    """
    ids = sorted(row.id for row in task.split.train)
    return set(rng.sample(ids, len(ids) // 3))


def labelled_values(
    task: Task, count: int, rng: random.Random, taken: set[str]
) -> dict[str, Any]:
    """Labelled demos for every module they fit, keyed `module/demos`."""
    values: dict[str, Any] = {}
    for path, module in task.program.modules.items():
        demos = labelled(task, module, count, rng, taken, [])
        if demos:
            values[f"{path}/demos"] = tuple(demos)
    return values


def labelled(
    task: Task,
    module: Module[..., Any],
    count: int,
    rng: random.Random,
    taken: set[str],
    beside: Sequence[Demo],
) -> list[Demo]:
    """Labelled demos for one module, the values shown least so far first.

    Args:
        task: Whose training rows are used.
        module: It must find its inputs and its own outputs in the rows.
        count: How many at the most.
        rng: Breaks ties.
        taken: Ids of rows that are already shown.
        beside: Demos that are shown as well, for the balance.
    """
    rows = [r for r in task.split.train if r.id not in taken and _fits(module, r)]
    rng.shuffle(rows)
    outputs = list(spec_of(module.signature).outputs)
    shown: dict[str, int] = {}
    for demo in beside:
        key = _value_key(demo.values, outputs)
        shown[key] = shown.get(key, 0) + 1
    groups: dict[str, list[Example]] = {}
    for row in rows:
        groups.setdefault(_value_key(row.labels, outputs), []).append(row)
    order = list(groups)
    picked: list[Demo] = []
    while len(picked) < count and groups:
        key = min(groups, key=lambda k: (shown.get(k, 0), order.index(k)))
        row = groups[key].pop()
        if not groups[key]:
            del groups[key]
        shown[key] = shown.get(key, 0) + 1
        picked.append(_demo(module, row))
    rng.shuffle(picked)
    return picked


def ordered(rows: Sequence[Example], rng: random.Random) -> list[Example]:
    """Rows in a seeded order in which the labels take turns."""
    shuffled = sorted(rows, key=lambda row: row.digest)
    rng.shuffle(shuffled)
    groups: dict[str, list[Example]] = {}
    for row in shuffled:
        groups.setdefault(_value_key(row.labels, list(row.labels)), []).append(row)
    turns = [
        (turn, number, row)
        for number, group in enumerate(groups.values())
        for turn, row in enumerate(group)
    ]
    return [row for _, _, row in sorted(turns, key=lambda t: (t[0], t[1]))]


def _teacher(
    task: Task, parent: Candidate, block: Sequence[Example], demos: int
) -> Candidate:
    hidden = {row.id for row in block}
    values: dict[str, Any] = {}
    rng = task.rng("teacher")
    for path, module in task.program.modules.items():
        if parent.values.get(f"{path}/demos") or module.parameters.demos:
            continue
        shown = labelled(task, module, demos, rng, hidden, [])
        if shown:
            values[f"{path}/demos"] = tuple(shown)
    return parent.but(values, "teacher") if values else parent


def _fits(module: Module[..., Any], row: Example) -> bool:
    spec = spec_of(module.signature)
    known = {**row.inputs, **row.labels}
    if not all(n in known for n in (*spec.inputs, *spec.outputs)):
        return False
    try:
        for name, field in (spec.inputs | spec.outputs).items():
            field.load(known[name])
    except ValueError:
        return False
    return True


def _demo(module: Module[..., Any], row: Example) -> Demo:
    spec = spec_of(module.signature)
    known = {**row.inputs, **row.labels}
    return Demo({f.name: known[f.name] for f in spec.fields}, row.id, "labelled")


def _value_key(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return strictjson.canonical([values.get(name) for name in names])
