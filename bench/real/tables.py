"""What cells say: a line an arm, pairs of arms, and the bars they are held against."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from weft.pipeline.measure.stats import Interval, mean_interval, paired_bootstrap

from .. import Row
from .arms import COMPILED, Arm, arm_of
from .cells import Cell, Key

__all__ = ["COMPILE_HEADINGS", "HEADINGS", "Cells", "bars"]

HEADINGS = (
    "arm",
    "usable",
    "calls a row",
    "tokens in",
    "out",
    "from the prefix cache",
    "score",
    "weft - DSPy",
    "s a row",
)
COMPILE_HEADINGS = (
    "compiler",
    "seeds",
    "calls",
    "tokens",
    "s",
    "test score",
    "as it was",
    "weft - DSPy",
)
EXACT = ("banking10", "poem_sentiment", "scone_nli", "gsm8k")
"""Tasks whose fields are labels or numbers."""
AGAINST = {
    "weft-BootstrapFewShot": "dspy-BootstrapFewShot",
    "weft-Auto": "dspy-BootstrapFewShotWithRandomSearch",
}


@dataclass(frozen=True)
class Cells:
    """The cells of one number of rows."""

    found: Mapping[Key, Cell]
    rows: int

    def of(self, model: str, task: str, arm: str, seed: int = 0) -> Cell | None:
        """A cell, where it was measured."""
        return self.found.get(Key(task, model, arm, self.rows, seed))

    def arms(self, model: str, task: str) -> list[str]:
        """The zero-shot arms that were measured, weft's first."""
        mine = [
            key.arm
            for key in self.found
            if (key.model, key.task, key.rows) == (model, task, self.rows)
            and key.arm not in COMPILED
        ]
        return sorted(dict.fromkeys(mine), key=lambda arm: (arm[0] != "w", arm))

    def seeds(self, model: str, task: str, arm: str) -> list[Cell]:
        """The compiles of one arm, by seed."""
        mine = {
            key.seed: cell
            for key, cell in self.found.items()
            if (key.model, key.task, key.arm) == (model, task, arm)
            and key.rows == self.rows
        }
        return [mine[seed] for seed in sorted(mine)]

    def lines(self, model: str, task: str) -> Iterator[tuple[str, ...]]:
        """One line an arm."""
        for arm in self.arms(model, task):
            cell = self.of(model, task, arm)
            assert cell is not None
            prompt = max(1, cell.counts["input_tokens"])
            yield (
                arm,
                f"{cell.usable} of {len(cell.outcomes)}",
                f"{cell.a_row('calls'):.2f}",
                f"{cell.a_row('input_tokens'):.0f}",
                f"{cell.a_row('output_tokens'):.0f}",
                f"{cell.counts['cached_tokens'] / prompt:.0%}",
                _mean(cell.scores),
                self._beside(model, task, arm, cell),
                f"{cell.seconds / len(cell.outcomes):.1f}",
            )

    def _beside(self, model: str, task: str, arm: str, cell: Cell) -> str:
        if arm.startswith("dspy"):
            return ""
        theirs = self.of(model, task, "dspy-cot" if arm_of(arm).thinks else "dspy")
        return _difference([cell], [theirs]) if theirs else "-"

    def compile_lines(self, model: str, task: str) -> Iterator[tuple[str, ...]]:
        """One line a compiler, over its seeds."""
        for arm in COMPILED:
            cells = self.seeds(model, task, arm)
            if not cells:
                continue
            spent = [cell.compiling for cell in cells]
            before = self.of(model, task, arm.partition("-")[0])
            other = AGAINST.get(arm)
            theirs = self.seeds(model, task, other) if other else []
            yield (
                arm.replace("-", " ", 1),
                str(len(cells)),
                f"{statistics.fmean(one['calls'] for one in spent):.0f}",
                f"{statistics.fmean(map(_tokens, spent)):,.0f}",
                f"{statistics.fmean(one['seconds'] for one in spent):.0f}",
                _mean(_by_row(cells)),
                _mean(before.scores) if before else "-",
                _difference(cells, theirs) if theirs else "",
            )


