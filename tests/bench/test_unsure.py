"""Unsure decisions: the risk of planted worlds, and questions out of scope."""

from __future__ import annotations

import math

import pytest

from bench.unsure import (
    DRAWS,
    SURE,
    WORLDS,
    World,
    kept_back,
    nearest_rows,
    worlds_held,
)

MOST = 1 - SURE + 3 * math.sqrt(SURE * (1 - SURE) / DRAWS)


@pytest.mark.parametrize(
    "world",
    [
        *(w for w in WORLDS if w.name != "all alike, good enough"),
        World("a wave", lambda c: 0.05 + 0.05 * math.sin(40 * c), 200, 0.05),
    ],
    ids=lambda world: world.name,
)
def test_the_risk_asked_for_is_kept(world: World) -> None:
    """A thousand draws: above it in at most one of ten, and three standard errors.

    Where nothing is within the risk nearly nothing is found.
    """
    held = worlds_held(world, DRAWS)

    assert held.missed <= MOST
    if world.name in ("all bad", "all alike, just too bad"):
        assert held.none >= 1 - MOST
    if world.name == "a half is good":
        assert held.none < 0.1
        assert 0.5 < held.answered < 0.7


def test_the_nearest_row_and_what_a_threshold_holds_back() -> None:
    """The same text is as near as can be, and another word is further."""
    train = [{"text": "pay my bill", "label": "pay"}, {"text": "hi", "label": "greet"}]
    same, near, far = nearest_rows(train, ["Pay  my bill", "pay bills", "zzz"])

    assert (same.label, round(same.likeness, 9)) == ("pay", 1)
    assert near.label == "pay"
    assert 0 < near.likeness < 1
    assert far.likeness == 0
    rows = [{"label": "pay"}, {"label": "pay"}, {"label": "oos"}, {"label": "oos"}]
    kept = kept_back(rows, [0.9, 0.2, 0.1, 0.6], 0.5)
    assert kept == (0.5, 0.5, 0.5)
