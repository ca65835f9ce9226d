"""The rule of a decision: what follows from log-probabilities, without any call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft import Likelihood, Likelihoods, Rule
from weft.errors import ConfigError

FIVE = {str(n): float(n) for n in range(1, 6)}


def found(shares: Mapping[str, float], *bounds: str) -> Likelihoods:
    """Likelihoods of choices, some of which are bounds."""
    of = tuple(Likelihood(n, math.log(p), n not in bounds) for n, p in shares.items())
    return Likelihoods(of, "top", 1)


def test_calibrated_probabilities() -> None:
    """The prior is taken off first, then the temperature draws them together."""
    said = found({"a": 0.8, "b": 0.2})
    off = Rule(prior={"a": 0.9, "b": 0.1}).decide(said)
    warm = Rule(temperature=2.0).decide(said)

    assert off.choice == "b"
    assert round(off.probabilities["b"], 4) == round(2 / (2 + 8 / 9), 4)
    assert round(warm.probabilities["a"], 4) == round(2 / 3, 4)
    assert (off.calibrated, Rule().decide(said).calibrated) == (True, False)


@pytest.mark.parametrize(
    ("rule", "choice"),
    [
        (Rule(), "false"),
        (Rule(cut=0.3), "true"),
        (Rule(cut=0.31), "false"),
        (Rule(weights={"true": 3, "false": 1}), "true"),
        (Rule(weights={"true": 0, "false": 1}), "false"),
    ],
)
def test_what_is_taken_leaves_the_probabilities(rule: Rule, choice: str) -> None:
    """A threshold and class weights say which one is taken, and change no number."""
    made = rule.decide(found({"true": 0.3, "false": 0.7}))

    assert made.choice == choice
    assert round(made.probabilities["true"], 9) == 0.3
    assert round(made.margin, 9) == 0.4


@pytest.mark.parametrize(
    ("rule", "choice"),
    [
        (Rule(), "1"),
        (Rule(take="mean"), "3"),
        (Rule(take="median"), "2"),
        (Rule(cuts=[1.5, 2.0, 2.5, 2.7]), "5"),
        (Rule(cuts=[1.5, 2.0, 2.5, 2.9]), "4"),
    ],
)
def test_an_ordered_score(rule: Rule, choice: str) -> None:
    """Mode, mean, median and cuts of one distribution differ; its mean is told."""
    said = found({"1": 0.4, "2": 0.15, "3": 0.05, "4": 0.15, "5": 0.25})
    made = rule.decide(said, numbers=FIVE)

    assert made.choice == choice
    assert made.expected is not None
    assert round(made.expected, 9) == 2.7


def test_unsure() -> None:
    """A bound that may decide, or too little for the most probable one."""
    said = found({"true": 0.6, "false": 0.4}, "false")
    assert not Rule().decide(said).unsure
    assert Rule(cut=0.7).decide(said).unsure
    assert Rule(weights={"true": 1, "false": 2}).decide(said).unsure
    assert Rule(unsure_below=0.61).decide(said).unsure
    faint = Rule(unsure_below=0.59).decide(said)
    assert (faint.choice, faint.unsure) == ("true", False)


@given(
    st.lists(st.floats(0.01, 1), min_size=5, max_size=5),
    st.sets(st.sampled_from([*FIVE]), max_size=4),
    st.sampled_from(["mean", "median"]),
    st.lists(st.floats(0, 1), min_size=5, max_size=5),
)
def test_a_bounded_score_that_is_sure(
    weights: list[float], bounds: set[str], take: Any, kept: list[float]
) -> None:
    """Whatever is below the bounds, a decision that is not unsure stays the same."""
    rule = Rule(take=take)
    shares = dict(zip(FIVE, weights, strict=True))
    made = rule.decide(found(shares, *bounds), numbers=FIVE)
    less = {
        n: p * (max(part, 1e-6) if n in bounds else 1)
        for (n, p), part in zip(shares.items(), kept, strict=True)
    }
    again = rule.decide(found(less), numbers=FIVE)

    assert made.unsure or again.choice == made.choice


def test_of_another_prompt() -> None:
    """Prior and temperature are of one prompt; with others both are left out."""
    rule = Rule(prior={"a": 0.9, "b": 0.1}, temperature=2.0, prior_of="sha256:1")
    said = found({"a": 0.8, "b": 0.2})

    assert rule.decide(said, prompt="sha256:1").choice == "b"
    other = rule.decide(said, prompt="sha256:2")
    assert (other.choice, other.calibrated) == ("a", False)
    assert other.likelihoods.probabilities == other.probabilities


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"temperature": 0}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"cut": 1.0}, "cut"),
        ({"cut": True}, "cut"),
        ({"take": "best"}, "take"),
        ({"cuts": [2, 1]}, "cuts"),
        ({"cuts": "12"}, "cuts"),
        ({"unsure_below": 1.5}, "unsure_below"),
        ({"weights": {"a": -1}}, "weights"),
        ({"weights": {"a": 0}}, "weights"),
        ({"prior": [0.5, 0.5]}, "prior"),
        ({"prior_of": 1}, "prior_of"),
        ({"cut": 0.5, "take": "mean"}, "cut and take"),
    ],
)
def test_what_is_no_rule(options: Any, match: str) -> None:
    """It is told when the rule is made, by the name of the number."""
    with pytest.raises(ConfigError, match=match):
        Rule(**options)


@pytest.mark.parametrize(
    ("kind", "rule", "match"),
    [
        ("bool", Rule(take="mean"), "ordered score"),
        ("bool", Rule(weights={"yes": 1.0}), "no weights"),
        ("bool", Rule(prior={"yes": 1.0}), "no prior"),
        ("Literal['a', 'b']", Rule(cut=0.5), "no bool"),
        ("Literal[1, 2, 3]", Rule(cuts=[1.5]), "2 cuts"),
        ("bool", {"b": {"heat": 2}}, "heat"),
        ("bool", {"c": Rule()}, "'c' is none"),
        ("bool", {"b": 3}, "no rule"),
        ("bool", 3, "no rule"),
    ],
)
def test_a_rule_of_other_choices(kind: str, rule: Any, match: str) -> None:
    """It is told when the module is made."""
    with pytest.raises(ConfigError, match=match):
        weft.Classify(weft.Predict(f"a -> b: {kind}"), rule=rule)
