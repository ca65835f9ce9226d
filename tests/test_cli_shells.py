"""The command line in shells whose encoding lacks a character."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from tests.timing import PATIENCE

SHELLS = [
    "ascii",
    "ascii:surrogateescape",
    "cp1252:surrogateescape",
    "latin-1",
    "cp1252",
    "cp437",
    "utf-8",
]


def in_shell(encoding: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "weft", *words],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.slow
@pytest.mark.parametrize("encoding", SHELLS)
def test_a_shell_without_a_character_gets_the_page(
    encoding: str, tmp_path: Path
) -> None:
    """What it cannot write is replaced: the exit code says what the command did."""
    path = str(tmp_path / "triage.weft.json")
    other = str(tmp_path / "other.weft.json")
    module = weft.Predict(
        "message -> team", "D\u00e9cide \u2192 \u00e9quipe.", name="triage"
    )
    weft.save(module, path)
    weft.save(module.with_(instruction="D\u00e9cide \u6c7a."), other)

    shown = in_shell(encoding, "show", path)
    differ = in_shell(encoding, "diff", path, other)

    assert (shown.returncode, shown.stderr) == (0, b"")
    assert (differ.returncode, differ.stderr) == (1, b"")
    assert b"cide" in shown.stdout


@pytest.mark.slow
@pytest.mark.parametrize("encoding", SHELLS)
@pytest.mark.parametrize(
    "words", [("show", "PATH", "--json"), ("export", "PATH", "--to", "dspy")]
)
def test_json_in_a_shell_without_a_character_is_the_same_json(
    encoding: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    """It is escaped: a replacement would be another value."""
    path = str(tmp_path / "triage.weft.json")
    said = "D\u00e9cide \u2192 \u00e9quipe \U0001f9f5."
    weft.save(weft.Predict("message -> team", said, name="triage"), path)

    done = in_shell(encoding, *(path if word == "PATH" else word for word in words))

    assert done.returncode == 0, done.stderr
    assert said in json.dumps(json.loads(done.stdout), ensure_ascii=False)
    assert done.stdout.decode(encoding.partition(":")[0]).isascii() == (
        encoding != "utf-8"
    )


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_value_that_a_run_gives_is_printed_all_the_same(
    encoding: str, tmp_path: Path
) -> None:
    """A text with replacements, anything else as escaped JSON."""
    (tmp_path / "app.py").write_text(APP, "utf-8")
    app = str(tmp_path / "app.py")

    text = in_shell(encoding, "run", f"{app}:say", "--set", "q=x", "--quiet")
    rows = in_shell(encoding, "run", f"{app}:tags", "--set", "q=x", "--quiet")

    assert (text.returncode, text.stderr) == (0, b"")
    assert text.stdout.strip() == b"? 1"
    assert (rows.returncode, rows.stderr) == (0, b"")
    assert json.loads(rows.stdout) == ["\u6c7a"]


APP = """
import weft

lm = weft.FunctionLM(lambda r: "[[ a ]]\\n\u6c7a 1\\n[[ /end ]]")
say_it = weft.Predict("q -> a", lm=lm)


@weft.program
def say(q: str) -> str:
    return say_it(q=q).a


@weft.step
def listed(q: str) -> list[str]:
    return ["\u6c7a"]


@weft.program
def tags(q: str) -> list[str]:
    return listed(q)
"""
