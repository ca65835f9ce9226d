"""One program asks in the same bytes, whichever Python renders its prompts."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.rendering import rendered
from tests.timing import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden" / "prompts.jsonl"
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHERS = [version for version in ("3.11", "3.12", "3.13") if version != THIS]
NEEDED = "import pydantic, aiohttp, networkx, diskcache, rich"


def test_prompts_are_those_of_the_golden_file() -> None:
    """Run under another Python, this is the promise: `make test PYTHON=...`."""
    assert rendered().encode("ascii") == GOLDEN.read_bytes()


@functools.cache
def python(version: str) -> str | None:
    """An interpreter of that version that has what weft needs, if there is one."""
    beside = ROOT / f".venv-{version}" / "bin" / "python"
    for place in (str(beside), shutil.which(f"python{version}")):
        if place is None or not Path(place).exists():
            continue
        tried = subprocess.run([place, "-c", NEEDED], capture_output=True, check=False)
        if tried.returncode == 0:
            return place
    return None


@pytest.mark.slow
@pytest.mark.parametrize("version", OTHERS)
def test_another_python_renders_the_same_bytes(version: str, tmp_path: Path) -> None:
    """Another interpreter, another process, another folder: not a byte differs."""
    other = python(version)
    if other is None:
        pytest.skip(
            f"another Python: none of {version} with weft's dependencies; "
            f"make test PYTHON=python{version} VENV=.venv-{version}"
        )

    done = subprocess.run(
        [other, "-m", "tests.pipeline.rendering"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == GOLDEN.read_bytes()
