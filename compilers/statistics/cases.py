"""What is known of rows that were decided, for rules to be fitted to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ...modules.deciding.rule import Rule
from ...pipeline.lm.scoring.decision import Decision


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
        made = decided(self, case, rule)
        taken = made.choice
        if made.unsure and rule.otherwise in self.choices:
            taken = rule.otherwise or taken
        return case.scores.get(taken, 0.0)


def decided(output: Output, case: Case, rule: Rule) -> Decision:
    """What a rule makes of a row; no call is made."""
    found, prompt = case.decision.likelihoods, case.decision.prompt
    return rule.decide(found, numbers=output.numbers, prompt=prompt)


def log_of(value: float) -> float:
    """A logarithm, of 0 too."""
    return math.log(max(value, 1e-300))


def short(value: float) -> float:
    """A number that a person may read: six digits."""
    return float(f"{value:.6g}")
