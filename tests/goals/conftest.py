"""What the goals share: their figures are printed, and their size is a choice."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.goals.size import FULL

Figure = Callable[[str], None]


@pytest.fixture
def figure(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Figure:
    """Print what a goal's experiment measured: `figure("goal 8: 200 of 200 calls")`."""

    def show(text: str) -> None:
        record_property("goal", text)
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            if os.environ.get("WEFT_GOALS"):
                print(f"\n{text}{' (full size)' if FULL else ''}")

    return show
