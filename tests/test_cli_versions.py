"""The command line's words for versions: diff, verify, log, rollback, label."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.cli_folder import working_folder
from tests.timing import PATIENCE
from weft.cli import main
from weft.pipeline.graph.digest import program_digest
from weft.pipeline.graph.program import as_program

folder = pytest.fixture(autouse=True)(working_folder)


def feel(instruction: str) -> weft.Program[..., Any]:
    """One version of a program."""
    answer = weft.FunctionLM(lambda _: "[[ mood ]]\nglad\n[[ /end ]]")
    return as_program(weft.Predict("text -> mood", instruction, name="feel", lm=answer))


def digits(instruction: str) -> str:
    return program_digest(feel(instruction)).removeprefix("sha256:")[:12]


@pytest.fixture
def programs() -> Path:
    """A folder with three versions of an artifact, each made from the one before."""
    place, parent = Path("programs"), ""
    for text, score in (("one", 0.5), ("two", 0.6), ("three", 0.7)):
        made = {
            "parent": parent,
            "measured": program_digest(feel(text)),
            "metric": "exact(mood)",
            "rows": {"sealed": 30},
            "score": {"seed": [0, 0, 0], "compiled": [score, 0.4, 0.8]},
            "compiler": {"name": "APE"},
        }
        weft.save(feel(text), place / "feel.weft.json", provenance=made, history=True)
        parent = program_digest(feel(text))
    return place


# diff ---------------------------------------------------------------------------------


def test_a_difference_is_exit_code_1(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As diff(1) has it: 0 where nothing differs, 1 where something does, 2 trouble."""
    new = str(programs / "feel.weft.json")
    (old,) = (programs / "history").glob(f"*{digits('two')}*")

    codes = [main(["diff", str(old), new]), main(["diff", new, new])]
    said = capsys.readouterr().out
    codes.append(main(["diff", new, "gone.weft.json"]))

    assert codes == [1, 0, 2]
    assert f"--- feel {digits('two')}\n+++ feel {digits('three')}\n" in said
    assert "feel/instruction\n  - two\n  + three\n" in said
    assert "score: 60.0 [40.0, 80.0] -> 70.0 [40.0, 80.0]\n" in said
    assert "nothing changed" in said


def test_a_difference_as_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    """A live program can be compared too, and scripts read what changed."""
    code = main(["diff", "mine.py:sort", "mine.py:plain", "--json"])

    data = json.loads(capsys.readouterr().out)
    assert code == 1
    assert data["differ"] is True
    assert data["before"].startswith("sort ")
    assert data["signatures"] == {"sort": ["- module"], "plain": ["+ module"]}


