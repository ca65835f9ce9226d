"""Decisions at their edges: odd labels, no probability at all, votes, rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import pytest

import weft
from weft import Likelihood, Likelihoods, Response, Rule, TokenLogprob
from weft.errors import ConfigError
from weft.pipeline.lm.scoring.tokens import LEAST


def telling(text: str, place: str, says: Mapping[str, float]) -> Response:
    """A reply of which one place has other tokens, and all else is certain."""
    head, tail = text.split(place)
    top = tuple((word, math.log(p)) for word, p in says.items())
    around = [[TokenLogprob(c, 0.0, ((c, 0.0),)) for c in side] for side in (head, tail)]
    said = TokenLogprob(*top[0], top)
    reply = f"{head}{said.token}{tail}"
    return Response(reply, logprobs=(*around[0], said, *around[1]))


@pytest.mark.parametrize(
    ("form", "reply", "labels"),
    [
        ("chat", "[[ label ]]\n#\n[[ /end ]]", ["d", "l", "end"]),
        ("xml", "<label>#</label>", ["l", "d", "end"]),
        ("json", '{"label": "#"}', ["d", "l", "end"]),
        ("plain", "label: #", ["l", "d", "end"]),
    ],
)
def test_labels_that_stand_in_the_form_too(
    form: str, reply: str, labels: list[str]
) -> None:
    """A label is looked for at its place, and not where the form has its letters."""
    says = {"end": 0.5, "d": 0.3, "l": 0.2}
    kind: Any = Literal[tuple(labels)]  # type: ignore[valid-type]
    asked = weft.Predict("text -> label: Kind", types={"Kind": kind}, adapter=form)
    lm = weft.FunctionLM(lambda _: telling(reply, "#", says))
    with weft.use(lm=lm, cache=None):
        run = weft.Classify(asked, by="top", name="asked").run(text="So it is.")
    made = run.trace.tree[0].run.decision()

    assert not made.at_most
    assert {n: round(p, 6) for n, p in made.probabilities.items()} == says


def found(**logprobs: float) -> Likelihoods:
    """Likelihoods that are exact."""
    of = tuple(Likelihood(name, value) for name, value in logprobs.items())
    return Likelihoods(of, "decisions", 1)


def test_a_choice_that_is_never_said_still_has_its_weight() -> None:
    """Where the model gives a choice no probability, class weights may take it."""
    made = Rule(weights={"a": 0, "b": 1}).decide(found(a=-0.1, b=LEAST))

    assert (made.choice, made.confidence) == ("b", 1.0)
    assert made.probabilities == {"a": 1.0, "b": 0.0}


def test_a_prior_of_nothing_is_the_least_one() -> None:
    """A choice of which the prior is 0 was never said, and is divided by little."""
    made = Rule(prior={"a": 1.0, "b": 0.0}).decide(found(a=-0.1, b=-3.0))

    assert made.choice == "b"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(cut=0.5), "a cut is a threshold on true"),
        (Rule(prior={"x": 0.5, "y": 0.5}), "is no prior of a, b"),
        (Rule(weights={"x": 1, "y": 2}), "is no weights of a, b"),
        (Rule(take="mean"), "only an ordered score has a mean"),
        (Rule(cuts=(1.5,)), "only an ordered score has a mean"),
    ],
)
def test_a_rule_of_other_choices_decides_nothing(rule: Rule, said: str) -> None:
    """A kept decision is tried with another rule by hand: a wrong one says so."""
    with pytest.raises(ConfigError, match=said):
        rule.decide(found(a=-0.1, b=-3.0))
    with pytest.raises(ConfigError, match="there is no choice"):
        rule.decide(found())
