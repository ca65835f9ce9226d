"""The example of regions runs offline, from a new process, and shows what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.timing import PATIENCE

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "regions.py"


def test_the_example_answers_every_letter(tmp_path: Path) -> None:
    """Each tone takes its own way; the agent's module is traced below its step."""
    svg = tmp_path / "regions.svg"

    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "--svg", str(svg)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("We are looking into it.") == 3
    assert done.stdout.count("research/plan: module") == 2
    assert "loop = loop(start=switch, at_most=2)" in done.stdout
    assert "curious:" in done.stdout
    assert svg.read_text("utf-8").startswith("<svg ")
