"""The command line: what it prints where, and what its exit codes say."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli_folder import LABELLED, PROGRAM, working_folder, write_rows
from tests.timing import PATIENCE
from weft.cli import _parser, main  # pyright: ignore[reportPrivateUsage] - its words
from weft.commands.arguments import known_compilers
from weft.commands.table import COMMANDS, example_of, function_of
from weft.pipeline.artifact.versions import log as weft_log

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "weft" / "demo_data" / "triage.jsonl"

folder = pytest.fixture(autouse=True)(working_folder)


def triage_rows(count: int) -> str:
    """The first rows of the demo's data, in a file of their own."""
    rows = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()]
    write_rows("triage.jsonl", rows[:count])
    return "triage.jsonl"


def weft(*words: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "weft", *words],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, **surroundings},
        timeout=PATIENCE,
    )


def compile_words(*more: str) -> list[str]:
    target = f"{ROOT}/examples/triage.py:triage"
    words = ["compile", target, "--model", "embedded", "--metric", "exact:team"]
    return [*words, "--data", triage_rows(120), "--compiler", "labeled-few-shot", *more]


# What goes where ----------------------------------------------------------------------


def test_results_go_to_stdout_and_the_rest_to_stderr() -> None:
    """A pipe holds what was asked for, and nothing else."""
    done = weft("run", "mine.py:sort", "--set", "message=chip broken")

    assert (done.returncode, done.stdout) == (0, '{"team": "app"}\n')
    assert done.stderr.startswith("weft: 1 call (1 sent), ")


def test_errors_are_two_lines_and_no_traceback() -> None:
    """No model is a set-up error: exit 2, the remedy on a line of its own."""
    done = weft("run", "mine.py:plain", "--set", "message=hi")

    message, hint = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert message == "weft: no model is set for 'plain'"
    assert "WEFT_LM" in hint


def test_debugging_shows_the_traceback() -> None:
    """WEFT_DEBUG=1 is for those who look for the line."""
    done = weft("run", "mine.py:plain", "--set", "message=hi", WEFT_DEBUG="1")

    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_quiet_leaves_stderr_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """--quiet says nothing beside the result."""
    code = main(["run", "mine.py:sort", "--data", "rows.jsonl", "--quiet"])

    assert (code, capsys.readouterr().err) == (0, "")


def test_interrupting_exits_with_130() -> None:
    """Ctrl-C ends a run with the shell's own code, and no traceback."""
    words = [sys.executable, "-m", "weft", "run", "mine.py:slow", "--set", "text=x"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()

        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=PATIENCE)

        assert code == 130
        assert process.stderr.read().startswith("weft: interrupted")


def test_an_interrupted_compile_says_how_it_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever gave a folder for the journal need not look up what it is for."""
    Path("stops.py").write_text("def stop(row, answer):\n    raise KeyboardInterrupt\n")
    words = ["--metric", "stops.py:stop", "--out", "a.weft.json"]

    codes = main(compile_words(*words)), main(compile_words(*words, "--run-dir", "run"))

    said = capsys.readouterr().err
    assert codes == (130, 130)
    assert "interrupted; answers that came back are in the cache\n" in said
    assert "interrupted; the same command goes on from what is in run\n" in said


def test_interrupting_while_it_is_imported_shows_no_traceback() -> None:
    """Ctrl-C hits while the words of the command line are being read in."""
    child = (
        "import runpy, signal, sys\n"
        "class Press:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'weft.commands.table':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Press())\n"
        "runpy.run_module('weft', run_name='__main__')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, check=False, text=True
    )

    assert (done.returncode, done.stderr) == (130, "weft: interrupted\n")


def test_a_closed_pipe_is_no_error() -> None:
    """`weft run ... | head` ends without a complaint."""
    words = [sys.executable, "-m", "weft", "run", "mine.py:loud", "--set", "text=x"]
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        words, check=False, stdout=writing, stderr=subprocess.PIPE, timeout=60
    )
    os.close(writing)

    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def test_help_is_quick() -> None:
    """--help imports neither pydantic nor anything that could ask a model."""
    child = (
        "import sys; from weft.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'pydantic', 'aiohttp', 'rich', 'asyncio'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, check=True, text=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example_that_is_understood(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command's help shows one line of it, and the parser takes that line."""
    with pytest.raises(SystemExit):
        main([name, "--help"])

    shown, example = capsys.readouterr().out, example_of(name)
    assert f"example:\n  {example}\n" in shown
    assert _parser().parse_args(shlex.split(example)[1:]).command == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_function(name: str) -> None:
    """The table names a file and a function, which are there."""
    assert callable(function_of(name))


