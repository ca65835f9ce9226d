"""The report says what was gained, whether it is shown, and what it cost."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    Asked,
    classifier,
    exact,
    learner,
    model,
    planted_rows,
)
from weft.compilers import APE, GEPA, Auto, Compress, LabeledFewShot


def _report(compiler: Any, rule: Any = learner, count: int = 90) -> weft.Report:
    with weft.use(lm=model(rule)):
        return weft.compile(
            classifier(), planted_rows(count), metric=exact, compiler=compiler
        ).report


def stubborn(asked: Asked) -> dict[str, str]:
    """A model that no prompt helps."""
    return {"label": "K9", "instruction": "Think of norp."}


def test_a_search_without_a_candidate_says_so() -> None:
    """And why: no row shows what the inner module should say, and none passes."""
    find = weft.Predict("text -> word", "Name it.", name="find")
    last = weft.Predict("word -> code", "Give it.", name="last")

    @weft.program
    def solve(text: str) -> str:
        return last(word=find(text=text).word).code

    def right(row: weft.Example, code: str) -> bool:
        return bool(code == row.label)

    with weft.use(lm=model(stubborn)):
        report = weft.compile(
            solve, planted_rows(30), metric=right, compiler=LabeledFewShot()
        ).report

    assert report.verdict == "no improvement found: no candidate was tried"
    assert "gave no demo and no instruction" in report.stopped
    assert "Give teacher=" in str(report)


def test_a_compiler_that_takes_no_demos_does_not_ask_for_rows_that_hold_them() -> None:
    with weft.use(lm=model(stubborn)):
        report = weft.compile(
            classifier(),
            planted_rows(60),
            metric=exact,
            compiler=Compress(written=False),
        ).report

    assert report.stopped == "the compiler found nothing that it would change"


def test_a_program_that_is_right_already_is_told_so() -> None:
    """By a compiler too that learns from failures alone."""
    with weft.use(lm=weft.FunctionLM(lambda _: "[[ label ]]\nK1\n[[ /end ]]")):
        report = weft.compile(
            weft.Predict("text -> label"),
            [{"text": f"case {at}", "label": "K1"} for at in range(40)],
            metric=lambda row, answer: row.label == answer.label,
            compiler=GEPA(),
        ).report

    assert report.verdict == "no improvement found: no candidate was tried"
    assert "already passes all" in report.stopped


def test_a_report_counts_its_own_calls_on_a_ledger_that_others_use() -> None:
    """What was spent before is not spent again."""
    ledger = weft.Ledger(weft.Budget(calls=600))
    lm = model()
    with weft.use(lm=lm, cache=None):
        for seed in range(2):
            before = lm.calls
            report = weft.compile(
                classifier(),
                planted_rows(60, seed),
                metric=exact,
                compiler=APE(candidates=2),
                budget=ledger,
                seed=seed,
            ).report

            assert report.sent == report.calls == lm.calls - before


def test_a_gain_is_claimed_with_its_interval() -> None:
    """On the sealed rows, paired with the program as it was."""
    report = _report(APE())

    assert report.improved
    assert report.verdict.startswith("improved: +")
    assert report.comparison.interval.low > 0
    assert report.search_score is not None


def test_no_gain_is_a_result() -> None:
    """And the program comes back as it was."""
    report = _report(APE(), stubborn)

    assert not report.improved
    assert not report.returned
    assert "no improvement found" in report.verdict
    assert report.diff() == "nothing changed"


def test_a_worse_candidate_is_named_and_not_returned() -> None:
    """The search liked it; the sealed rows did not."""

    def spoilt(asked: Asked) -> dict[str, str]:
        return {"label": "K9" if asked.demos else "K0"}

    report = _report(LabeledFewShot(), spoilt)

    assert not report.returned
    assert "the program is returned as it was" in report.verdict


def test_the_diff_shows_lines_and_demos() -> None:
    """What changed in the prompt, to be read by a person."""
    instruction, demos = _report(APE()).diff(), _report(LabeledFewShot(demos=3)).diff()

    assert "- Give the label." in instruction
    assert "+ Give the label; blick = K0" in instruction
    assert demos.count("+ demo") == 3


def test_every_account_is_in_the_spend() -> None:
    """Proposals and verification cost as evaluation does."""
    report = _report(Auto())

    assert {"evaluate", "propose", "verify"} <= set(report.spend)
    assert report.calls == sum(int(a["requests"]) for a in report.spend.values())


def test_lineage_leads_back_to_the_seed() -> None:
    """Each candidate names the one it was made from, and what it gained on it."""
    report = _report(Auto())
    by_id = {line.id: line for line in report.tried}
    line = by_id[report.winner.id]
    while line.parent:
        line = by_id[line.parent]

    assert line.origin == "seed"
    assert any((line.gain or 0) > 0 for line in report.tried)


def test_the_front_trades_score_for_cost() -> None:
    """From the cheapest row up each point scores more, on the same rows."""
    report = _report(Auto())
    front = report.front
    scores, costs = [p.score for p in front], [p.tokens_a_row for p in front]

    assert scores == sorted(scores)
    assert costs == sorted(costs)
    assert scores[-1] == report.search_score
    assert {point.rows for point in front} == {report.tried[0].rows}


@pytest.mark.parametrize("rule", [learner, stubborn])
def test_a_report_is_plain_json(rule: Any) -> None:
    """It survives a round trip."""
    report = _report(Auto(), rule)

    assert json.loads(report.to_json()) == report.describe()


def test_a_report_prints_its_figures() -> None:
    """Score, interval and cost on a few lines."""
    text = str(_report(APE()))

    assert "APE: improved" in text
    assert "calls" in text
    assert "price unknown" in text


@pytest.mark.parametrize("compiler", [APE(), Auto(), LabeledFewShot()])
@pytest.mark.parametrize("rule", [learner, stubborn])
def test_a_page_holds_everything_and_reaches_nowhere(compiler: Any, rule: Any) -> None:
    """One file: verdict, figures, tree and changes; no script, no address."""
    report = _report(compiler, rule)
    page = report.to_html()

    assert html.escape(report.verdict) in page
    assert page.count("<svg") == 1
    assert page.count("<span role=") >= 2 + len(report.spend)
    assert all(html.escape(line.origin) in page for line in report.tried)
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_page_shows_text_and_never_runs_it() -> None:
    """Whatever rows and replies hold."""
    rows = [
        {**row, "text": f"<script>alert(1)</script> {row['text']}"}
        for row in planted_rows(60)
    ]
    with weft.use(lm=model()):
        result = weft.compile(classifier(), rows, metric=exact, compiler=Auto())

    assert "<script" not in result.report.to_html()


def test_calls_are_told_apart_only_where_some_were_cached() -> None:
    """A cold run sent all of them; a warm one says how many it did not."""
    rows, compiler = planted_rows(90), LabeledFewShot(demos=4)
    with weft.use(lm=model(learner), cache=weft.MemoryCache()):
        cold, warm = (
            weft.compile(classifier(), rows, metric=exact, compiler=compiler).report
            for _ in range(2)
        )

    assert f"{cold.calls} calls (all of them sent)" in str(cold)
    assert f"{warm.calls} calls (0 sent, the others cached)" in repr(warm)


def test_a_notebook_shows_scores_and_changes() -> None:
    """Without script, and with what users wrote escaped."""
    report = _report(LabeledFewShot(demos=4))

    shown = report.cell()

    assert html.escape(report.verdict) in shown
    assert html.escape(report.diff()) in shown
    assert "<script" not in shown
    assert "as it was" in shown
