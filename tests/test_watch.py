"""`weft watch` reads a run and leaves it alone; `weft review` finds its rows."""

from __future__ import annotations

import itertools
import json
import os
import pty
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, exact, model, planted_rows
from weft.cli import main
from weft.commands import watch
from weft.commands.watch import Run, Tail
from weft.compilers import APE
from weft.review.sheet import file_of, read_sheet


def compiled(run_dir: Path, rule: Any = None, metric: Any = exact) -> Any:
    lm = weft.FunctionLM(rule, model="planted") if rule else model()
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        return weft.compile(
            classifier(),
            planted_rows(60),
            metric=metric,
            compiler=APE(),
            run_dir=run_dir,
        )


def index_of(run_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run_dir / "index.json").read_text("utf-8"))
    return found


def events(run_dir: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = index_of(run_dir)["events"]
    return found


def watched(run_dir: Path, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert main(["watch", str(run_dir)]) == code
    return capsys.readouterr().out


def begun(run_dir: Path, *happened: dict[str, Any], **facts: Any) -> None:
    """A run's index, by hand: how it was started, and what happened since."""
    run_dir.mkdir(exist_ok=True)
    start = {
        "at": time.time(),
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "program": "qa",
        "compiler": "Auto",
        "seed": 0,
        "budget": "no limit",
        "quoted": [1, 2, 3],
        "rows": [1, 2, 3],
    }
    ended = [e for e in happened if e["event"] == "end"]
    index = {
        "format": 1,
        "state": "ended" if ended else "running",
        "start": {**start, **facts},
        "events": [{"at": time.time(), **event} for event in happened],
        "candidates": [],
        "orders": [],
    }
    (run_dir / "index.json").write_text(json.dumps(index), "utf-8")


def test_a_run_tells_its_start_rounds_and_end(tmp_path: Path) -> None:
    """In one index that the journal knows nothing of."""
    result = compiled(tmp_path)
    found = events(tmp_path)

    assert index_of(tmp_path)["start"]["program"] == "classify"
    assert found[0]["event"] == "round"
    assert [e["event"] for e in found][-2:] == ["verify", "end"]
    assert found[-1]["verdict"] == result.report.verdict
    assert found[-1]["calls"] == result.report.calls


def test_a_finished_run_is_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And not a byte of it is changed."""
    result = compiled(tmp_path)
    before = contents(tmp_path)

    said = watched(tmp_path, capsys)

    assert result.report.verdict in said
    assert f"{result.report.calls:,} answers" in said
    assert "round 1: best" in said
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def test_a_run_is_followed_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watcher ends when the run does, which goes on at its third look."""
    begun(tmp_path)
    looks = itertools.count(1)

    def go_on(_: float) -> None:
        if next(looks) == 3:
            verify = {"event": "verify", "rows": 5}
            begun(tmp_path, verify, {"event": "end", "verdict": "ok"})

    monkeypatch.setattr(
        watch, "time", SimpleNamespace(**{**vars(time), "sleep": go_on})
    )
    said = watched(tmp_path, capsys)

    assert next(looks) == 4
    assert "verifying on 5 sealed rows" in said
    assert said.strip().splitlines()[-2].strip() == "ok"


def test_a_terminal_is_drawn_over(tmp_path: Path) -> None:
    """The block comes and goes; what stays is the outcome."""
    begun(tmp_path, {"event": "end", "verdict": "[red]ok"})
    screen, terminal = pty.openpty()

    done = subprocess.run(
        [sys.executable, "-m", "weft", "watch", str(tmp_path)],
        check=True,
        env={**os.environ, "TERM": "xterm"},
        stdout=terminal,
    )
    os.close(terminal)
    shown = os.read(screen, 100_000).decode()
    os.close(screen)

    assert done.returncode == 0
    assert "0 answers; 2 calls quoted (1 to 3)" in shown
    block, _, rest = shown.rpartition("\x1b[2K")
    assert "\x1b[1A" in block
    stays = "qa: Auto, seed 0, budget no limit [red]ok 0 answers, 0 tokens, $0"
    assert " ".join(rest.split()).startswith(stays)


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"quoted": [9, 1115, 3000], "expected": 150}, "] 75 answers of about 150"),
        ({"quoted": [9, 1115, 3000], "expected": 1115}, "] 75 answers; 1,115 calls"),
        ({"quoted": [9, 100, 3000]}, "] 75 answers; 100 calls"),  # an older run's
        ({"quoted": [9, 1115, 3000], "expected": 0}, "] 75 answers of about 0"),
    ],
)
def test_the_bar_counts_towards_what_will_be_spent(
    tmp_path: Path, facts: dict[str, Any], shown: str
) -> None:
    """Under a budget that is less than was quoted it is full when the budget is."""
    begun(tmp_path, **facts)
    run = watch.Run(tmp_path)
    run.answers = 75

    bar = watch.picture(run)[1]

    assert shown in bar
    if facts.get("expected") == 150:
        assert bar.count("#") == 15


