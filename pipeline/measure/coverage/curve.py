"""The coverage curve: how often answers are wrong where only the surest are given.

Risk-coverage curves: El-Yaniv and Wiener 2010 (Journal of Machine Learning Research 11,
1605-1641).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ...errors import ConfigError
from ...ground.pages import drawn
from ...ground.words import counted
from ...lm.scoring.decision import Decision, decisions_in
from ..row_result import RowResult, once
from ..stats import Interval, all_binary
from .bounds import exact_interval
from .within import Answer

_LEVELS = 20


@dataclass(frozen=True)
class Point:
    """The answers that are given from a confidence on.

    Args:
        threshold: The confidence; as a rule's `unsure_below` it gives these answers.
        answered: Rows that are answered.
        wrong: How many of them wrongly.
        coverage: The share of all rows that is answered.
        risk: The share of answers that is wrong.
        interval: The exact 95 % interval of the risk at this threshold alone (Clopper
            and Pearson 1934); of the whole curve at once it is none.
    """

    threshold: float
    answered: int
    wrong: int
    coverage: float
    risk: float
    interval: Interval


@dataclass(frozen=True, repr=False)
class Coverage:
    """Risk by coverage, from the surest rows to all that can be answered.

    Args:
        points: At most twenty, of rising coverage; rows that are as sure stand in one.
        rows: Rows that were scored.
        hanging: How many of them are unsure at any threshold, since only bounds are
            known of probabilities that the choice hangs on.
        undecided: How many of them no decision led to; they are always answered.
        held: How many of them got None in place of an unsure decision: what their
            answers would score is not known, and they are in no point.
    """

    points: tuple[Point, ...]
    rows: int
    hanging: int = 0
    undecided: int = 0
    held: int = 0

    @property
    def short(self) -> str:
        """A few points of the curve in one line."""
        wanted = (0.5, 0.75, 0.9, 1.0)
        near = (
            min(self.points, key=lambda one: abs(one.coverage - share), default=None)
            for share in wanted
        )
        shown = dict.fromkeys(point for point in near if point is not None)
        said = [
            f"{100 * one.risk:.1f} % of the surest {100 * one.coverage:.0f} %"
            for one in shown
        ]
        return f"wrong are {', '.join(said)}" if said else "no row is answered"

    def describe(self) -> dict[str, Any]:
        """All of it as plain JSON data."""
        points = [
            {
                "threshold": point.threshold,
                "answered": point.answered,
                "wrong": point.wrong,
                "coverage": round(point.coverage, 6),
                "risk": round(point.risk, 6),
                "interval": [
                    round(end, 6) for end in (point.interval.low, point.interval.high)
                ],
            }
            for point in self.points
        ]
        names = ("rows", "hanging", "undecided", "held")
        return {**{n: getattr(self, n) for n in names}, "points": points}

    def __str__(self) -> str:
        lines = [f"{'answered':>8}  {'wrong':>18}  from confidence"]
        for one in self.points:
            risk = f"{100 * one.risk:.1f} {one.interval.in_points()}"
            share = f"{100 * one.coverage:.0f} %"
            lines.append(f"{share:>8}  {risk:>18}  {one.threshold:.3f}")
        lines.append(
            f"on {counted(self.rows, 'row')}; in points of 100, 95 % intervals"
        )
        if self.hanging:
            lines.append(f"{counted(self.hanging, 'row')} hang on bounds alone: unsure")
        if self.held:
            told = f"{counted(self.held, 'row')} held back as None: in no line"
            lines.append(f"{told}; leave otherwise out to have all")
        if self.undecided:
            lines.append(f"{counted(self.undecided, 'row')} met no decision: answered")
        return "\n".join(lines)

    def __repr__(self) -> str:
        points = counted(len(self.points), "point")
        return f"Coverage({counted(self.rows, 'row')}, {points})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return drawn("coverage", self.describe())


def curve_of(
    rows: Sequence[RowResult],
    *,
    repeats: int = 1,
    at: str | None = None,
    passing: float = 1.0,
) -> Coverage | None:
    """The curve of an evaluation's rows; None where nothing was decided.

    Args:
        rows: As an evaluation has them; one that stands there twice counts once.
        repeats: How often each was run; the first run counts.
        at: The path of a `Classify`; by default all of them count.
        passing: The score from which an answer is right.
    """
    first = once(rows[: len(rows) // repeats])
    scored = [row for row in first if row.score is not None]
    undecided = sum(not _decisions(row, at) for row in scored)
    if undecided == len(scored):
        return None
    held = answers_in(scored, at=at, passing=passing)
    known = [one for one in held if one is not None]
    points = tuple(_points(known, len(held)))
    back = sum(_held_back(row, at) and not _hangs(row, at) for row in scored)
    hanging = len(held) - len(known) - back
    return Coverage(points, len(held), hanging, undecided, back)


def require_passing(passing: object) -> None:
    """Refuse what is no score.

    Raises:
        ConfigError: It is none in (0, 1].
    """
    number = isinstance(passing, int | float) and not isinstance(passing, bool)
    if not number or not 0 < cast(float, passing) <= 1:
        raise ConfigError(
            f"passing={passing!r} is no score from which an answer is right",
            hint="Give a number above 0, and at most 1, such as 0.8",
        )


def plain_curve(rows: Sequence[RowResult], repeats: int = 1) -> Coverage | None:
    """As `curve_of`, where every score is right or wrong; else None.

    Of other scores somebody must say from which on an answer is right.
    """
    if not all_binary([row.score.value for row in rows if row.score is not None]):
        return None
    return curve_of(rows, repeats=repeats)


def answers_in(
    rows: Sequence[RowResult], *, at: str | None = None, passing: float = 1.0
) -> list[Answer | None]:
    """How sure each row is, and whether it is right; None where nobody knows.

    That is where it hangs on bounds, and where None was given in place of a decision.
    One that no decision led to is as sure as can be: no threshold keeps it back.
    """
    found: list[Answer | None] = []
    for row in rows:
        made = _decisions(row, at)
        right = row.score is not None and row.score.value >= passing
        sure = min((one.confidence for one in made), default=1.0)
        unknown = _hangs(row, at) or _held_back(row, at)
        found.append(None if unknown else Answer(sure, right))
    return found


def _hangs(row: RowResult, at: str | None) -> bool:
    return any(one.unsure and one.at_most for one in _decisions(row, at))


def _held_back(row: RowResult, at: str | None) -> bool:
    """Whether a decision gave None, and not what was decided."""
    return any(
        one.unsure and one.choice != "null" and node.outputs.get(name, "") is None
        for node in row.trace.nodes
        if at is None or node.path == at
        for name, one in decisions_in(node.facts).items()
    )


def _decisions(row: RowResult, at: str | None) -> list[Decision]:
    return [
        decision
        for node in row.trace.nodes
        if at is None or node.path == at
        for decision in decisions_in(node.facts).values()
    ]


def _points(answers: Sequence[Answer], rows: int) -> list[Point]:
    ranked = sorted(answers, key=lambda one: -one.confidence)
    found: list[Point] = []
    wrong = 0
    for at, one in enumerate(ranked, 1):
        wrong += not one.right
        tied = at < len(ranked) and ranked[at].confidence == one.confidence
        level = len(found) + 1 if not found else int(found[-1].coverage * _LEVELS) + 1
        wanted = at == len(ranked) or at * _LEVELS >= rows * min(level, _LEVELS)
        if tied or not wanted:
            continue
        found.append(
            Point(
                one.confidence,
                at,
                wrong,
                at / rows,
                wrong / at,
                exact_interval(wrong, at),
            )
        )
    return found
