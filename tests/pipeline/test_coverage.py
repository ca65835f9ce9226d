"""Coverage and abstention: exact bounds, curves, thresholds, and what is given then."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from weft import Input, Output, Signature
from weft.errors import ConfigError
from weft.pipeline.ground.pages import drawn
from weft.pipeline.measure.coverage.bounds import exact_interval, tail, upper_bound
from weft.review.desk import Desk
from weft.review.remarks import Remarks
from weft.review.sheet import read_sheet, report_of

exact = weft.metrics.exact


class Spam(Signature):
    """Is it spam?"""

    text: str = Input()
    spam: bool | None = Output()


def rows_and_model(n: int = 300) -> tuple[list[dict[str, Any]], weft.FunctionLM]:
    """Rows and a planted model that is right as often as it is sure."""
    rng = random.Random(3)
    says = [rng.random() for _ in range(n)]
    rows = [
        {"text": f"row {at}!", "spam": rng.random() < share}
        for at, share in enumerate(says)
    ]

    def said(request: weft.Request) -> weft.Response:
        at = int(re.findall(r"row (\d+)!", request.messages[-1].text)[-1])
        share = min(max(says[at], 1e-6), 1 - 1e-6)
        both = (("true", math.log(share)), ("false", math.log(1 - share)))
        top = tuple(sorted(both, key=lambda pair: -pair[1]))
        return weft.Response(top[0][0], logprobs=(weft.TokenLogprob(*top[0], top),))

    return rows, weft.FunctionLM(said)


def spam_of(**changes: Any) -> weft.Classify[..., Any]:
    """A decision by one call a row."""
    return weft.Classify(weft.Predict(Spam), by="top", name="spam", **changes)


def test_bounds_are_exact() -> None:
    """As sums of the binomial in whole numbers; a bound is where its tail is."""
    for n, share in ((1, 0.3), (12, 0.05), (60, 0.5), (300, 0.9)):
        for hits in range(0, n + 1, max(1, n // 6)):
            terms = (
                math.comb(n, k) * share**k * (1 - share) ** (n - k)
                for k in range(hits + 1)
            )
            assert tail(hits, n, share) == pytest.approx(math.fsum(terms), abs=1e-12)
    for hits, n in ((0, 45), (3, 100), (40, 1000)):
        assert tail(hits, n, upper_bound(hits, n)) == pytest.approx(0.1)
        both = exact_interval(hits, n)
        assert tail(hits, n, both.high) == pytest.approx(0.025)
        assert not hits or 1 - tail(hits - 1, n, both.low) == pytest.approx(0.025)
    assert upper_bound(0, 0) == upper_bound(5, 5) == 1
    for wrong in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no share"):
            upper_bound(*wrong)


def test_the_most_coverage_within_a_risk(tmp_path: Path) -> None:
    """One pass over the rows; what is answered later is within what was asked.

    The threshold is the rule's, is saved with it, and nothing is set where none is
    found; a temperature and a prior stay.
    """
    rows, lm = rows_and_model(600)
    spam = spam_of(rule=weft.Rule(unsure_below=0.99, otherwise="null"))
    with weft.use(lm=lm, cache=None):
        found = weft.abstain(spam, rows[:400], metric=exact("spam"), risk=0.2)
        none = weft.abstain(spam, rows[:20], metric=exact("spam"), risk=0.01)
        later = found.program.batch([{"text": r["text"]} for r in rows[400:]])

    assert lm.calls == 400 + 20 + 200
    assert found.found is not None
    assert found.found.bound <= 0.2
    assert "unsure below" in str(found)
    rule = found.program.rules["spam"]
    assert rule == weft.Rule(unsure_below=found.threshold, otherwise="null")
    answered = [
        (one.spam, row["spam"])
        for one, row in zip(later, rows[400:], strict=True)
        if one.spam is not None
    ]
    assert 60 < len(answered) < 200
    assert sum(given != label for given, label in answered) <= 0.25 * len(answered)
    path = tmp_path / "spam.weft.json"
    weft.save(found.program, path)
    assert weft.load(path).rules["spam"] == rule

    assert none.program is spam
    assert none.threshold is None
    assert none.coverage == 0
    assert "nothing is set" in str(none)


def test_copies_of_rows_make_no_risk_surer() -> None:
    """Ten rows show no risk of 5 %, however often each stands there."""
    said = rows_and_model(10)
    rows, spam = said[0], spam_of()
    with weft.use(lm=said[1]):
        ten = weft.abstain(spam, rows, metric=exact("spam"), risk=0.05)
        many = weft.abstain(spam, rows * 10, metric=exact("spam"), risk=0.05)

    assert ten.threshold is many.threshold is None
    assert many.curve.rows == 10


def test_a_curve_is_data_text_and_a_picture() -> None:
    """Coverage rises up to every row; intervals are exact; pages hold the picture."""
    rows, lm = rows_and_model(100)
    with weft.use(lm=lm, cache=None):
        made = weft.evaluate(spam_of(), rows, exact("spam"), repeats=1)
        ask = weft.Predict(Spam, adapter="chat")
        plain = weft.evaluate(ask, rows[:1], lambda row, made: row.spam == made.spam)
    curve = weft.coverage(made)
    shares = [point.coverage for point in curve.points]
    wrong = sum(1 - value for value in made.values)

    assert shares == sorted(shares)
    assert 15 <= len(shares) <= 20
    assert curve.points[-1].coverage == 1
    assert curve.points[-1].wrong == wrong
    assert curve.points[0].interval == exact_interval(
        curve.points[0].wrong, curve.points[0].answered
    )
    assert curve.describe()["points"][-1]["answered"] == 100
    assert "risk by coverage" in made.to_html()
    assert "<svg" in drawn("coverage", curve.describe())
    with pytest.raises(ConfigError, match="nothing was decided"):
        weft.coverage(plain)
    with pytest.raises(ConfigError, match="'spm' decided nothing"):
        weft.coverage(made, at="spm")
    assert "risk by coverage" not in plain.to_html()


def test_a_review_shows_the_curve_behind_its_report(tmp_path: Path) -> None:
    """The page beside the rows that are reviewed has it, with its intervals."""
    rows, lm = rows_and_model(40)
    with weft.use(lm=lm, cache=None):
        made = weft.evaluate(spam_of(), rows, exact("spam"), repeats=1)
    file = tmp_path / "eval.json"
    file.write_text(made.to_json(prompts=True), "utf-8")
    file.with_suffix(".html").write_text(made.to_html(review=file.name), "utf-8")
    sheet = read_sheet(file)
    remarks = Remarks(tmp_path / "eval.feedback.jsonl", sheet.rows)

    page = Desk(sheet, remarks, report_of(file)).get("report", "").body.decode()

    assert "risk by coverage" in page
    last = weft.coverage(made).points[-1]
    assert f"{100 * last.interval.high:.1f}" in page


def lm_of(shares: dict[str, float]) -> weft.FunctionLM:
    """A fake that says the same of every input."""
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    top = tuple((word, math.log(share)) for word, share in ranked)
    said = weft.Response(top[0][0], logprobs=(weft.TokenLogprob(*top[0], top),))
    return weft.FunctionLM(lambda _: said)


def test_a_cascade_goes_on_where_a_decision_is_unsure() -> None:
    """No test is named: the cheap decision is one; the strong one tells too."""
    kind = {"Team": Literal["cards", "loans"]}

    def asking(shares: dict[str, float], below: float) -> weft.Classify[..., Any]:
        part = weft.Predict("text -> team: Team", types=kind, lm=lm_of(shares))
        rule = weft.Rule(unsure_below=below)
        return weft.Classify(part, by="top", rule=rule, name="team")

    weak = {"cards": 0.6, "loans": 0.4}
    strong = asking({"cards": 0.1, "loans": 0.9}, 0.95)
    with weft.use(cache=None):
        unsure = weft.Cascade(asking(weak, 0.8), strong)
        made = unsure(text="?")
        sure = weft.Cascade(asking(weak, 0.5), strong)(text="?")
        last = weft.Cascade(unsure, asking({"cards": 0.99, "loans": 0.01}, 0.5))
        on = last(text="?")

    assert made.team == "loans"
    assert "the decision of 'team' is unsure" in weft.info(made).facts["why"]
    assert weft.info(made).facts["unsure"]
    assert sure.team == "cards"
    assert weft.info(sure).facts == {"answered": "cheap", "unsure": False}
    assert on.team == "cards"
    plain = weft.Predict("text -> team: Team", types=kind)
    with pytest.raises(ConfigError, match="nothing says when"):
        weft.Cascade(plain, plain.with_(instruction="Think."))


def test_what_is_given_where_a_decision_is_unsure() -> None:
    """A value that the type allows, in both forms of a call; else it is refused."""
    rule = weft.Rule(unsure_below=0.8, otherwise="null")
    shares = {"true": 0.6, "false": 0.4}

    @weft.predict
    def spam(text: str) -> bool | None:
        """Is it spam?"""
        raise NotImplementedError

    ask = weft.Classify(spam, by="top", rule=rule)
    with weft.use(lm=lm_of(shares), cache=None):
        made = spam_of(rule=rule)(text="?")
        assert ask(text="?") is None
        assert ask.with_rule(unsure_below=0.5)(text="?") is True

    assert made.spam is None
    assert weft.info(made).decision("spam").choice == "true"
    for wrong in ("maybe", "3", "{"):
        with pytest.raises(ConfigError, match="is no value of 'spam'"):
            spam_of(rule=weft.Rule(otherwise=wrong))
    with pytest.raises(ConfigError, match="true or false"):
        weft.Classify(weft.Predict("a -> b: bool"), rule=weft.Rule(otherwise="null"))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"risk": 0}, "risk=0 is no share"),
        ({"sure": 1.0}, "sure=1.0 is no share"),
        ({"risk": True}, "risk=True"),
        ({"passing": 0}, "passing=0 is no score"),
        ({"at": "spm"}, "no weft.Classify at 'spm'"),
    ],
)
def test_what_cannot_be_asked_for(changes: dict[str, Any], match: str) -> None:
    """Each mistake is told before a row is run."""
    rows, lm = rows_and_model(2)
    with weft.use(lm=lm, cache=None), pytest.raises(ConfigError, match=match):
        weft.abstain(spam_of(), rows, metric=exact("spam"), **changes)
    with pytest.raises(ConfigError, match="decides nothing by probabilities"):
        weft.abstain(weft.Predict("a -> b"), rows, metric=exact("b"))
    assert lm.calls == 0
