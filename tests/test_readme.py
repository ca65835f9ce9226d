"""The README's own words: its Python runs, its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.timing import PATIENCE

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_python_blocks_run_in_order(tmp_path: Path) -> None:
    """All Python in the README runs as one session, offline, and prints its claims."""
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "improved: +" in done.stdout
    assert "triage/demos" in done.stdout
    assert "Did you mean 'message'?" in done.stdout
    assert (tmp_path / "programs" / "triage.weft.json").exists()


@pytest.mark.parametrize("target", ["demo", "test", "bench"])
def test_make_targets_exist(target: str) -> None:
    """Each make command the README names is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert f"make {target}" in README
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_what_is_claimed_can_be_seen() -> None:
    """Each row of the comparison ends with a command or a test that exists."""
    table = README.partition("## Beside DSPy")[2].partition("\n\n[Coming")[0]
    last = re.findall(r"^\| .*\| `(.+?)` \|$", table, re.MULTILINE)

    assert len(last) == len(re.findall(r"^\| [a-z]", table, re.MULTILINE)) > 5
    for path in last:
        assert path.startswith("make ") or (ROOT / path).is_file(), path


def test_the_wiring_error_reads_as_shown(tmp_path: Path) -> None:
    """The README's example of a wiring error is what weft says."""
    shown = re.search(r"^pipeline\.py:\d+: (.*)$", README, re.MULTILINE)
    assert shown is not None
    script = tmp_path / "pipeline.py"
    script.write_text(
        "import weft\n"
        'respond = weft.Predict("question, passages: list[str] -> answer: str")\n'
        "@weft.program\n"
        "def qa(question: str) -> str:\n"
        "    return respond(question=question, pasages=[question]).answer\n",
        encoding="utf-8",
    )

    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False
    )

    assert f"pipeline.py:5: {shown.group(1)}" in done.stderr
