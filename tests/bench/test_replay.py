"""The bench that replays races picks by the racers themselves, and counts calls."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from bench import BenchError, Findings
from bench.replay import ARMS, KNOWN, NEW, ROWS, compared, drawn, pools_of, raced, run


def outcomes(path: Path, items: int = 200, prompts: int = 14) -> Path:
    """A file of two pools in which prompts differ much."""
    rng = random.Random(0)
    lines: list[str] = []
    for name in ("one", "two"):
        hard = [rng.random() for _ in range(items)]
        columns: list[str] = []
        means: list[float] = []
        for prompt in range(prompts):
            level = 0.8 * prompt / prompts
            bits = [int(rng.random() * h < level) for h in hard]
            text = "".join(map(str, bits)).ljust(-(-items // 8) * 8, "0")
            columns.append(f"{int(text, 2):0{len(text) // 4}x}")
            means.append(sum(bits) / items)
        pool = {"pool": name, "items": items, "prompts": prompts}
        lines.append(json.dumps({**pool, "columns": columns, "means": means}))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_a_pool_is_read_bit_by_bit(tmp_path: Path) -> None:
    """Item 0 comes first, and the padding is no item."""
    pool = pools_of(outcomes(tmp_path / "outcomes.jsonl"))[0]

    assert all(len(column) == 200 for column in pool.columns)
    assert [sum(column) / 200 for column in pool.columns] == pytest.approx(pool.means)


def test_a_draw_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """Rows and prompts without repetition, other ones for another seed."""
    pool = pools_of(outcomes(tmp_path / "outcomes.jsonl"))[0]
    one, other = list(drawn(pool, 3)), list(drawn(pool, 3))

    assert one == other != list(drawn(pool, 3, seed=1))
    assert len(one[0].columns) == KNOWN + NEW
    assert all(len(column) == ROWS for column in one[0].columns)


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_a_race_keeps_to_its_calls_and_picks_well(tmp_path: Path, arm: object) -> None:
    """Far better than a prompt at random would be."""
    assert isinstance(arm, type(ARMS[0]))
    pool = pools_of(outcomes(tmp_path / "outcomes.jsonl"))[0]
    found = [raced(arm, draw) for draw in drawn(pool, 20)]
    least = arm.known * ROWS if arm.counted else 0

    assert all(least <= outcome.calls <= arm.calls for outcome in found)
    assert all(outcome.regret >= 0 for outcome in found)
    assert sum(outcome.regret for outcome in found) / 20 < 5


def test_the_table_has_a_bar_for_each_promise(tmp_path: Path) -> None:
    """And by pool what is behind it."""
    found = run(outcomes(tmp_path / "outcomes.jsonl"), draws=3)

    assert [row.bar for row in found] == [
        "ratio <= 0.92, surely < 1",
        "ratio <= 1.02",
        "ratio <= 1",
    ]
    assert isinstance(found, Findings)
    assert all(name in found.details for name in ("one", "two", "calls"))


def test_a_ratio_comes_with_an_interval_by_pool() -> None:
    """None where all pools say the same, wider where they do not."""
    assert compared([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == (0.5, 0.0)

    ratio, half = compared([1.0, 2.0, 4.0], [2.0, 4.0, 6.0])
    assert ratio == pytest.approx(7 / 12)
    assert half > 0.05


@pytest.mark.parametrize(
    "text", ["{}", '{"pool": "a", "items": 9, "columns": ["ff8"], "means": [1.0]}', "x"]
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    """With what a line has to hold."""
    path = tmp_path / "other.jsonl"
    path.write_text(text, "utf-8")

    with pytest.raises(BenchError, match="each line holds pool, items, columns"):
        pools_of(path)
