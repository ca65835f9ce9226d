"""The guide to the compilers: its Python runs, its table is complete."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

from weft import compilers

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "compilers.md").read_text(encoding="utf-8")
NAMED = [
    name
    for name in compilers.__all__
    if inspect.isclass(kind := getattr(compilers, name))
    and issubclass(kind, compilers.Compiler)
    and kind is not compilers.Compiler
]


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
    """With its source, its proposers, its racer and its parents: six cells in a row."""
    rows = [line for line in GUIDE.splitlines() if line.startswith("| `")]
    whole = [line for line in rows if line.count("|") == 7]

    assert [n for n in NAMED if not any(f"`{n}`" in line for line in whole)] == []


def defaults(name: str) -> str:
    """A compiler's numbers and switches, as the table has them."""
    fields = dataclasses.fields(getattr(compilers, name))
    plain = [field for field in fields if isinstance(field.default, int | float)]
    return ", ".join(f"{f.name} {str(f.default).lower()}" for f in plain)


def test_the_defaults_that_are_named_are_the_defaults() -> None:
    """Every one of them, with its value."""
    wrong = [name for name in NAMED if f"| `{name}` | {defaults(name)} |" not in GUIDE]

    assert wrong == []


def test_a_recipe_of_ones_own_is_short() -> None:
    """The whole example, proposer and recipe, is at most 80 lines."""
    block = re.search(r"```python\n(from collections.*?)```", GUIDE, re.DOTALL)

    assert block is not None
    assert len(block.group(1).splitlines()) <= 80
