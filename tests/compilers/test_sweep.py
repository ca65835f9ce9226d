"""Sweep: the same program with more and more demos, and what that costs."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, exact, model, planted_rows
from weft.errors import BudgetExceeded, ConfigError, DataError
from weft.pipeline.graph.program import as_program

TRAIN, TEST = planted_rows(60), planted_rows(30, seed=1)


def swept(program: Any = None, **options: Any) -> weft.Sweep:
    """A sweep in the planted world, where six demos say all."""
    with weft.use(lm=model(), cache=None):
        return weft.sweep(program or classifier(), TRAIN, TEST, metric=exact, **options)


def demos_of(sweep: weft.Sweep) -> list[list[weft.Demo]]:
    """The demos of each point's only module."""
    programs = [as_program(point.program) for point in sweep.points]
    return [
        list(module.parameters.demos)
        for program in programs
        for module in program.modules.values()
    ]


def shown(sweep: weft.Sweep) -> list[list[str]]:
    """The rows that each point shows."""
    return [[demo.source for demo in demos] for demos in demos_of(sweep)]


def test_scores_and_costs_rise_with_the_demos() -> None:
    """From none to those that show every word once, on the same held-out rows."""
    found = swept()
    means = [point.evaluation.mean for point in found.points]
    tokens = [point.tokens for point in found.points]

    assert [point.demos for point in found.points] == [0, 1, 2, 4, 8, 16]
    assert means[0] == 0
    assert means == sorted(means)
    assert means[-1] == means[-2] == 1
    assert tokens == sorted(tokens)
    assert {point.calls for point in found.points} == {1000}
    assert found.best.demos == found.enough.demos == 8
    assert {len(point.evaluation.rows) for point in found.points} == {30}


def test_more_demos_hold_fewer() -> None:
    """So that one line differs from the next by the demos that were added alone."""
    few = [set(rows) for rows in shown(swept())]

    assert all(less < more for less, more in pairwise(few))
    assert shown(swept()) == shown(swept())
    assert shown(swept()) != shown(swept(seed=1))


def test_inner_modules_are_shown_runs_that_pass() -> None:
    """What no label says comes from traces, which a row's own label never is."""
    program = weft.ChainOfThought(
        "text -> label", "Give the label. blick = K0; norp = K1", name="think"
    )
    found = swept(program, demos=(0, 2, 50))
    demos = [demo for some in demos_of(found) for demo in some]

    assert [len(rows) for rows in shown(found)[:2]] == [0, 2]
    assert {demo.by for demo in demos} == {"bootstrap"}
    assert all(demo.values["label"] in ("K0", "K1") for demo in demos)


def test_the_rows_are_held_out() -> None:
    """A part of the training rows where no others are given; never one of them."""
    with weft.use(lm=model(), cache=None):
        found = weft.sweep(classifier(), TRAIN, metric=exact, demos=[16])
    held = {row.example.id for row in found.points[0].evaluation.rows}

    assert len(held) == 18
    assert held.isdisjoint(shown(found)[0])
    with pytest.raises(DataError, match="12 rows of test may be shown as demos"):
        weft.sweep(classifier(), TRAIN, TRAIN[:12], metric=exact)


def test_a_budget_ends_it_with_the_lines_that_are_whole() -> None:
    """It is never overrun, and says why there are no more."""
    found = swept(budget=75)
    ledger = weft.Ledger(weft.Budget(calls=75))
    again = swept(budget=ledger)

    assert [point.demos for point in found.points] == [0, 1]
    assert "the budget ended" in str(found)
    assert ledger.spent().calls <= 75
    assert [point.demos for point in again.points] == [0, 1]
    with pytest.raises(BudgetExceeded):
        swept(budget=5)


def test_the_result_tells_itself() -> None:
    """As a table, as JSON, in a notebook and as a page."""
    found = swept()
    data = json.loads(found.to_json())

    assert [line["demos"] for line in data["points"]] == [0, 1, 2, 4, 8, 16]
    assert set(data["points"][0]) >= {"mean", "interval", "calls", "tokens", "usd"}
    assert (data["best"], data["enough"]) == (8, 8)
    assert str(found).splitlines()[0].split()[:5] == [
        "demos",
        "score",
        "calls",
        "tokens",
        "USD",
    ]
    assert "on 30 rows; best with 8 demos" in str(found)
    assert "8 demos" in found._repr_html_()  # pyright: ignore[reportPrivateUsage] - as a notebook does
    assert "<h1>classify: exact(label) by the number of demos</h1>" in found.to_html()


@pytest.mark.parametrize("demos", [(), (-1,), (True,), ("2",), (0, "1"), ([1],), 5])
def test_numbers_of_demos_are_counts(demos: Any) -> None:
    """Anything else is refused before a call."""
    with pytest.raises(ConfigError, match=r"Write demos=\(0, 1, 4, 16\)"):
        swept(demos=demos)


def test_a_line_without_demos_waits_for_none() -> None:
    """A budget that reaches for it, and not for the runs behind demos, gives it."""
    program = weft.ChainOfThought("text -> label", "Give the label.", name="think")

    found = swept(program, demos=(0, 8), budget=len(TEST) + 2)

    assert [point.demos for point in found.points] == [0]
    assert "the budget ended" in found.stopped


def test_fewer_demos_than_were_asked_for_are_told_of() -> None:
    found = swept(demos=(2, 10_000))

    assert found.points[-1].demos < 10_000
    assert f"the rows gave {found.points[-1].demos} demos" in found.stopped


def test_rows_that_cannot_be_cut_and_no_seed_are_told_as_what_they_are() -> None:
    """One row, which stands there twice, is not "no rows"."""
    one = planted_rows(1)

    with pytest.raises(DataError, match="2 different rows or more"):
        weft.sweep(classifier(), one * 2, metric=exact)
    with pytest.raises(DataError, match="no rows for test"):
        weft.sweep(classifier(), TRAIN, [], metric=exact)
    with pytest.raises(ConfigError, match="seed='x' is no whole number"):
        swept(seed="x")
