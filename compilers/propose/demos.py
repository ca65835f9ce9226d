"""Demonstrations: labelled rows, passing traces, and pools to choose from."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from ...pipeline.data.rows import Example
from ...pipeline.ground import strictjson
from ...pipeline.ground.options import Count, settings
from ...pipeline.ground.words import counted
from ...pipeline.measure.row_result import RowResult
from ...pipeline.parameters import Demo
from ..search.candidate import Candidate
from ..search.cost import Calls
from ..search.task import NEAR, Task
from .proposer import Parents, Proposer, draws
from .rows import (
    demo_of_row,
    demos_of,
    fits,
    labelled,
    labels_say_all,
    left_out,
    ordered,
    shows_all,
)

_BATCH = 8
_SPARING = 0.1
_ROOM = 400_000
"""Characters of a program's pools; an artifact holds 8 million, and more than these."""


@settings
class LabeledDemos(Proposer):
    """Rows with their labels as demos, balanced over the labels' values.

    Applies to modules whose inputs and own outputs stand in the rows. No model is
    called.

    Args:
        demos: How many demos a module gets at the most.
    """

    changes = ("demos", "nearest")
    demos: int = 16

    @property
    def shows(self) -> int:
        """As many demos as were asked for."""
        return self.demos

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Seeded draws; the first is from all rows."""
        made: list[Candidate] = []
        for number, parent, rng in draws(task, parents, n, "labelled"):
            hidden = left_out(task, rng) if number else set[str]()
            values: dict[str, Any] = {}
            for path, module in task.program.modules.items():
                if demos := labelled(task, module, self.demos, rng, hidden, []):
                    values[f"{path}/demos"] = tuple(demos)
            if values:
                count = sum(len(demos) for demos in values.values())
                values |= all_shown(task, parent, values)
                made.append(parent.but(values, counted(count, "labelled demo")))
        return made


@settings
class BootstrapDemos(Proposer):
    """Demos from traces of the program that pass the metric (Khattab et al. 2023).

    The teacher is the parent with labelled demos, where rows hold any; a row never
    sees itself. It runs on training rows until enough traces pass, with a score of 1 or
    of what `passing` says; where none does and nothing is said, the best of those that
    score at least one half stand in. Every module on a
    passing trace gets its part of it as a demo, and labelled demos fill what is left.

    Args:
        demos: How many demos a module gets at the most.
        bootstrapped: How many of them come from passing traces.
        shuffled: Whether later proposals draw at random; the first never does.
        sparing: Whether no row is run for demos where the rows' labels say all that
            the modules would show, and elsewhere only for a tenth of what is left;
            passing traces that are there count all the same.
        sizes: How many demos proposals have, in turn, none more than `demos`; without
            any all have as many as that.
        natural: Whether the first proposal, and every second one behind it, has the
            labels in the shares that they have in the rows, and labelled demos alone
            where those say all: what demos say of shares moves a model (Zhao et al.
            2021, arXiv 2102.09690, section 3), and rows that pass are not the usual.
    """

    changes = ("demos", "nearest")
    demos: int = 16
    bootstrapped: int = 4
    shuffled: bool = True
    sparing: bool = False
    sizes: tuple[int, ...] = ()
    natural: bool = False

    @property
    def shows(self) -> int:
        """As many demos as were asked for; of several sizes their mean."""
        return round(fmean(self.sizes)) if self.sizes else self.demos

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """One pool of passing traces, `n` draws from it."""
        wanted = self.bootstrapped * (3 if n > 1 else 1)
        pool = await self._pool(task, parents[0], wanted)
        made: list[Candidate] = []
        for number, parent, rng in draws(task, parents, n, "bootstrap"):
            if values := self._draw(task, pool, number, rng):
                demos = [demo for group in values.values() for demo in group]
                own = sum(demo.by == "bootstrap" for demo in demos)
                others = counted(len(demos) - own, "labelled demo")
                origin = f"{own} bootstrapped and {others}"
                values |= all_shown(task, parent, values)
                made.append(parent.but(values, origin))
        return made

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """All of them."""
        wanted = self.bootstrapped * (3 if n > 1 else 1)
        most = min(train, wanted * 4) * calls_a_row
        return Calls(0, min(2 * wanted * calls_a_row, most), most)

    async def _pool(
        self, task: Task, parent: Candidate, wanted: int
    ) -> list[RowResult]:
        rows = ordered(task.split.train, task.rng("bootstrap order"))
        taught = task.teacher is not None
        found = passing_of_anyone if self.sparing else passing_traces
        passing = [] if taught else found(task, parent)[:wanted]
        if self.sparing and not taught and labels_say_all(task):
            return passing
        near: list[RowResult] = []
        start, most = 0, min(len(rows), wanted * 4)
        if self.sparing:
            most = int(min(most, task.allowance.rows(_SPARING)))
        while start < most and len(passing) < wanted:
            reach = task.rows_in_reach(1, min(_BATCH, most - start))
            block = rows[start : start + reach]
            if not block:
                break
            start += len(block)
            teacher = _teacher(task, parent, block, self.demos)
            results = await task.taught(teacher, block)
            passing += [r for r in results if task.lends(r)]
            near += [r for r in results if not task.lends(r) and _score(r) >= NEAR]
        if not passing and task.passing is None:
            # As with token overlap, where nothing is ever quite right.
            passing = sorted(near, key=lambda r: -_score(r))
        return list({r.example.digest: r for r in passing}.values())[:wanted]

    def _size(self, number: int) -> int:
        sizes = self.sizes or (self.demos,)
        return min(self.demos, sizes[number % len(sizes)])

    def _in_shares(self, turn: int) -> bool:
        """Whether a proposal has the labels in their shares; each size has both."""
        several = max(1, len(self.sizes))
        shift = turn // several if several % 2 == 0 else 0
        return self.natural and (turn + shift) % 2 == 0

    def _draw(
        self, task: Task, pool: list[RowResult], number: int, rng: random.Random
    ) -> dict[str, Any]:
        drawn = list(pool)
        turn = number + task.number
        size, natural = self._size(turn), self._in_shares(turn)
        count = min(size, self.bootstrapped)
        if natural and labels_say_all(task):
            count = 0
        if number > 0 and self.shuffled:
            rng.shuffle(drawn)
            count = rng.randint(min(1, count), count)
        drawn = drawn[:count]
        hidden = left_out(task, rng) if number else set[str]()
        found = demos_by_path(task, drawn)
        values: dict[str, Any] = {}
        for path, module in task.program.modules.items():
            own = found.get(path, [])[:size]
            taken = hidden | {demo.source for demo in own}
            left = size - len(own)
            fill = labelled(task, module, left, rng, taken, own, natural=natural)
            if own or fill:
                # A demo that lacks an output, as reasoning, never stands last.
                shown = own + fill if shows_all(module) else fill + own
                values[f"{path}/demos"] = tuple(shown)
        return values


@settings
class NearestDemos(Proposer):
    """Pools of demos with the number that each input is shown (`nearest`).

    Liu et al. 2021, "What Makes Good In-Context Examples for GPT-3?", arXiv 2101.06804.
    The choice is made by the program when it runs, by character trigrams, or by the
    embedder of `weft.use(embedder=...)`; the artifact holds the pool as data.

    Args:
        k: How many demos an input is shown, in turn over proposals and rounds; further
            proposals take the same numbers again, from pools that lack a third of the
            rows.
        pool: How many demos a module holds at the most; of long rows fewer, so that an
            artifact can hold them.
        traces: Whether the program is run on the rows of the pool, so that modules
            whose outputs are no labels get demos too, and reasoning is shown. Runs
            that fail the metric lend nothing.
    """

    changes = ("demos", "nearest")
    k: tuple[int, ...] = (8, 4, 16)
    pool: Count = 1000
    traces: bool = False

    @property
    def shows(self) -> int:
        """As many as an input is shown at the most, whatever the pool holds."""
        return max(self.k, default=0)

    @property
    def pools(self) -> int:
        """As many as a module holds at the most."""
        return self.pool

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Proposals that differ in how many are shown, then in the pool."""
        rows = ordered(task.split.train, task.rng("nearest"))[: self.pool]
        traced: dict[str, list[Demo]] = {}
        if self.traces:
            reach = task.rows_in_reach(1, len(rows))
            results = await task.taught(parents[0], rows[:reach])
            traced = demos_by_path(task, [r for r in results if task.lends(r)])
        made: list[Candidate] = []
        for number, parent, rng in draws(task, parents, n, "pool"):
            turn = number + task.number
            k, whole = self.k[turn % len(self.k)], turn < len(self.k)
            hidden = set[str]() if whole else left_out(task, rng)
            values: dict[str, Any] = {}
            most = 0
            for path, module in task.program.modules.items():
                own = {d.source: d for d in traced.get(path, [])}
                fitting = [r for r in rows if r.id in own or fits(module, r)]
                pool = _within_room(
                    (
                        own.get(row.id) or demo_of_row(module, row)
                        for row in fitting
                        if row.id not in hidden
                    ),
                    _ROOM // len(task.program.modules),
                )
                if pool:
                    values |= {f"{path}/demos": pool, f"{path}/nearest": k}
                    most = max(most, len(pool))
            if values:
                made.append(parent.but(values, f"the {k} nearest of {most} demos"))
        return made

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None, or one run of each row of the pool."""
        del n
        runs = min(self.pool, train) * calls_a_row if self.traces else 0
        return Calls(0, runs, runs)


def _within_room(pool: Iterable[Demo], room: int) -> tuple[Demo, ...]:
    """Those of a pool that have room, in order; one that is too long is passed over."""
    kept: list[Demo] = []
    for demo in pool:
        size = len(strictjson.canonical(dict(demo.values)))
        if size <= room:
            room -= size
            kept.append(demo)
    return tuple(kept)


def _score(result: RowResult) -> float:
    return 0.0 if result.score is None else result.score.value


def passing_traces(task: Task, candidate: Candidate) -> list[RowResult]:
    """Traces of a candidate on training rows that passed and are paid for already."""
    found = (task.result(candidate, row) for row in task.split.train)
    return [r for r in found if r is not None and task.lends(r)]


def passing_of_anyone(task: Task, candidate: Candidate) -> list[RowResult]:
    """A passing trace of every training row that has one, the hardest rows first.

    The candidate's own trace is preferred to others', and a later one to an earlier.
    Rows that somebody failed come first: they show what is not known already.
    """
    train = {row.digest for row in task.split.train}
    found: dict[str, RowResult] = {}
    failures: dict[str, int] = {}
    for (_, row), result in task.cells.items():
        if row in train and task.lends(result):
            found[row] = result
        failures[row] = failures.get(row, 0) + (not task.lends(result))
    found |= {r.example.digest: r for r in passing_traces(task, candidate)}
    return [found[row] for row in sorted(found, key=lambda row: -failures[row])]


def demos_by_path(task: Task, results: Sequence[RowResult]) -> dict[str, list[Demo]]:
    """The demos of several traces by module path, in their order.

    Of an agent's steps each trace lends another one.
    """
    found: dict[str, list[Demo]] = {}
    for turn, result in enumerate(results):
        for path, demo in demos_of(result, task.program, turn).items():
            found.setdefault(path, []).append(demo)
    return found


def all_shown(
    task: Task, parent: Candidate, values: Mapping[str, Any]
) -> dict[str, Any]:
    """What shows new demos as a whole where the parent shows the nearest of a pool."""
    now = parent.apply(task.program).parameters
    slots = [f"{key.removesuffix('/demos')}/nearest" for key in values]
    return {slot: 0 for slot in slots if now[slot]}


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
