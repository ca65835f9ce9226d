"""Equations in reasoning: what is surely false, and no demo that holds it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.compilers.worlds import DATA
from tests.hostile import texts
from weft.compilers.propose.rows import demos_of
from weft.pipeline.graph.program import as_program
from weft.pipeline.lm.request import Request

RIGHT = [
    "10/3 = 3.33, 7/2=3.5 and 2/3 = 0.67",
    "(3 + 4) x 2 = 14 = 7+7",
    "1/4 = 25% and 20% * 50 = 10",
    "$1,000 × 2 = $2,000",
    "<<48/2=24>>24 clips",
    "2^10 = 1024 = 2**10",
    "10 - 2 x 3 = 4, -3 + 5 = 2",
    "He has 3 apples + 4 = 9",
    "2 apples x 3 + 4 = 1",
    "3+4 = 3 apples + 1",
    "50 + 20% = 60",
    "it sets at 6:00+48=6:48 PM on 2020-01-02 = day 2",
    "x - 3*4 = 2 and f(2)=5",
    "5(3) = 16, 1/0 = 3, 2+2 >= 3, 7 == 8, 3 = 4",
]
FALSE = {
    "2*3=7": ["2*3=7"],
    "(3 + 4 = 8)": ["3 + 4 = 8"],
    "2*3=7 apples, and 4 x $1.50 = $6.": ["2*3=7"],
    "3 × 4 = 12 = 6+6 = 13": ["6+6 = 13"],
    "5 - 3 - 1 = 3;2+2=5": ["5 - 3 - 1 = 3", "2+2=5"],
    "0.5 + 0.25 = 0.9\n10/4 = 3.5": ["0.5 + 0.25 = 0.9", "10/4 = 3.5"],
}


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_or_says_more_is_passed_over(text: str) -> None:
    """Rounding is right; words, times, dates and functions are no sums."""
    assert weft.false_equations(text) == ()


@pytest.mark.parametrize("text", FALSE)
def test_what_is_surely_false_is_named(text: str) -> None:
    """As it stands in the text, in order."""
    assert list(weft.false_equations(text)) == FALSE[text]


@given(st.integers(-999, 999), st.integers(1, 999), st.sampled_from("+-*/"))
def test_sums_of_python_are_right_and_their_neighbours_false(
    one: int, other: int, sign: str
) -> None:
    """Whole results are exact, one more is false."""
    exact = {"+": one + other, "-": one - other, "*": one * other}
    if sign in exact:
        assert not weft.false_equations(f"{one} {sign} {other} = {exact[sign]}")
        assert weft.false_equations(f"{one} {sign} {other} = {exact[sign] + 1}")
    else:
        shown = f"{one / other:.2f}"
        assert not weft.false_equations(f"{one}/{other} = {shown}")


@given(texts | st.text(alphabet="0123456789+-*/x()=^%. \n$", max_size=80))
def test_any_text_is_read(text: str) -> None:
    """Nothing raises, and what is named stands in the text."""
    assert all(found in text for found in weft.false_equations(text))


def test_published_solutions_are_nearly_all_right() -> None:
    """Of 1,450 written by people, seven hold an equation that is false as written."""
    path = DATA / "gsm8k.jsonl"
    if not path.exists():
        pytest.skip(f"needs the rows of ../shared: {path}")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = {
        row["id"]: weft.false_equations(row["meta"]["solution"])
        for row in rows
        if weft.false_equations(row["meta"]["solution"])
    }

    assert len(rows) == 1450
    assert len(found) == 7
    assert found["gsm8k-test-0224"] == ("364 / 4 = 273",)


def _sloppy(request: Request) -> str:
    """Right by a false step where the story is of ships; surer once it is shown how."""
    asked = request.messages[-1].shown
    wrong = "2*3=7, less 1 is 6" if "ships" in asked else "2*3=6"
    shown = any(turn.role == "assistant" for turn in request.messages)
    value = 6 if shown or int(re.findall(r"\d+", asked)[0]) % 2 else 5
    return f"[[ reasoning ]]\n{wrong}\n\n[[ answer ]]\n{value}\n\n[[ /end ]]"


def test_a_right_answer_by_a_false_step_becomes_no_demo() -> None:
    """As in SVAMP: the answer passes, and the trace that holds 2*3=7 lends nothing."""
    rows = [
        {"id": f"{thing}{n}", "question": f"{n} rows of {thing}: 2 by 3?", "answer": 6}
        for thing in ("ships", "trees")
        for n in range(60)
    ]
    solve = weft.ChainOfThought("question -> answer: int", name="solve")
    with weft.use(lm=weft.FunctionLM(_sloppy, model="sloppy"), cache=None):
        passing = [
            row
            for row in weft.evaluate(solve, rows, weft.metrics.exact("answer")).rows
            if row.score is not None and row.score.value == 1
        ]
        result = weft.compile(
            solve,
            rows,
            metric=weft.metrics.exact("answer"),
            compiler=weft.compilers.BootstrapFewShot(demos=8, bootstrapped=8),
            budget=900,
        )

    lent = {row.example.id[:5]: demos_of(row, as_program(solve)) for row in passing}
    assert lent["ships"] == {}
    assert lent["trees"]["solve"].values["answer"] == 6
    kept = [demo for demo in result.program.parameters.demos if demo.by == "bootstrap"]
    assert kept
    assert all(demo.source.startswith("trees") for demo in kept)
