"""The example that finds words for a wanted text: they do what it says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.white.test_model import held, state_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "target.py"


def test_the_words_lead_to_the_text(
    lm: weft.LM, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Greedily, by the model itself, whose weights are what they were."""
    spec = importlib.util.spec_from_file_location("target", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    before = state_of(held(lm))
    wanted = ["--model", f"torch/{folder}", "--slots", "6"]

    assert example.main([*wanted, "--text", " green"])

    (text,) = [line.split("'")[1] for line in capsys.readouterr().out.splitlines()[-1:]]
    again = weft.LM(f"torch/{folder}", temperature=0, base=True)
    assert again(text, max_tokens=8).text.startswith(" green")
    assert state_of(held(lm)) == before
