"""The command line's words for other tools, and for looking at a program."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import weft
from tests.cli_folder import working_folder, write_rows
from tests.pipeline.lm.support import sql
from tests.timing import PATIENCE
from weft.cli import main
from weft.pipeline.artifact.state import schema_text
from weft.pipeline.calls.cache import Cache

folder = pytest.fixture(autouse=True)(working_folder)

MORE = """
import weft
from mine import sort, shout

tuned = sort.with_(
    instruction="Say which team.",
    demos=[weft.Demo({"message": "card gone", "team": "cards"}, "r1")],
)


@weft.program
def tuned_loud(message: str) -> str:
    return tuned(message=shout(message)).team
"""


def python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


def saved() -> str:
    """An artifact that calls a step."""
    Path("mine_too.py").write_text(MORE, "utf-8")
    python("import weft, mine_too; weft.save(mine_too.tuned_loud, 'loud.weft.json')")
    return "loud.weft.json"


# show ---------------------------------------------------------------------------------


def test_show_draws_an_svg(capsys: pytest.CaptureFixture[str]) -> None:
    """--svg is one element, of an artifact too, and nothing else."""
    codes = [main(["show", "mine.py:loud", "--svg"]), main(["show", saved(), "--svg"])]

    first, second = capsys.readouterr().out.split("</svg>\n")[:2]
    assert codes == [0, 0]
    assert first.startswith("<svg ")
    assert second.startswith("<svg ")
    assert "shout" in second


def test_show_writes_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """--html is the whole program on one page: graph, demos and prompts, no script."""
    code = main(["show", saved(), "--html", "pages/loud.html"])

    page = Path("pages/loud.html").read_text("utf-8")
    assert code == 0
    assert capsys.readouterr().out.startswith("tuned_loud(message: str)\n")
    for part in ("<svg ", "Say which team.", "card gone", "{message}", "demos: 1"):
        assert part in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_page_escapes_what_a_file_says(tmp_path: Path) -> None:
    """An artifact is somebody else's text."""
    module = weft.Predict("text -> mood", "<script>alert(1)</script>", name="feel")
    demo = weft.Demo({"text": "<img src=x>", "mood": "&"}, "<b>")
    told = {"compiler": {"name": "<i>"}}
    path = weft.save(
        module.with_(demos=[demo]), tmp_path / "x.weft.json", provenance=told
    )

    page = weft.show_html(path)

    for word in ("<script", "<img", "<b>&", "<i>"):
        assert word not in page
    assert "&lt;script&gt;" in page


# export, import-dspy, schema ----------------------------------------------------------


