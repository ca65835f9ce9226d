"""The command line in shells that lack a character, or have closed a stream."""

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


CHILD = """
import json, sys
from weft.cli import main

errors = sys.stdout.errors
for words in json.loads(sys.argv[1]):
    sys.stdout.reconfigure(errors=errors)
    code = main(words)
    sys.stdout.write(chr(30) + str(code) + chr(30))
"""


def in_shell(encoding: str, *commands: list[str]) -> list[tuple[int, bytes]]:
    """Exit code and stdout of each command, all in one process of that encoding."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(commands)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    *said, rest = done.stdout.split(b"\x1e")
    assert rest == b""
    return [(int(code), out) for out, code in zip(said[::2], said[1::2], strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", SHELLS)
def test_a_shell_without_a_character_gets_the_page(
    encoding: str, tmp_path: Path
) -> None:
    """What it cannot write is replaced: the exit code says what the command did.

    JSON is escaped: a replacement would be another value.
    """
    path = str(tmp_path / "triage.weft.json")
    other = str(tmp_path / "other.weft.json")
    said = "D\u00e9cide \u2192 \u00e9quipe \U0001f9f5."
    module = weft.Predict("message -> team", said, name="triage")
    weft.save(module, path)
    weft.save(module.with_(instruction="D\u00e9cide \u6c7a."), other)

    shown, differ, *documents = in_shell(
        encoding,
        ["show", path],
        ["diff", path, other],
        ["show", path, "--json"],
        ["export", path, "--to", "dspy"],
    )

    assert shown[0] == 0
    assert differ[0] == 1
    assert b"cide" in shown[1]
    for code, document in documents:
        assert code == 0
        assert said in json.dumps(json.loads(document), ensure_ascii=False)
        assert document.decode(encoding.partition(":")[0]).isascii() == (
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

    text, rows = in_shell(
        encoding,
        ["run", f"{app}:say", "--set", "q=x", "--quiet"],
        ["run", f"{app}:tags", "--set", "q=x", "--quiet"],
    )

    assert text[0] == 0
    assert text[1].strip() == b"? 1"
    assert rows[0] == 0
    assert json.loads(rows[1]) == ["\u6c7a"]


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


@pytest.mark.skipif(os.name == "nt", reason="another shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_gets_nothing_and_stops_nothing(
    closed: str, tmp_path: Path
) -> None:
    """What was paid for is saved, and the exit code says so."""
    (tmp_path / "app.py").write_text(
        "import weft\nfeel = weft.Predict('text -> mood', name='feel')\n"
    )
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "mood": "b"}\n')
    words = "eval app.py:feel --data rows.jsonl --metric exact:mood --save e.json"
    command = f"{sys.executable} -m weft {words} --model embedded {closed}"

    done = subprocess.run(
        ["/bin/sh", "-c", command],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        timeout=PATIENCE,
    )

    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert json.loads((tmp_path / "e.json").read_text())["program"] == "feel"
