"""`weft trace show`: runs of a log as trees, while the log is being written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft.cli import main

reply = weft.Predict("question -> answer", name="reply")


@weft.step
def shout(text: str) -> str:
    return text.upper()


@weft.program
def inner(question: str) -> str:
    return reply(question=shout(question)).answer


@weft.program
def outer(questions: list[str]) -> list[str]:
    return weft.each(questions, inner)


def echo(request: weft.Request) -> str:
    said = request.messages[-1].content.split("\n", 1)[1]
    if "BAD" in said:
        return "no fields"
    return f"[[ answer ]]\n{said}\n[[ /end ]]"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of three runs: one that nests, one that fails, one that is plain."""
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "traces.jsonl"
    lm = weft.FunctionLM(echo, model="by-hand")
    with weft.use(lm=lm, cache=None, trace_log=path):
        outer(["a", "b"])
        with pytest.raises(weft.errors.ParseError):
            inner("bad")
        reply(question="plain")
    return path


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """What goes to stdout and to stderr, without what differs from run to run."""
    code = main(["trace", "show", *words])
    said = capsys.readouterr()
    assert code == 0
    for pattern, name in (
        (r"\b[0-9a-f]{16}\b", "ID"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "WHEN"),
        (r"\d+\.\d+ m?s\b", "TIME"),
        (r"\d+ \+ \d+ tokens", "TOKENS"),
        (r"[\d,]+ tokens", "TOKENS"),
    ):
        said = said._replace(out=re.sub(pattern, name, said.out))
    return said.out, said.err


