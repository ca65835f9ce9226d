"""What a metric may return, how it is applied, and how it is checked."""

import asyncio
import functools
import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

import weft
from weft.pipeline.data.rows import Example, read_rows
from weft.pipeline.errors import BudgetExceeded, DataError, MetricError, RateLimited
from weft.pipeline.measure.metrics import exact, f1, fields
from weft.pipeline.measure.score import (
    Metric,
    Score,
    apply_metric,
    metric_name,
    to_score,
)

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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"feedback": 5}, "feedback 5 is no text"),
        ({"by": {"a": 5}}, "is no feedback by module"),
        ({"by": "a"}, "is no feedback by module"),
    ],
    ids=str,
)
def test_feedback_can_be_told_to_a_model(given: dict[str, Any], said: str) -> None:
    """What is no words is refused; the row that has it is named."""

    def metric(example: Example, prediction: object) -> Score:
        return Score(0.0, **given)

    with pytest.raises(MetricError, match=said):
        Score(0.0, **given)
    with pytest.raises(MetricError, match=f"'metric' on row 'r1': .*{said}"):
        asyncio.run(apply_metric(metric, ROW, None))


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


async def test_a_metric_that_cancels_itself_is_the_metrics_fault() -> None:
    """Nobody cancelled the run: the error names metric and row."""

    def gone(example: Example, prediction: Any) -> float:
        raise asyncio.CancelledError

    with pytest.raises(MetricError, match=r"gone.* raised CancelledError"):
        await apply_metric(gone, Example("r1", {"q": "?"}), "a")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (weft.Score(1.0), "value"),
        (weft.Demo({"a": "x"}), "values"),
        (weft.Context(audience="nurses"), "audience"),
        (ROW, "inputs"),
    ],
)
def test_a_value_says_how_a_changed_one_is_made(value: Any, name: str) -> None:
    """It never changes; a name that it has not is near another."""
    with pytest.raises(FrozenInstanceError, match=rf"replace\(\.\.\., {name}="):
        setattr(value, name, None)
    with pytest.raises(FrozenInstanceError, match=f"Did you mean '{name}'"):
        setattr(value, f"{name}x", None)