def test_an_unknown_compiler_lists_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every compiler of the library can be named, and a wrong name lists them all."""
    code = main(compile_words("--quote", "--compiler", "nonsense"))

    assert code == 2
    told = capsys.readouterr().err
    assert [name for name in known_compilers() if name not in told] == []


def test_help_lists_exit_codes_and_compilers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What scripts rely on stands in the help."""
    monkeypatch.setenv("COLUMNS", "300")
    for words in (["--help"], ["compile", "--help"]):
        with pytest.raises(SystemExit):
            main(words)

    said = " ".join(capsys.readouterr().out.split())
    for code in ("0 done", "1 an error", "2 wrong usage", "3 compile", "130 interr"):
        assert code in said
    for name in ("auto", "labeled-few-shot", "bootstrap-random-search", "ape", "gepa"):
        assert name in said


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bogus"],
        ["run"],
        ["compile", "mine.py:sort", "--data", "rows.jsonl", "--metric", "exact:team"],
        ["eval", "mine.py:sort", "--data", "x", "--metric", "m", "--fail-under", "80"],
        ["run", "mine.py:sort", "--data", "rows.jsonl", "--concurrency", "0"],
        ["run", "mine.py:sort", "--data", "rows.jsonl", "--set", "message=x"],
    ],
)
def test_wrong_words_exit_with_2(words: list[str]) -> None:
    """Usage errors have the code of set-up errors."""
    with pytest.raises(SystemExit) as stopped:
        main(words)

    assert stopped.value.code == 2


# Targets ------------------------------------------------------------------------------


def test_modules_are_found_in_the_working_directory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`package.module:name` works as `python -m` does."""
    Path("mypackage").mkdir()
    Path("mypackage/mine2.py").write_text(PROGRAM, "utf-8")

    code = main(["run", "mypackage.mine2:loud", "--set", "text=x", "--quiet"])

    assert (code, capsys.readouterr().out) == (0, "X\n")


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("gone.py:x", "no file 'gone.py'", "path/to/file.py:name"),
        ("gone.deep:x", "no module 'gone'", "package.module:name"),
        ("mine.py", "names nothing to import", "Write mine.py:name"),
        ("mine.py:sorted_lud", "has no 'sorted_lud'", "Did you mean 'sorted_loud'?"),
        ("mine.py:other", "is of type str, no program", "@weft.program"),
        ("gone.weft.json", "gone.weft.json cannot be read", ""),
        ("broken_mine.py:x", "raised ZeroDivisionError", "broken_mine.py:1"),
        ("broken_mine:x", "raised ZeroDivisionError", "broken_mine.py:1"),
        ("wrong_mine.py:x", "'qestion'", "question"),
    ],
)
def test_targets_that_are_none(
    target: str, message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A target that cannot be used says which part of it, and what to write."""
    Path("broken_mine.py").write_text("1 / 0\n", "utf-8")
    Path("wrong_mine.py").write_text(
        "import weft\nreply = weft.Predict('question -> answer')\n"
        "@weft.program\ndef x(question: str) -> str:\n"
        "    return reply(qestion=question).answer\n",
        "utf-8",
    )

    code = main(["show", target])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert message in err
    assert hint in err


# run ----------------------------------------------------------------------------------