def test_steps_need_not_be_there_to_compare(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An artifact is compared as data: no code of it is looked for."""
    script = "import weft, mine; weft.save(mine.sorted_loud, 'loud.weft.json')"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE)

    code = main(["diff", "loud.weft.json", "mine.py:sorted_loud"])

    assert (code, "nothing changed" in capsys.readouterr().out) == (0, True)


def test_a_folder_that_cannot_be_imported_is_refused(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = programs.rename("my programs")

    assert main(["package", str(odd)]) == 2
    assert "its name is no free Python name" in capsys.readouterr().err
    assert not (odd / "__init__.py").exists()


# verify -------------------------------------------------------------------------------


def test_an_artifact_that_its_compile_measured_stands(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The score in the file counts while the parameters are those it was taken of."""
    code = main(["verify", str(programs)])

    assert code == 0
    assert capsys.readouterr().out == (
        f"programs/feel.weft.json: {digits('three')} exact(mood) 70.0 [40.0, 80.0] "
        "on 30 rows (the sealed rows of its compile)\n"
    )


def test_a_change_after_the_compile_is_found(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """New parameters with the old figures are what the check is for."""
    path = programs / "feel.weft.json"
    told = json.loads(path.read_text("utf-8"))["provenance"]
    weft.save(feel("edited"), path, provenance=told)

    code = main(["verify", str(path), "--json"])

    data = json.loads(capsys.readouterr().out)
    assert (code, data["problems"]) == (1, 1)
    assert data["artifacts"][0]["problem"].startswith(
        "was changed since its compile measured it: write one with weft eval"
    )


def evaluated(instruction: str, path: str) -> None:
    """An evaluation of a version, as `weft eval --save` writes it."""
    rows = [{"text": "x", "mood": "glad"}, {"text": "y", "mood": "sad"}]
    found = weft.evaluate(feel(instruction), rows, weft.metrics.exact("mood"))
    Path(path).write_text(found.to_json(prompts=True), "utf-8")


def test_an_evaluation_beside_it_must_be_of_this_version(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is of another version is no evaluation of this one."""
    path, beside = programs / "feel.weft.json", "programs/feel.eval.json"
    evaluated("two", beside)
    codes = [main(["verify", str(path)])]
    stale = capsys.readouterr()
    evaluated("three", beside)
    codes += [main(["verify", str(path), *more]) for more in ([], UNDER)]
    fresh = capsys.readouterr()

    assert codes == [1, 0, 3]
    assert f"{beside} is of {digits('two')}" in stale.out
    assert stale.err == "weft: 1 of 1 have no evaluation\n"
    assert "exact(mood) 50.0" in fresh.out
    assert "on 2 rows (feel.eval.json)" in fresh.out
    assert "feel.weft.json is under 60.0" in fresh.err


UNDER = ["--fail-under", "0.6"]


def test_evaluations_can_stand_elsewhere(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--eval names the files; the one that belongs is found by its digest."""
    for text in ("two", "three"):
        evaluated(text, f"{text}.json")
    words = ["verify", str(programs), "--eval", "two.json"]

    codes = [main(words), main([*words, "--eval", "three.json"])]

    assert codes == [1, 0]
    assert "(three.json)" in capsys.readouterr().out


def test_what_is_no_artifact_is_found_too(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged file does not hide the others."""
    text = (programs / "feel.weft.json").read_text("utf-8")
    (programs / "bad.weft.json").write_text(text.replace("three", "four"), "utf-8")
    (programs / "hand.weft.json").write_text(
        text.replace(
            f'"digest": "sha256:{program_digest(feel("three"))[7:]}"', '"digest": ""'
        )
    )

    code = main(["verify", str(programs)])

    out = capsys.readouterr().out
    assert code == 1
    assert "bad.weft.json: unknown is no artifact: " in out
    assert "hand.weft.json: unknown was edited by hand" in out
    assert "(the sealed rows of its compile)" in out


def test_an_evaluation_is_no_damaged_artifact(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has a digest, of the program that it measured, and nobody edited it."""
    evaluated("three", "programs/feel.eval.json")

    code = main(["verify", "programs/feel.eval.json"])

    out = capsys.readouterr().out
    assert code == 1
    assert "does not match its digest" not in out
    assert "An artifact has the format 'weft.program/2' and no other keys" in out


@pytest.mark.parametrize(
    ("rows", "score", "said"),
    [
        ({"sealed": 45, "scored": 18}, [0.7, 0.4, 0.8], "70.0 [40.0, 80.0] on 18 rows"),
        ({"sealed": 45, "scored": 0}, [0.0, 0.0, 1.0], "has no evaluation"),
        ({"sealed": 45}, [5, 1, 2], "has no evaluation"),
        ({"sealed": 45}, "good", "has no evaluation"),
    ],
)
def test_a_compile_is_believed_as_far_as_it_measured(
    rows: Any, score: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the sealed rows those that were scored, and no score that cannot be."""
    made = {"measured": program_digest(feel("one")), "metric": "m", "rows": rows}
    made["score"] = {"compiled": score}
    path = weft.save(feel("one"), "feel.weft.json", provenance=made)

    code = main(["verify", str(path)])

    assert said in "".join(capsys.readouterr())
    assert code == (0 if "on 18" in said else 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone.weft.json"], "is no file, and no folder with a .weft.json file"),
        (["."], "is no file, and no folder with a .weft.json file"),
        (["programs", "--eval", "rows.jsonl"], "rows.jsonl cannot be read"),
        (["programs", "--eval", "gone.json"], "gone.json cannot be read"),
    ],
)
def test_a_verify_that_cannot_be(
    words: list[str],
    said: str,
    programs: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong usage is exit code 2, apart from what is found."""
    assert programs.is_dir()

    code = main(["verify", *words])

    assert code == 2
    assert said in capsys.readouterr().err


# log, rollback, label -----------------------------------------------------------------


def test_log_lists_versions_with_their_labels(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest first, each with its score and who made it."""
    codes = [main(["label", str(programs), "production", digits("two")])]
    labelled = capsys.readouterr().out
    codes += [main(["log", str(programs)]), main(["log", f"{programs}/feel.weft.json"])]

    first, second = capsys.readouterr().out.splitlines()[:3], labelled
    assert codes == [0, 0, 0]
    assert second == f"production: {program_digest(feel('two'))}\n"
    assert first == [
        f"feel  {digits('three')}   70.0  APE  (current)",
        f"feel  {digits('two')}   60.0  APE  (production)",
        f"feel  {digits('one')}   50.0  APE",
    ]


def test_log_of_one_artifact_leaves_the_others_out(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder's other programs have versions of their own."""
    weft.save(feel("other"), programs / "other.weft.json")

    code = main(["log", f"{programs}/other.weft.json", "--json"])

    (version,) = json.loads(capsys.readouterr().out)["versions"]
    assert code == 0
    assert (version["name"], version["current"]) == ("other", True)
    assert version["path"] == "programs/other.weft.json"


def test_rollback_puts_a_version_back(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The parent by default, any other with --to; what was there is kept."""
    path = str(programs / "feel.weft.json")

    codes = [
        main(["rollback", path]),
        main(["rollback", path, "--to", digits("three")]),
    ]
    said = capsys.readouterr()
    codes.append(main(["rollback", path, "--to", "dead"]))

    assert codes == [0, 0, 2]
    assert said.out.splitlines() == [
        f"feel  {digits('two')}   60.0  APE  (current)",
        f"feel  {digits('three')}   70.0  APE  (current)",
    ]
    assert "is in programs/history" in said.err
    assert "'dead' names 0 of its versions" in capsys.readouterr().err


def test_a_label_that_cannot_be_is_refused(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and no file is written."""
    code = main(["label", str(programs), "production", "ffff"])

    assert code == 2
    assert "'ffff' names 0 versions" in capsys.readouterr().err
    assert not (programs / "labels.txt").exists()
