"""Races replayed on what real models really did: `python -m bench replay`.

A file holds pools, one a line: a model and a task, and for many prompts which items it
answered rightly. A draw takes rows to select on and prompts at random, hands a racer of
weft's some whose answers are known and some that are new, and compares the one that it
picks with the best: regret, in points of the true accuracy. No model is called.

Every race is run by the racer itself; only the account book and the table of scores are
stood in for. The other side of a row is the same racer on the same draws with rows in
random order, `order="given"`. The rows of shared data stand beside the checkout, in
`../shared/data`, or where `WEFT_BENCH_DATA` says.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from statistics import NormalDist, fmean, stdev
from typing import Any, NamedTuple, cast

from weft.compilers import Candidate, Halving, Racer
from weft.compilers.search.task import Task
from weft.compilers.statistics.estimates import Column
from weft.pipeline.data.rows import Example

from . import BenchError, Findings, Row
from ._data import DATA

__all__ = ["ARMS", "Arm", "Draw", "Pool", "Table", "drawn", "pools_of", "raced", "run"]

ROWS, KNOWN, NEW = 120, 4, 8
DRAWS = 400


class Pool(NamedTuple):
    """Which items a model answered rightly under each prompt, and the accuracies."""

    name: str
    columns: list[list[float]]
    means: list[float]


class Draw(NamedTuple):
    """Prompts by number, each with its scores on the rows drawn, and its accuracy."""

    columns: list[list[float]]
    means: list[float]


@dataclass
class Table:
    """What a racer sees of a task: candidates with scores, rows by number, and calls.

    It answers for `Task`, whose every cell is one call.

    Attributes:
        truth: All scores of each candidate, in the order of the rows.
        left: Calls that may still be made.
        archive: Who was met before the race, best first.
        bought: The scores that are known by candidate id, None elsewhere.
    """

    truth: dict[Candidate, list[float]]
    left: int
    archive: list[Candidate] = field(default_factory=list[Candidate])
    bought: dict[str, list[float | None]] = field(
        default_factory=dict[str, list[float | None]]
    )
    number: int = 0
    calls_a_row: int = 1
    spent: int = 0

    def __post_init__(self) -> None:
        for candidate, scores in self.truth.items():
            self.bought[candidate.id] = [None] * len(scores)

    @property
    def allowance(self) -> Table:
        """The account book."""
        return self

    def cells(self, most: int) -> float:
        """Cells that may be bought, of at most so many calls each."""
        return self.left // most

    def known(self, candidate: Candidate) -> None:
        """Count all scores of a candidate as known."""
        self.bought[candidate.id] = list(self.truth[candidate])

    async def observe_all(
        self, candidates: Sequence[Candidate], rows: Sequence[int], account: str
    ) -> None:
        """Buy the cells of candidates on rows."""
        await self.observe_cells(
            [(c, row) for c in candidates for row in rows], account
        )

    async def observe_cells(
        self, cells: Sequence[tuple[Candidate, int]], account: str
    ) -> None:
        """Buy cells; known ones cost nothing."""
        del account
        for candidate, row in cells:
            own = self.bought[candidate.id]
            if own[row] is None:
                own[row] = self.truth[candidate][row]
                self.left -= 1
                self.spent += 1

    def result(self, candidate: Candidate, row: int) -> float | None:
        """A known score, or None."""
        return self.bought[candidate.id][row]

    def column(self, candidate: Candidate, rows: Sequence[int]) -> Column:
        """Scores in the order of the rows, None where not known."""
        own = self.bought[candidate.id]
        return [own[row] for row in rows]

    def results(self, candidate: Candidate, rows: Sequence[int]) -> list[float]:
        """The known scores in the order of the rows."""
        own = self.bought[candidate.id]
        return [score for row in rows if (score := own[row]) is not None]

    scores = results

    def mean(self, candidate: Candidate, rows: Sequence[int]) -> float:
        """The mean of known scores, 0 where there are none."""
        found = self.results(candidate, rows)
        return sum(found) / len(found) if found else 0.0


class Arm(NamedTuple):
    """A race: who, for how many calls, with how many known, and what those cost."""

    name: str
    racer: Racer
    calls: int
    known: int = KNOWN
    counted: bool = False


BEFORE, SEED = "given, 328", "seed, given, 328"
ARMS = (
    Arm(BEFORE, Halving(order="given"), 328),
    Arm("telling, 328", Halving(), 328),
    Arm("telling, 164", Halving(), 164),
    Arm(SEED, Halving(order="given"), 328, 1, counted=True),
    Arm("seed, telling, 328", Halving(), 328, 1, counted=True),
)


class Outcome(NamedTuple):
    """Points by which a pick is below the best of the race, and calls used."""

    regret: float
    calls: float


def pools_of(path: Path) -> list[Pool]:
    """The pools of a file, of which each has prompts enough for a draw.

    Raises:
        BenchError: There is no such file, or it is of another form.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise BenchError(f"no outcomes to replay: {error}") from error
    try:
        return [_pool(json.loads(line)) for line in lines if line.strip()]
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(
            f"{path} is no file of outcomes; each line holds pool, items, columns (hex "
            f"bits, item 0 first) and means: {error!r}"
        ) from error


def _pool(read: dict[str, Any]) -> Pool:
    items = int(read["items"])
    columns: list[list[float]] = []
    for text in read["columns"]:
        bits = f"{int(text, 16):0{4 * len(text)}b}"[:items]
        columns.append([float(bit) for bit in bits])
    means = [float(mean) for mean in read["means"]]
    name = str(read.get("id") or read["pool"])
    if len(means) != len(columns) or len(columns) < KNOWN + NEW or items < ROWS:
        raise ValueError(f"pool {name} needs {KNOWN + NEW} prompts and {ROWS} items")
    return Pool(name, columns, means)


