"""The bench that kills a long batch can tell a whole file from one with holes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench._many_rows import text_of
from bench.rows import contents, run


def lines(*numbers: int) -> list[str]:
    """Result lines of rows."""
    return [json.dumps({"id": str(n), "value": text_of(n)}) for n in numbers]


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ((0, 1, 2, 3), (0, 0, 0, 0)),
        ((0, 1, 3), (1, 0, 1, 0)),
        ((0, 1, 1, 2, 3), (0, 1, 3, 0)),
        ((0, 2, 1, 3), (0, 0, 2, 0)),
    ],
)
def test_holes_doubles_and_swaps_are_counted(
    numbers: tuple[int, ...], found: tuple[int, ...], tmp_path: Path
) -> None:
    """Missing, doubled, displaced and wrong, each by its own count."""
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines(*numbers)) + "\n", encoding="utf-8")

    held = contents(path, 4)

    assert (held.missing, held.doubled, held.displaced, held.wrong) == found


def test_another_rows_value_is_seen(tmp_path: Path) -> None:
    """A line in its place with the wrong value counts too."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": "0", "value": text_of(1)}) + "\n", "utf-8")

    assert contents(path, 1).wrong == 1


def test_a_killed_batch_is_whole() -> None:
    """The bench itself, on few rows: killed, resumed, read back."""
    found = run(rows=2_000, kills=2, seed=1)

    assert found[0].what.startswith("rows missing")
    assert (found[0].weft, found[1].ok) == (0, True)
    assert "Contents(missing=0, doubled=0, displaced=0, wrong=0)" in found.details
