"""The bench of nearest demonstrations: who is shown what."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from bench import nearest
from bench.real.serving import Model
from weft.pipeline.lm.request import Request

TRAIN = [
    {"text": f"{word} number {n}", "label": label}
    for word, label in (("refund", "refunds"), ("parrot", "birds"))
    for n in range(8)
]
TEST = [
    {"text": "a refund please", "label": "refunds"},
    {"text": "my parrot", "label": "birds"},
]


def test_the_nearest_name_the_label_and_drawn_ones_do_by_luck(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A planted model says the label of the last demo: of the nearest one."""
    seen: list[int] = []

    def last_demo(request: Request) -> str:
        replies = [one.text for one in request.messages if one.role == "assistant"]
        seen.append(len(replies))
        return replies[-1]

    monkeypatch.setattr(weft, "LM", lambda *_, **__: weft.FunctionLM(last_demo))
    monkeypatch.setattr(nearest, "INTENTS", str)
    with weft.use(cache=tmp_path):
        row, line = nearest._measured(Model("planted", "here"), TRAIN, TEST)

    assert set(seen) == {nearest.SHOWN}
    assert row.weft == 1.0
    assert row.other is not None
    assert row.other < 1.0
    assert "| 100.0 [34, 100] | 100 % |" in line
