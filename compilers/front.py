"""The front of a search: score against what a row costs, and the best under a cap."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from ..pipeline.errors import ConfigError
from ..pipeline.ground.words import counted
from ..pipeline.measure.stats import Interval, mean_interval
from .search.candidate import Candidate
from .search.running_cost import RunningCost, price_words
from .search.task import Task

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Point:
    """A candidate that scores more than every one that is no dearer.

    Args:
        id: The candidate's id.
        origin: How it was made.
        score: Mean on the select rows that it was seen on, in [0, 1]. Candidates are
            chosen by these, so the scores of a front flatter.
        interval: The ends of its 95 % interval.
        rows: How many rows those are.
        usd_per_1000: US dollars of a thousand rows, or None where a price is unknown.
        tokens_a_row: Input and output tokens of a row, on the average.
        seconds_a_row: Wall time of a row while others ran beside it, or None where all
            answers were at hand: it hangs on the clock, and decides nothing.
    """

    id: str
    origin: str
    score: float
    interval: tuple[float, float]
    rows: int
    usd_per_1000: float | None
    tokens_a_row: float
    seconds_a_row: float | None

    def __str__(self) -> str:
        seconds = self.seconds_a_row
        return (
            f"{100 * self.score:5.1f} {Interval(*self.interval).in_points()}  "
            f"{price_words(self.usd_per_1000)}, "
            f"{self.tokens_a_row:,.0f} tokens a row"
            f"{'' if seconds is None else f', {seconds:.2f} s a row'}  {self.origin}"
        )


@dataclass(frozen=True, repr=False)
class Front(Sequence[Point], Generic[T_co]):
    """The points of a front, the cheapest first, with their programs.

    Args:
        points: Who scores more than everyone that is no dearer in dollars and tokens.
        programs: The program of each point, by its id.
    """

    points: tuple[Point, ...]
    programs: Mapping[str, T_co] = field(default_factory=dict[str, T_co])

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, index: int | slice) -> Point | tuple[Point, ...]:
        """Points by their place, from the cheapest on."""
        return self.points[index]

    def __len__(self) -> int:
        """How many points there are."""
        return len(self.points)

    def __iter__(self) -> Iterator[Point]:
        """The points, the cheapest first."""
        return iter(self.points)

    def __str__(self) -> str:
        return "\n".join(map(str, self.points))

    def __repr__(self) -> str:
        return f"Front({counted(len(self.points), 'point')})\n{self}"

    def program(self, point: Point) -> T_co:
        """The program of a point."""
        return self.programs[point.id]

    def under(
        self,
        *,
        usd_per_1000: float | None = None,
        tokens_a_row: float | None = None,
        seconds_a_row: float | None = None,
    ) -> T_co:
        """The program of the best point under some caps; see `best_under`.

        Raises:
            ConfigError: No point is under them; the message says what the cheapest
                costs.
        """
        return self.program(
            self.best_under(
                usd_per_1000=usd_per_1000,
                tokens_a_row=tokens_a_row,
                seconds_a_row=seconds_a_row,
            )
        )

    def best_under(
        self,
        *,
        usd_per_1000: float | None = None,
        tokens_a_row: float | None = None,
        seconds_a_row: float | None = None,
    ) -> Point:
        """The point with the highest score under some caps, the cheaper one of two.

        Args:
            usd_per_1000: US dollars of a thousand rows at the most.
            tokens_a_row: Tokens of a row at the most, on the average.
            seconds_a_row: Seconds of a row at the most, as far as they were measured.

        Raises:
            ConfigError: As `under`.
        """
        caps = {
            "usd_per_1000": usd_per_1000,
            "tokens_a_row": tokens_a_row,
            "seconds_a_row": seconds_a_row,
        }
        given = {name: cap for name, cap in caps.items() if cap is not None}
        fitting = [point for point in self.points if _holds(point, given)]
        if fitting:
            return max(fitting, key=lambda point: point.score)
        said = ", ".join(f"{name}={cap:g}" for name, cap in given.items())
        raise ConfigError(
            f"no point of the front is under {said}; "
            + "; ".join(map(self._least, given)),
            hint="Raise the cap, or compile with a cheaper model among models=",
        )

    def _least(self, name: str) -> str:
        """How little of something a point takes, in words."""
        held = [getattr(point, name) for point in self.points]
        known = [value for value in held if value is not None]
        if known:
            return f"the least {name} is {min(known):.4g}"
        unseen = "all answers were at hand"
        why = unseen if name == "seconds_a_row" else "prices are not"
        return f"{name} of none is known: {why}"

    def describe(self) -> list[dict[str, Any]]:
        """The points as plain JSON data, the cheapest first."""
        return [
            {**dataclasses.asdict(point), "interval": list(point.interval)}
            for point in self.points
        ]


def front_of(task: Task, pool: Sequence[Candidate]) -> tuple[Point, ...]:
    """Who scores more than every one that is no dearer, the cheapest first.

    A score on few rows flatters most, so candidates that were seen on fewer rows than
    the first one have no part in it. Where a price is unknown, tokens alone count.

    Args:
        task: What was seen.
        pool: Candidates, the best first.
    """
    seen = {c: task.results(c, task.rows) for c in pool}
    least = max(1, len(seen[pool[0]])) if pool else 1
    costs = {c: RunningCost.of(seen[c]) for c in pool if len(seen[c]) >= least}
    if any(cost.usd is None for cost in costs.values()):
        costs = {c: dataclasses.replace(cost, usd=None) for c, cost in costs.items()}
    scores = {c: found.mean for c, found in task.estimates(list(costs)).items()}
    line = sorted(costs, key=lambda c: (*costs[c].order, -scores[c]))
    kept: list[Candidate] = []
    for one in line:
        if not any(
            scores[other] >= scores[one] and costs[other].dominates(costs[one])
            for other in kept
        ):
            kept.append(one)
    return tuple(_point(task, one) for one in kept)


def _point(task: Task, candidate: Candidate) -> Point:
    cost = RunningCost.of(task.results(candidate, task.rows))
    scores = task.scores(candidate, task.rows)
    interval = mean_interval(scores, task.seed)
    return Point(
        candidate.id,
        candidate.origin,
        sum(scores) / len(scores),
        (interval.low, interval.high),
        len(scores),
        cost.usd_per_1000,
        cost.tokens,
        cost.seconds,
    )


def _holds(point: Point, caps: Mapping[str, float]) -> bool:
    """Whether a point is under all caps; what is not known of it is not."""
    costs = {name: getattr(point, name) for name in caps}
    return all(costs[n] is not None and costs[n] <= cap for n, cap in caps.items())
