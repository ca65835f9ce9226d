"""What is true of rows that several programs answered, where labels may be wrong.

The truth of a row is latent, as in Dawid and Skene (1979, Applied Statistics 28): its
label, or a value that several gave instead. Programs have a skill and rows a difficulty
(Rasch 1960), so that errors come together; wrong answers follow habits by true value,
or one value of the row's own draws several. All of it is estimated from the answers, by
expectation and maximization.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_ROUNDS: Final = 15

# Weak prior knowledge, each as if a few rows had been seen.
_WRONG: Final = (1.0, 24.0)
"""Rows whose label is wrong, and right."""
_DRAWN: Final = (1.0, 8.0)
"""Wrong answers that a row's own value drew, and others."""
_SPREAD: Final = (0.3, 4.0)
"""How far difficulties lie apart, in logits, and how sure that is."""
_SKILL: Final = (1.4, 0.5)
"""A program's skill in logits, which is four in five, and how sure that is."""
_EVEN: Final = 4.0
"""Wrong answers as if seen on each label, spread evenly over the other values."""

_POINTS: Final = (
    (0.0, 0.457142857),
    (1.1544054, 0.240123179),
    (2.3667594, 0.042757124),
    (3.7504397, 0.008548269),
)
"""Gauss and Hermite's seven points of a normal distribution, and their weights.

The outer four weigh about a hundredth more: a row nobody can answer is no miracle.
"""
_RIGHTS: Final = tuple(
    (sign * at, weight / 1.04)
    for at, weight in _POINTS
    for sign in ((-1, 1) if at else (1,))
)
"""How easy a row may be, in units of the spread, with its probability."""


class Answered(NamedTuple):
    """A row.

    Args:
        label: Its label as one text.
        answers: What each program said, as one text; the label itself where it agreed.
    """

    label: str
    answers: Mapping[int, str]


class Posterior(NamedTuple):
    """How probably a label is wrong, in [0, 1], and what would be right then."""

    wrong: float
    value: str


def probably_wrong(rows: Sequence[Answered]) -> list[Posterior]:
    """How probably each row's label is wrong, in the order of the rows."""
    fit = _Fit.of(rows)
    chances = fit.chances()
    return [_posterior(fit.truths(row, chances)) for row in rows]


class _Truth(NamedTuple):
    """One thing that may be true of a row, with what the answers say for it.

    Args:
        value: The true value.
        weights: Its probability with each difficulty of the row.
        errors: The wrong answers, if it is.
        drawn: How many of them the row's own wrong value is expected to have drawn.
    """

    value: str
    weights: list[float]
    errors: list[str]
    drawn: float


class _Kind(NamedTuple):
    """A row as far as it differs from others."""

    label: str
    answers: tuple[tuple[int, str], ...]


def _kind(row: Answered) -> _Kind:
    """Where nobody errs it is all the same which label it is."""
    if all(said == row.label for said in row.answers.values()):
        return _Kind("", tuple((who, "") for who in row.answers))
    return _Kind(row.label, tuple(row.answers.items()))


