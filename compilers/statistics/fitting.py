"""Rules of decisions fitted to few rows: temperature, thresholds, weights, cut points.

What a choice would score is known for each row, so a rule is fitted without running
anything: each number in turn is moved to where the sum of scores is highest, between
two values that were observed (coordinate search; for one threshold that is exhaustive).
Of several numbers that are as good, the one nearest to the default is taken.

Numbers that were fitted to rows flatter themselves on them. `held_out` fits them anew
without each fifth of the rows and scores that fifth (cross-validation, Stone 1974). A
rule is taken where what it gains so is above one standard error.
Temperature is that of Guo et al. 2017 (arXiv 1706.04599), fitted on log loss.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ...modules.deciding.rule import Rule
from ...pipeline.lm.scoring.decision import Decision

FOLDS: Final = 5
_SWEEPS: Final = 4
_MORE: Final = 1e-9
_BEYOND: Final = 1.0
_HOTTEST: Final = math.log(20.0)
_STEPS: Final = 40
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Case:
    """One row, as far as an output is decided in it.

    Args:
        decision: What was decided of it, with the likelihoods of all choices.
        scores: What the row scores where a choice is taken, in [0, 1]; of a choice that
            was not tried nothing is known, and it counts as 0.
        label: The choice that the row is labelled with, or None where nobody knows.
    """

    decision: Decision
    scores: Mapping[str, float]
    label: str | None = None


@dataclass(frozen=True)
class Output:
    """What is decided, and how it is decided now.

    Args:
        choices: What the choices are called, in the order of the type.
        rule: The rule that holds now; its prior is kept.
        numbers: The value of each choice of an ordered score, else None.
    """

    choices: tuple[str, ...]
    rule: Rule
    numbers: Mapping[str, float] | None = None

    @property
    def bare(self) -> Rule:
        """The rule with its prior alone."""
        return Rule(prior=self.rule.prior, prior_of=self.rule.prior_of)

    def score(self, case: Case, rule: Rule) -> float:
        """What a row scores by a rule; by what is given instead where it is unsure."""
        made = _decided(self, case, rule)
        taken = made.choice
        if made.unsure and rule.otherwise in self.choices:
            taken = rule.otherwise or taken
        return case.scores.get(taken, 0.0)


@dataclass(frozen=True)
class Fitted:
    """What a rule gains on rows that it was fitted without.

    Args:
        rule: Fitted to all rows; the given one where nothing is gained.
        gains: Its score less that of the given rule, one a row, in the rows' order;
            each row scored by a rule that was fitted without it.
    """

    rule: Rule
    gains: tuple[float, ...] = field(default=())

    @property
    def gain(self) -> float:
        """The mean of the gains; 0 where there is no row."""
        return math.fsum(self.gains) / len(self.gains) if self.gains else 0.0


def fitted(output: Output, cases: Sequence[Case]) -> Fitted:
    """The rule that takes the better choices, where rows held out show that it does.

    The temperature stays; `temperature_of` fits that.

    >>> from weft import Likelihood, Likelihoods
    >>> def case(true: float, right: str) -> Case:
    ...     logs = {"true": math.log(true), "false": math.log(1 - true)}
    ...     of = tuple(Likelihood(name, log) for name, log in logs.items())
    ...     decision = Rule().decide(Likelihoods(of, "top", 1))
    ...     return Case(decision, {name: float(name == right) for name in logs})
    >>> rows = [case(0.2 + 0.01 * (n % 30), "true") for n in range(30)]
    >>> rows += [case(0.1 - 0.001 * n, "false") for n in range(30)]
    >>> found = fitted(Output(("true", "false"), Rule()), rows)
    >>> round(found.rule.cut, 2), round(found.gain, 2)
    (0.15, 0.5)
    """
    best = Fitted(output.rule)
    for fit in _families(output):
        gains = held_out(output, cases, fit)
        if _shown(gains) and math.fsum(gains) > math.fsum(best.gains) + _MORE:
            best = Fitted(fit(output, cases), gains)
    if best.rule == output.rule:
        best = Fitted(output.rule)
    if output.rule.otherwise not in output.choices:
        return best
    # What is given where a decision is unsure is one of the choices: from where on?
    warm = replace(output, rule=best.rule)
    more = held_out(warm, cases, _with_unsure)
    if not _shown(more):
        return best
    before = best.gains or (0.0,) * len(more)
    both = tuple(a + b for a, b in zip(before, more, strict=True))
    return Fitted(_with_unsure(warm, cases), both)


Fit = Callable[[Output, Sequence[Case]], Rule]


def held_out(output: Output, cases: Sequence[Case], fit: Fit) -> tuple[float, ...]:
    """What rules gain on the fifth of the rows that each was fitted without."""
    gains = [0.0] * len(cases)
    for fold in range(min(FOLDS, len(cases))):
        rest = [case for at, case in enumerate(cases) if at % FOLDS != fold]
        rule = fit(output, rest)
        for at in range(fold, len(cases), FOLDS):
            was = output.score(cases[at], output.rule)
            gains[at] = output.score(cases[at], rule) - was
    return tuple(gains)


def temperature_of(output: Output, cases: Sequence[Case]) -> float:
    """The temperature of least log loss on labelled rows; else the one that holds.

    It holds too where rows held out have no lower loss with another one.
    """
    own = output.rule.temperature
    known = [case for case in cases if case.label in output.choices]
    if len(known) < 2 * FOLDS:
        return own
    gained = 0.0
    for fold in range(FOLDS):
        rest = [case for at, case in enumerate(known) if at % FOLDS != fold]
        made = _coolest(output, rest)
        gained += math.fsum(
            _loss(output, case, own) - _loss(output, case, made)
            for case in known[fold::FOLDS]
        )
    return _coolest(output, known) if gained > _MORE else own


def _shown(gains: Sequence[float]) -> bool:
    """Whether their sum is above its standard error (Breiman et al. 1984)."""
    return math.fsum(gains) > math.sqrt(math.fsum(g * g for g in gains)) + _MORE


def _families(output: Output) -> list[Fit]:
    """The ways in which another choice may be taken, the plainest first."""
    if output.numbers is not None:
        return [_by_mean, _by_median, _with_cuts]
    if {*output.choices} == {"true", "false"}:
        return [_with_cut]
    return [_with_weights]


def _by_mean(output: Output, cases: Sequence[Case]) -> Rule:
    del cases
    return _as_hot(output, output.bare.having(take="mean"))


def _by_median(output: Output, cases: Sequence[Case]) -> Rule:
    del cases
    return _as_hot(output, output.bare.having(take="median"))


def _as_hot(output: Output, rule: Rule) -> Rule:
    """A rule with what stays of the one that holds."""
    own = output.rule
    return rule.having(
        temperature=own.temperature,
        unsure_below=own.unsure_below,
        otherwise=own.otherwise,
    )


def _with_cut(output: Output, cases: Sequence[Case]) -> Rule:
    """A bool by the threshold on "true" that scores most."""
    rule = _as_hot(output, output.bare)
    points = [
        (
            _decided(output, case, rule).probabilities["true"],
            case.scores.get("true", 0.0) - case.scores.get("false", 0.0),
        )
        for case in cases
    ]
    cut = _threshold(points, 0.5)
    if cut is None:
        return rule
    return rule.having(cut=min(max(_short(cut), _LEAST), 1 - _LEAST))


def _with_unsure(output: Output, cases: Sequence[Case]) -> Rule:
    """The confidence from which on the choice scores more than what is given else."""
    rule = output.rule
    points: list[tuple[float, float]] = []
    for case in cases:
        made = _decided(output, case, rule)
        scores = case.scores
        gain = scores.get(made.choice, 0.0) - scores.get(rule.otherwise or "", 0.0)
        points.append((made.confidence, gain))
    found = _threshold(points, 0.0)
    if found is None:
        return rule
    return rule.having(unsure_below=min(max(_short(found), 0.0), 1.0))


def _with_weights(output: Output, cases: Sequence[Case]) -> Rule:
    """Class weights, each in turn moved to where most is scored."""
    rule = _as_hot(output, output.bare)
    names = output.choices
    rows = [
        [_log(made[name]) for name in names]
        for made in (_decided(output, case, rule).probabilities for case in cases)
    ]
    logs = [0.0] * len(names)
    for _ in range(_SWEEPS):
        before = [*logs]
        for at, name in enumerate(names):
            points = [
                _point(row, logs, at, name, names, case)
                for row, case in zip(rows, cases, strict=True)
            ]
            found = _threshold(points, -logs[at], 0.0)
            logs[at] = logs[at] if found is None else -found
        if logs == before:
            break
    if not any(logs):
        return rule
    top = max(logs)
    weights = {n: _short(math.exp(w - top)) for n, w in zip(names, logs, strict=True)}
    return rule.having(weights=weights)


def _point(
    row: Sequence[float],
    logs: Sequence[float],
    at: int,
    name: str,
    names: Sequence[str],
    case: Case,
) -> tuple[float, float]:
    """What a class lacks in a row to be taken, with its sign turned; what that gains.

    The higher its weight, the more rows take it: those first that lack least.
    """
    others = (n for n in range(len(names)) if n != at)
    other = max(others, key=lambda n: row[n] + logs[n])
    scores = case.scores
    gain = scores.get(name, 0.0) - scores.get(names[other], 0.0)
    return row[at] - row[other] - logs[other], gain


def _with_cuts(output: Output, cases: Sequence[Case]) -> Rule:
    """An ordered score by cut points on its mean, each in turn where most is scored."""
    rule = _as_hot(output, output.bare)
    numbers = output.numbers or {}
    scale = sorted(output.choices, key=lambda name: numbers[name])
    values = [numbers[name] for name in scale]
    halves = [(a + b) / 2 for a, b in itertools.pairwise(values)]
    cuts = [*halves]
    means = [_decided(output, case, rule).expected or 0.0 for case in cases]
    for _ in range(_SWEEPS):
        before = [*cuts]
        for at in range(len(cuts)):
            low = cuts[at - 1] if at else -math.inf
            high = cuts[at + 1] if at + 1 < len(cuts) else math.inf
            points = [
                (
                    mean,
                    case.scores.get(scale[at + 1], 0.0)
                    - case.scores.get(scale[at], 0.0),
                )
                for mean, case in zip(means, cases, strict=True)
                if low <= mean < high
            ]
            found = _threshold(points, cuts[at], halves[at])
            if found is not None and low < _short(found) < high:
                cuts[at] = _short(found)
        if cuts == before:
            break
    return rule.having(cuts=tuple(cuts))


_LEAST: Final = 1e-6


def _threshold(
    points: Sequence[tuple[float, float]], now: float, default: float | None = None
) -> float | None:
    """From which value on gains are taken, so that they sum to most; None to stay.

    Args:
        points: A value and what is gained where it is at or above the threshold.
        now: The threshold that holds; a better one must gain more.
        default: Of equals the nearest to this is taken; `now` when None.
    """
    ranked = sorted(points, reverse=True)
    nearest = now if default is None else default
    own = math.fsum(gain for value, gain in points if value >= now)
    best: tuple[float, float, float] | None = None
    total = 0.0
    for at, (value, gain) in enumerate([(math.inf, 0.0), *ranked]):
        total += gain
        below = ranked[at][0] if at < len(ranked) else -math.inf
        if below == value:
            continue
        high = value if math.isfinite(value) else below + 2 * _BEYOND
        low = below if math.isfinite(below) else value - 2 * _BEYOND
        if not math.isfinite(high) or not math.isfinite(low):
            continue
        middle = nearest if low < nearest < high else (low + high) / 2
        rank = (total, -abs(middle - nearest), middle)
        if (
            best is None
            or rank[0] > best[0] + _MORE
            or (rank[0] > best[0] - _MORE and rank[1] > best[1])
        ):
            best = rank
    if best is None or best[0] <= own + _MORE:
        return None
    return best[2]


def _decided(output: Output, case: Case, rule: Rule) -> Decision:
    found, prompt = case.decision.likelihoods, case.decision.prompt
    return rule.decide(found, numbers=output.numbers, prompt=prompt)


def _loss(output: Output, case: Case, temperature: float) -> float:
    """Minus the logarithm of what a label's choice is given."""
    rule = Rule(prior=output.rule.prior, temperature=temperature)
    made = _decided(output, case, rule).probabilities
    return -_log(made[case.label or ""])


def _coolest(output: Output, cases: Sequence[Case]) -> float:
    """The temperature of least loss, by golden sections: the loss has one valley."""

    def loss(log: float) -> float:
        return math.fsum(_loss(output, case, math.exp(log)) for case in cases)

    low, high = -_HOTTEST, _HOTTEST
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
        if high - low < 1e-3:
            break
    return _short(math.exp((low + high) / 2))


def _log(value: float) -> float:
    return math.log(max(value, 1e-300))


def _short(value: float) -> float:
    """A number that a person may read: six digits."""
    return float(f"{value:.6g}")
