"""Goal 3: whatever a disk does, what was there stays whole, and a run resumes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from tests.compilers.worlds import artifact, classifier, exact, model, planted_rows
from tests.goals.conftest import Figure
from tests.goals.size import size
from weft.compilers import BootstrapRandomSearch
from weft.errors import CompileError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_what_is_there_stays_whole(figure: Figure, tmp_path: Path) -> None:
    """Errors and deaths at each operation, kills at any instant, disks that are full.

    An artifact that is saved over is the old or the new one; a cache keeps its answers.
    """
    words = [sys.executable, "-m", "tests.goals.saving", str(tmp_path)]

    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )

    told = json.loads(done.stdout)
    assert {name: broken for name, (_, broken, _) in told.items() if broken} == {}
    assert {name: wrong for name, (_, _, wrong) in told.items() if wrong} == {}
    assert told["errors"][0] > 30
    assert told["deaths"][0] > 5
    counts = ", ".join(f"{tried} {name}" for name, (tried, _, _) in told.items())
    figure(f"goal 3: writing over what is there: {counts}; 0 harmed, each error typed")


def compiled(folder: Path) -> weft.Result[..., object]:
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        return weft.compile(
            classifier(),
            planted_rows(60),
            metric=exact,
            compiler=BootstrapRandomSearch(demos=4, candidates=2),
            run_dir=folder,
        )


def test_a_run_goes_on_after_a_full_disk(
    figure: Figure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line is taken, then nothing: a typed error, and no answer bought twice."""
    whole = compiled(tmp_path / "whole")
    bytes_wanted = artifact(whole, tmp_path)
    asked = whole.report.sent
    real = os.write
    instants = range(1, asked, size(17, 3))
    for instant in instants:
        run = tmp_path / f"run-{instant}"
        lines, kept = 0, 0

        def write(file: int, data: bytes, instant: int = instant) -> int:
            nonlocal lines, kept
            if b'"response"' not in bytes(data) and b'"run"' not in bytes(data):
                return real(file, data)
            lines += 1
            if lines == instant:
                return real(file, bytes(data)[:10])
            if lines > instant:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            kept += 1
            return real(file, data)

        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write)
            with pytest.raises(CompileError, match="No space left on device"):
                compiled(run)
        again = compiled(run)

        assert artifact(again, tmp_path) == bytes_wanted
        assert again.report.sent == asked - max(0, kept - 1)
    figure(f"goal 3: {len(instants)} disks full in mid-line, {len(instants)} resumed")
