"""The bench of DSPy's test replies, on tests that are written here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench import BenchError, adapters
from tests.pipeline.test_export import DSPY, needs_dspy

TESTS = """
import dspy
import pytest

REPLIES = {replies!r}


@pytest.mark.parametrize("reply", REPLIES)
def test_reply(reply):
    dspy.{adapter}().parse(dspy.Signature("question -> answer: int"), reply)
"""
REPLIES = {
    "chat": ("ChatAdapter", ["[[ ## answer ## ]]\n42\n\n[[ ## completed ## ]]", "42?"]),
    "json": ("JSONAdapter", ['{"answer": 42}', "no object"]),
    "xml": ("XMLAdapter", ["<answer>42</answer>", "<answer>forty</reply>"]),
}


@needs_dspy
def test_replies_of_its_tests_are_read_by_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reply once, whether its test passes or not."""
    monkeypatch.setenv("WEFT_BENCH_PYTHON", str(DSPY))
    folder = tmp_path / "tests" / "adapters"
    folder.mkdir(parents=True)
    for form, (adapter, replies) in REPLIES.items():
        text = TESTS.format(adapter=adapter, replies=replies)
        (folder / f"test_{form}_adapter.py").write_text(text)

    rows = adapters.run(tmp_path)

    found = Counter({row.what: row.weft for row in rows if row.weft})
    for form in REPLIES:
        assert found[f"{form}: the same values"] == 1
        assert found[f"{form}: an error in both"] == 1


def test_a_folder_without_such_tests_is_none(tmp_path: Path) -> None:
    """It says which file is not there."""
    with pytest.raises(BenchError, match=r"no copy of DSPy.*test_chat_adapter\.py"):
        adapters.run(tmp_path)
