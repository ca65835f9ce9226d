"""One compile under way: the program, its rows, and the single way to buy a score.

Every score is bought through `Task.observe`, which books it on the ledger and keeps it
in one table: no (candidate, row) cell is paid for twice, and all look at one figure.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.graph.program import Program
from ...pipeline.graph.unnamed import refuse_unnamed
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.measure.labels import advised
from ...pipeline.measure.row_result import RowResult
from ...pipeline.measure.score import Metric
from ...pipeline.measure.scored_rows import score_rows
from ...pipeline.measure.typed import Reader, output_name, reader_of
from ...pipeline.run.rows import map_rows
from ...pipeline.run.settings import current, entered
from ..statistics.estimates import Estimate, row_model
from .allowance import Allowance
from .candidate import Candidate, Follower, prompt_size
from .counting import calls_bound, calls_plain, is_bounded
from .judge import JUDGED, NO_JUDGE, Judge, Judging
from .keeping import Keeping
from .scoring import Fits, cross_fitted, leaders, refuse_failure, zero_if_long
from .teacher import Teacher

_UNSEEN = 3
NEAR = 0.5
"""The score from which a run lends demos where none passes, unless `passing` is set."""


@dataclass(frozen=True)
class Split:
    """Rows by what they may be used for.

    Args:
        train: Demos and evidence come from these.
        select: Candidates are raced on these.
        sealed: Looked at in the end alone; reported.
    """

    train: tuple[Example, ...]
    select: tuple[Example, ...]
    sealed: tuple[Example, ...]

    @property
    def rows(self) -> tuple[Example, ...]:
        """All of them."""
        return (*self.train, *self.select, *self.sealed)


@dataclass
class Task:
    """What proposers, racers and selectors work with; not for users.

    Args:
        program: The seed program; never changed.
        split: The rows; select rows stand in a seeded order, labels in their shares.
        metric: Higher is better, in [0, 1].
        allowance: The one account book, and what of it is set aside.
        seed: Every random choice follows from it.
        concurrency: How many rows run at once; the result does not depend on it.
        proposer: Who writes instructions; None for the scope's model.
        teacher: Who shows how it is done; None for the candidates themselves.
        judging: Calls that the metric makes for one row, and the most it makes.
        archive: Every candidate so far, best first.
        waiting: Those written, raced or not, whose edits may still meet others.
        cells: Bought results by candidate id and row digest.
        keeping: What no candidate may change.
        number: The round; random draws of each round are its own.
        form: What was found of the form in which the program asks, or empty.
        passing: The score from which runs lend demos; None is 1, or `NEAR` if none has.
        advising: Whether scores are looked through for what is odd about the metric.
        follower: Who is told of each candidate and each cell, or None.
        hints: What writers are told: (module path or "" for every module, words).
        fits: What fitting numbers to select rows has found.
        widest: The program as candidates may make it call the most; None for as it is.
        folder: Where a training keeps how far it is, or None.
    """

    program: Program[..., Any]
    split: Split
    metric: Metric
    allowance: Allowance
    seed: int = 0
    concurrency: int = 64
    proposer: LanguageModel | None = None
    teacher: Teacher | None = None
    judging: Judging = NO_JUDGE
    archive: list[Candidate] = field(default_factory=list[Candidate])
    waiting: list[Candidate] = field(default_factory=list[Candidate])
    cells: dict[tuple[str, str], RowResult] = field(
        default_factory=dict[tuple[str, str], RowResult]
    )
    keeping: Keeping = field(default_factory=Keeping)
    number: int = 0
    form: str = ""
    passing: float | None = None
    advising: bool = True
    follower: Follower | None = None
    hints: tuple[tuple[str, str], ...] = ()
    fits: Fits = field(default_factory=Fits)
    widest: Program[..., Any] | None = None
    folder: Path | None = None

    def rng(self, *path: str | int) -> random.Random:
        """A generator of its own for each purpose, so that no draw moves another."""
        text = "/".join(str(part) for part in (self.seed, self.number, *path))
        return random.Random(hashlib.sha256(text.encode()).digest())

    async def observe(
        self, candidate: Candidate, rows: Sequence[Example], account: str
    ) -> list[RowResult]:
        """Results of a candidate on rows, in their order; known ones cost nothing.

        Raises:
            BudgetExceeded: The ledger is exhausted; what was bought is kept.
            CompileError: A row could not be scored for a reason that is no model's.
        """
        await self.observe_all([candidate], rows, account)
        return [self.cells[candidate.id, row.digest] for row in rows]

    async def observe_all(
        self, candidates: Sequence[Candidate], rows: Sequence[Example], account: str
    ) -> None:
        """Fill the cells of several candidates on the same rows, all side by side."""
        await self.observe_cells(
            [(c, row) for c in candidates for row in rows], account
        )

    async def observe_cells(
        self, cells: Sequence[tuple[Candidate, Example]], account: str
    ) -> None:
        """Fill some cells, all side by side; the budget ends with the last of them."""
        programs = {c.id: c.apply(self.program) for c in dict(cells)}
        if self.follower is not None:
            self.follower.met(list(dict(cells)))
        await self._buy(programs, [(c.id, row) for c, row in cells], account)

    async def sampled(
        self,
        candidates: Sequence[Candidate],
        rows: Sequence[Example],
        account: str,
        sample: int,
    ) -> None:
        """Run candidates on rows with another sample; `runs` gives what came of it.

        Scores are of sample 0 alone, which is what a program does in service.

        Raises:
            BudgetExceeded: As `observe`, and so is CompileError.
        """
        programs = {_of(c.id, sample): c.apply(self.program) for c in candidates}
        cells = [(who, row) for who in programs for row in rows]
        await self._buy(programs, cells, account, sample)

    async def taught(
        self, candidate: Candidate, rows: Sequence[Example]
    ) -> list[RowResult]:
        """What the teacher does with rows, in their order; see `Teacher`.

        Without one the candidate teaches itself. It is booked as "bootstrap".

        Raises:
            BudgetExceeded: As `observe`.
            CompileError: As `observe`.
        """
        if self.teacher is None:
            return await self.observe(candidate, rows, "bootstrap")
        # A program that teaches is the same whoever is taught.
        who = "teacher" if self.teacher.program else f"teacher of {candidate.id}"
        program = self.teacher.in_place_of(candidate.apply(self.program))
        return await self.ran(who, program, rows)

    async def ran(
        self, who: str, program: Program[..., Any], rows: Sequence[Example]
    ) -> list[RowResult]:
        """What a program that is no candidate does with rows; kept under its name.

        It is booked as "bootstrap", and raises what `observe` does.
        """
        await self._buy({who: program}, [(who, row) for row in rows], "bootstrap")
        return [self.cells[who, row.digest] for row in rows]

    async def _buy(
        self,
        programs: Mapping[str, Program[..., Any]],
        cells: Sequence[tuple[str, Example]],
        account: str,
        sample: int = 0,
    ) -> None:
        wanted = dict.fromkeys((who, row.digest) for who, row in cells)
        by_digest = {row.digest: row for _, row in cells}
        jobs = [key for key in wanted if key not in self.cells]
        learnt, seed = {row.digest for row in self.split.train}, Candidate().id
        refused: list[BudgetExceeded] = []

        async def one(_: int, job: tuple[str, str]) -> RowResult | None:
            program, row = programs[job[0]], by_digest[job[1]]
            if row.digest in learnt:
                program = cross_fitted(program, row)
            try:
                found = await score_rows(
                    program,
                    [(row, sample)],
                    self.metric,
                    self._reader,
                    modules=self.program.modules,
                    concurrency=1,
                )
            except BudgetExceeded as error:
                # The rows beside it go on: what is in flight is paid for anyway.
                refused.append(error)
                return None
            refuse_unnamed(self.program, met=True)
            return found[0] if job[0] == seed else zero_if_long(found[0])

        runtime = replace(current(), account=account, ledger=self.allowance.ledger)
        while jobs and not refused:
            # The first row of a compile runs alone: what a metric does wrong shows.
            some = jobs[: self._side_by_side if self.cells else 1]
            jobs = jobs[len(some) :]
            began = self.allowance.ledger.spent().seconds
            with entered(runtime):
                results = await map_rows(one, some, concurrency=self.concurrency)
            seconds = self.allowance.ledger.spent().seconds - began
            self.allowance.took(len(some), seconds, self.concurrency)
            for key, result in zip(some, results, strict=True):
                if result is not None:
                    refuse_failure(by_digest[key[1]], result)
                    self.cells[key] = result
                    self.allowance.saw(len(result.trace.calls))
            if self.follower is not None:
                self.follower.bought([key for key in some if key in self.cells])
            if isinstance(self.metric, Judge):
                self._count_judge(self.metric.taken())
        if refused:
            raise refused[0]

    def _count_judge(self, calls: int) -> None:
        """Count what a judge asked; one that nobody knew of is counted on from then."""
        self.allowance.add(calls)
        if calls and self.judging == NO_JUDGE:
            self.judging = JUDGED
            for known in ("calls_plain", "calls_a_row"):
                self.__dict__.pop(known, None)

    @property
    def _side_by_side(self) -> int | None:
        """How many rows may run at once; None for any number.

        Those that are surely paid for, or one: among others it would hang on their
        speed whom the last calls go to. Where nobody knows how many calls a row may
        take, three times as many as any did so far.
        """
        calls, seen = self.allowance.sure(), self.allowance.most
        if math.isinf(calls):
            return None
        unknown = 0 if self._bounded else (_UNSEEN * seen or calls)
        return max(1, int(calls // max(1, self.calls_a_row, unknown)))

    @cached_property
    def _reader(self) -> Reader:
        return reader_of(self.program)

    @cached_property
    def _bounded(self) -> bool:
        return is_bounded(self.program, self.split.rows)

    def result(self, candidate: Candidate, row: Example) -> RowResult | None:
        """A cell of the table, or None where it was not bought."""
        return self.cells.get((candidate.id, row.digest))

    def runs(self, candidate: Candidate, row: Example) -> list[RowResult]:
        """A candidate's known runs of a row, sample after sample."""
        keys = ((_of(candidate.id, n), row.digest) for n in itertools.count())
        return [self.cells[key] for key in itertools.takewhile(self.cells.get, keys)]

    def results(self, candidate: Candidate, rows: Sequence[Example]) -> list[RowResult]:
        """Bought cells of a candidate, in the order of the rows."""
        found = (self.result(candidate, row) for row in rows)
        return [result for result in found if result is not None]

    def scores(self, candidate: Candidate, rows: Sequence[Example]) -> list[float]:
        """Bought scores of a candidate, in the order of the rows."""
        return [r.score.value for r in self.results(candidate, rows) if r.score]

    def column(
        self, candidate: Candidate, rows: Sequence[Example]
    ) -> list[float | None]:
        """Scores of a candidate in the order of the rows; None where not bought."""
        found = (self.result(candidate, row) for row in rows)
        return [r.score.value if r and r.score else None for r in found]

    def estimates(self, candidates: Sequence[Candidate]) -> dict[Candidate, Estimate]:
        """What each would score on all select rows; 0 where it was seen on none.

        This compares candidates that were seen on different rows: hard ones come first.
        """
        met = dict.fromkeys([*self.archive, *candidates])
        columns = {candidate: self.column(candidate, self.rows) for candidate in met}
        model = row_model(list(columns.values()))
        return {c: model.estimate(columns[c]) for c in candidates}

    def mean(self, candidate: Candidate, rows: Sequence[Example]) -> float:
        """Mean of bought scores, or 0; compares only those seen on the same rows."""
        scores = self.scores(candidate, rows)
        return sum(scores) / len(scores) if scores else 0.0

    def raced(self) -> list[tuple[Candidate, float]]:
        """The candidates that were seen on select rows, as ranked, with `estimates`."""
        seen = [c for c in self.archive if self.scores(c, self.rows)]
        return [(c, found.mean) for c, found in self.estimates(seen).items()]

    def gain(self, child: Candidate, parent: Candidate) -> float | None:
        """One mean less another on the select rows that both were seen on, or None."""
        both = [r for r in self.rows if self.result(child, r)]
        both = [r for r in both if self.result(parent, r)]
        return self.mean(child, both) - self.mean(parent, both) if both else None

    def lends(self, result: RowResult) -> bool:
        """Whether a run is shown as demos: it scores what passes."""
        bar = 1.0 if self.passing is None else self.passing
        return result.score is not None and result.score.value >= bar

    def advice(self, most: int | None = None) -> tuple[str, ...]:
        """What labels, and all scores or the latest, say about the metric."""
        if not self.advising:
            return ()
        cells = list(self.cells.values())[-(most or 0) :]
        seen = (*self.split.train, *self.split.select)
        held = self.metric.metric if isinstance(self.metric, Judge) else self.metric
        return advised(held, seen, cells, output_name(self.program))

    def front(self, pool: Sequence[Candidate]) -> dict[Candidate, int]:
        """The `leaders` of a pool; its best where nothing was raced."""
        found = leaders({c: self.column(c, self.rows) for c in pool})
        return found or {pool[0]: 1}

    def size(self, candidate: Candidate) -> int:
        """Characters of a candidate's instructions and demos."""
        return prompt_size(candidate.apply(self.program))

    @property
    def spent(self) -> int:
        """Calls charged so far."""
        return self.allowance.ledger.spent().calls

    @cached_property
    def calls_plain(self) -> int:
        """Model calls of one row where no reply needs a repair, its judge's too."""
        program = self.widest or self.program
        return calls_plain(program, self.split.rows) + self.judging.plain

    def room(self) -> float:
        """Calls that may be spent before what is set aside is touched."""
        return self.allowance.room()

    def rows_in_reach(self, candidates: int, rows: int) -> int:
        """How many of some rows every one of some candidates can surely still meet."""
        cells = self.allowance.cells(self.calls_a_row)
        return int(min(rows, cells // max(1, candidates)))

    @property
    def rows(self) -> tuple[Example, ...]:
        """The select rows in a seeded order; a racer may take them in another."""
        return self.split.select

    @cached_property
    def calls_a_row(self) -> int:
        """The most calls that one row can cost, repairs and its judge included."""
        program = self.widest or self.program
        return calls_bound(program, self.split.rows) + self.judging.most


def _of(who: str, sample: int) -> str:
    """Whose cell a sample is: the candidate's own, or one beside it."""
    return f"{who}#{sample}" if sample else who


def passes(result: RowResult) -> bool:
    """Whether a row scored all that can be scored."""
    return result.score is not None and result.score.value >= 1.0
