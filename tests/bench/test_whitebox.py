"""The bench of trained prompts: cells that are kept, and the page that they make."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.real.tasks import DATA
from bench.whitebox.cells import Cell, Kept, Key
from bench.whitebox.page import page, rows_of
from bench.whitebox.ways import TASKS, WAYS

ROWS = 20


def cell(way: str, right: int, *, seed: int = 0, valid: int = ROWS) -> Cell:
    return Cell(
        Key("banking10", way, ROWS, seed),
        tuple(int(at < right) for at in range(ROWS)),
        tuple(int(at < valid) for at in range(ROWS)),
        passes=2.0 if way in ("PromptTuning", "LoRA") else 0.0,
        memory=1800,
        made_with={"torch": "2.13"},
    )


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    made = Kept(tmp_path / "cells.jsonl")
    for one in (
        cell("hand prompt", 2, valid=5),
        cell("hand prompt calibrated", 6),
        cell("16 demos", 12),
        cell("TriggerTokens", 2, valid=15),
        cell("PromptTuning", 14),
        cell("PromptTuning", 16, seed=1),
    ):
        made.add(one)
    return made


def test_cells_are_read_again_as_they_were_kept(kept: Kept) -> None:
    again = Kept(kept.path)

    assert list(again.of("banking10", ROWS)) == list(kept.of("banking10", ROWS))
    assert again.get(Key("banking10", "PromptTuning", ROWS, 1)) == cell(
        "PromptTuning", 16, seed=1
    )
    assert again.get(Key("banking10", "LoRA", ROWS)) is None
    assert list(again.of("banking10", ROWS + 1)) == []


def test_bars_are_the_same_form_and_the_best_of_what_trains_nothing(kept: Kept) -> None:
    first, second, _ = rows_of(kept, ROWS)

    assert (first.weft, first.other, first.ok) == (75.0, 30.0, True)
    assert (second.weft, second.other) == (75.0, 60.0)


def test_trigger_tokens_are_held_to_more_valid_replies(kept: Kept) -> None:
    """Surely more, paired by rows; where each was valid by hand, there is no bar."""
    kept.add(cell("hand prompt in the cloze", 2))
    kept.add(cell("TriggerTokens in the cloze", 2))
    *_, held = rows_of(kept, ROWS)
    kept.add(cell("TriggerTokens", 2, valid=6))
    *_, missed = rows_of(kept, ROWS)

    assert held.what.startswith("banking10: TriggerTokens, points more of valid")
    assert (held.ok, missed.ok) == (True, False)


def test_bars_of_what_is_served_are_missed_by_one_answer(kept: Kept) -> None:
    for slots, same in ((1, 49), (4, 48)):
        right = tuple(int(at < same) for at in range(50))
        kept.add(Cell(Key("both", f"served, {slots} slots", 50), right, right))

    *_, one, four = rows_of(kept, ROWS)

    assert (one.ok, four.ok) == (False, True)


needs_rows = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the rows of ../shared, or of WEFT_BENCH_DATA"
)


@needs_rows
def test_the_page_has_each_way_its_seeds_and_their_mean(kept: Kept) -> None:
    text = page(kept, ROWS, "smollm2")

    assert "| hand prompt | 10.0 [3, 30] | 25 |" in text
    assert "| PromptTuning, seed 1 | 80.0" in text
    assert "| **PromptTuning, the mean of 2** | **75.0** |" in text
    assert "| +45.0 [" in text
    assert "| banking10, TriggerTokens | 25 | 75 | +50.0 [" in text
    assert "1,800 MB" in text
    assert "poem_sentiment" not in text


@needs_rows
def test_every_way_has_words_for_every_label() -> None:
    assert len(set(WAYS)) == len(WAYS)
    for task in TASKS.values():
        assert {*task.kind.__args__} == {*task.words}
