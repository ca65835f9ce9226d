"""The bench on real rows: the race among instructions does its part."""

from __future__ import annotations

import pytest

from bench import realdata


@pytest.mark.skipif(not realdata.DATA.exists(), reason="the rows are not there")
def test_each_tasks_own_instruction_is_found_among_all_of_them() -> None:
    """At least 20 of 23, for at most 40 % of what asking for every answer costs."""
    picks = [
        realdata.picked(name, realdata.follower(name)) for name in realdata.induction()
    ]

    assert len(picks) == 23
    assert sum(pick.right for pick in picks) >= 20
    assert sum(p.cells for p in picks) <= 0.4 * sum(p.grid for p in picks)