def test_inputs_are_read_by_their_type(capsys: pytest.CaptureFixture[str]) -> None:
    """A text input takes the text as it is, a number is JSON."""
    words = ["--set", 'text="7=é"', "--set", "times=2"]

    code = main(["run", "mine.py:loud", *words])

    assert (code, capsys.readouterr().out) == (0, '"7=É""7=É"\n')


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("text=x times=two", "Give a whole number"),
        ("txt=x", "Did you mean 'text'?"),
        ("times=2", "'loud' needs 'text'"),
        ("text", "'text' is no name=value"),
    ],
)
def test_inputs_that_do_not_fit(
    given: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing runs on an input that is misspelt, missing or of another type."""
    words = [word for pair in given.split() for word in ("--set", pair)]

    code = main(["run", "mine.py:loud", *words])

    assert code == 2
    assert said in capsys.readouterr().err


def test_one_run_as_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    """--json holds the value and what it took."""
    code = main(["run", "mine.py:sort", "--set", "message=hi", "--json"])

    data = json.loads(capsys.readouterr().out)
    assert code == 0
    assert data.pop("seconds") >= 0
    assert data.pop("tokens") >= 0
    assert data == {
        "program": "sort",
        "value": {"team": "app"},
        "calls": 1,
        "sent": 1,
        "usd": data["usd"],
    }


def test_rows_become_lines_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    """--data gives one JSON line a row, with the row's id."""
    code = main(["run", "mine.py:sort", "--data", "rows.jsonl"])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert lines == [{"id": i, "value": {"team": "app"}} for i in "abc"]


def test_a_failed_row_is_its_line_and_the_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One unusable reply loses one row, and scripts can see it."""
    write_rows("rows.jsonl", [*LABELLED, {"id": "bad", "message": "gibberish"}])

    code = main(["run", "mine.py:sort", "--data", "rows.jsonl", "--json"])

    data = json.loads(capsys.readouterr().out)
    assert code == 1
    assert data["calls"] == 5  # the row that failed was asked for twice
    assert (len(data["rows"]), data["failed"]) == (4, 1)
    assert data["rows"][3]["id"] == "bad"
    assert data["rows"][3]["error"].startswith("ParseError: ")


def test_an_input_is_set_once(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", "mine.py:sort", "--set", "message=a", "--set", "message=b"])

    assert code == 2
    assert "is given 'message' 2 times" in capsys.readouterr().err


def test_budget_holds_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A spent budget is an error while running: exit 1."""
    words = ["--data", "rows.jsonl", "--budget", "2 calls", "--json"]

    code = main(["run", "mine.py:sort", *words])

    error = json.loads(capsys.readouterr().out)["error"]
    assert code == 1
    assert (error["type"], error["retryable"]) == ("BudgetExceeded", False)
    assert error["hint"]


def test_a_bad_line_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows that cannot be read name file and line, before anything runs."""
    Path("rows.jsonl").write_text('{"message": "x"}\n{oops\n', "utf-8")

    code = main(["run", "mine.py:sort", "--data", "rows.jsonl"])

    assert code == 2
    assert "rows.jsonl:2" in capsys.readouterr().err


# eval ---------------------------------------------------------------------------------


def test_a_score_has_its_interval(capsys: pytest.CaptureFixture[str]) -> None:
    """eval prints one line with the mean and its interval."""
    page = Path("page.html")
    words = ["--metric", "exact:team", "--html", str(page)]

    code = main(["eval", "mine.py:sort", "--data", "rows.jsonl", *words])

    out = capsys.readouterr().out
    assert (code, out) == (0, "sort: exact(team) 66.7 [20.8, 93.9] on 3 rows\n")
    assert "chip broken" in page.read_text("utf-8")


def test_a_score_as_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    """--json holds the score, every row, and what it took."""
    words = ["--metric", "mine.py:half", "--json"]

    code = main(["eval", "mine.py:sort", "--data", "rows.jsonl", *words])

    data = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (data["mean"], data["metric"], data["failures"]) == (0.5, "half", 0)
    assert [row["id"] for row in data["rows"]] == ["a", "b", "c"]
    assert data["calls"] == 3


def test_a_low_score_can_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """--fail-under is a gate for scripts: exit 3."""
    words = ["--data", "rows.jsonl", "--metric", "exact:team", "--fail-under"]

    codes = [main(["eval", "mine.py:sort", *words, x]) for x in ("0.6", "0.7")]

    assert codes == [0, 3]
    assert "66.7 is under 70.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("exact:tema", "Did you mean 'team'?"),
        ("fields:team,tema", "Did you mean 'team'?"),
        ("exat:team", "Did you mean 'exact'?"),
        ("exact", "fields:team,urgency"),
        ("exact:team,message", "needs the name of one output field"),
        ("mine.py:haf", "has no 'haf'"),
        ("mine.py:other", "is no function of (example, prediction)"),
    ],
)
def test_metrics_that_are_none(
    metric: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A metric that cannot be used is found before the first call."""
    words = ["eval", "mine.py:plain", "--data", "rows.jsonl", "--metric", metric]

    code = main(words)

    assert code == 2
    assert said in capsys.readouterr().err


# compile ------------------------------------------------------------------------------


def test_a_quote_spends_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--quote prints the price and stops."""
    words = compile_words("--quote")
    before = sorted(folder.iterdir())

    text = main(words)
    document = main([*words, "--json"])

    out = capsys.readouterr().out
    assert (text, document) == (0, 0)
    assert "smallest budget for one round" in out
    quote = json.loads(out[out.index("\n{") :])
    assert quote["total"]["low"] <= quote["total"]["expected"] <= quote["total"]["high"]
    assert sorted(folder.iterdir()) == before


def test_a_compiled_program_is_saved_and_imported(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """compile, package, and then `from programs import triage` in a new process."""
    out = Path("programs") / "triage.weft.json"
    words = compile_words("--option", "demos=24", "--out", str(out), "--json")
    code = main(words)
    data = json.loads(capsys.readouterr().out)
    packaged = main(["package", "programs"])
    line = capsys.readouterr().out.strip()

    child = f"{line}; print(triage(message='my card never came').team)"
    done = subprocess.run(
        [sys.executable, "-c", child],
        capture_output=True,
        check=True,
        env={**os.environ, "WEFT_LM": "embedded"},
        text=True,
    )

    assert (code, packaged, data["out"]) == (0, 0, str(out))
    assert line == "from programs import triage"
    assert data["score"]["compiled"]["mean"] > data["score"]["seed"]["mean"]
    assert data["compiler"] == {"name": "LabeledFewShot", "demos": 24}
    assert done.stdout.strip() in ROWS.read_text("utf-8")


def test_the_bar_of_a_compile_ends_where_its_budget_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts towards what will be spent, and not towards all that was quoted."""
    totals: list[int] = []

    @contextlib.contextmanager
    def shown(_: str, expected: int, *, quiet: bool) -> Generator[None]:
        del quiet
        totals.append(expected)
        yield

    monkeypatch.setattr("weft.commands.compile.calls_shown", shown)
    for budget in ("60 calls", "1m calls"):
        main(compile_words("--budget", budget, "--out", "a.weft.json"))
    capsys.readouterr()

    assert totals[0] == 60 < totals[1] < 1_000_000


def test_a_second_compile_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The same compile again makes no call and writes the same bytes."""
    words = compile_words("--json", "--quiet", "--out")

    main([*words, "one/x.weft.json"])
    first = json.loads(capsys.readouterr().out)
    main([*words, "two/x.weft.json", "--concurrency", "1"])
    second = json.loads(capsys.readouterr().out)

    assert first["sent"] > 0
    assert second["sent"] == 0
    assert Path("one/x.weft.json").read_bytes() == Path("two/x.weft.json").read_bytes()


def test_no_gain_can_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """--require-gain without a gain is exit 3, and nothing is written."""
    out = Path("programs/triage.weft.json")
    words = compile_words("--option", "demos=1", "--require-gain", "--out", str(out))

    code = main(words)

    said = capsys.readouterr().out
    assert code == 3
    assert "no improvement found" in said
    assert "nothing was written" in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.json"], "does not end with .weft.json"),
        (["--out", "rows.jsonl/x.weft.json"], "cannot be made: File exists"),
        (["--quote", "--compiler", "labelled-few-shot"], "'labeled-few-shot'?"),
        (["--quote", "--option", "demo=3"], "Did you mean 'demos'?"),
        (["--quote", "--option", "demos=few"], "wants a whole number"),
        (["--quote", "--option", "demos"], "is no name=value"),
        (["--out", "x.weft.json", "--budget", "3 calls"], "The smallest that works"),
        (["--quote", "--budget", "5cals"], "the budget '5cals' cannot be read"),
        (["--quote", "--budget", "5"], "does not say what it counts"),
        (["--quote", "--budget", "5 calls"], "The smallest that works"),
        (
            ["--quote", "--compiler", "triple"],
            "Write --option instructions=",
        ),
        (["--quote", "--compiler", "sequence"], "Sequence is made of other compilers"),
        (["--quote", "--compiler", "best-of"], "weft.compilers.BestOf(of=...)"),
        (["--quote", "--compiler", "until-plateau"], "UntilPlateau is made of"),
        (
            ["--quote", "--compiler", "auto", "--option", "rounds=10000000"],
            "at most 1000",
        ),
        (["--quote", "--model", "embeded"], "unknown model string 'embeded'"),
        (["--quote", "--metric", "exact:tema"], "Did you mean 'team'?"),
    ],
)
def test_a_compile_that_cannot_be_is_refused_first(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever would spoil a compile is found before anything is paid for."""
    code = main(compile_words(*words))

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert said in err


# show, cache --------------------------------------------------------------------------


def test_show_prints_graph_and_modules(capsys: pytest.CaptureFixture[str]) -> None:
    """show is a page: the graph, each signature, the instruction, and the prompt."""
    code = main(["show", "mine.py:sorted_loud", "--prompt"])

    out = capsys.readouterr().out
    assert code == 0
    assert "shout = step shout(text=message)" in out
    assert "-> team: Literal['cards', 'app']" in out
    assert "{message}" in out


def test_show_draws_mermaid(capsys: pytest.CaptureFixture[str]) -> None:
    """--mermaid is the graph and nothing else."""
    code = main(["show", "mine.py:loud", "--mermaid"])

    assert code == 0
    assert capsys.readouterr().out.startswith("flowchart TD\n")


def test_an_artifact_with_steps_needs_its_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is shown without code, run only with --program."""
    save = "import weft, mine; weft.save(mine.sorted_loud, 'loud.weft.json')"
    subprocess.run([sys.executable, "-c", save], check=True)
    words = ["run", "loud.weft.json", "--set", "message=hi"]

    codes = [main(["show", "loud.weft.json"]), main(words)]
    refused = capsys.readouterr().err
    codes.append(main([*words, "--program", "mine.py:sorted_loud"]))

    assert codes == [0, 2, 0]
    assert "--program file.py:name" in refused
    assert capsys.readouterr().out == "app\n"


def test_a_chosen_model_is_named_where_the_command_is_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file holds a name; --lms says who that is, and nobody else is asked."""
    save = (
        "import weft, mine; weft.save(mine.plain.with_(model='small'), 'p.weft.json')"
    )
    subprocess.run([sys.executable, "-c", save], check=True)
    words = ["run", "p.weft.json", "--set", "message=hi", "--model", "embedded"]

    codes = [main(words)]
    refused = capsys.readouterr().err
    codes.append(main([*words, "--lms", "small=embedded"]))

    assert codes == [2, 0]
    assert "no model of that name was given" in refused
    assert "--lms small=..." in refused


def test_the_cache_is_counted_pruned_and_cleared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """cache looks after the answers of the folder that runs use."""
    main(["run", "mine.py:sort", "--data", "rows.jsonl", "--quiet"])
    capsys.readouterr()

    codes = [main(["cache", "stats", "--json"])]
    stats = json.loads(capsys.readouterr().out)
    codes += [main(["cache", "prune"]), main(["cache", "prune", "--to", "1GB"])]
    codes.append(main(["cache", "clear", "--json"]))
    cleared = json.loads(capsys.readouterr().out.partition("\n")[2])

    assert codes == [0, 2, 0, 0]
    assert stats["entries"] == 3
    assert stats["bytes"] > 0
    assert cleared["deleted"] == 3


def test_check_names_wiring_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`weft check` finds a mistake of wiring with its place, and exits 1."""
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text("import weft\nask = weft.Predict('question -> answer')\n")
    bad.write_text(
        "import weft\nask = weft.Predict('question -> answer')\n"
        "@weft.program\ndef qa(question: str) -> str:\n"
        "    return ask(qestion=question).answer\n"
    )

    assert main(["check", str(good)]) == 0
    assert main(["check", str(tmp_path)]) == 1

    said = capsys.readouterr().out
    assert "bad.py:5" in said
    assert "Did you mean 'question'?" in said


def test_show_knows_regions(capsys: pytest.CaptureFixture[str]) -> None:
    """A program with control flow is shown like any other."""
    code = main(["show", f"{ROOT}/examples/regions.py:letters_page"])

    assert code == 0
    assert "each" in capsys.readouterr().out


def test_the_version_that_is_replaced_can_be_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With --keep a history begins, and rollback finds its way back."""
    out = "programs/triage.weft.json"

    codes = [
        main(compile_words("--out", out, "--option", "demos=4")),
        main(compile_words("--out", out, "--option", "demos=8", "--keep")),
    ]
    kept = [v.digest for v in weft_log("programs") if not v.current]
    codes.append(main(["rollback", out, "--to", kept[0]]))

    assert codes == [0, 0, 0]
    assert len(kept) == 1
    assert [v.digest for v in weft_log("programs") if v.current] == kept
    assert capsys.readouterr().err.endswith("is in programs/history\n")
