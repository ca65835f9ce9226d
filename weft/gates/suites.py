"""What suites find: a share with its interval, its lines, and the cases that failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..pipeline.ground.plain import plain
from ..pipeline.ground.shapes import is_dict
from ..pipeline.ground.words import brief, counted
from ..pipeline.measure.row_result import RowResult, outputs_of
from ..pipeline.measure.stats import Comparison, Interval

_SLACK = 1e-9
_SHOWN = 3


@dataclass(frozen=True)
class Case:
    """One case that failed.

    Args:
        name: Which one, such as "message:empty".
        why: What went wrong, in words.
        inputs: What the program was given, as plain data.
        answer: What it gave, as plain data; None where it gave nothing.
    """

    name: str
    why: str
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    answer: Any = None

    @classmethod
    def of(cls, name: str, why: str, result: RowResult) -> Case:
        """The case of a row's result."""
        inputs = plain(dict(result.example.inputs), repr)
        return cls(name, why, inputs, outputs_of(result))

    def __str__(self) -> str:
        return f"{self.name}: {brief(' '.join(self.why.split()), 160)}"


@dataclass(frozen=True)
class Line:
    """One kind of a suite's cases.

    Args:
        name: The kind, such as "key-slips".
        share: In [0, 1]; of what, the suite says.
        interval: Its 95 % interval, or None where it is a count.
        n: How many rows it was measured on.
        change: Against the same rows as they were, or None.
        said: Figures in words, or empty.
    """

    name: str
    share: float
    interval: Interval | None
    n: int
    change: Comparison | None = None
    said: str = ""

    def describe(self) -> dict[str, Any]:
        """As plain JSON data."""
        change = None
        if self.change is not None:
            ends = [self.change.interval.low, self.change.interval.high]
            change = {"mean": self.change.difference, "interval": ends}
            change["p"] = self.change.p
        return {
            "name": self.name,
            "share": self.share,
            "interval": _ends(self.interval),
            "rows": self.n,
            "change": change,
            "said": self.said,
        }


@dataclass(frozen=True)
class Suite:
    """What one suite found.

    Args:
        name: "score", "edge", "noise", "style", "red-team" or "cost".
        measures: What its share is of, in words.
        share: In [0, 1]; higher is better.
        interval: The 95 % interval of the share.
        n: How many cases ran.
        least: The share below which the suite fails.
        lines: The suite's kinds.
        cases: Those that failed, in order.
        unanswered: Why cases could not be answered, such as a server that was down; a
            suite with one is not passed.
        skipped: Why nothing ran, or empty.
    """

    name: str
    measures: str
    share: float
    interval: Interval
    n: int
    least: float
    lines: tuple[Line, ...] = ()
    cases: tuple[Case, ...] = ()
    unanswered: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def passed(self) -> bool:
        """Whether the share is high enough, and every case was answered."""
        return self.share >= self.least - _SLACK and not self.unanswered

    def describe(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "name": self.name,
            "measures": self.measures,
            "share": self.share,
            "interval": _ends(self.interval),
            "cases": self.n,
            "least": self.least,
            "passed": self.passed,
            "lines": [line.describe() for line in self.lines],
            "failed": [vars(case) for case in self.cases],
            "unanswered": [*self.unanswered],
            "skipped": self.skipped,
        }

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.skipped:
            return "skipped"
        if self.passed:
            return "passed"
        return "not answered" if self.share >= self.least - _SLACK else "FAILED"

    def told(self) -> list[str]:
        """Its figures, its kinds, and the first of the cases that failed."""
        if self.skipped:
            return [f"{self.name:<9} skipped: {self.skipped}"]
        head = (
            f"{self.name:<9} {self.verdict}: {100 * self.share:.1f} "
            f"{self.interval.in_points()} {self.measures}, {counted(self.n, 'case')}"
        )
        if not self.passed and self.share < self.least - _SLACK:
            head += f", under {100 * self.least:.1f}"
        lines = [f"  {_told(line)}" for line in self.lines]
        shown = [] if self.passed else [f"  {c}" for c in self.cases[:_SHOWN]]
        if not self.passed and len(self.cases) > _SHOWN:
            shown.append(f"  and {len(self.cases) - _SHOWN} more")
        away = [f"  not answered: {why}" for why in self.unanswered[:_SHOWN]]
        return [head, *lines, *shown, *away]


def _told(line: Line) -> str:
    share = f"{100 * line.share:.1f}"
    if line.interval is not None:
        share += f" {line.interval.in_points()}"
    change = "" if line.change is None else f", {line.change.points}"
    parts = line.said or f"{share}{change} on {counted(line.n, 'row')}"
    return f"{line.name:<18} {parts}"


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def unanswered(results: Iterable[RowResult]) -> tuple[str, ...]:
    """What went wrong on rows that nobody could answer, with their ids."""
    return tuple(f"{r.example.id}: {r.error}" for r in results if r.score is None)


def values(results: Sequence[RowResult]) -> list[float]:
    """The scores of the rows that have one."""
    return [r.score.value for r in results if r.score is not None]


def bare_text(data: Any) -> str:
    """Plain data as a text: one value without its name, other than texts as JSON.

    >>> bare_text({"team": "cards"}), bare_text({"a": 1, "b": "x"})
    ('cards', '{"a": 1, "b": "x"}')
    """
    if is_dict(data) and len(data) == 1:
        return bare_text(next(iter(data.values())))
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
