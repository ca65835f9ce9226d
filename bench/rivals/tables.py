"""What came of compiles, as lines of a table: by task, and over all of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from weft.pipeline.measure.stats import paired_bootstrap

from .. import pipes
from ..world import TASKS
from .runs import Outcome

__all__ = [
    "HEADINGS",
    "HELD",
    "OURS",
    "THEIRS",
    "THIRD",
    "Line",
    "Table",
    "difference",
    "paired",
]

OURS = (
    "weft BootstrapRandomSearch",
    "weft COPRO",
    "weft MIPRO",
    "weft SIMBA",
    "weft GEPA",
    "weft Auto",
    "weft BootstrapRandomSearch, published",
    "weft COPRO, published",
    "weft SIMBA, published",
    "weft GEPA, published",
    "weft MIPRO, published",
)
"""As they come, and by their published schedules."""
THIRD = "weft Auto, 1/3 of the calls"
HELD = "weft Auto, held"
THEIRS = (
    "BootstrapFewShotWithRandomSearch",
    "COPRO",
    "MIPROv2 light",
    "SIMBA",
    "GEPA light",
)
_FEW = 3
TITLES = {
    "policy": "rules that words can tell, with exceptions",
    "analogy": "signs that only solved cases show",
    "mixed": "half of each",
    "solved": "almost nothing to gain",
    "chain": "three modules, the fault mostly in the middle one",
}
HEADINGS = (
    "compiler",
    "runs",
    "test",
    "seed",
    "calls",
    "of them writing",
    "tokens",
    "claimed - true",
    "below seed",
)


@dataclass(frozen=True)
class Line:
    """One contender, over the runs that are put together here."""

    contender: str
    outcomes: tuple[Outcome, ...]

    @property
    def made(self) -> list[Outcome]:
        """The runs that came to an end."""
        return [one for one in self.outcomes if one.score is not None]

    def mean(self, of: Callable[[Outcome], float | None]) -> float | None:
        """The mean over the runs that came to an end."""
        found = [value for one in self.made if (value := of(one)) is not None]
        return statistics.fmean(found) if found else None

    @property
    def score(self) -> float | None:
        """The mean on the test rows."""
        return self.mean(lambda one: one.score)

    @property
    def calls(self) -> float | None:
        """The mean number of calls."""
        return self.mean(lambda one: float(one.calls))

    def cells(self) -> tuple[str, ...]:
        """The line as a table shows it."""
        below = sum((one.score or 0.0) < (one.before or 0.0) for one in self.made)
        return (
            self.contender,
            self._runs(),
            _share(self.score),
            _share(self.mean(lambda one: one.before)),
            _count(self.calls),
            _count(self.mean(lambda one: float(one.writing))),
            _count(self.mean(lambda one: float(one.tokens))),
            _signed(self.mean(_optimism)),
            f"{below} of {len(self.made)}" if self.made else "-",
        )

    def _runs(self) -> str:
        """How many came to an end, and what became of the others."""
        troubles = [one.trouble for one in self.outcomes if one.trouble]
        named = [f"{troubles.count(t)} {t}" for t in dict.fromkeys(troubles)]
        return "; ".join([str(len(self.made)), *named])


@dataclass(frozen=True)
class Table:
    """What came of all runs."""

    outcomes: Sequence[Outcome]

    def line(self, contender: str, tasks: Sequence[str]) -> Line:
        """One contender on some tasks."""
        mine = [o for o in self.outcomes if o.run.contender == contender]
        return Line(contender, tuple(o for o in mine if o.run.task in tasks))

    def best_of_theirs(self, task: str) -> Line | None:
        """The optimizer of DSPy with the highest mean test score."""
        lines = [self.line(name, [task]) for name in THEIRS]
        known = [line for line in lines if line.score is not None]
        return max(known, key=lambda line: line.score or 0.0, default=None)

    def sections(self, tasks: Sequence[str]) -> Iterator[tuple[str, list[Line]]]:
        """A title and its lines: each task, and all of them."""
        for title, some in [
            *((f"{task}: {TITLES[task]}", [task]) for task in tasks),
            ("all: the means over every run", tasks),
        ]:
            yield title, [self.line(name, some) for name in (THIRD, *OURS, *THEIRS)]

    def plain(self, tasks: Sequence[str]) -> Iterator[str]:
        """Aligned text."""
        for title, lines in self.sections(tasks):
            cells = [HEADINGS, *(line.cells() for line in lines)]
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            yield title
            for row in cells:
                padded = zip(row, widths, strict=True)
                yield "  ".join(
                    cell.rjust(width) if at > 1 else cell.ljust(width)
                    for at, (cell, width) in enumerate(padded)
                ).rstrip()
            yield ""

    def markdown(self) -> Iterator[str]:
        """The same for a page."""
        for title, lines in self.sections(list(TASKS)):
            yield f"### {title}\n"
            yield pipes(HEADINGS)
            yield pipes(("---", *("---:" for _ in HEADINGS[1:])))
            for line in lines:
                yield pipes(line.cells())
            yield ""

    def summary(self) -> Iterator[str]:
        """Auto beside the best of theirs, task by task, for a page."""
        headings = (
            "task",
            "seed",
            "best of DSPy",
            "test",
            "calls",
            THIRD,
            "calls",
            "difference, 95 %",
            "seeds not worse",
            "weft Auto",
            "calls",
        )
        yield pipes(headings)
        yield pipes(("---", "---:", "---", *("---:" for _ in headings[3:])))
        for task in TASKS:
            third, auto = self.line(THIRD, [task]), self.line("weft Auto", [task])
            best = self.best_of_theirs(task)
            if best is not None:
                gains = paired(third, best)
                good = sum(gain >= 0 for gain in gains)
                yield pipes(
                    (
                        task,
                        _share(best.mean(lambda one: one.before)),
                        best.contender,
                        *(_share(best.score), _count(best.calls)),
                        *(_share(third.score), _count(third.calls)),
                        difference(gains),
                        f"{good} of {len(gains)}",
                        *(_share(auto.score), _count(auto.calls)),
                    )
                )


def paired(one: Line, other: Line) -> list[float]:
    """How much better one scores than another, seed by seed."""
    theirs = {o.run.seed: o.score for o in other.made}
    return [
        (o.score or 0.0) - (theirs[o.run.seed] or 0.0)
        for o in one.made
        if o.run.seed in theirs
    ]


def difference(gains: Sequence[float]) -> str:
    """The mean in points, with the interval that it has over seeds."""
    mean = _signed(statistics.fmean(gains) if gains else None)
    if len(gains) < _FEW:
        return mean
    found = paired_bootstrap(gains, seed=0).interval
    return f"{mean} [{_signed(found.low)}, {_signed(found.high)}]"


def _optimism(outcome: Outcome) -> float | None:
    if outcome.claimed is None or outcome.score is None:
        return None
    return outcome.claimed - outcome.score


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f}"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
