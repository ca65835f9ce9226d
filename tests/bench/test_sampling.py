"""What several calls cost is counted by a server, and is what was known before."""

from __future__ import annotations

import pytest

from bench import sampling


def test_the_promises_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is unbooked, beyond the bound, or beyond a budget."""
    monkeypatch.setattr(sampling, "NEEDLES", 2)
    monkeypatch.setattr(sampling, "SENTENCES", 200)

    found = sampling.run(rows=3)

    assert [row.ok for row in found[:3]] == [True] * 3
    assert [row.weft for row in found[-2:]] == [1.0, 1.0]
