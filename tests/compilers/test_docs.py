"""The guide to the compilers: its Python runs, its table is complete."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

from weft import compilers

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "compilers.md").read_text(encoding="utf-8")


def test_the_guides_python_runs_as_one_session(tmp_path: Path) -> None:
    """Offline, in order, in a process of its own."""
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    script = tmp_path / "guide.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "improved: +" in done.stdout
    assert "no improvement found" in done.stdout


def test_every_compiler_is_in_the_table() -> None:
    """With its paper, its proposers and its racer."""
    public = [(name, getattr(compilers, name)) for name in compilers.__all__]
    named = [
        name
        for name, kind in public
        if inspect.isclass(kind) and issubclass(kind, compilers.Compiler)
    ]

    assert [n for n in named if n != "Compiler" and f"`{n}`" not in GUIDE] == []


def test_a_recipe_of_ones_own_is_short() -> None:
    """The whole example, proposer and recipe, is at most 80 lines."""
    block = re.search(r"```python\n(from collections.*?)```", GUIDE, re.DOTALL)

    assert block is not None
    assert len(block.group(1).splitlines()) <= 80
