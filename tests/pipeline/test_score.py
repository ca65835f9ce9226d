"""What a metric may return, how it is applied, and how it is checked."""

import asyncio
import functools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.pipeline.data.rows import Example, read_rows
from weft.pipeline.errors import BudgetExceeded, DataError, MetricError, RateLimited
from weft.pipeline.measure.metric_check import check_metric
from weft.pipeline.measure.metrics import exact, f1, fields
from weft.pipeline.measure.score import (
    Metric,
    RawScore,
    Score,
    apply_metric,
    metric_name,
    to_score,
)
from weft.pipeline.signature.forms import make_signature
from weft.pipeline.signature.signature import Signature, make_value

ROW = Example("r1", {"question": "2 + 2?"}, {"answer": "4"})


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (True, 1.0),
        (0, 0.0),
        (0.25, 0.25),
        (1 + 1e-12, 1.0),
        (np.bool_(True), 1.0),
        (np.float32(0.5), 0.5),
        (Score(0.5, "half"), 0.5),
    ],
)
def test_scores_are_numbers_from_0_to_1(raw: Any, value: float) -> None:
    """Bools, numbers, numpy's too; a rounding error is forgiven."""
    assert to_score(raw).value == value


@pytest.mark.parametrize(
    "raw", [None, "1.0", math.nan, math.inf, 1.01, -0.5, 87, [1], np.array([1, 0])]
)
def test_anything_else_is_refused_with_a_remedy(raw: Any) -> None:
    """Also where it is wrapped in a `Score`."""
    for attempt in (to_score, Score):
        with pytest.raises(MetricError, match="Return a number in"):
            attempt(raw)


def test_a_score_of_a_score_is_refused() -> None:
    """Its feedback would be lost in silence."""
    with pytest.raises(MetricError, match=r"is a Score, and no number\. Give its"):
        Score(Score(0.5, "half"))  # type: ignore[arg-type] # that is the point


def test_feedback_is_text() -> None:
    """A model is going to read it."""
    with pytest.raises(MetricError, match="feedback None is no text"):
        Score(1.0, None)  # type: ignore[arg-type]


def test_names_are_stable() -> None:
    """They are written into artifacts."""

    class Judge:
        def __call__(self, example: Example, prediction: Any) -> float:
            return 1.0

    def with_option(strict: bool, example: Example, prediction: Any) -> float:
        return float(strict)

    metrics: list[Metric] = [f1("answer"), functools.partial(with_option, True)]
    metrics += [Judge(), fields("a", "b")]

    assert list(map(metric_name, metrics)) == [
        "f1(answer)",
        "with_option",
        "Judge",
        "fields(exact(a), exact(b))",
    ]


async def test_any_kind_of_metric_is_applied() -> None:
    """A function, an async one, a built-in, and one that gives feedback."""

    def plain(example: Example, prediction: Any) -> bool:
        return bool(prediction == example.answer)

    async def judge(example: Example, prediction: Any) -> Score:
        return Score(0.5, "be brief")

    assert await apply_metric(plain, ROW, "4") == Score(1.0)
    assert await apply_metric(judge, ROW, "4") == Score(0.5, "be brief")
    assert await apply_metric(exact("answer"), ROW, "4") == Score(1.0)


async def test_a_row_without_an_id_is_shown_by_its_inputs() -> None:
    """The digits that stand for its id say nothing to whoever looks for it."""
    (row,) = read_rows([{"question": "2 + 2?", "anser": "4"}], ["question"])

    with pytest.raises(DataError) as missing:
        await apply_metric(exact("answer"), row, "4")

    assert f"row '{row.id}' (question='2 + 2?') has no label" in str(missing.value)


async def test_an_error_of_a_metric_names_metric_and_row() -> None:
    """And keeps its cause; no row silently scores 0."""

    def broken(example: Example, prediction: Any) -> float:
        return 1 / 0

    def silent(example: Example, prediction: Any) -> Any:
        return None

    with pytest.raises(MetricError) as raised:
        await apply_metric(broken, ROW, "4")
    with pytest.raises(MetricError) as returned:
        await apply_metric(silent, ROW, "4")

    assert str(raised.value) == (
        "the metric 'broken' on row 'r1' raised ZeroDivisionError: division by zero"
    )
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert str(returned.value).startswith(
        "the metric 'silent' on row 'r1': None is no score. Return a number"
    )


