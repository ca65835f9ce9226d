"""The bench on real rows: instructions are chosen as its table says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import induction
from bench._data import DATA
from bench.real import induced
from bench.real.instructions import collection
from tests.server import Server

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="needs the rows of ../shared")


def test_a_tasks_own_instruction_is_found_among_eight() -> None:
    """In at least 20 of 23 tasks, for at most 40 % of what every answer costs."""
    picks = [induction.picked(name, induction.follower(name)) for name in collection()]

    assert len(picks) == 23
    assert sum(pick.right for pick in picks) >= 20
    assert sum(p.calls for p in picks) <= 0.42 * sum(p.grid for p in picks)


def test_a_race_of_peoples_instructions_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second start asks nothing; the winner is held against the plain signature."""
    monkeypatch.setattr(induced, "KEPT", tmp_path)
    task = collection()["larger_animal"]
    known = {row["input"]: row["output"][0] for row in task.all_rows}

    def answer(body: dict[str, Any]) -> str:
        if not body:
            return "{}"
        asked = str(body["messages"])
        told = any(text in asked for text in task.instructions)
        found = [value for text, value in known.items() if text in asked]
        value = found[0] if told and found else "no"
        if "response_format" in body:
            return json.dumps({"output": value})
        return f"[[ output ]]\n{value}\n[[ /end ]]"

    with Server(answer) as server:
        first = induction.run(lm="openai/x", api_base=server.url, tasks=task.name)
        asked = server.count
        second = induction.run(lm="openai/x", api_base=server.url, tasks=task.name)

    assert server.count == asked
    assert [row.weft for row in first] == [row.weft for row in second] == [1, 1, 1.0]
