"""Samples: another answer to the same prompt is asked for so that it may differ."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, model, planted_rows, under_way
from weft.compilers.propose.instructions import Restart
from weft.pipeline.lm.direct import Direct

Q = "question -> answer"
ROWS = [{"question": f"q{n}", "answer": "yes"} for n in range(40)]
DRAWN = {"temperature": 1.0, "seed": 3}


class Set(Direct):
    """A model with sampling options of its own, which are kept with each request."""

    model, endpoint, schema_mode = "set", "fake:set", False

    def __init__(self, **sampling: Any) -> None:
        self.sampling = sampling
        self.requests: list[weft.Request] = []

    async def complete(self, request: weft.Request) -> weft.Response:
        self.requests.append(request)
        return weft.Response("[[ answer ]]\nyes\n[[ /end ]]")


@pytest.mark.parametrize(
    ("model_has", "module_has", "sent"),
    [
        ({}, {}, DRAWN),
        ({"temperature": 0.4}, {}, {"temperature": 0.4, "seed": 3}),
        ({"seed": 9}, {}, DRAWN),
        ({}, {"seed": 9}, {"temperature": 1.0, "seed": 9}),
        ({"temperature": 0}, {}, {"temperature": 0}),
        ({}, {"temperature": 0}, {"temperature": 0}),
        ({"temperature": 0}, {"temperature": 0.7}, {"temperature": 0.7, "seed": 3}),
    ],
)
def test_a_sample_above_0_has_a_seed_and_a_temperature(
    model_has: dict[str, Any], module_has: dict[str, Any], sent: dict[str, Any]
) -> None:
    """What the user set stays; where that is temperature 0 nothing can be drawn."""
    lm = Set(**model_has)
    module = weft.Predict(Q, lm=lm, **module_has)
    with weft.use(sample=3, cache=None):
        module(question="x")
        lm("x", **module_has)

    assert [dict(request.sampling) for request in lm.requests] == [sent, sent]


def test_sample_0_is_what_the_program_does_in_service() -> None:
    """Its request is the same bytes as without any sample."""
    lm = Set()
    module = weft.Predict(Q, lm=lm)
    with weft.use(cache=None):
        weft.evaluate(module, ROWS[:1], weft.metrics.exact("answer"), repeats=2)
    with weft.use(cache=None):
        module(question="q0")
    served = lm.requests[-1]

    assert [request.key == served.key for request in lm.requests] == [True, False, True]
    assert dict(served.sampling) == {}
    assert dict(lm.requests[1].sampling) == {"temperature": 1.0, "seed": 1}


def test_a_writer_asked_twice_is_asked_for_two_answers() -> None:
    """Equal requests of one round go out with other seeds, the first one too."""
    lm = model()
    task = under_way(classifier(), weft.read_rows(planted_rows(12), ["text"]))
    with weft.use(lm=lm):
        asyncio.run(Restart().propose(task, task.archive[:1] * 3, 3))
    sent = [(r.sampling["temperature"], r.sampling["seed"]) for r in lm.requests]

    assert sorted(sent) == [(1.0, 1), (1.0, 2), (1.0, 3)]


@pytest.mark.parametrize(
    ("sampling", "said"),
    [({"temperature": 0}, ["proposer"]), ({"temperature": 0.5}, []), ({}, [])],
)
def test_a_quote_says_that_samples_will_be_equal(
    sampling: dict[str, Any], said: list[str]
) -> None:
    """Where temperature 0 is set, a writer says the same again."""
    with weft.use(lm=Set(**sampling)):
        quote = weft.quote(weft.Predict(Q), ROWS, metric=weft.metrics.exact("answer"))

    assert list(quote.greedy) == said
    assert ("equal samples" in str(quote)) == bool(said)


def test_a_quote_names_tries_that_will_be_equal() -> None:
    """A module under a vote that is itself set to temperature 0."""
    votes = weft.Vote(weft.Predict(Q, name="ask", temperature=0), n=3, name="vote")
    drawn = weft.Vote(weft.Predict(Q, name="ask"), n=3, name="vote")
    with weft.use(lm=Set(temperature=0.5)):
        quotes = [
            weft.quote(each, ROWS, metric=weft.metrics.exact("answer"))
            for each in (votes, drawn)
        ]

    assert [quote.greedy for quote in quotes] == [("vote/module",), ()]
