"""Verification by planned looks, beside the rule that it replaced.

No model and no wish: paired outcomes are planted, and where `../shared/data` holds the
outcomes of real models (MMLU-Pro law and mathematics, under prompts that optimizers
wrote), drawn from those. Both rules see the same draws.

- *Level*: of 300 compiles whose candidates are truly no better, how many are claimed.
- *Power*, worked out exactly, by true gain and sealed rows, beside McNemar's exact test
  on as many rows as were bought on the mean.
- *Choice*: the true gain of what comes back, and how often it is below the seed.
- *Intervals*: how many of 1,000 hold the true gain.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import Findings, Row
from ._looks_exact import fixed, looked, two_sided
from ._paired import KINDS, OUTCOMES, POOLS, Draw, Outcome, before, drawn, planned

__all__ = ["run"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-verify.md"
SIZES = ((60, 30, 8), (24, 16, 8), (60, 24, 24), (120, 95, 16))
REPLAYS, NULL, CLAIMED, COVERED = 1_000, 300, 22, 0.93
GAINS, ROWS, DIFFER = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4), (16, 24, 30, 60), (0.1, 0.3)
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
NO_BETTER = ("null", "worse")
_EVEN = 1e-9
_HEAD = """\
# Verification, measured

Written by `python -m bench verify --write`; nothing in it is chosen by hand. *Before*
is the rule that planned looks replaced: all sealed rows at once, the higher mean comes
back, and a gain is claimed where a two-sided exact test at 5 % shows it.
[Compiling](compiling.md#the-report) says what the library does now.
"""


@dataclass(frozen=True)
class Cell:
    """What two rules make of the same draws.

    Args:
        kind: What the candidates are.
        size: Select rows, sealed rows, candidates.
        draws: The searches.
        old: What the rule before makes of them.
        new: What the library does.
    """

    kind: str
    size: tuple[int, int, int]
    draws: Sequence[Draw]
    old: Sequence[Outcome]
    new: Sequence[Outcome]

    @property
    def name(self) -> str:
        """As the tables say it."""
        select, sealed, rivals = self.size
        return f"{self.kind} | {select} + {sealed} | {rivals}"

    def claims(self, outcomes: Sequence[Outcome]) -> int:
        """How many of the first 300 are claimed."""
        return sum(outcome.improved for outcome in outcomes[:NULL])

    def gains(self, outcomes: Sequence[Outcome]) -> list[float]:
        """The true gain of what came back, in points; 0 where it is the seed."""
        pairs = zip(outcomes, self.draws, strict=True)
        return [100 * draw.gain * outcome.returned for outcome, draw in pairs]

    def below(self, outcomes: Sequence[Outcome]) -> float:
        """The share that came back truly below the seed."""
        return statistics.mean(gain < -_EVEN for gain in self.gains(outcomes))

    def rows(self, outcomes: Sequence[Outcome]) -> float:
        """Sealed rows bought, for each of two programs."""
        return statistics.mean(outcome.rows for outcome in outcomes)


def run(write: bool = False) -> list[Row]:
    """The rows of this part.

    Args:
        write: Whether the page in docs/ is written.
    """
    kinds = [*KINDS, POOLS] if OUTCOMES.exists() else [*KINDS]
    cells = [_cell(kind, size) for kind in kinds for size in SIZES]
    null = [cell for cell in cells if cell.kind in NO_BETTER]
    power, lost = _power()
    other = [cell for cell in cells if cell.kind != "null"]
    old = sum(cell.below(cell.old) for cell in other)
    new = sum(cell.below(cell.new) for cell in other)
    change = [statistics.mean(_changes(cell)) for cell in other]
    mean = statistics.mean(change)
    error = math.sqrt(sum(_error(_changes(cell)) ** 2 for cell in other)) / len(other)
    worst = max(cell.claims(cell.new) for cell in null)
    what = f"claimed of {NULL} that are no better, the worst of {len(null)} settings"
    covered = min(_covered(cell, pooled) for cell in cells for pooled in (0, 1))
    bar = f">= 0; +-{1.96 * error:.2f}"
    rows = [
        Row.limit(what, worst, CLAIMED),
        Row.limit("the highest exact level, percent", 100 * _level(), 5.0),
        Row.limit("settings whose power is below McNemar's on rows paid for", lost, 0),
        Row.at_most("truly below the seed, share of returned draws", new, old, 0.5),
        Row(
            "true gain returned, change in points",
            mean,
            None,
            bar,
            mean + 1.96 * error >= 0,
        ),
        Row(
            f"intervals that hold, the fewest of {REPLAYS}",
            covered,
            None,
            f">= {COVERED}",
            covered >= COVERED,
        ),
    ]
    details = "\n".join(
        [_HEAD, *_null_table(null), *power, *_choice(other), *_held(cells)]
    )
    if write:
        PAGE.write_text(f"{details}\n", "utf-8")
    return Findings(rows, details)


def _cell(kind: str, size: tuple[int, int, int]) -> Cell:
    rng = random.Random(f"{kind}/{size}")
    draws = list(itertools.islice(drawn(kind, *size, rng), REPLAYS))
    return Cell(kind, size, draws, [*map(before, draws)], [*map(planned, draws)])


def _level() -> float:
    """The most that programs which are equal are claimed, whatever share differs."""
    return max(looked(0.0, share, rows).claimed for rows in ROWS for share in SHARES)


def _power() -> tuple[list[str], int]:
    """The table of power, and in how many settings it is below McNemar's."""
    lost = 0
    said = (
        "Worked out exactly. The second column is the share of rows on which the "
        "programs differ beyond those that the gain needs, half of them each way. "
        "*Paid for* is McNemar's exact test, one-sided at 5 %, on as many rows as the "
        "looks bought on the mean, *all* the same on all sealed rows."
    )
    lines = [
        "## Power by true gain and sealed rows, percent",
        "",
        said,
        "",
        "| gain | and differ | sealed | power | rows | paid for | all | before |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for gain, differ, rows in itertools.product(GAINS, DIFFER, ROWS):
        found = looked(gain, gain + differ, rows)
        paid = _between(gain, gain + differ, found.rows)
        lost += found.claimed < paid - _EVEN
        figures = (
            found.claimed,
            paid,
            fixed(gain, gain + differ, rows),
            two_sided(gain, gain + differ, rows),
        )
        power, at_paid, at_all, old = (f"{100 * figure:.1f}" for figure in figures)
        lines.append(
            f"| {100 * gain:.0f} | {100 * differ:.0f} | {rows} | {power} | "
            f"{found.rows:.1f} | {at_paid} | {at_all} | {old} |"
        )
    return [*lines, ""], lost


def _between(gain: float, differ: float, rows: float) -> float:
    """McNemar's power on a number of rows that need not be whole."""
    low, part = int(rows), rows - int(rows)
    return (1 - part) * fixed(gain, differ, low) + part * fixed(gain, differ, low + 1)


def _null_table(cells: Sequence[Cell]) -> Iterator[str]:
    yield f"## Claims of {NULL} compiles whose candidates are no better\n"
    yield "| candidates | select + sealed rows | of how many | claimed | before |"
    yield "|---|---|---:|---:|---:|"
    for cell in cells:
        yield f"| {cell.name} | {cell.claims(cell.new)} | {cell.claims(cell.old)} |"
    yield ""


def _choice(cells: Sequence[Cell]) -> Iterator[str]:
    yield "## What comes back\n"
    yield (
        "Mean true gain of what comes back, in points, with the paired change and its "
        "95 % interval; the share of draws in which it is truly below the seed; sealed "
        "rows bought for each of the two programs. Draws in which the search ended "
        "with the seed are left out: there both rules give it back. "
        + " ".join(f"*{name}*: {kind.words}." for name, kind in KINDS.items())
        + f" *{POOLS}*: real outcomes, a prompt as the seed, others as candidates.\n"
    )
    yield (
        "| candidates | select + sealed rows | of how many | gain before | gain | "
        "change | below before | below | rows before | rows |"
    )
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for cell in cells:
        change = _changes(cell)
        old, new = (statistics.mean(cell.gains(o)) for o in (cell.old, cell.new))
        yield (
            f"| {cell.name} | {old:.2f} | {new:.2f} | {statistics.mean(change):+.2f} "
            f"+-{1.96 * _error(change):.2f} | {100 * cell.below(cell.old):.1f} % | "
            f"{100 * cell.below(cell.new):.1f} % | {cell.rows(cell.old):.0f} | "
            f"{cell.rows(cell.new):.1f} |"
        )
    yield ""


def _held(cells: Sequence[Cell]) -> Iterator[str]:
    yield "## Intervals\n"
    yield (
        f"Of {REPLAYS} intervals of 95 %, how many hold the true gain, and their "
        "median width in points: of the sealed rows alone, and of the sealed rows with "
        "the select rows less luck.\n"
    )
    yield (
        "| candidates | select + sealed rows | of how many | sealed | width | with "
        "select rows | width | before | width |"
    )
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for cell in cells:
        old = [o.interval for o in cell.old]
        held = sum(d.gain in i for d, i in zip(cell.draws, old, strict=True))
        shown = (
            f"{100 * _covered(cell, pooled):.1f} % | {_width(cell, pooled):.0f}"
            for pooled in (0, 1)
        )
        wide = 100 * statistics.median(i.high - i.low for i in old)
        yield (
            f"| {cell.name} | {' | '.join(shown)} | {100 * held / len(old):.1f} % | "
            f"{wide:.0f} |"
        )


def _covered(cell: Cell, pooled: int) -> float:
    intervals = [o.pooled if pooled else o.interval for o in cell.new]
    pairs = zip(cell.draws, intervals, strict=True)
    return statistics.mean(draw.gain in interval for draw, interval in pairs)


def _width(cell: Cell, pooled: int) -> float:
    intervals = [o.pooled if pooled else o.interval for o in cell.new]
    return 100 * statistics.median(i.high - i.low for i in intervals)


def _changes(cell: Cell) -> list[float]:
    pairs = zip(cell.gains(cell.new), cell.gains(cell.old), strict=True)
    return [new - old for new, old in pairs]


def _error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values))