def bars(cells: Cells, model: str) -> Iterator[Row]:
    """The bars that a model's cells can be held against; those not measured are not.

    Usable replies, calls a row, and never fewer usable replies than DSPy's default.
    """
    tasks = list(dict.fromkeys(k.task for k in cells.found if k.model == model))
    for arm, calls in (("weft", 1.05), ("weft-cot", 1.2)):
        found = [cell for task in tasks if (cell := cells.of(model, task, arm))]
        if not found:
            continue
        rows = sum(len(cell.outcomes) for cell in found)
        share = sum(cell.usable for cell in found) / rows
        asked = sum(cell.counts["calls"] for cell in found) / rows
        what = f"{model}, {arm}, {len(found)} tasks"
        yield Row(f"{what}: usable", share, None, ">= 0.97", share >= 0.97)
        yield Row.limit(f"{what}: calls a row", asked, calls)
    for task in tasks:
        yield from _task_bars(cells, model, task)


def _task_bars(cells: Cells, model: str, task: str) -> Iterator[Row]:
    def share(arm: str) -> float | None:
        cell = cells.of(model, task, arm)
        return cell.usable / len(cell.outcomes) if cell else None

    what = f"{model}, {task}"
    for mine, theirs in (("weft", "dspy"), ("weft-cot", "dspy-cot")):
        ours, other = share(mine), share(theirs)
        if ours is not None and other is not None:
            yield Row(f"{what}: usable, {mine}", ours, other, ">= DSPy", ours >= other)
    plain = share("weft-noschema")
    if plain is not None:
        known = [
            value
            for arm in cells.arms(model, task)
            if _is_bare(arm_of(arm)) and (value := share(arm)) is not None
        ]
        at_least = 0.9
        if model != "smollm2" or task not in EXACT:
            at_least = 0.9 * max(known)
        label = f"{what}: usable, schema switched off"
        yield Row(label, plain, None, f">= {at_least:.2f}", plain >= at_least)
    few = "weft-completion-4demos"
    others = [f"{few}-draw{number}" for number in range(1, 10)]
    drawn = [cells.of(model, task, arm) for arm in (few, *others)]
    scores = [statistics.fmean(cell.scores) for cell in drawn if cell is not None]
    if scores and (model, task) == ("gemma", "banking10"):
        score = statistics.fmean(scores)
        label = f"{what}: right, completions form with 4 demos, {len(scores)} draws"
        yield Row(label, score, None, ">= 0.50", score >= 0.5)


def _is_bare(arm: Arm) -> bool:
    """Whether no server holds the form, no row shows it and nothing is thought."""
    held = arm.schema if arm.side == "weft" else arm.form == "schema"
    return not (held or arm.thinks or arm.demos)


def _tokens(counts: Mapping[str, float]) -> float:
    return counts["input_tokens"] + counts["output_tokens"]


def _by_row(cells: Sequence[Cell]) -> list[float]:
    """The mean over seeds of each row: a row's seeds are no further rows."""
    scores = [cell.scores for cell in cells]
    return [statistics.fmean(row) for row in zip(*scores, strict=True)]


def _mean(scores: Sequence[float]) -> str:
    interval = mean_interval(scores, seed=0)
    return f"{100 * statistics.fmean(scores):.1f} {_points(interval)}"


def _difference(ours: Sequence[Cell], theirs: Sequence[Cell]) -> str:
    """The mean difference in points with its interval, row by row."""
    both = min(len(ours), len(theirs))
    pairs = zip(_by_row(ours[:both]), _by_row(theirs[:both]), strict=True)
    differences = [mine - other for mine, other in pairs]
    interval = paired_bootstrap(differences, seed=0).interval
    return f"{100 * statistics.fmean(differences):+.1f} {_points(interval, '+')}"


def _points(interval: Interval, sign: str = "") -> str:
    low, high = 100 * interval.low, 100 * interval.high
    return f"[{low:{sign}.0f}, {high:{sign}.0f}]"