@pytest.mark.parametrize("kind", [RateLimited, BudgetExceeded, DataError])
async def test_an_error_of_weft_passes_as_it_is(kind: type[Exception]) -> None:
    """A judge's rate limit stays retryable, a spent budget stops the run."""

    def judge(example: Example, prediction: Any) -> float:
        raise kind("not now")

    with pytest.raises(kind, match="not now"):
        await apply_metric(judge, ROW, "4")


Triage = make_signature("message -> team, reason", name="Triage")


def gold_of(row: Example) -> Signature | None:
    """The prediction of a perfect program; a row without a reason has none."""
    if row.labels.get("reason") is None:
        return None
    return make_value(Triage, {**row.inputs, **row.labels})


def triage_rows(teams: str) -> list[Example]:
    """One row a letter, each with a message and a reason of its own."""
    return [
        Example(f"r{n}", {"message": f"m{n}"}, {"team": team, "reason": f"because {n}"})
        for n, team in enumerate(teams)
    ]


@pytest.mark.parametrize(
    "metric", [exact("team"), f1("reason"), fields("team", "reason")]
)
async def test_good_metrics_pass_the_check(metric: Metric) -> None:
    """One rare label is enough to tell right from wrong."""
    await check_metric(metric, triage_rows("a" * 300 + "b"), gold_of, "triage")


@given(st.text("ab", min_size=1, max_size=30))
async def test_the_check_raises_no_false_alarm(teams: str) -> None:
    """Unless all rows hold the one label that is measured."""
    rows = triage_rows(teams)

    if len(set(teams)) > 1 or len(teams) == 1:
        await check_metric(exact("team"), rows, gold_of, "triage")
    else:
        with pytest.raises(MetricError, match="is constant"):
            await check_metric(exact("team"), rows, gold_of, "triage")


async def test_a_constant_metric_is_refused() -> None:
    """It would pay for a whole compile and learn nothing."""

    def polite(example: Example, prediction: Any) -> float:
        return 1.0

    with pytest.raises(MetricError) as caught:
        await check_metric(polite, triage_rows("abab"), gold_of, "triage")

    assert str(caught.value).startswith(
        "the metric 'polite' is constant: it scores 1 for each of 4 right answers of "
        "'triage' and for each of 4 wrong ones, so it cannot tell right from wrong"
    )


async def test_a_metric_upside_down_is_refused() -> None:
    """An error count, say, in place of a score."""

    def wrong(example: Example, prediction: Any) -> bool:
        return bool(prediction.team != example.team)

    with pytest.raises(MetricError, match=r"'wrong' is upside down.*return 1 - x"):
        await check_metric(wrong, triage_rows("abab"), gold_of, "triage")


async def test_a_metric_that_raises_is_found_before_anything_is_paid() -> None:
    """The message names the program too, and the metric's own mistake."""

    def misspelt(example: Example, prediction: Any) -> RawScore:
        return float(prediction.taem == example.team)

    with pytest.raises(MetricError) as caught:
        await check_metric(misspelt, triage_rows("ab"), gold_of, "triage")

    assert "raised AttributeError: Triage has no field 'taem'" in str(caught.value)
    assert "a trial for 'triage' with a gold answer" in str(caught.value)
    assert isinstance(caught.value.__cause__, AttributeError)


async def test_nothing_is_asked_of_rows_without_a_gold_answer() -> None:
    """At most 20 rows are tried, each with a right and a wrong answer."""
    asked: list[str] = []

    def counting(example: Example, prediction: Any) -> bool:
        asked.append(example.id)
        return bool(prediction.team == example.team)

    unknown = [Example("u", {"message": "?"}, {"team": "a"})]
    await check_metric(counting, unknown, gold_of, "triage")
    assert asked == []

    await check_metric(counting, triage_rows("ab" * 50), gold_of, "triage")
    assert (len(asked), len(set(asked))) == (40, 20)


async def test_plain_predictions_are_checked_too() -> None:
    """A program that returns a text is as good as one that returns fields."""
    rows = [Example(f"r{n}", {}, {"answer": str(n)}) for n in range(3)]

    await check_metric(exact("answer"), rows, lambda row: row.answer, "qa")

    with pytest.raises(MetricError, match="is constant"):
        await check_metric(lambda e, p: 0.0, rows, lambda row: row.answer, "qa")


async def test_a_metric_that_cancels_itself_is_the_metrics_fault() -> None:
    """Nobody cancelled the run: the error names metric and row."""

    def gone(example: Example, prediction: Any) -> float:
        raise asyncio.CancelledError

    with pytest.raises(MetricError, match=r"gone.* raised CancelledError"):
        await apply_metric(gone, Example("r1", {"q": "?"}), "a")
