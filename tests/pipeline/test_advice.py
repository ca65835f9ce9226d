"""What scores say about the metric that gave them."""

from __future__ import annotations

import logging
from typing import Any, Literal

import pydantic
import pytest

import weft
from weft.pipeline.data.rows import Example
from weft.pipeline.measure.advice import advice_on
from weft.pipeline.measure.row_result import RowResult
from weft.pipeline.measure.score import Score
from weft.pipeline.signature.forms import make_signature
from weft.pipeline.signature.signature import make_value


class Town(pydantic.BaseModel):
    name: str


Triage = make_signature("message -> team, reason", name="Triage")
Team = Literal["cards", "loans"]
Cell = tuple[dict[str, Any], Any, float | None]


def cells(right: list[float], wrong: list[float]) -> list[Cell]:
    """Answers that are the label with these scores, and others with those."""
    return [
        *(({"team": "cards"}, {"team": "cards"}, score) for score in right),
        *(({"team": "cards"}, {"team": "loans"}, score) for score in wrong),
    ]


def advice(found: list[Cell], field: str = "") -> str:
    """The advice on a metric that gave some scores, or empty."""
    results = [
        RowResult(
            Example(f"r{n}", {"message": f"m{n}"}, labels),
            prediction,
            None if score is None else Score(score),
        )
        for n, (labels, prediction, score) in enumerate(found)
    ]
    return " ".join(advice_on("own", results, field))


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ([1.0] * 3, [1.0] * 3, "'own' gives 1 to 3 answers that are their row's label"),
        ([0.5] * 9, [0.5] * 4, "and to 4 others: does it tell right from wrong?"),
        ([0.0] * 3, [1.0] * 3, "gives 0 to 3 answers that are their row's label"),
        ([0.0] * 3, [0.0] * 3, "does it compare values of one type?"),
        ([0.2, 0.1, 0.3], [0.9] * 3, "gives 0.2 on average to 3 answers"),
        ([0.2, 0.1, 0.3], [0.9] * 3, "is it upside down? Higher is better"),
    ],
)
def test_what_looks_odd_is_said(
    right: list[float], wrong: list[float], said: str
) -> None:
    """Constant, upside down, or blind to right answers."""
    assert said in advice(cells(right, wrong))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ([1.0] * 9, [0.0] * 9),
        ([1.0, 0.0, 1.0], [0.5] * 3),
        ([0.6] * 3, [0.5] * 3),
        ([1.0] * 9, [1.0] * 2),  # too few others to say anything
        ([0.0] * 2, [1.0] * 9),  # too few right ones
        ([1.0] * 9, []),
        ([], [0.0] * 9),  # a hard task, as far as anybody knows
    ],
)
def test_a_hard_task_is_no_odd_metric(right: list[float], wrong: list[float]) -> None:
    """Where too little is known nothing is said."""
    assert advice(cells(right, wrong)) == ""


def value(team: str, reason: str) -> Any:
    return make_value(Triage, {"message": "m", "team": team, "reason": reason})


BOTH = {"team": "cards", "reason": "lost"}


@pytest.mark.parametrize(
    ("labels", "prediction", "field", "known"),
    [
        (BOTH, value("cards", "lost"), "", True),
        (BOTH, value("cards", "stolen"), "", False),  # half right
        ({"team": "cards"}, value("cards", "lost"), "", True),
        ({"team": ["cards", "loans"]}, value("loans", "x"), "", True),
        ({"team": "cards"}, "cards", "team", True),
        ({"team": "cards"}, "cards", "", False),  # of which label, nobody knows
        ({"rubric": ["kind"]}, "cards", "team", False),
        ({}, value("cards", "lost"), "", False),
        ({"team": "cards"}, None, "team", False),
    ],
)
def test_right_is_what_the_labels_of_the_same_names_say(
    labels: dict[str, Any], prediction: Any, field: str, known: bool
) -> None:
    """A lone label is no whole answer: it may be a rubric."""
    found: list[Cell] = [(labels, prediction, 0.0)] * 3

    assert ("gives 0 to 3" in advice(found, field)) is known


def test_rows_without_a_score_say_nothing() -> None:
    """They failed for another reason."""
    assert advice([({"team": "a"}, {"team": "a"}, None)] * 9) == ""


@pytest.mark.parametrize("odd", [True, False])
def test_an_evaluation_says_it_in_the_log(
    odd: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """So that a metric that compares two types is no hard task."""
    find = weft.Predict("text -> town: Town", name="find", types={"Town": Town})
    rows = [{"text": f"t{n}", "town": {"name": "Bonn"}} for n in range(5)]
    lm = weft.FunctionLM(lambda _: '[[ town ]]\n{"name": "Bonn"}\n\n[[ /end ]]')

    def as_dicts(example: Example, prediction: Any) -> bool:
        written = example.town if odd else example.labels["town"]
        return bool(written == prediction.town.model_dump())

    with weft.use(lm=lm), caplog.at_level(logging.WARNING):
        assert weft.evaluate(find, rows, as_dicts).mean == 1 - odd
    assert ("does it compare values of one type?" in caplog.text) is odd


def test_labels_that_no_answer_could_be_are_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A misspelt label of a closed choice scores 0 whatever is answered: one line."""
    route = weft.Predict("message -> team: Team", types={"Team": Team}, name="route")
    wanted = ["cards", "loans", "crads", "crads", "Loans ", ["crads", "cards"]]
    rows = [{"message": f"m{n}", "team": team} for n, team in enumerate(wanted)]

    with weft.use(lm=weft.FunctionLM(lambda request: {"team": "cards"}), cache=None):
        weft.evaluate(route, rows, weft.metrics.choice("team"))
    assert "2 of 6 rows have a label that the output cannot be" in caplog.text
    assert "'crads'" in caplog.text

    caplog.clear()
    with weft.use(lm=weft.FunctionLM(lambda request: {"team": "cards"}), cache=None):
        weft.evaluate(route, rows[:2], weft.metrics.exact("team"))
        free = weft.Predict("message -> team", name="free")
        weft.evaluate(free, rows, weft.metrics.exact("team"))
    assert caplog.text == ""


def test_a_compile_says_so_of_the_rows_that_it_searches_by() -> None:
    """The report has the line where half of the labels are misspelt."""
    route = weft.Predict("message -> team: Team", types={"Team": Team}, name="route")
    names = ("cards", "crads", "loans", "laons")
    rows = [{"message": f"m{n}", "team": names[n % 4]} for n in range(24)]

    with weft.use(lm="embedded", cache=None):
        told = weft.compile(
            route,
            rows,
            metric=weft.metrics.exact("team"),
            compiler=weft.compilers.LabeledFewShot(),
        )

    assert any("the output cannot be" in line for line in told.report.advice)
