"""Rows that surely lack what a metric reads are refused before a call."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

import weft
from weft import errors
from weft.metrics import contains, exact, f1, fields, semantic_f1

qa = weft.Predict("question -> answer", name="qa")
ROWS = [{"question": f"q{n}", "note": "x"} for n in range(30)]


class Scorers:
    """Functions that read a label, in each way to read one."""

    @staticmethod
    def attribute(example: Any, prediction: Any) -> bool:
        return bool(prediction.answer == example.gold)

    @staticmethod
    def item(example: Any, prediction: Any) -> bool:
        return bool(example["gold"] == prediction.answer)

    @staticmethod
    def label(example: Any, prediction: Any) -> bool:
        return bool(example.labels["gold"] == prediction.answer)

    @staticmethod
    def traced(example: Any, pred: Any, trace: Any = None) -> bool:
        gold = example.gold.lower()
        return gold in pred.answer if trace is None else False

    def method(self, example: Any, prediction: Any) -> bool:
        return bool(example.gold == prediction.answer)


SURE: list[Any] = [
    exact("gold"),
    f1("gold"),
    contains("gold", within="answer"),
    fields("gold", "answer"),
    fields({"a": fields({"b": exact("gold")})}),
    semantic_f1("gold"),
    Scorers.attribute,
    Scorers.item,
    Scorers.label,
    Scorers.traced,
    Scorers().method,
    lambda example, prediction: prediction.answer == example.gold,
]


@pytest.mark.parametrize("metric", SURE)
@pytest.mark.parametrize("some", [False, True])
def test_a_label_that_is_surely_read_is_in_every_row(metric: Any, some: bool) -> None:
    """One row in thirty is found before it is paid for; the metric is not called."""
    labelled = [{**row, "gold": "a", "answer": "a"} for row in ROWS[1:]]
    rows = [*labelled, ROWS[0]] if some else ROWS
    lm = weft.FunctionLM(lambda _: "[[ answer ]]\na\n\n[[ /end ]]")

    with weft.use(lm=lm), pytest.raises(errors.DataError, match="'gold'"):
        weft.evaluate(qa, rows, metric)
    with weft.use(lm=lm), pytest.raises(errors.DataError, match="'gold'"):
        weft.compile(qa, rows, metric=metric)

    assert lm.calls == 0


class Valid:
    """Functions that need no label `gold`, though they name one."""

    @staticmethod
    def members(example: Any, prediction: Any) -> bool:
        parts = (example.id, example.inputs, example.labels, example.meta)
        return all(part is not None for part in parts) and bool(example.digest)

    @staticmethod
    def rows_own(example: Any, prediction: Any) -> bool:
        return bool(example.question) and example["note"] == "x"

    @staticmethod
    def perhaps(example: Any, prediction: Any) -> bool:
        return bool(prediction.answer == (example.gold if "gold" in example else "a"))

    @staticmethod
    def caught(example: Any, prediction: Any) -> bool:
        try:
            return bool(example.gold)
        except AttributeError:
            return True

    @staticmethod
    def by_default(example: Any, prediction: Any) -> bool:
        return bool(getattr(example, "gold", "a") == prediction.answer)

    @staticmethod
    def from_labels(example: Any, prediction: Any) -> bool:
        return bool(example.labels.get("gold", "a") == prediction.answer)

    @staticmethod
    def behind_and(example: Any, prediction: Any) -> bool:
        return bool(prediction.answer == "a" or example.gold)

    @staticmethod
    def looped(example: Any, prediction: Any) -> bool:
        return all(example.gold for _ in prediction.answer if _ == "z")

    @staticmethod
    def rebound(example: Any, prediction: Any) -> bool:
        example = {"gold": "a"}
        return bool(example["gold"] == prediction.answer)

    @staticmethod
    def other(example: Any, prediction: Any) -> bool:
        gold = {"gold": prediction.answer}
        return bool(gold["gold"])

    @staticmethod
    def star(*both: Any) -> bool:
        return bool(both[1].answer)


@pytest.mark.parametrize(
    "name", [name for name in vars(Valid) if not name.startswith("_")]
)
def test_what_may_not_be_read_is_no_reason_to_refuse(name: str) -> None:
    """Such a metric scores, and says itself what it makes of a row."""
    lm = weft.FunctionLM(lambda _: "[[ answer ]]\na\n\n[[ /end ]]")
    with weft.use(lm=lm):
        assert weft.evaluate(qa, ROWS, getattr(Valid, name)).mean == 1


def test_an_error_of_a_metric_keeps_its_traceback() -> None:
    """Through all that ran side by side: the line to mend is shown."""

    def broken(example: Any, prediction: Any) -> float:
        return float(prediction.answer)

    lm = weft.FunctionLM(lambda _: "[[ answer ]]\na\n\n[[ /end ]]")
    with weft.use(lm=lm), pytest.raises(errors.MetricError) as caught:
        weft.evaluate(qa, ROWS, broken)

    shown = "".join(traceback.format_exception(caught.value))
    assert isinstance(caught.value.__cause__, ValueError)
    assert "return float(prediction.answer)" in shown
