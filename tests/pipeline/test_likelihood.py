"""Likelihood as a metric: how probable the wanted answer was as the reply."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

import pytest

import weft
from tests.server import Reply, Server
from weft import compilers as c
from weft.errors import ConfigError, DataError, MetricError

ROWS = [{"text": f"row {n}", "answer": f"word{n % 3}"} for n in range(24)]
GOOD, WORSE = "Name the word that fits.", "Say something."
ASK = weft.Predict("text -> answer", "Answer.", name="ask", adapter="chat/2:stop")


def chance(prompt: str) -> float:
    """How probable the planted model holds each token of the right answer."""
    return {True: 0.4, False: 0.1}[GOOD in prompt]


def says(body: Mapping[str, Any]) -> Reply:
    """A server that always answers "no"; forced, it tells how probable that was.

    Every reply has a heading and an end of fixed probabilities, which do not count.
    """
    told = "\n".join(m["content"] for m in body["messages"])
    reply = "[[ answer ]]\nno\n[[ /end ]]"
    if "grammar" in body:
        reply = json.loads(body["grammar"].removeprefix("root ::= "))
    elif "[[ instruction ]]" in told:
        odd = body.get("seed", 0) % 2
        reply = f"[[ instruction ]]\n{GOOD if odd else WORSE}\n[[ /end ]]"
    head, _, rest = reply.partition("]]\n")
    word, _, tail = rest.partition("\n")
    shown = [(f"{head}]]\n", -2.0), (word[:2], math.log(chance(told)))]
    shown += [(word[2:], math.log(chance(told)))] if word[2:] else []
    content = [{"token": t, "logprob": lp} for t, lp in [*shown, (f"\n{tail}", -3.0)]]
    choice = {"message": {"content": reply}, "logprobs": {"content": content}}
    tree = {"choices": [{**choice, "finish_reason": "stop"}]}
    return Reply(body=json.dumps(tree).encode())


@pytest.fixture
def lm(server: Server) -> Any:
    """The planted model, as llama.cpp would serve it."""
    server.answer = says
    return weft.LM("llamacpp/m", api_base=server.url)


def test_the_answer_alone_counts(lm: Any, server: Server) -> None:
    """Headings are given; of several right answers the best counts; a call each."""
    good = ASK.with_(instruction=GOOD)
    with weft.use(lm=lm, cache=None):
        token = weft.evaluate(good, ROWS[:2], weft.metrics.likelihood("answer"))
        whole = weft.metrics.likelihood("answer", per="answer")
        answer = weft.evaluate(good, ROWS[:2], whole)
        asked = len(server.seen)
        several = [{"text": "row 0", "answer": ["word1", "word2"]}]
        both = weft.evaluate(ASK, several, weft.metrics.likelihood("answer"))

    assert token.values == pytest.approx([0.4, 0.4])
    assert answer.values == pytest.approx([0.16, 0.16])
    assert both.values == pytest.approx([0.1])
    assert len(server.seen) - asked == 3
    assert (token.calls, token.judge_calls) == (2, 2)
    assert "40.0% probable a token" in (token.rows[0].score or weft.Score(0)).feedback


def test_reasons_are_given_and_programs_are_looked_into(
    lm: Any, server: Server
) -> None:
    """What the module wrote first is a part of the prompt, within any program."""
    think = weft.Predict(
        "text -> reason, answer", GOOD, name="think", adapter="chat/2:stop"
    )

    @weft.program
    def whole(text: str) -> str:
        return think(text=text).answer

    def answered(body: Mapping[str, Any]) -> Reply:
        if "grammar" in body:
            return says(body)
        reply = "[[ reason ]]\nso\n[[ answer ]]\nno\n[[ /end ]]"
        tree = {"choices": [{"message": {"content": reply}, "finish_reason": "stop"}]}
        return Reply(body=json.dumps(tree).encode())

    server.answer = answered
    with weft.use(lm=lm, cache=None):
        made = weft.evaluate(whole, ROWS[:1], weft.metrics.likelihood("answer"))
    rule = json.loads(server.seen[-1].body["grammar"].removeprefix("root ::= "))
    assert rule == "[[ reason ]]\nso\n[[ answer ]]\nword0\n[[ /end ]]"
    assert made.judge_calls == 1


def test_instructions_that_are_both_always_wrong_are_told_apart(
    lm: Any, server: Server
) -> None:
    """APE by execution accuracy finds nothing; by likelihood it finds the better one.

    The metric's calls are in the ledger as "judge", and in the quote.
    """
    found: dict[str, Any] = {}
    for name in ("exact", "likelihood"):
        metric = getattr(weft.metrics, name)("answer")
        options: dict[str, Any] = {"metric": metric, "compiler": c.APE(candidates=2)}
        with weft.use(lm=lm, cache=weft.MemoryCache()):
            quote = weft.quote(ASK, ROWS, **options)
            result = weft.compile(ASK, ROWS, budget="400 calls", **options)
        found[name] = result.report, result.program.instruction, quote

    report, instruction, quote = found["exact"]
    assert (instruction, "judge" in report.spend) == ("Answer.", False)
    report, instruction, quote = found["likelihood"]
    assert instruction == GOOD
    assert report.improved
    assert report.score.mean == pytest.approx(0.4)
    spent = {name: int(one["requests"]) for name, one in report.spend.items()}
    ran = sum(n for name, n in spent.items() if name not in ("judge", "propose"))
    assert spent["judge"] == ran
    assert quote.calls.low <= report.calls <= quote.calls.high
    assert any(
        "judge" in line and not line.endswith(" 0") for line in str(quote).splitlines()
    )


def test_a_decided_choice_is_not_asked_again() -> None:
    """`Classify` scored each choice already; without a module nothing can be scored."""
    top = (("yes", math.log(0.75)), ("no", math.log(0.25)))
    said = weft.Response("yes", logprobs=(weft.TokenLogprob(*top[0], top),))
    types = {"A": Literal["yes", "no"]}
    ask = weft.Classify(weft.Predict("text -> answer: A", types=types), by="top")
    rows = [{"text": "t", "answer": "no"}]
    with weft.use(lm=weft.FunctionLM(lambda _: said), cache=None):
        made = weft.evaluate(ask, rows, weft.metrics.likelihood("answer"))
    assert made.values == pytest.approx([0.25])
    assert made.judge_calls == 0

    @weft.step
    def fixed(text: str) -> str:
        return "yes"

    @weft.program
    def whole(text: str) -> str:
        return fixed(text=text)

    with pytest.raises(MetricError, match="no module is known to have written"):
        weft.evaluate(whole, rows, weft.metrics.likelihood("answer"))


def test_what_cannot_be_scored_is_told(lm: Any) -> None:
    """No label, no text, and an endpoint that gives no log-probabilities."""
    metric = weft.metrics.likelihood("answer")
    with weft.use(lm=lm, cache=None):
        with pytest.raises(DataError, match="no label 'answer'"):
            weft.evaluate(ASK, [{"text": "t"}], metric)
        with pytest.raises(DataError, match="wants no answer"):
            weft.evaluate(ASK, [{"text": "row 1", "answer": []}], metric)
    silent = weft.ScriptedLM(["[[ answer ]]\nno\n[[ /end ]]"] * 4)
    with weft.use(lm=silent, cache=None), pytest.raises(ConfigError, match="probab"):
        weft.evaluate(ASK, ROWS[:1], metric)
    for wrong in ({"per": "word"}, {"by": "guess"}):
        with pytest.raises(ConfigError):
            weft.metrics.likelihood("answer", **wrong)  # type: ignore[arg-type]
