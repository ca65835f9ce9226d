"""The bench on real rows: instructions are chosen and written as its tables say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import weft
from bench import induction, realdata

pytestmark = pytest.mark.skipif(
    not realdata.DATA.exists(), reason="the rows are not there"
)


def embedded(_: str) -> str:
    return "embedded"


@pytest.mark.parametrize("model", [embedded, induction.follower])
def test_a_tasks_own_instruction_is_found_among_eight(
    model: Callable[[str], weft.FunctionLM | str],
) -> None:
    """In at least 20 of 23 tasks, for at most 40 % of what every answer costs."""
    picks = [induction.picked(name, model(name)) for name in induction.tasks()]

    assert len(picks) == 23
    assert sum(pick.right for pick in picks) >= 20
    assert sum(p.calls for p in picks) <= 0.4 * sum(p.grid for p in picks)


def test_an_instruction_that_is_written_does_the_task() -> None:
    task = induction.tasks()["num_to_verbal"]

    before, after, line = induction.written(task)

    assert (before, after) == (0, 1)
    assert line.endswith("| Write the number in English words. |")
