"""The command line's words on newer editions of forms: diff, check, eval --edition."""

import json
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.cli_folder import working_folder, write_rows
from tests.server import Reply, Server
from weft.cli import main
from weft.pipeline.artifact.load import read_artifact
from weft.pipeline.graph.digest import program_digest
from weft.pipeline.graph.program import as_program

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

folder = pytest.fixture(autouse=True)(working_folder)

PATH = "programs/feel.weft.json"
ROWS = ["--data", "feelings.jsonl", "--metric", "exact:mood"]


def feel(adapter: str) -> weft.Program[..., Any]:
    return as_program(weft.Predict("text -> mood", name="feel", adapter=adapter))


def kept(adapter: str, model: str = "old-model") -> Path:
    """An artifact as a compile for that model left it."""
    made = {"models": {"feel": model}, "metric": "exact(mood)"}
    return weft.save(feel(adapter), PATH, provenance=made)


@pytest.fixture
def model(server: Server) -> list[str]:
    """A server of the OpenAI format that follows the second edition only."""
    write_rows(
        "feelings.jsonl",
        [{"id": str(n), "text": f"case {n}", "mood": "glad"} for n in range(12)],
    )

    def answer(body: dict[str, Any]) -> Reply:
        reminded = "Begin your reply" in body["messages"][-1]["content"]
        return Reply(f"[[ mood ]]\n{'glad' if reminded else 'sad'}\n[[ /end ]]")

    server.answer = answer
    return ["--model", "openai/small", "--api-base", server.url]


# diff and check -----------------------------------------------------------------------


def test_a_newer_edition_is_told_with_its_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """diff and check say that there is one, and how to verify it; it is no fault."""
    kept("chat/1")
    said = (
        f"{PATH}: a newer edition of its form exists, chat/2 for chat/1. Verify it on "
        f"your rows: weft eval {PATH} --data ROWS --metric METRIC --edition newest"
    )

    codes = [main(["diff", PATH, PATH])]
    compared = capsys.readouterr().out
    codes.append(main(["check", "programs"]))
    checked = capsys.readouterr()

    assert codes == [0, 0]
    assert compared.splitlines()[2:] == ["nothing changed", said]
    assert checked.out == "no problems found\n"
    assert checked.err == f"weft: {said}\n"


def test_a_newer_edition_is_told_to_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """Both documents have a place for it."""
    kept("json/1:schema")

    main(["diff", PATH, "mine.py:sort", "--json"])
    compared = json.loads(capsys.readouterr().out)
    main(["check", PATH, "--json"])
    checked = json.loads(capsys.readouterr().out)

    assert compared["editions"] == checked["editions"]
    assert "json/2 for json/1" in compared["editions"][0]
    assert checked["problems"] == []


@pytest.mark.parametrize(
    ("adapter", "model"),
    [
        ("auto", "m"),
        ("chat/2:stop", "m"),
        ("xml/2", "m"),
        ("chat/1", "embedded"),  # it is asked in first editions
    ],
)
def test_the_newest_edition_is_not_news(
    adapter: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is said where nothing newer would be sent."""
    kept(adapter, model)

    main(["diff", PATH, PATH])
    main(["check", PATH])

    said = capsys.readouterr()
    assert "edition" not in said.out + said.err


def test_forms_of_several_modules_are_named() -> None:
    """Where modules record different forms, each is named."""
    first = weft.Predict("text -> query", name="ask", adapter="chat/1")
    then = weft.Predict("query -> answer", name="reply", adapter="json/1")

    @weft.program
    def both(text: str) -> str:
        return then(query=first(text=text).query).answer

    weft.save(both, "both.weft.json")

    (said,) = weft.diff("both.weft.json", "both.weft.json").editions
    assert "its forms exists, ask: chat/2 for chat/1, reply: json/2 for json/1" in said


# eval ---------------------------------------------------------------------------------


def test_both_editions_are_measured_and_compared(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The program as it is, in its newest edition, and the difference, row by row."""
    before = kept("chat/1").read_bytes()

    code = main(["eval", PATH, *ROWS, *model, "--edition", "newest"])

    said = capsys.readouterr()
    as_it_is, newest, difference = said.out.splitlines()
    assert code == 0
    assert as_it_is == "feel: exact(mood) 0.0 [0.0, 24.2] on 12 rows"
    assert newest == (
        "feel: exact(mood) 100.0 [75.8, 100.0] on 12 rows, newest edition "
        "(chat/2:shown,stop for chat/1)"
    )
    assert difference.startswith("newest edition: +100.0 points [+62.6, +100.0]")
    assert Path(PATH).read_bytes() == before
    assert "no file was changed; --out NAME.weft.json writes" in said.err


def test_the_newest_edition_is_kept_where_asked(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """--out writes what was measured, and --save an evaluation that belongs to it."""
    kept("chat/1")
    old, save = program_digest(weft.load(PATH)), "programs/feel.eval.json"
    words = ["--edition", "newest", "--out", PATH, "--save", save]

    main(["eval", PATH, *ROWS, *model, *words])
    verified = main(["verify", PATH])

    made = read_artifact(PATH)
    assert verified == 0
    assert str(made.program.modules["feel"].form) == "chat/2:shown,stop"
    assert made.provenance["parent"] == old
    assert made.provenance["models"] == {"feel": "old-model"}
    assert "written to programs/feel.weft.json" in capsys.readouterr().err


def test_a_document_of_both(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """--json holds both, and --fail-under is of the newest."""
    kept("chat/1")
    words = ["--edition", "newest", "--json", "--fail-under", "0.5"]

    code = main(["eval", PATH, *ROWS, *model, *words])

    data = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (data["as_it_is"]["mean"], data["newest"]["mean"]) == (0, 1)
    assert data["forms"] == {"feel": ["chat/1", "chat/2:shown,stop"]}
    assert (data["difference"]["mean"], data["difference"]["rows"]) == (1, 12)


@pytest.mark.parametrize(
    ("adapter", "asked"), [("chat/2", "server"), ("chat/1", "embedded")]
)
def test_where_nothing_newer_is_sent_nothing_is_measured_twice(
    adapter: str,
    asked: str,
    model: list[str],
    server: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is said, and the program is measured as it is."""
    kept(adapter)
    who = model if asked == "server" else ["--model", "embedded"]
    words = ["--edition", "newest", "--out", "new.weft.json"]

    code = main(["eval", PATH, *ROWS, *who, *words])

    said = capsys.readouterr()
    assert code == 0
    assert len(said.out.splitlines()) == 1
    assert "nothing to verify" in said.err
    assert server.count == (12 if asked == "server" else 0)
    assert not Path("new.weft.json").exists()


def test_out_without_an_edition_is_a_mistake(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured for a file that would not be written."""
    kept("chat/1")

    code = main(["eval", PATH, *ROWS, *model, "--out", "new.weft.json"])

    assert code == 2
    assert "Write --edition newest too" in capsys.readouterr().err
