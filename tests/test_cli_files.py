"""What a command writes takes the place of nothing that it reads, or that is not its.

Each refusal comes before anything is paid for, in two lines, and leaves every file as
it was.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_folder import working_folder
from weft.cli import main
from weft.commands.files import WRITES, write_text
from weft.commands.table import COMMANDS, words_of

OURS = "def half(example, prediction):\n    return 0.5\n"
EVAL = "eval mine.py:sort --data rows.jsonl --metric exact:team --quiet"
ANEW = (
    "compile kept.weft.json --data rows.jsonl --metric exact:team --quiet "
    "--compiler labeled-few-shot --model embedded"
)
COMPILE = EVAL.replace("eval", "compile") + " --compiler labeled-few-shot"
FEEDBACK = (
    f"{EVAL.replace('eval', 'compile')} --compiler feedback --option path=more.jsonl"
)
SHOW = "show mine.py:sort --html"
TO_DSPY = "export mine.py:sort --to dspy --out"
CHATS = EVAL.replace("eval", "finetune") + " --at-least 0 --out"
IS_NO_PAGE = "is not written over: it is not a page"
IS_NO_EXPORT = "is not written over: it is not an export"

READ_TOO = (
    f"{EVAL} --save rows.jsonl",
    f"{EVAL} --save ./x/../rows.jsonl",
    f"{EVAL} --save link.jsonl",
    f"{EVAL} --save hard.jsonl",
    f"{EVAL} --save mine.py",
    f"{EVAL} --html rows.jsonl",
    f"{EVAL.replace('exact:team', 'ours_mine.py:half')} --save ours_mine.py",
    f"{EVAL} --edition newest --out rows.jsonl",
    f"{COMPILE} --val more.jsonl --out a.weft.json --html more.jsonl",
    f"{ANEW} --out a.weft.json --html kept.weft.json",
    f"{CHATS} rows.jsonl",
    f"{EVAL.replace('eval', 'gate')} --html rows.jsonl",
    "try mine.py:sort mine.py:plain --data rows.jsonl --html mine.py",
    f"{EVAL.replace('eval', 'take-eval')} --save rows.jsonl",
    f"{SHOW} mine.py",
    "show mine:sort --html mine.py",
    "show kept.weft.json --html kept.weft.json",
    f"{TO_DSPY} mine.py",
    "export kept.weft.json --to dspy --out kept.weft.json",
    "import-dspy state.json --program mine.py:sort --out state.json",
    "review kept.eval.json --out kept.eval.json",
    "blind kept.eval.json other.eval.json --out other.eval.json",
    "soft bake kept.weft.json --model base.gguf --out base.gguf",
    "soft bake kept.weft.json --model torch/base.gguf --out base.gguf",
    "soft export kept.weft.json --model folder --peft folder",
    f"{FEEDBACK} --out a.weft.json --html more.jsonl",
)
OF_ANOTHER_KIND = (
    (f"{EVAL} --html notes.py", IS_NO_PAGE),
    (f"{EVAL} --html mine.html", IS_NO_PAGE),
    (f"{EVAL} --html kept.eval.json", IS_NO_PAGE),
    (f"{EVAL} --save more.jsonl", "is not written over: it is not an evaluation"),
    (f"{COMPILE} --out a.weft.json --html more.jsonl", IS_NO_PAGE),
    (f"{COMPILE} --out notes.weft.json", "it is not an artifact"),
    (f"{CHATS} more.jsonl", "it is not a file of chats"),
    (f"{SHOW} notes.py", IS_NO_PAGE),
    (f"{TO_DSPY} notes.py", IS_NO_EXPORT),
    (f"{TO_DSPY} more.jsonl", IS_NO_EXPORT),
    (f"{TO_DSPY} kept.weft.json", IS_NO_EXPORT),
    ("demo --out notes.py", "it is not a folder"),
    ("soft adapter kept.weft.json --model base.gguf --out notes.py", "an adapter"),
    ("soft bake kept.weft.json --model base.gguf --out folder", "not a baked model"),
    ("soft bake kept.weft.json --model base.gguf --out weights", "not a baked model"),
    ("soft export kept.weft.json --model base.gguf --peft folder", "of peft's"),
    ("draft mine.py:sort --task Sort. --out notes.py", "is not written over"),
    ("interview mine.py:sort --out notes.py", "is not written over"),
    ("interview mine.py:sort --answers notes.py", "not a file of answers"),
    ("revise mine.py:sort --note Short. --out notes.py", "is not written over"),
    ("revise mine.py:sort --note No. --keep --out notes.py", "it is not an artifact"),
    ("synthesize mine.py:sort --out notes.py", "is not written over"),
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder with what commands read, and with files of other kinds."""
    monkeypatch.delenv("WEFT_LM", raising=False)
    for _ in working_folder(monkeypatch, tmp_path):
        rows = Path("rows.jsonl").read_text("utf-8")
        texts = {
            "more.jsonl": rows,
            "ours_mine.py": OURS,
            "notes.py": "kept = 1\n",
            "notes.weft.json": "my own notes\n",
            "mine.html": "<!DOCTYPE html>\n<html><body>mine</body></html>\n",
            "state.json": '{"predict": {"demos": []}}\n',
            "base.gguf": "GGUF and weights",
            "kept.eval.json": '{\n "program": "sort"\n}\n',
            "other.eval.json": '{\n "program": "sort"\n}\n',
        }
        for name, text in texts.items():
            Path(name).write_text(text, "utf-8")
        Path("x").mkdir()
        Path("folder").mkdir()
        Path("folder/weights.bin").write_bytes(b"1")
        Path("weights").mkdir()
        Path("weights/config.json").write_text("{}", "utf-8")
        Path("link.jsonl").symlink_to("rows.jsonl")
        os.link("rows.jsonl", "hard.jsonl")
        main(shlex.split(f"{COMPILE} --out kept.weft.json"))
        yield tmp_path


