"""Rules of decisions as parameters: fitted to the metric, verified, kept and shown."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

import weft
from tests.compilers.worlds import artifact
from tests.server import Reply, Server
from weft import Input, Likelihood, Likelihoods, Output, Signature
from weft.compilers import Thresholds
from weft.compilers.statistics.cases import Case
from weft.compilers.statistics.cases import Output as Decided
from weft.compilers.statistics.fitting import fitted, temperature_of
from weft.modules.deciding.rule import Rule

exact = weft.metrics.exact


class Spam(Signature):
    """Is it spam?"""

    text: str = Input()
    spam: bool = Output()


def world(seed: int, n: int, lean: float) -> tuple[list[dict[str, Any]], list[float]]:
    """Rows, and how probable "true" is to a planted model that leans to one side."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    says: list[float] = []
    for at in range(n):
        spam = rng.random() < 0.5
        log = (1.3 if spam else -1.3) + rng.gauss(0, 1) - lean
        rows.append({"text": f"row {at}!", "spam": spam})
        says.append(1 / (1 + math.exp(-log)))
    return rows, says


def number_in(text: str) -> int:
    """Which row a prompt is about."""
    return int(re.findall(r"row (\d+)!", text)[-1])


def top_of(shares: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Log-probabilities of some answers, the likeliest first."""
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    return tuple((name, math.log(share)) for name, share in ranked)


def told(shares: Mapping[str, float]) -> weft.Response:
    """A reply that is the likeliest answer, with what else was likely."""
    top = top_of(shares)
    return weft.Response(top[0][0], logprobs=(weft.TokenLogprob(*top[0], top),))


def spam_told(says: list[float], request: weft.Request) -> weft.Response:
    """A reply with these probabilities of "true"."""
    share = says[number_in(request.messages[-1].text)]
    return told({"true": share, "false": 1 - share})


def leaning(says: list[float]) -> weft.FunctionLM:
    """A fake that has these probabilities."""
    return weft.FunctionLM(lambda request: spam_told(says, request))


def spam_of(**changes: Any) -> weft.Classify[..., Any]:
    """A decision by one call a row."""
    return weft.Classify(weft.Predict(Spam), by="top", name="spam", **changes)


def test_fitting_asks_nothing_beyond_the_first_pass(
    server: Server, tmp_path: Path
) -> None:
    """Each row is asked once, counted at the server; killed and resumed, the same.

    What the fit gains is shown on sealed rows; `keep=` leaves the rule alone.
    """
    rows, says = world(0, 160, lean=1.5)

    def answer(body: dict[str, Any]) -> Reply:
        share = says[number_in(body["messages"][-1]["content"])]
        top = top_of({"true": share, "false": 1 - share})
        tokens = [{"token": word, "logprob": log} for word, log in top]
        content = [{**tokens[0], "top_logprobs": tokens}]
        choice = {"message": {"content": top[0][0]}, "logprobs": {"content": content}}
        tree = {"choices": [{**choice, "finish_reason": "stop"}]}
        return Reply(body=json.dumps(tree).encode())

    server.answer = answer
    spam, compiler = spam_of(), Thresholds()

    def compiled(run_dir: Path) -> Any:
        lm = weft.LM("m", api_base=server.url)
        with weft.use(lm=lm, cache=None):
            return weft.compile(
                spam, rows, metric=exact("spam"), compiler=compiler, run_dir=run_dir
            )

    result = compiled(tmp_path / "a")
    report = result.report
    asked = len(report.tried[0].id and report.score.rows)
    select = next(line.rows for line in report.tried if not line.parent)

    assert server.count == report.calls == select + asked
    assert report.calls <= report.quote.calls.expected
    assert report.improved
    assert report.score.mean > report.seed_score.mean + 0.1
    assert set(report.winner.values) == {"spam/rule"}
    assert "cut" in result.program.rules["spam"].data()
    assert "coverage   compiled: wrong are" in str(report)
    assert "risk by coverage" in report.to_html()
    assert report.to_html().count("<polygon") == 2
    assert [*report.describe()["coverage"]] == ["as it was", "compiled"]
    # A kill in the middle of a line, at a third of the journal.
    (tmp_path / "b").mkdir()
    lines = (tmp_path / "a" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    kept = len(lines) // 3
    torn = b"".join(lines[:kept]) + lines[kept][:20]
    (tmp_path / "b" / "journal.jsonl").write_bytes(torn)
    before = server.count
    again = compiled(tmp_path / "b")
    answers = sum(b'"response"' in line for line in lines[:kept])
    assert server.count - before == select + asked - answers
    assert artifact(again, tmp_path) == artifact(result, tmp_path)
    with weft.use(lm=leaning(says), cache=None):
        held = weft.compile(
            spam, rows, metric=exact("spam"), compiler=compiler, keep=["spam/rule"]
        )
    assert not held.report.winner.values


def test_the_default_stays_where_sealed_rows_do_not_show_more() -> None:
    """Fifty planted worlds, of which half have nothing to be gained.

    Never is a rule returned that is below the default on sealed rows; of those that
    are returned nearly all are no worse on four hundred fresh rows.
    """
    returned = worse = 0
    for seed in range(50):
        lean = 0.0 if seed % 2 else 1.3
        rows, says = world(seed, 480, lean)
        with weft.use(lm=leaning(says), cache=None):
            result = weft.compile(
                spam_of(), rows[:80], metric=exact("spam"), compiler=Thresholds()
            )
        report, rule = result.report, result.program.rules["spam"]
        assert not report.returned or report.score.mean > report.seed_score.mean
        if not report.returned:
            assert rule == Rule()
            assert "no improvement found" in report.verdict
            continue
        returned += 1
        pairs = [*zip(rows[80:], says[80:], strict=True)]
        cut = rule.cut or 0.5
        logs = [math.log(share / (1 - share)) / rule.temperature for _, share in pairs]
        bar = math.log(cut / (1 - cut))
        ours = sum(
            (log >= bar) == row["spam"]
            for log, (row, _) in zip(logs, pairs, strict=True)
        )
        theirs = sum((share > 0.5) == row["spam"] for row, share in pairs)
        worse += ours < theirs

    assert 5 <= returned <= 40
    assert worse <= 3


def test_behind_a_decision_only_what_changes_is_paid_for() -> None:
    """A module that reads the choice is asked for other choices, and the quote says so.

    The decision itself is asked once a row; a metric that wants what is written behind
    it is gained by another cut.
    """
    rows, says = world(3, 200, lean=2.0)
    asked: dict[str, set[str]] = {"spam": set(), "answer": set()}

    def said(request: weft.Request) -> weft.Response:
        text = request.messages[-1].text
        if "[[ verdict ]]" not in text:
            asked["spam"].add(text)
            return spam_told(says, request)
        asked["answer"].add(text)
        word = "delete" if "true" in text.rpartition("[[ verdict ]]")[2] else "keep"
        return weft.Response(f"[[ action ]]\n{word}")

    spam = spam_of()
    act = weft.Predict("text, verdict: bool -> action", "Act on it.", name="act")

    @weft.program
    def handle(text: str) -> str:
        return act(text=text, verdict=spam(text=text).spam).action

    wanted = [
        {"text": row["text"], "action": "delete" if row["spam"] else "keep"}
        for row in rows
    ]
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        lone = weft.quote(spam, rows, metric=exact("spam"), compiler=Thresholds())
        quote = weft.quote(
            handle, wanted, metric=exact("action"), compiler=Thresholds()
        )
        result = weft.compile(
            handle, wanted, metric=exact("action"), compiler=Thresholds()
        )
    report = result.report
    select = next(line.rows for line in report.tried if not line.parent)
    seen = select + len(report.score.rows)

    assert report.improved
    assert len(asked["spam"]) == seen
    assert seen < len(asked["answer"]) <= 2 * seen
    assert report.calls == sum(map(len, asked.values())) <= quote.calls.high
    assert lone.calls.expected < quote.calls.expected
    assert quote.accounts["evaluate"].expected >= 3 * select
    # The report, `diff` and `explain` know it.
    assert "spam/rule\n  + spam:" in report.diff()
    assert "spam/rule" in weft.diff(handle, result.program).parameters
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        program, few = result.program, wanted[:40]
        parts = weft.explain(program, few, exact("action"), base=handle).parts
    assert [part.name for part in parts] == ["spam/rule"]


def test_a_rule_is_kept_and_loaded_into_a_live_program(tmp_path: Path) -> None:
    """With the program's own code too, as the prior is."""
    prior = {"true": 0.2, "false": 0.8}
    rule = Rule(prior=prior, cut=0.3, temperature=2.0, unsure_below=0.6)
    tuned = spam_of(rule=rule)
    path = tmp_path / "spam.weft.json"
    weft.save(tuned, path)

    assert weft.load(path, program=spam_of()).rules["spam"] == rule


def test_what_decides_several_times_in_a_row_stays() -> None:
    """What such a row scores hangs on all of its decisions together."""
    rows, says = world(1, 40, lean=1.5)
    spam = spam_of()

    @weft.program
    def count(texts: list[str]) -> list[bool]:
        return weft.each(texts, lambda text: spam(text=text).spam)

    pairs = [
        {"texts": [a["text"], b["text"]], "count": [a["spam"], b["spam"]]}
        for a, b in zip(rows[::2], rows[1::2], strict=True)
    ]
    with weft.use(lm=leaning(says), cache=None):
        report = weft.compile(
            count,
            pairs,
            metric=lambda row, made: made == row.labels["count"],
            compiler=Thresholds(),
        ).report

    assert not report.winner.values
    assert "standard error" in report.stopped


def case_of(shares: Mapping[str, float], right: str, numbers: Any = None) -> Case:
    """A row that scores 1 for one choice."""
    of = tuple(Likelihood(name, math.log(share)) for name, share in shares.items())
    made = Rule().decide(Likelihoods(of, "top", 1), numbers=numbers)
    return Case(made, {name: float(name == right) for name in shares}, right)


def test_class_weights_and_cut_points() -> None:
    """A class that a model likes too well is weighed down; a scale is cut anew.

    Of labels alone the temperature follows: a model that is too sure is cooled.
    """
    rng = random.Random(0)
    names = ("a", "b", "c")
    cases: list[Case] = []
    for _ in range(150):
        right = rng.choice(names)
        logs = [2.0 * (n == right) + 1.8 * (n == "a") + rng.gauss(0, 1) for n in names]
        whole = sum(map(math.exp, logs))
        shares = {n: math.exp(v) / whole for n, v in zip(names, logs, strict=True)}
        cases.append(case_of(shares, right))
    prior: dict[str, float] = dict.fromkeys(names, 1 / 3)
    found = fitted(Decided(names, Rule(prior=prior)), cases)
    weights = found.rule.weights or {}
    assert found.gain > 0.1
    assert found.rule.prior == prior
    assert weights["a"] < min(weights["b"], weights["c"])

    numbers = {str(n): n for n in range(1, 6)}
    scale: list[Case] = []
    for _ in range(100):
        right = rng.randint(1, 5)
        mean = 0.5 * right + 1.6 + rng.gauss(0, 0.1)
        heights = {name: math.exp(-((n - mean) ** 2)) for name, n in numbers.items()}
        whole = sum(heights.values())
        shares = {name: height / whole for name, height in heights.items()}
        scale.append(case_of(shares, str(right), numbers))
    found = fitted(Decided((*numbers,), Rule(), numbers), scale)
    cuts = found.rule.cuts or ()
    assert found.gain > 0.3
    assert all(abs(cut - (0.5 * n + 1.85)) < 0.2 for n, cut in enumerate(cuts, 1))

    sure = [case_of({"a": 0.98, "b": 0.02}, "a" if n % 4 else "b") for n in range(80)]
    assert 2.5 < temperature_of(Decided(("a", "b"), Rule()), sure) < 5
    fair = [case_of({"a": 0.75, "b": 0.25}, "a" if n % 4 else "b") for n in range(80)]
    assert temperature_of(Decided(("a", "b"), Rule()), fair) == pytest.approx(
        1, abs=0.05
    )


def test_from_where_on_a_choice_is_unsure() -> None:
    """What is given instead is one of the choices: the confidence is fitted too."""
    rng = random.Random(2)
    cases: list[Case] = []
    for _ in range(90):
        share = 0.5 + 0.49 * rng.random()
        right = "a" if share > 0.7 else "out"
        out = (1 - share) * rng.uniform(0.01, 0.99)
        cases.append(case_of({"a": share, "b": 1 - share - out, "out": out}, right))
    output = Decided(("a", "b", "out"), Rule(otherwise="out"))
    found = fitted(output, cases)

    assert found.rule.otherwise == "out"
    assert found.rule.unsure_below is not None
    before, after = (
        sum(output.score(case, rule) for case in cases)
        for rule in (output.rule, found.rule)
    )
    assert found.gain > 0.2
    assert after > 0.9 * len(cases) > before + 0.2 * len(cases)


Score = Annotated[int, Field(ge=1, le=3)]


@pytest.mark.parametrize("kind", [Literal["a", "b", "c"], Score], ids=str)
def test_other_kinds_of_decisions_compile(kind: Any) -> None:
    """Literals by weights, ordered scores by cuts; the result is of the type."""
    rng = random.Random(5)
    part = weft.Predict("text -> label: Kind", types={"Kind": kind})
    ask = weft.Classify(part, by="top", name="ask")
    names = ask.choices
    rows: list[dict[str, Any]] = []
    says: list[dict[str, float]] = []
    for at in range(120):
        right = at % 3
        logs = [2 * (n == right) + 2.0 * (n == 1) + rng.gauss(0, 0.8) for n in range(3)]
        whole = sum(map(math.exp, logs))
        says.append({n: math.exp(v) / whole for n, v in zip(names, logs, strict=True)})
        label = int(names[right]) if kind is Score else names[right]
        rows.append({"text": f"row {at}!", "label": label})

    def said(request: weft.Request) -> weft.Response:
        return told(says[number_in(request.messages[-1].text)])

    with weft.use(lm=weft.FunctionLM(said), cache=None):
        result = weft.compile(ask, rows, metric=exact("label"), compiler=Thresholds())
        made = result.program(text="row 1!")

    assert result.report.improved
    assert made.label in {row["label"] for row in rows}
