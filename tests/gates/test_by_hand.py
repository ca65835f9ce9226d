"""What a person types is kept, row by row: nobody types a hundred rows twice."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.cli_folder import working_folder, write_rows
from tests.hands import Interrupting
from tests.timing import PATIENCE
from weft.cli import main
from weft.errors import ConfigError, MetricError

ROWS = [
    {"id": "a", "message": "chip", "team": "cards"},
    {"id": "b", "message": "crash\x1b[2J", "team": "app"},
    {"id": "c", "message": "late", "team": "app"},
]
KEPT = Path("rows.answers.jsonl")
WORDS = ["take-eval", "mine.py:plain", "--data", "rows.jsonl", "--metric"]
EXACT = [*WORDS, "exact:team"]
BROKEN = [*WORDS, "metrics.py:broken"]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    for _ in working_folder(monkeypatch, tmp_path):
        write_rows("rows.jsonl", ROWS)
        raises = "def broken(example, prediction):\n    raise RuntimeError('no')\n"
        Path("metrics.py").write_text(raises)
        yield tmp_path


def typing(monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> None:
    raw = text if isinstance(text, bytes) else text.encode()
    source = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", source)


def kept() -> list[Any]:
    trees = [json.loads(line) for line in KEPT.read_text("utf-8").splitlines()]
    return [(tree["id"], tree["answers"]["team"]) for tree in trees]


def test_a_metric_that_raises_costs_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another one the rows are scored, and nobody is asked again."""
    typing(monkeypatch, "cards\ncards\napp\n")
    broken = main([*BROKEN, "--quiet"])
    told = capsys.readouterr().err
    typing(monkeypatch, "")
    mended = main(EXACT)
    out, err = capsys.readouterr()

    assert (broken, mended) == (1, 0)
    assert f"what was typed is in {KEPT}" in told
    assert kept() == [("a", "cards"), ("b", "cards"), ("c", "app")]
    assert "on 3 rows" in out
    assert "row 1 of 3" not in err


def test_what_a_kill_leaves_is_gone_on_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a process of its own; and a torn last line is no answer."""
    words = [sys.executable, "-m", "weft", *EXACT]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stderr=pipe, text=True) as child:
        assert child.stdin is not None
        child.stdin.write("cards\n")
        child.stdin.flush()
        end = time.monotonic() + PATIENCE
        while not (KEPT.exists() and b"\n" in KEPT.read_bytes()):
            assert time.monotonic() < end
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
    with KEPT.open("a") as file:
        file.write('{"answers":{"te')
    typing(monkeypatch, "app\napp\n")

    code = main(EXACT)

    out, err = capsys.readouterr()
    assert code == 0
    assert "exact(team) 100.0" in out
    assert "row 1 of 3" not in err
    assert kept() == [("a", "cards"), ("b", "app"), ("c", "app")]


def test_an_interrupt_says_what_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the second row: the first one is there."""

    monkeypatch.setattr(sys, "stdin", Interrupting("cards\n"))

    assert main(EXACT) == 130
    assert "goes on from what was typed" in capsys.readouterr().err
    assert kept() == [("a", "cards")]


def test_a_row_does_not_command_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And bytes that are no text are asked for again."""
    typing(monkeypatch, b"cards\nap\xff\napp\n")

    assert main(EXACT) == 0
    err = capsys.readouterr().err
    assert "crash\\x1b[2J" in err
    assert "\x1b" not in err
    assert "holds bytes that are no text" in err
    assert kept() == [("a", "cards"), ("b", "app")]


OTHERS: dict[str, tuple[str, str]] = {
    "no answer": ('{"answers":1}\n{}\n', "line 1, is no answer"),
    "somebody's notes": ("{ mine", "line 1, is no answer"),
    "another output": (
        '{"answers":{"tm":"app"},"id":"a","inputs":{"message":"chip"}}\n',
        "answers 'tm', and the program gives 'team'",
    ),
    "other inputs": (
        '{"answers":{"team":"app"},"id":"a","inputs":{"message":"x"}}\n',
        "row 'a' had other inputs then",
    ),
    "another type": (
        '{"answers":{"team":"birds"},"id":"a","inputs":{"message":"chip"}}\n',
        "line 1, is no answer: ",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_answers_are_told_and_left(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the line, and nothing is asked."""
    text, said = OTHERS[kind]
    KEPT.write_text(text)
    typing(monkeypatch, "cards\n")

    assert main(EXACT) == 2
    assert said in capsys.readouterr().err
    assert KEPT.read_text() == text


def test_lines_of_windows_and_of_other_rows_are_passed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that somebody opened and saved, or that has more rows, is gone on with."""
    known = '{"answers":{"team":"app"},"id":"a","inputs":{"message":"chip"}}'
    other = known.replace('"a"', '"z"')
    KEPT.write_bytes(f"{known}\r\n\r\n{other}\r\n".encode())
    typing(monkeypatch, "app\napp\n")

    assert main(EXACT) == 0
    assert "exact(team) 66.7" in capsys.readouterr().out


def test_one_person_at_a_time_answers_into_a_file(tmp_path: Path) -> None:
    """In Python too; without a file nothing is kept."""
    module = weft.Predict("message -> team", name="plain")
    out = tmp_path / "o.jsonl"

    def again(shown: str) -> str:
        return str(weft.take_eval(module, ROWS, _none, ask=again, out=out))

    with pytest.raises(ConfigError, match="somebody else answers into"):
        weft.take_eval(module, ROWS, _none, ask=again, out=out)
    with pytest.raises(MetricError):
        weft.take_eval(module, ROWS, _none, ask=lambda _: "app", out=out)
    assert len(out.read_text().splitlines()) == 3


def _none(example: Any, prediction: Any) -> float:
    raise RuntimeError("no")


def test_answers_are_not_kept_where_the_result_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of the two would be lost."""
    assert main([*EXACT, "--save", str(KEPT)]) == 2
    assert "is where what is typed is kept" in capsys.readouterr().err