def held() -> dict[str, bytes]:
    """Every file here, and what it holds."""
    files = (path for path in Path().rglob("*") if path.is_file())
    named = {path.as_posix(): path for path in files}
    ours = (name for name in named if not re.search("__pycache__|[.]weft/", name))
    return {name: named[name].read_bytes() for name in ours}


@pytest.mark.parametrize("words", READ_TOO)
def test_what_a_command_reads_is_not_written_over(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows, sources, metrics and artifacts, by whatever name and link."""
    before = held()
    capsys.readouterr()

    code = main(shlex.split(words))

    message, remedy = capsys.readouterr().err.splitlines()
    assert code == 2
    assert re.match(r"weft: --\w+ \S+ would write over \S+, which \S+ names", message)
    assert remedy.startswith("  Name another file with --")
    assert held() == before


@pytest.mark.parametrize(("words", "said"), OF_ANOTHER_KIND)
def test_a_file_of_another_kind_is_not_written_over(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no command of this kind wrote is somebody's own."""
    before = held()
    capsys.readouterr()

    code = main(shlex.split(words))

    message, remedy = capsys.readouterr().err.splitlines()
    assert code == 2
    assert " is there already, and is not written over" in message
    assert said in message
    assert remedy.startswith("  Name another f")
    assert held() == before


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (f"{EVAL} --save", "a.eval.json"),
        (f"{EVAL} --html", "a.html"),
        (f"{COMPILE} --out", "a.weft.json"),
        (f"{ANEW} --out", "kept.weft.json"),
        (f"{COMPILE} --out a.weft.json --html", "a.html"),
        (CHATS, "chats.jsonl"),
        (SHOW, "a.html"),
        (TO_DSPY, "a.json"),
        (TO_DSPY.replace("dspy", "litellm"), "a.json"),
        (TO_DSPY.replace("dspy", "langfuse"), "a.json"),
        (TO_DSPY.replace("dspy", "mlflow"), "a.json"),
        (TO_DSPY.replace("mine.py:sort", "mine.py:sorted_loud"), "a.json"),
    ],
)
def test_what_it_wrote_is_written_anew(words: str, name: str) -> None:
    """A file of the output's own kind is replaced, as is one that holds nothing."""
    if not name.startswith("kept"):
        Path(name).touch()

    codes = [main(shlex.split(f"{words} {name}")) for _ in range(2)]

    assert codes == [0, 0]
    assert Path(name).stat().st_size > 0


def test_two_outputs_are_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    """The page would be gone, and both would be told of as written."""
    code = main(shlex.split(f"{EVAL} --html a.html --save ./x/../a.html"))

    err = capsys.readouterr().err
    assert code == 2
    assert "--html and --save both write ./x/../a.html" in err.replace(os.sep, "/")
    assert not Path("a.html").exists()


@pytest.mark.parametrize("option", ["--save", "--html"])
def test_an_empty_path_is_not_no_path(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what an unset variable of a shell leaves."""
    code = main([*shlex.split(EVAL), option, ""])

    message, _ = capsys.readouterr().err.splitlines()
    assert code == 2
    assert f"{option} is empty" in message


def test_a_name_that_is_too_long_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the rows are run."""
    code = main(shlex.split(f"{EVAL} --save {'x' * 300}.json"))

    message, _ = capsys.readouterr().err.splitlines()
    assert code == 2
    assert "cannot be written" in message


def test_an_output_is_replaced_in_one_step_and_where_it_is() -> None:
    """A link is followed, rights are kept, and a device is written to."""
    kept, link = Path("kept.eval.json"), Path("link.eval.json")
    kept.chmod(0o600)
    link.symlink_to(kept)
    before = kept.stat().st_ino

    assert main(shlex.split(f"{EVAL} --save link.eval.json --html {os.devnull}")) == 0
    assert link.is_symlink()
    assert '"rows"' in kept.read_text("utf-8")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_ino != before
    assert not Path(os.devnull).is_file()


def test_half_a_character_costs_no_result(tmp_path: Path) -> None:
    """A model may write one; the page spells it out."""
    write_text(tmp_path / "page.html", "one \ud83e two")

    assert (tmp_path / "page.html").read_text("utf-8") == "one \\ud83e two"


def test_every_output_is_guarded() -> None:
    """Whatever option names a file to write, its command says of what kind it is."""
    known = {"out", "html", "save", "answers"}

    for command in COMMANDS:
        kinds = WRITES.get(command, WRITES.get(f"{command} bake", {}))
        named = {dest for dest, word in words_of(command).items() if word[0] == "-"}
        assert named & known == set(kinds)