def test_a_run_tells_what_its_budget_leaves(tmp_path: Path) -> None:
    """The index has the quote, and as much of it as fits."""
    compiled(tmp_path)

    start = index_of(tmp_path)["start"]

    limit = int(start["budget"].split()[0]) if start["budget"][0].isdigit() else 10**9
    assert start["expected"] == min(start["quoted"][1], limit)


def test_a_killed_run_is_called_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is left of it."""
    begun(tmp_path, pid=2**22 + 1)

    assert "its process is gone" in watched(tmp_path, capsys, code=1)


def test_a_failure_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of its error."""

    def broken(example: Any, prediction: Any) -> Any:
        if prediction.label == "K9" and example.text.endswith("0.45"):
            raise RuntimeError("no such\x1b[2J label")
        return exact(example, prediction)

    with pytest.raises(weft.WeftError):
        compiled(tmp_path, metric=broken)
    said = watched(tmp_path, capsys, code=1)

    assert "failed: " in said
    assert "no such" in said
    assert "\x1b" not in said


def test_a_torn_line_is_waited_for(tmp_path: Path) -> None:
    """Half a record is no record yet; a file begun anew is read anew."""
    path = tmp_path / "growing"
    tail = Tail(path)
    path.write_bytes(b'{"at": 1}\n{"b"')
    assert tail.lines() == (True, [b'{"at": 1}'])
    with path.open("ab") as file:
        file.write(b": 2}\n")
    assert tail.lines() == (False, [b'{"b": 2}'])
    assert tail.lines() == (False, [])

    path.write_bytes(b'{"at": 2}\n{"c": 3, "longer": "than before"}\n')
    assert tail.lines()[0]
    assert tail.lines() == (False, [])


def test_the_journal_is_counted(tmp_path: Path) -> None:
    """Answers, tokens and money, as they come in."""
    result = compiled(tmp_path)
    run = Run(tmp_path)

    assert run.answers == result.report.calls
    assert run.tokens == result.report.tokens
    assert run.state == "ended"


@pytest.mark.parametrize(
    "name", ["index.json", "rows.jsonl", "scores.jsonl", "report.html", "review.json"]
)
def test_what_cannot_be_written_costs_nothing(name: str, tmp_path: Path) -> None:
    """It is told for people; the compile needs none of it."""
    (tmp_path / name).mkdir()

    assert compiled(tmp_path).report.improved


ODD: dict[str, Any] = {
    "no JSON": "{",
    "a list": [],
    "another format": {"format": 2},
    "events that are none": {"events": [1]},
    "an event without a time": {"events": [{"event": "round"}]},
    "a clock that is none": {"start": {"at": "now"}},
    "rows that are two": {"start": {"at": 1.0, "quoted": [1, 2, 3], "rows": [1, 2]}},
    "a figure that nobody reads": {"events": [{"event": "end", "at": 1e300}]},
    "candidates that are texts": {"candidates": ["a"]},
    "orders that are texts": {"orders": ["a"]},
    "modules that are none": {"start": {"at": 1, "modules": None}},
    "modules that are numbers": {"start": {"at": 1, "modules": [1]}},
    "a figure that is no JSON": {"at": float("nan")},
}


@pytest.mark.parametrize("kind", ODD)
def test_an_index_of_another_form_is_none(kind: str, tmp_path: Path) -> None:
    """Whoever wrote it: it is not taken for a run's."""
    begun(tmp_path)
    odd = ODD[kind]
    text = odd if isinstance(odd, str) else json.dumps(odd)
    if isinstance(odd, dict):
        start = index_of(tmp_path)["start"] | odd.get("start", {})
        text = json.dumps({**index_of(tmp_path), **odd, "start": start})
    (tmp_path / "index.json").write_text(text, "utf-8")

    assert Run(tmp_path).index == {}


def test_an_index_of_another_edition_is_told_of(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is there, and nobody says that there is none."""
    monkeypatch.setattr("weft.commands.watch._PATIENCE", 0.1)
    begun(tmp_path)
    text = (tmp_path / "index.json").read_text("utf-8")
    (tmp_path / "index.json").write_text(text.replace('"format": 1', '"format": 2'))

    assert main(["watch", str(tmp_path)]) == 2
    assert "of another edition of weft" in capsys.readouterr().err


def test_a_run_can_be_reviewed_but_for_its_sealed_rows(tmp_path: Path) -> None:
    """Notes on sealed rows would tell the next compile what it must not know."""
    result = compiled(tmp_path)
    sealed = {row.example.id for row in result.report.score.rows}
    sheet = read_sheet(file_of(tmp_path))

    assert sheet.program == "classify"
    assert sealed.isdisjoint(row.key for row in sheet.rows)
    assert all(row.prompts for row in sheet.rows)


def test_no_run_is_an_error(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a little patience."""
    monkeypatch.setattr("weft.commands.watch._PATIENCE", 0.1)

    assert main(["watch", str(tmp_path / "none")]) == 2
    assert "there is no run" in capsys.readouterr().err
