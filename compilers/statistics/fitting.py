"""Rules of decisions fitted to few rows, and what they gain on rows held out.

What a choice would score is known for each row, so a rule is fitted without running
anything. Numbers that were fitted to rows flatter themselves on them: they are fitted
anew without each fifth of the rows, which is scored then (cross-validation, Stone
1974). A rule is taken where what it gains so is above one standard error.

Temperature is that of Guo et al. 2017 (arXiv 1706.04599), fitted on log loss.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ...modules.deciding.rule import Rule
from .cases import Case, Output, decided, log_of, short
from .taking import Fit, families, with_unsure

FOLDS: Final = 5
_MORE: Final = 1e-9
_HOTTEST: Final = math.log(20.0)
_STEPS: Final = 40
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


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
    for fit in families(output):
        gains = held_out(output, cases, fit)
        if _shown(gains) and math.fsum(gains) > math.fsum(best.gains) + _MORE:
            best = Fitted(fit(output, cases), gains)
    if best.rule == output.rule:
        best = Fitted(output.rule)
    if output.rule.otherwise not in output.choices:
        return best
    # What is given where a decision is unsure is one of the choices: from where on?
    warm = replace(output, rule=best.rule)
    more = held_out(warm, cases, with_unsure)
    if not _shown(more):
        return best
    before = best.gains or (0.0,) * len(more)
    both = tuple(a + b for a, b in zip(before, more, strict=True))
    return Fitted(with_unsure(warm, cases), both)


def held_out(output: Output, cases: Sequence[Case], fit: Fit) -> tuple[float, ...]:
    """What rules gain on the fifth of the rows that each was fitted without."""
    gains = [0.0] * len(cases)
    for fold in _folds(len(cases)):
        rule = fit(output, [case for at, case in enumerate(cases) if at not in fold])
        for at in fold:
            was = output.score(cases[at], output.rule)
            gains[at] = output.score(cases[at], rule) - was
    return tuple(gains)


def _folds(rows: int) -> list[set[int]]:
    """Fifths of some rows, drawn: rows often stand in an order of their labels."""
    order = random.Random(rows).sample(range(rows), rows)
    return [set(order[start::FOLDS]) for start in range(min(FOLDS, rows))]


def temperature_of(output: Output, cases: Sequence[Case]) -> float:
    """The temperature of least log loss on labelled rows; else the one that holds.

    It holds too where rows held out have no lower loss with another one.
    """
    own = output.rule.temperature
    known = [case for case in cases if case.label in output.choices]
    if len(known) < 2 * FOLDS:
        return own
    gained = 0.0
    for fold in _folds(len(known)):
        made = _coolest(output, [c for at, c in enumerate(known) if at not in fold])
        gained += math.fsum(
            _loss(output, known[at], own) - _loss(output, known[at], made)
            for at in sorted(fold)
        )
    return _coolest(output, known) if gained > _MORE else own


def _shown(gains: Sequence[float]) -> bool:
    """Whether their sum is above its standard error (Breiman et al. 1984)."""
    return math.fsum(gains) > math.sqrt(math.fsum(g * g for g in gains)) + _MORE


def _loss(output: Output, case: Case, temperature: float) -> float:
    """Minus the logarithm of what a label's choice is given."""
    rule = Rule(prior=output.rule.prior, temperature=temperature)
    made = decided(output, case, rule).probabilities
    return -log_of(made[case.label or ""])


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
    return short(math.exp((low + high) / 2))
