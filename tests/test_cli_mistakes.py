"""What people get wrong on the command line: told in two lines, with an exit code.

The first line says what failed, the second what to write instead, and no traceback
reaches anybody who did not ask for it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli_folder import LABELLED, working_folder, write_rows
from weft.cli import main

METRICS = """
def nothing(example, prediction): return None
def nan(example, prediction): return float("nan")
def two(example, prediction): return 2.0
def word(example, prediction): return "good"
def misspelt(example, prediction): return example.teem == prediction.team
def raises(example, prediction): return 1 / 0
def alone(example): return 1.0
number = 3
"""
FILES = {
    "bom.jsonl": b'\xef\xbb\xbf{"message": "chip", "team": "app"}\n',
    "crlf.jsonl": b'{"message": "chip", "team": "app"}\r\n',
    "emoji.jsonl": '{"message": "🧵 \u202eمرحبا", "team": "app"}\n'.encode(),
    "quotes.csv": b'message,team\n"he said ""hi""",app\n"two\nlines",app\n',
    "empty.jsonl": b"",
    "empty.csv": b"",
    "blank.jsonl": b"\n \n",
    "latin.jsonl": b'{"message": "\xdcberweisung", "team": "app"}\n',
    "utf16.jsonl": '{"message": "chip", "team": "app"}\n'.encode("utf-16"),
    "array.jsonl": b'[{"message": "chip", "team": "app"}]',
    "array.json": b'[{"message": "chip", "team": "app"}]',
    "single.jsonl": b"{'message': 'chip', 'team': 'app'}\n",
    "nan.jsonl": b'{"message": NaN, "team": "app"}\n',
    "twice.jsonl": b'{"message": "a", "message": "b", "team": "app"}\n',
    "long.jsonl": b'{"message": "' + b"x" * 9_000_000 + b'"}\n',
    "cut.jsonl": b'{"message": "a", "team": "app"}\n{"message": "b", "te',
    "typo.jsonl": b'{"mesage": "chip", "team": "app"}\n',
    "number.jsonl": b'{"message": 3, "team": "app"}\n',
    "bare.jsonl": b'{"message": "chip"}\n',
    "odd.jsonl": b'{"message": "chip", "team": "ap"}\n',
    "column.csv": b"msg,team\nchip,app\n",
    "semicolons.csv": b"message;team\nchip;app\n",
    "short.csv": b"message,team\nchip\n",
    "wide.csv": b"message,team\nchip,app,x\n",
    "rows.parquet": b"PAR1",
    "one.jsonl": b'{"message": "chip", "team": "app"}\n',
    "metrics_mine.py": METRICS.encode(),
    "syntax_mine.py": b"x = (\n",
    "exits_mine.py": b"raise SystemExit(4)\n",
    "cut.weft.json": b'{"format": ',
    "a_file": b"",
}
EVAL = "eval mine.py:sort --metric exact:team --data"
SCORE = "eval mine.py:sort --data rows.jsonl --metric"
MAKE = "compile mine.py:sort --data rows.jsonl --metric exact:team --out o.weft.json"


class Mistake(NamedTuple):
    """A command line, and what it says on stderr and as its exit code."""

    words: str
    said: str
    remedy: str
    code: int = 2