@pytest.mark.parametrize(
    "form", ["openai-messages", "litellm", "dspy", "langfuse", "mlflow"]
)
def test_every_form_is_printed_as_json(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output is the form itself, so that it can go through a pipe."""
    code = main(["export", saved(), "--to", form])

    out, err = capsys.readouterr()
    made = json.loads(out)
    assert (code, err) == (0, "")
    assert made == weft.export(weft.load("loud.weft.json", steps=[shout]), to=form)


@weft.step
def shout(text: str, times: int = 1) -> str:
    return text.upper() * times


def test_an_export_goes_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """--out writes the same, and says where; a module is a predictor of its own."""
    code = main(["export", "mine.py:sort", "--to", "dspy", "--out", "out/state.json"])

    made = json.loads(Path("out/state.json").read_text("utf-8"))
    assert (code, capsys.readouterr().out) == (0, "out/state.json\n")
    assert set(made) == {"traces", "train", "demos", "signature", "lm", "metadata"}


def test_an_export_that_cannot_be_is_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A form without an escape refuses braces, and says which."""
    Path("mine_too.py").write_text(
        "import weft\nask = weft.Predict('a -> b', 'Fill {{x}}.')\n", "utf-8"
    )

    code = main(["export", "mine_too.py:ask", "--to", "langfuse"])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "would take '{{' for a place to fill" in err


def state(name: str = "sort.predict") -> str:
    """What dspy.Module.save writes of a program with one predictor."""
    fields: list[dict[str, str]] = [{}, {}]
    signature = {"instructions": "Sort it, dspy.", "fields": fields}
    demo = {"message": "m", "team": "app", "augmented": True}
    whole = {name: {"demos": [demo], "signature": signature}, "metadata": {}}
    Path("state.json").write_text(json.dumps(whole), "utf-8")
    return "state.json"


def test_a_dspy_state_becomes_an_artifact(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It runs, and says where it comes from."""
    words = ["--program", "mine.py:sorted_loud", "--out", "programs/loud.weft.json"]
    code = main(["import-dspy", state(), *words])
    said = capsys.readouterr()
    ran = main(["diff", "mine.py:sorted_loud", "programs/loud.weft.json"])
    changed = capsys.readouterr().out

    made = json.loads(Path("programs/loud.weft.json").read_text("utf-8"))
    assert (code, ran, said.out) == (0, 1, "programs/loud.weft.json\n")
    assert "sort has 1 of its demos" in said.err
    assert made["provenance"]["imported"] == "dspy"
    assert "+ Sort it, dspy." in changed
    assert "message='m', team='app'" in changed


@pytest.mark.parametrize(
    ("name", "more", "code", "said"),
    [
        ("prog.a.predict", [], 0, ""),
        ("prog.a.predict", ["--rename", "prog.a.predict=sort"], 0, ""),
        (
            "prog.a.predict",
            ["--rename", "prog.a.predict=srt"],
            2,
            "Did you mean 'sort'",
        ),
        ("prog.a.predict", ["--rename", "sort"], 2, "Write --rename prog.sort=route"),
        ("sort", ["--out", "x.json"], 2, "does not end with .weft.json"),
    ],
)
def test_predictors_find_their_modules(
    name: str,
    more: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One predictor and one module need no name; others are given with --rename."""
    words = ["--program", "mine.py:sorted_loud", "--out", "x.weft.json", *more]

    assert main(["import-dspy", state(name), *words]) == code
    assert said in capsys.readouterr().err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is JSON Schema, and an artifact is valid by it."""
    codes = [main(["schema"]), main(["schema", "--json"])]

    first, second = capsys.readouterr().out.strip().split("\n}\n")
    schema: dict[str, Any] = json.loads(first + "\n}")
    assert codes == [0, 0]
    assert schema == json.loads(second) == json.loads(schema_text())
    jsonschema.validate(json.loads(Path(saved()).read_text("utf-8")), schema)


# explain, finetune --------------------------------------------------------------------


def test_explain_says_what_each_part_earns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every changed part is put back alone, on the rows that were given."""
    Path("mine_too.py").write_text(MORE, "utf-8")
    words = ["--data", "rows.jsonl", "--metric", "exact:team"]
    code = main(["explain", "mine_too.py:tuned", *words, "--json"])
    data = json.loads(capsys.readouterr().out)
    more = ["--base", "mine.py:sort", "--each-demo"]
    again = main(["explain", "mine_too.py:tuned", *words, *more])

    out, err = capsys.readouterr()
    assert code == 0, data
    names = [part["name"] for part in data["parts"]]
    assert (code, again) == (0, 0)
    assert sorted(names) == ["sort/demos", "sort/instruction"]
    assert data["whole"]["calls"] == 3
    assert data["parts"][0]["earned"]["difference"] == 0
    assert out.startswith("66.7 -> 66.7 (+0.0 points on 3 rows)\n  sort/demos/")
    assert "explain sort: 4 evaluations of 3 rows" in err


def test_explain_of_an_artifact_asks_for_its_base(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file does not hold its first instruction; with --program it is known."""
    words = ["--data", "rows.jsonl", "--metric", "mine.py:same", "--model", "embedded"]
    Path("mine.py").write_text(
        Path("mine.py").read_text("utf-8")
        + "\n\ndef same(example, prediction):\n    return True\n",
        "utf-8",
    )
    python("import weft, mine; weft.save(mine.sort, 'sort.weft.json')")

    codes = [main(["explain", "sort.weft.json", *words])]
    alone = capsys.readouterr()
    more = ["--program", "mine.py:sort"]
    codes.append(main(["explain", "sort.weft.json", *words, *more]))

    assert codes == [0, 0]
    assert "nothing differs" in alone.out
    assert "--base or --program" in alone.err
    assert "--base or --program" not in capsys.readouterr().err


def test_finetune_writes_chats_of_rows_that_went_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line a call of a row that scored 1: the prompt, then the reply."""
    words = ["--data", "rows.jsonl", "--metric", "exact:team", "--out", "out/t.jsonl"]

    code = main(["finetune", "mine.py:sort", *words])

    out = capsys.readouterr().out
    lines = Path("out/t.jsonl").read_text("utf-8").splitlines()
    chats = [json.loads(line)["messages"] for line in lines]
    assert (code, out) == (0, "2 chats from 3 rows, in out/t.jsonl\n")
    assert ["app crashes" in chat[1]["content"] for chat in chats] == [True, False]
    assert chats[0][-1] == {
        "role": "assistant",
        "content": "[[ team ]]\napp\n[[ /end ]]",
    }


def test_finetune_takes_a_module_and_a_lower_bar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """--at-least and --module choose; a misspelt module is found before any call."""
    words = ["--data", "rows.jsonl", "--metric", "exact:team", "--out", "t.jsonl"]

    codes = [main(["finetune", "mine.py:sort", *words, "--at-least", "0"])]
    codes.append(main(["finetune", "mine.py:sort", *words, "--module", "srt"]))

    out, err = capsys.readouterr()
    assert codes == [0, 2]
    assert out.startswith("3 chats")
    assert "Did you mean 'sort'?" in err


def test_finetune_says_when_rows_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """A row that could not be scored is the exit code, as with eval."""
    write_rows("rows.jsonl", [{"message": "x", "team": "app"}])
    Path("mine_too.py").write_text(
        MORE + "\n@weft.step\ndef fall(text: str) -> str:\n    raise OSError(text)\n"
        "\n@weft.program\ndef falls(message: str) -> str:\n"
        "    return tuned(message=fall(message)).team\n",
        "utf-8",
    )
    words = ["--data", "rows.jsonl", "--metric", "exact:team", "--out", "t.jsonl"]

    code = main(["finetune", "mine_too.py:falls", *words, "--json"])

    data = json.loads(capsys.readouterr().out)
    assert code == 1
    assert (data["chats"], data["failures"]) == (0, 1)


# cache verify -------------------------------------------------------------------------


def test_the_cache_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged answer is named, and is the exit code."""
    main(["run", "mine.py:sort", "--data", "rows.jsonl", "--quiet"])
    capsys.readouterr()

    codes = [main(["cache", "verify"])]
    whole = capsys.readouterr().out
    sql(Cache().path, "UPDATE Cache SET value = x'00'")
    codes.append(main(["cache", "verify", "--json"]))

    found = json.loads(capsys.readouterr().out)
    assert codes == [0, 1]
    assert whole == "3 answers are whole, 0 damaged\n"
    assert (found["whole"], len(found["damaged"])) == (0, 3)