def test_the_last_run_is_shown(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without further words it is one run, and stderr says that there are more."""
    out, err = shown(capsys, str(log))

    assert out.splitlines() == [
        "reply ID  done  WHEN  TIME  1 call (1 sent), TOKENS, price unknown",
        '  question  "plain"',
        "  reply: module, TIME from TIME",
        '    question  "plain"',
        "    call  by-hand, TIME, TOKENS, price unknown, stop",
        '    -> answer  "plain"',
        '  -> {"question": "plain", "answer": "plain"}',
    ]
    assert err == "weft: 1 of 3 runs; --last N shows more\n"


def test_nested_nodes_are_indented(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Items of an `each` and nodes of a nested program stand below it."""
    out, err = shown(capsys, str(log), "--last", "3")

    first = out.split("\n\n")[0].splitlines()
    assert [line for line in first if "TIME from" in line or " item " in line] == [
        "  each: each, TIME from TIME",
        "    item 0",
        "      inner: program, TIME from TIME",
        "        inner/shout: step, TIME from TIME",
        "        inner/reply: module, TIME from TIME",
        "    item 1",
        "      inner: program, TIME from TIME",
        "        inner/shout: step, TIME from TIME",
        "        inner/reply: module, TIME from TIME",
    ]
    assert first[-1] == '  -> ["A", "B"]'
    assert err == ""


def test_a_failed_run_says_what_went_wrong(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error stands at its node and at the end; --prompts shows the raw replies."""
    out, _ = shown(capsys, str(log), "--last", "2", "--prompts")

    failed = out.partition("\nreply ID")[0]
    assert "inner ID  failed  WHEN" in failed
    assert failed.count("error  ParseError: reply (chat adapter): ") == 2
    assert failed.count("      [reply]\n") == 2
    assert "      [reply]\n        no fields\n" in failed
    assert "      [user]\n        [[ question ]]\n        BAD\n" in failed


def test_one_run_is_found_by_its_id(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The beginning of an id is enough; --json gives the lines as they are."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]

    code = main(["trace", "show", str(log), "--run", lines[1]["run"][:8], "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == [lines[1]]


def test_an_unknown_id_is_an_error(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says how many there are, and where ids come from."""
    code = main(["trace", "show", str(log), "--run", "nothing"])

    err = capsys.readouterr().err
    assert code == 2
    assert "has no run 'nothing' among its 3" in err
    assert "--last N" in err


def test_a_file_that_is_being_written_is_shown(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A torn end is passed over; damage in the middle is counted aloud."""
    first, second, third = log.read_bytes().splitlines(keepends=True)
    torn = first + second[:-40] + b"\n" + b"{}\n" + third + first[:100]
    log.write_bytes(torn)

    out, err = shown(capsys, str(log), "--last", "9")

    assert [line for line in out.splitlines() if "WHEN" in line] == [
        "outer ID  done  WHEN  TIME  2 calls (2 sent), TOKENS, price unknown",
        "reply ID  done  WHEN  TIME  1 call (1 sent), TOKENS, price unknown",
    ]
    assert err == "weft: 2 lines hold no trace and were passed over\n"


def test_an_empty_log_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log that was opened and not written to is no error."""
    path = tmp_path / "traces.jsonl"
    path.touch()

    assert shown(capsys, str(path)) == ("", "weft: no run has ended yet\n")


def test_a_missing_log_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the option that makes one."""
    code = main(["trace", "show", str(tmp_path / "none.jsonl")])

    assert code == 2
    assert "trace_log=" in capsys.readouterr().err


def test_a_reply_cannot_move_the_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a terminal would obey is spelt out, in values and in prompts."""
    path = tmp_path / "traces.jsonl"
    evil = "\x1b[2J\x9b2J\u202e done"
    lm = weft.FunctionLM(lambda _: f"[[ answer ]]\n{evil}\n[[ /end ]]")
    with weft.use(lm=lm, cache=None, trace_log=path):
        reply(question=evil)

    out, _ = shown(capsys, str(path), "--prompts")

    assert not any(char in out for char in "\x1b\x9b\u202e")
    assert "\\x1b[2J" in out


def test_lines_of_values_fit_the_terminal(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A long value is cut; the whole of it is in --json."""
    monkeypatch.setenv("COLUMNS", "60")
    path = tmp_path / "traces.jsonl"
    with weft.use(lm=weft.FunctionLM(echo), cache=None, trace_log=path):
        outer(["word " * 200])

    out, _ = shown(capsys, str(path))
    values = [line for line in out.splitlines()[1:] if '"' in line]
    assert values
    assert max(map(len, values)) <= 60
    assert all(line.endswith("...") for line in values)


def test_runs_without_content_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Structure, times and figures are shown, and why there is no more."""
    path = tmp_path / "traces.jsonl"
    log = weft.TraceLog(path, content=False)
    with weft.use(lm=weft.FunctionLM(echo), cache=None, trace_log=log):
        inner("hi")

    out, _ = shown(capsys, str(path))

    assert "done, logged without content" in out.splitlines()[0]
    assert [line.split(":")[0].strip() for line in out.splitlines()[1:]] == [
        "shout",
        "reply",
        "call  function, TIME, TOKENS, $0, stop",
    ]


def test_the_example_reads_what_it_logged(tmp_path: Path) -> None:
    """It runs offline from a new process, and sums up its own log."""
    example = Path(__file__).resolve().parents[1] / "examples" / "traces.py"

    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "done: How high is Mount Harrow? Mount Harrow is 412" in done.stdout
    assert re.search(r"respond: median [\d.]+ ms, [1-9]\d* tokens", done.stdout)
    assert len(list(weft.read_traces(tmp_path / "runs" / "traces.jsonl"))) == 3


@pytest.mark.parametrize("text", ["<p>\n", '{\n "rows": [\n  {"a": 1}\n ]\n}\n'])
def test_another_file_is_no_log_in_which_nothing_ended(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its lines are no runs: of an evaluation each row was counted as one."""
    path = tmp_path / "eval.json"
    path.write_text(text)

    assert main(["trace", "show", str(path)]) == 2

    said = capsys.readouterr().err
    assert said.splitlines()[0].endswith(
        "eval.json' is no trace log: no line of it holds a trace"
    )