MISTAKES = (
    # files of rows
    Mistake(f"{EVAL} gone.jsonl", "gone.jsonl cannot be read", "It means /"),
    Mistake(f"{EVAL} empty.jsonl", "no rows for empty.jsonl", "Give at least one"),
    Mistake(f"{EVAL} empty.csv", "no rows for empty.csv", "Give at least one"),
    Mistake(f"{EVAL} blank.jsonl", "no rows for blank.jsonl", "Give at least one"),
    Mistake(f"{EVAL} latin.jsonl", "latin.jsonl:1 is not UTF-8", "Save it as UTF-8"),
    Mistake(f"{EVAL} utf16.jsonl", "utf16.jsonl:1 is not UTF-8", "Save it as UTF-8"),
    Mistake(f"{EVAL} array.jsonl", "the file is one JSON array", "jq -c '.[]' FILE"),
    Mistake(f"{EVAL} array.json", "neither .jsonl, .csv", "jq -c '.[]' FILE"),
    Mistake(f"{EVAL} single.jsonl", "single.jsonl:1: Expecting", "double quotes"),
    Mistake(f"{EVAL} nan.jsonl", "nan.jsonl:1: NaN is not a", "Write null"),
    Mistake(f"{EVAL} twice.jsonl", "'message' occurs twice", "Name each field once"),
    Mistake(f"{EVAL} long.jsonl", "long.jsonl:1: longer than", "one whole JSON object"),
    Mistake(f"{EVAL} cut.jsonl", "cut.jsonl:2: ", "one whole JSON object"),
    Mistake(f"{EVAL} typo.jsonl", "typo.jsonl:1: the input", "Rename the key 'mesage'"),
    Mistake(f"{EVAL} number.jsonl", "3 is not text", "Give text"),
    Mistake(f"{EVAL} bare.jsonl", "no row has the label 'team'", '"team": "..."'),
    Mistake(f"{EVAL} odd.jsonl", "such as 'ap' of row", "Did you mean 'app'?"),
    Mistake(
        f"{EVAL} column.csv",
        "column.csv:2: the input",
        "The row has 'msg', 'team': rename",
    ),
    Mistake(f"{EVAL} semicolons.csv", "separated by ';'", "by commas"),
    Mistake(f"{EVAL} short.csv", "short.csv:2: 1 cell under 2", "Leave a cell empty"),
    Mistake(f"{EVAL} wide.csv", "wide.csv:2: 3 cells under 2", "Put quotes around"),
    Mistake(f"{EVAL} rows.parquet", "is no Parquet file", "pass the rows"),
    # metrics
    Mistake(f"{SCORE} accuracy:team", "there is no metric", "Write exact:FIELD"),
    Mistake(f"{SCORE} exct:team", "there is no metric", "Did you mean 'exact'?"),
    Mistake(f"{SCORE} exact", "needs the name of one output", "Write exact:answer"),
    Mistake(f"{SCORE} exact:tema", "has the label 'tema'", "Did you mean 'team'?"),
    Mistake(f"{SCORE} metrics_mine.py:number", "is no function of", "in [0, 1]"),
    Mistake(f"{SCORE} metrics_mine.py:nothing", "row 'a': None is no", "Return a", 1),
    Mistake(f"{SCORE} metrics_mine.py:nan", "'nan' on row 'a': nan is", "[0, 1]", 1),
    Mistake(f"{SCORE} metrics_mine.py:two", "'two' on row 'a': 2.0", "[0, 1]", 1),
    Mistake(f"{SCORE} metrics_mine.py:word", "'word' on row 'a': 'good'", "[0, 1]", 1),
    Mistake(
        f"{SCORE} metrics_mine.py:raises",
        "row 'a' raised ZeroDiv",
        "metrics_mine.py:7: def raises(example, prediction): return 1 / 0. WEFT_DEBUG",
        1,
    ),
    Mistake(f"{MAKE} --passing 0", "passing=0.0 is no score", "Give a number above 0"),
    Mistake(f"{SCORE} exact-match:team", "no metric 'exact-match:team'", "squad)"),
    Mistake(f"{SCORE} semantic-f1:teem", "has no label 'teem'", "'team'"),
    Mistake(
        f"{SCORE} metrics_mine.py:misspelt",
        "the metric 'misspelt' on row 'a': row 'a' has no field 'teem'",
        "Did you mean 'team'?",
    ),
    Mistake(f"{SCORE} metrics_mine.py:alone", "an example and a", "Give a function"),
    # programs
    Mistake("run syntax_mine.py:x", "SyntaxError", "syntax_mine.py:1; WEFT_DEBUG=1"),
    Mistake("run exits_mine.py:x", "exit code 4", '__name__ == "__main__"'),
    Mistake("run cut.weft.json", "is no artifact", "weft.save writes one"),
    Mistake("run gone.weft.json", "cannot be read: No such file", "weft.save"),
    Mistake("run mine.py:sort --set mesage=x", "has no input", "mean 'message'?"),
    Mistake("run mine.py:sort --set message", "is no name=value", "Write --set"),
    Mistake("run mine.py:sort", "needs 'message'", "Its inputs are message"),
    # models
    Mistake("run mine.py:plain --set message=x", "no model is set", "Add --model"),
    Mistake("run mine.py:plain --set message=x", "no model is set", "WEFT_LM"),
    Mistake(
        "run mine.py:plain --set message=x --model embeded",
        "unknown model string 'embeded'",
        'Did you mean "embedded"?',
    ),
    Mistake(
        "run mine.py:plain --set message=x --model gpt-5-mini",
        "unknown model string 'gpt-5-mini'",
        'Did you mean "openai/gpt-5-mini"?',
    ),
    Mistake(
        "run mine.py:plain --set message=x --model openai/x --api-base 127.0.0.1:1",
        "api_base is no http or https address",
        "http://localhost:8000/v1",
    ),
    Mistake(
        "run mine.py:plain --set message=x --model openai/x "
        "--api-base http://127.0.0.1:1/v1",
        "no connection to 127.0.0.1:1",
        "Is the server running?",
        1,
    ),
    Mistake("run mine.py:plain --set message=x --api-base u", "no model", "--model"),
    # budgets, compilers, places
    Mistake(f"{MAKE} --budget 300", "does not say what it counts", '"300 calls"'),
    Mistake(f"{MAKE} --budget lots", "cannot be read", '"500 calls"'),
    Mistake(f"{MAKE} --compiler mipro2", "no compiler 'mipro2'", "mean 'mipro'?"),
    Mistake(f"{MAKE} --option demos=many", "Auto wants a whole number", "demos="),
    Mistake(f"{MAKE} --val rows.jsonl", "each of the 3 rows of val is in", "Give othe"),
    Mistake(f"{MAKE} --run-dir a_file", "run_dir 'a_file' cannot be", "Name a folder"),
    Mistake(
        "compile mine.py:sort --data rows.jsonl --metric exact:team --out o.json",
        "does not end with .weft.json",
        "Write 'o.weft.json'",
    ),
    Mistake(
        "compile mine.py:sort --data one.jsonl --metric exact:team --out o.weft.json",
        "too few different rows",
        "Give at least 3",
    ),
    Mistake(
        "compile mine.py:loud --data rows.jsonl --metric exact:team --out o.weft.json",
        "rows.jsonl:1: the input 'text' is missing",
        "The row has",
    ),
    Mistake(
        f"{EVAL} rows.jsonl --save a_file/x.json", "cannot be made", "Name another"
    ),
    Mistake(f"{EVAL} rows.jsonl --html .", "it is a folder", "Name a file in it"),
)
WRONG_WORDS = (
    Mistake("", "weft: a command is missing", "weft --help"),
    Mistake("rnu mine.py:sort", "no command 'rnu'", "Did you mean 'run'?"),
    Mistake("run mine.py:sort --modle x", "no option '--modle'", "mean '--model'?"),
    Mistake("run mine.py:sort extra", "there is no word 'extra'", "weft run --help"),
    Mistake(f"{MAKE} --resume", "no option '--resume'", "The same --run-dir goes on"),
    Mistake(f"{MAKE} --trainset x", "no option '--trainset'", "Write --data."),
    Mistake("eval mine.py:sort", "required: --data, --metric", "weft eval --help"),
    Mistake("run mine.py:sort --concurrency x", "no whole number of 1", "weft run"),
    Mistake("run mine.py:sort --concurrency 0", "no whole number of 1", "weft run"),
    Mistake(f"{EVAL} rows.jsonl --fail-under 80", "no number in [0, 1]", "weft eval"),
    Mistake(f"{EVAL} rows.jsonl --fail-under x", "no number in [0, 1]", "weft eval"),
    Mistake("export mine.py:sort --to dsp", "no --to 'dsp'", "Did you mean 'dspy'?"),
    Mistake("trace shw x", "there is no action 'shw'", "Did you mean 'show'?"),
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each mistake's file, and a surrounding without keys and models."""
    for name in ("OPENAI_API_KEY", "WEFT_LM", "WEFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    for _ in working_folder(monkeypatch, tmp_path):
        for name, content in FILES.items():
            Path(name).write_bytes(content)
        yield


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.words)
def test_a_mistake_is_told_in_two_lines(
    mistake: Mistake, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed stands before what to do, and nothing is on stdout."""
    code = main([*shlex.split(mistake.words), "--quiet"])

    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert (code, out) == (mistake.code, "")
    assert lines[0].startswith("weft: ")
    assert mistake.said in lines[0]
    assert mistake.remedy in " ".join(lines[1:])
    assert len(lines) == 1 + bool(mistake.remedy or len(lines) > 1)


@pytest.mark.parametrize("mistake", WRONG_WORDS, ids=lambda m: m.words)
def test_a_wrong_word_is_told_in_two_lines(
    mistake: Mistake, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options and commands are refused as all else is; the usage is in --help."""
    with pytest.raises(SystemExit) as left:
        main(shlex.split(mistake.words))

    said, remedy = capsys.readouterr().err.splitlines()
    assert left.value.code == mistake.code
    assert mistake.said in said
    assert mistake.remedy in remedy


@pytest.mark.parametrize(
    "name", ["bom.jsonl", "crlf.jsonl", "emoji.jsonl", "quotes.csv", "one.jsonl"]
)
def test_files_that_only_look_wrong_are_read(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A byte order mark, carriage returns, other scripts, quotes, a single row."""
    code = main(shlex.split(f"{EVAL} {name} --quiet"))

    assert (code, capsys.readouterr().err) == (0, "")


def test_some_odd_labels_are_told_and_do_not_stop(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A label that the program can never give scores 0; whoever looks is told."""
    write_rows("some.jsonl", [*LABELLED, {"message": "x", "team": "crads"}])

    code = main(shlex.split(f"{EVAL} some.jsonl"))

    err = capsys.readouterr().err
    assert code == 0
    assert "the 'team' of 1 of 4 rows is none that 'sort' can give" in err
    assert "Did you mean 'cards'?" in err


def test_rows_in_both_files_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows of --val that are in --data would choose what they have taught."""
    many = [{"message": f"{n}", "team": "app"} for n in range(40)]
    write_rows("train.jsonl", many[:30])
    write_rows("val.jsonl", many[25:])
    words = MAKE.replace("rows.jsonl", "train.jsonl --val val.jsonl")

    main(shlex.split(f"{words} --compiler labeled-few-shot --model embedded"))

    assert "5 of 15 rows of --val are in --data too" in capsys.readouterr().err


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="another system: no /dev/full"
)
def test_a_full_disk_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Found while the page is written, after its folder was looked at."""
    Path("page.html").symlink_to("/dev/full")

    code = main(shlex.split(f"{EVAL} rows.jsonl --quiet --html page.html"))

    message, hint = capsys.readouterr().err.splitlines()
    assert code == 1
    assert "No space left on device" in message
    assert "Make room" in hint