def drawn(pool: Pool, count: int, seed: int = 0) -> Iterator[Draw]:
    """Draws of rows and prompts, the same for the same seed and pool."""
    for number in range(count):
        rng = random.Random(f"{seed}/{pool.name}/{number}")
        rows = rng.sample(range(len(pool.columns[0])), ROWS)
        prompts = rng.sample(range(len(pool.columns)), KNOWN + NEW)
        columns = [[pool.columns[p][row] for row in rows] for p in prompts]
        yield Draw(columns, [pool.means[p] for p in prompts])


def raced(arm: Arm, draw: Draw) -> Outcome:
    """One race: the best known prompt and the new ones, picked from by the racer."""
    everyone = [Candidate({"prompt": str(at)}) for at in range(len(draw.columns))]
    truth = dict(zip(everyone, draw.columns, strict=True))
    means = dict(zip(everyone, draw.means, strict=True))
    known, new = everyone[: arm.known], everyone[KNOWN:]
    known = sorted(known, key=lambda c: -sum(truth[c]))
    cost = arm.known * ROWS if arm.counted else 0
    table = Table(truth, arm.calls - cost, archive=known)
    for candidate in known:
        table.known(candidate)
    field_ = [known[0], *new]
    rows = cast("list[Example]", list(range(ROWS)))
    picked = _finished(arm.racer.race(cast("Task", table), field_, rows))[0]
    best = max(means[candidate] for candidate in field_)
    return Outcome(100 * (best - means[picked]), table.spent + cost)


def _finished(race: Coroutine[Any, Any, list[Candidate]]) -> list[Candidate]:
    """The result of a race that never waits."""
    try:
        race.send(None)
    except StopIteration as ended:
        return cast("list[Candidate]", ended.value)
    raise BenchError("a race waited for something, and here there is nothing")


def replayed(pool: Pool, count: int, seed: int) -> dict[str, Outcome]:
    """The mean outcome of each arm on one pool."""
    found: dict[str, list[Outcome]] = {arm.name: [] for arm in ARMS}
    for draw in drawn(pool, count, seed):
        for arm in ARMS:
            found[arm.name].append(raced(arm, draw))
    return {
        name: Outcome(fmean(o.regret for o in each), fmean(o.calls for o in each))
        for name, each in found.items()
    }


def run(
    file: Path | None = None,
    draws: int = DRAWS,
    pools: int | None = None,
    seed: int = 0,
) -> list[Row]:
    """Replay, on all pools of the file or the first so many.

    Args:
        file: Another file of the same form.
        draws: Races of each arm on each pool.
        pools: How many pools.
        seed: Which draws.
    """
    path = file or DATA / "outcomes.jsonl"
    if not file and not path.exists():
        return Findings([], f"replay: there is no file {path}")
    taken = pools_of(path)[:pools]
    with ProcessPoolExecutor(min(len(taken), os.cpu_count() or 1)) as several:
        found = list(several.map(replayed, taken, repeat(draws), repeat(seed)))
    return Findings(_rows(found), _details(taken, found, draws))


def compared(mine: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """One side's mean in units of the other's, and half a 95 % interval, by pool."""
    count, scale = len(mine), fmean(other)
    if not scale:
        return 1.0, math.inf
    ratio = fmean(mine) / scale
    if count < 2:
        return ratio, math.inf
    apart = [a - ratio * b for a, b in zip(mine, other, strict=True)]
    return ratio, _student(count - 1) * stdev(apart) / math.sqrt(count) / scale


def _student(free: int) -> float:
    """The 97.5 % point of Student's t (Cornish and Fisher's expansion)."""
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)


def _rows(found: Sequence[Mapping[str, Outcome]]) -> list[Row]:
    def regrets(name: str) -> list[float]:
        return [pool[name].regret for pool in found]

    def row(name: str, other: str, most: float, *, below: bool) -> Row:
        mine, base = regrets(name), regrets(other)
        ratio, half = compared(mine, base)
        ok = ratio <= most and (ratio + half < 1 or not below)
        bar = f"ratio <= {most:g}" + (", surely < 1" if below else "")
        what = f"regret, points: {name} / {other} (ratio {ratio:.3f} +- {half:.3f})"
        return Row(what, fmean(mine), fmean(base), bar, ok)

    return [
        row("telling, 328", BEFORE, 0.92, below=True),
        row("telling, 164", BEFORE, 1.02, below=False),
        row("seed, telling, 328", SEED, 1.0, below=False),
    ]


def _details(
    taken: Sequence[Pool], found: Sequence[Mapping[str, Outcome]], count: int
) -> str:
    """Regret by pool and arm, and the calls that each arm used."""
    width = max(len(pool.name) for pool in taken)
    names = [arm.name for arm in ARMS]
    lines = [
        f"{len(taken)} pools, {count} draws each, {ROWS} rows; new prompts: {NEW}.",
        f"Beside them the best of {KNOWN} known prompts, or one as the seed.",
        "Regret in points of true accuracy; last, the calls used.",
        " " * width + "".join(f"  {name:>18}" for name in names),
    ]
    for pool, outcomes in zip(taken, found, strict=True):
        figures = "".join(f"  {outcomes[name].regret:18.2f}" for name in names)
        lines.append(f"{pool.name:{width}}{figures}")
    calls = [fmean(pool[name].calls for pool in found) for name in names]
    lines.append(f"{'calls':{width}}" + "".join(f"  {c:18.0f}" for c in calls))
    return "\n".join(lines)
