"""The table of calls goes on where a rival fails, and says so."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bench import BenchError
from bench.calls import Field, beside
from bench.rivals.child import Child


class Contender:
    """Answers every job alike."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        return dict(self.result)


def field_of(**results: dict[str, Any]) -> Field:
    children = {name: Contender(result) for name, result in results.items()}
    return Field(cast("dict[str, Child]", children), "http://fast", "http://slow")


JOB = {"what": "evaluate", "rows": 2000, "at_once": 1000}


def test_a_rival_that_fails_is_a_dash() -> None:
    """The others keep their figures; fewer rows of a rival count as fewer."""
    field = field_of(
        weft={"seconds": 2.0},
        aiohttp={"seconds": 1.0},
        dspy={"seconds": 10.0},
        litellm={"error": "TimeoutError"},
        openai={"stopped": 300},
    )

    found = field.turns(list(field.children), 3, JOB, "pace")

    assert found == {"weft": 1000.0, "aiohttp": 2000.0, "dspy": 100.0}
    rows = {row.what: row.ratio for row in beside("rows/s", found)}
    assert rows == {
        "rows/s: weft / aiohttp": 0.5,
        "rows/s: weft / dspy": 10.0,
        "rows/s: weft / litellm, which fails": None,
        "rows/s: weft / openai, which fails": None,
    }


def test_weft_may_not_fail() -> None:
    """A table without its own side is none."""
    field = field_of(weft={"error": "ValueError"})

    with pytest.raises(BenchError, match="weft fails"):
        field.turns(["weft"], 1, JOB, "pace")