@dataclass
class _Fit:
    """What is estimated from all rows.

    Args:
        values: How many values there are.
        skill: Of each program, in logits, on a row of average difficulty.
        spread: How far the rows' difficulties lie apart, in logits.
        drawn: Share of wrong answers that a value of the row's own draws.
        wrong: Share of labels that are wrong.
        habits: How often each wrong value is given, by true value.
    """

    values: int
    skill: dict[int, float]
    spread: float = 1.0
    drawn: float = 0.3
    wrong: float = _WRONG[0] / sum(_WRONG)
    habits: dict[str, dict[str, float]] = field(
        default_factory=dict[str, dict[str, float]]
    )

    @classmethod
    def of(cls, rows: Sequence[Answered]) -> _Fit:
        """Fitted to rows."""
        values = {text for row in rows for text in (row.label, *row.answers.values())}
        right: dict[int, list[bool]] = {}
        for row in rows:
            for who, said in row.answers.items():
                right.setdefault(who, []).append(said == row.label)
        skill = {
            who: math.log((sum(seen) + 1) / (len(seen) - sum(seen) + 1))
            for who, seen in right.items()
        }
        fit = cls(max(2, len(values)), skill)
        alike = Counter(map(_kind, rows))
        for _ in range(_ROUNDS):
            before = (fit.spread, fit.drawn, fit.wrong)
            fit._learn(alike)
            moved = zip(before, (fit.spread, fit.drawn, fit.wrong), strict=True)
            if max(abs(old - new) for old, new in moved) < 1e-3:
                break
        return fit

    def chances(self) -> dict[int, list[float]]:
        """How probably each program is right, by the difficulty of the row."""
        return {
            who: [1 / (1 + math.exp(-skill - self.spread * at)) for at, _ in _RIGHTS]
            for who, skill in self.skill.items()
        }

    def truths(
        self, row: Answered, chances: Mapping[int, Sequence[float]]
    ) -> list[_Truth]:
        """The label, then each value that several programs gave instead."""
        given = Counter(row.answers.values())
        others = [v for v, times in given.items() if times > 1 and v != row.label]
        share = self.wrong / (self.values - 1)
        found: list[_Truth] = []
        for value in (row.label, *others):
            prior = 1 - self.wrong if value == row.label else share
            errors = [said for said in row.answers.values() if said != value]
            same, drawn = self._errors(value, errors)
            weights = [weight * prior * same for _, weight in _RIGHTS]
            for who, said in row.answers.items():
                right = said == value
                for at, chance in enumerate(chances[who]):
                    weights[at] *= chance if right else 1 - chance
            found.append(_Truth(value, weights, errors, drawn))
        return found

    def _errors(self, true: str, errors: Sequence[str]) -> tuple[float, float]:
        """How probable some wrong answers are, and how many are drawn by one value."""
        if len(errors) < 2:
            return (self._habit(true, errors[0]) if errors else 1.0), 0.0
        habits = {value: self._habit(true, value) for value in errors}
        own = 1 - self.drawn
        none = math.prod(own * habits[value] for value in errors)
        total, drawn = max(0.0, 1 - sum(habits.values())) * none, 0.0
        for value, habit in habits.items():
            here = self.drawn + own * habit
            times = errors.count(value)
            others = math.prod(own * habits[v] for v in errors if v != value)
            weight = habit * here**times * others
            total += weight
            drawn += weight * times * self.drawn / here
        return total, drawn / total if total else 0.0

    def _habit(self, true: str, value: str) -> float:
        """How often a wrong answer has a value where another one is true."""
        seen, even = self.habits.get(true, {}), _EVEN / (self.values - 1)
        return (seen.get(value, 0.0) + even) / (sum(seen.values()) + _EVEN)

    def _learn(self, alike: Counter[_Kind]) -> None:
        """One round: expect what is latent, then maximize, a Newton step each.

        Args:
            alike: Rows that are answered alike, with how many they are.
        """
        chances = self.chances()
        sums = _Sums(
            {who: _SKILL[1] * (_SKILL[0] - s) for who, s in self.skill.items()}
        )
        for kind, times in alike.items():
            row = Answered(kind.label, dict(kind.answers))
            truths = self.truths(row, chances)
            whole = sum(sum(truth.weights) for truth in truths)
            for number, truth in enumerate(truths if whole else ()):
                share = sum(truth.weights) / whole
                if share > 1e-6:
                    sums.wrong += share * times if number else 0.0
                    sums.add(row, truth, whole / times, share * times, chances)
        for who in self.skill:
            step = sums.slopes[who] / (_SKILL[1] + sums.bends.get(who, 0.0))
            self.skill[who] += max(-1.0, min(1.0, step))
        slope = sums.spread_slope + _SPREAD[1] * (_SPREAD[0] - self.spread)
        step = slope / (sums.spread_bend + _SPREAD[1])
        self.spread = max(0.0, self.spread + max(-0.5, min(0.5, step)))
        self.drawn = sums.drawn / sums.errors
        self.wrong = (sums.wrong + _WRONG[0]) / (alike.total() + sum(_WRONG))
        self.habits = sums.habits


@dataclass
class _Sums:
    """What a round adds up over rows and what may be true of them.

    Args:
        slopes: Derivative of the log likelihood by each skill.
        bends: The second derivative, negated.
    """

    slopes: dict[int, float]
    bends: dict[int, float] = field(default_factory=dict[int, float])
    spread_slope: float = 0.0
    spread_bend: float = 0.0
    drawn: float = _DRAWN[0]
    errors: float = sum(_DRAWN)
    wrong: float = 0.0
    habits: dict[str, dict[str, float]] = field(
        default_factory=dict[str, dict[str, float]]
    )

    def add(
        self,
        row: Answered,
        truth: _Truth,
        whole: float,
        share: float,
        chances: Mapping[int, Sequence[float]],
    ) -> None:
        """Add what one thing that may be true says.

        Args:
            row: The row.
            truth: What may be true of it.
            whole: The weight of everything that may be.
            share: What part of it this is, times how many rows are like it.
            chances: How probably each program is right, by difficulty.
        """
        if len(truth.errors) > 1:
            self.drawn += share * truth.drawn
            self.errors += share * len(truth.errors)
        seen = self.habits.setdefault(truth.value, {})
        for value in dict.fromkeys(truth.errors):
            seen[value] = seen.get(value, 0.0) + share
        weights = [weight / whole for weight in truth.weights]
        for who, said in row.answers.items():
            right = said == truth.value
            for (at, _), weight, chance in zip(
                _RIGHTS, weights, chances[who], strict=True
            ):
                slope, bend = weight * (right - chance), weight * chance * (1 - chance)
                self.slopes[who] += slope
                self.bends[who] = self.bends.get(who, 0.0) + bend
                self.spread_slope += slope * at
                self.spread_bend += bend * at * at


def _posterior(truths: Sequence[_Truth]) -> Posterior:
    """What the weights of a row's truths come to."""
    label, *others = truths
    shares = [sum(truth.weights) for truth in others]
    whole = sum(shares) + sum(label.weights)
    if not others or not whole:
        return Posterior(0.0, label.value)
    best = max(range(len(others)), key=shares.__getitem__)
    return Posterior(sum(shares) / whole, others[best].value)
