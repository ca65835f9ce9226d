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


def events(run_dir: Path) -> list[dict[str, Any]]:
    text = (run_dir / "progress.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def watched(run_dir: Path, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert main(["watch", str(run_dir)]) == code
    return capsys.readouterr().out


def begun(run_dir: Path, **facts: Any) -> None:
    """A run's first record, by hand."""
    run_dir.mkdir(exist_ok=True)
    start = {
        "event": "start",
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
    text = json.dumps({**start, **facts})
    (run_dir / "progress.jsonl").write_text(f"{text}\n", "utf-8")


def test_a_run_tells_its_start_rounds_and_end(tmp_path: Path) -> None:
    """In one file that the journal knows nothing of."""
    result = compiled(tmp_path)
    found = events(tmp_path)

    assert [e["event"] for e in found][:2] == ["start", "round"]
    assert [e["event"] for e in found][-2:] == ["verify", "end"]
    assert found[-1]["verdict"] == result.report.verdict
    assert found[-1]["calls"] == result.report.calls


def test_a_finished_run_is_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And not a byte of it is changed."""
    result = compiled(tmp_path)
    before = {
        p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir()
    }

    said = watched(tmp_path, capsys)

    assert result.report.verdict in said
    assert f"{result.report.calls:,} answers" in said
    assert "round 1: best" in said
    after = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir()}
    assert after == before


def test_a_run_is_followed_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watcher ends when the run does, which goes on at its third look."""
    begun(tmp_path)
    looks = itertools.count(1)

    def go_on(_: float) -> None:
        if next(looks) != 3:
            return
        with (tmp_path / "progress.jsonl").open("a", encoding="utf-8") as file:
            for event in ("verify", "end"):
                record = {"event": event, "at": time.time(), "rows": 5, "verdict": "ok"}
                file.write(json.dumps(record) + "\n")

    monkeypatch.setattr(
        watch, "time", SimpleNamespace(**{**vars(time), "sleep": go_on})
    )
    said = watched(tmp_path, capsys)

    assert next(looks) == 4
    assert "verifying on 5 sealed rows" in said
    assert said.strip().splitlines()[-2].strip() == "ok"


def test_a_terminal_is_drawn_over(tmp_path: Path) -> None:
    """The block comes and goes; what stays is the outcome."""
    begun(tmp_path)
    end = {"event": "end", "at": time.time(), "verdict": "[red]ok"}
    with (tmp_path / "progress.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(end) + "\n")
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
    """The first record has the quote, and as much of it as fits."""
    compiled(tmp_path)

    start = events(tmp_path)[0]

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

    def broken(example: Any, prediction: Any) -> float:
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
    assert run.state == "end"


def test_progress_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    """It is told for people; the compile needs none of it."""
    (tmp_path / "progress.jsonl").mkdir()
    (tmp_path / "review.json").mkdir()

    assert compiled(tmp_path).report.improved


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
