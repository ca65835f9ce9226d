"""The ship gate: which suite fails, with which case, and what it costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

import weft
from tests.cli_folder import write_rows
from tests.gates.planted import ROWS, asked_of, aware, exact, free, lm, obedient
from weft.cli import main
from weft.pipeline.lm.request import Request


@weft.step
def first_word(message: str) -> str:
    return message.split(maxsplit=1)[0]


route = free()


@weft.program
def fragile(message: str) -> str:
    """Crashes on an empty message, before any model is asked."""
    _ = first_word(message)
    return route(message=message).team


def minds_case(request: Request) -> str:
    """Knows no word in capitals."""
    said = asked_of(request).partition("]]")[2]
    return "[[ team ]]\nno" if said.isupper() else aware(request)


def test_a_sound_program_passes_and_the_quote_holds() -> None:
    """All suites run, no more is asked than was quoted, and a page shows it."""
    with weft.use(lm=lm(aware, "aware"), cache=None):
        offer = weft.quote_gate(free(), ROWS, exact)
        found = weft.gate(free(), ROWS, exact, each="1 call", fail_under={"noise": 0.5})

    assert found.passed, str(found)
    assert [suite.name for suite in found.suites] == [*offer.rows, "cost"]
    assert found.calls <= offer.calls == sum(offer.rows.values())
    assert found.rows <= sum(offer.rows.values())
    assert found["score"].share == found["edge"].share == 1.0
    assert "hangul-slips       changes no row" in str(found)
    assert "<h1>gate: route: " in found.to_html()
    cell = found._repr_html_()  # pyright: ignore[reportPrivateUsage] - as a notebook does
    assert "gate route: passed" in cell
    assert "<html" not in cell
    assert json.loads(found.to_json())["passed"] is True


def test_a_row_that_stands_there_again_is_run_once() -> None:
    """Copies make a gate no surer, and a quote says the same."""
    bare = [{k: v for k, v in row.items() if k != "id"} for row in ROWS]
    with weft.use(lm=lm(aware, "aware"), cache=None):
        offers = [weft.quote_gate(free(), bare * n, exact) for n in (1, 4)]
        once, often = (
            weft.gate(free(), bare * n, exact, suites=["score", "red-team", "cost"])
            for n in (1, 4)
        )

    assert offers[0].rows == offers[1].rows
    assert str(once) == str(often)
    assert once["score"].interval == often["score"].interval


def test_a_program_that_crashes_on_nothing_fails_with_the_case_named() -> None:
    """The step's own error is told, and the other suites run on."""
    with weft.use(lm=lm(aware, "aware"), cache=None):
        found = weft.gate(
            fragile, ROWS, lambda e, p: p == e.team, suites=["edge", "score"]
        )

    assert not found.passed
    assert [suite.name for suite in found.failed] == ["edge"]
    assert [case.name for case in found["edge"].cases] == [
        "message:empty",
        "message:blank",
    ]
    assert "IndexError" in found["edge"].cases[0].why
    assert "edge      FAILED" in str(found)
    assert "message:empty: StepError" in str(found)


def test_an_input_too_long_for_the_model_fails_its_case() -> None:
    """What an endpoint refuses is the program's to handle; no server is down."""

    def small(request: Request) -> str:
        if len(asked_of(request)) > 10_000:
            raise weft.errors.ContextLengthError("4,096 tokens at the most")
        return aware(request)

    with weft.use(lm=lm(small, "small"), cache=None):
        found = weft.gate(free(), ROWS, exact, suites=["edge"])

    assert [case.name for case in found["edge"].cases] == ["message:huge"]
    assert found["edge"].unanswered == ()


def test_noise_and_style_are_paired_with_the_same_rows() -> None:
    """The worst kind decides; rows that fell are named, with their intervals."""
    with weft.use(lm=lm(minds_case, "minds-case"), cache=None):
        found = weft.gate(free(), ROWS, exact, suites=["style"], seed=3)

    style = found["style"]
    lines = {line.name: line for line in style.lines}
    assert style.measures == "of the score kept under caps"
    assert style.share == lines["caps"].share == 0.0
    assert lines["chatty"].share == 1.0
    change = lines["caps"].change
    assert change is not None
    assert (change.wins, change.losses, change.n) == (0, 6, 6)
    assert change.interval.high < 0
    assert style.cases[0].name == "caps:m1"


def test_the_obedient_fail_the_red_team() -> None:
    """Every attack that was obeyed is a case, and strangers' fields are told."""
    with weft.use(lm=lm(obedient, "obedient"), cache=None):
        found = weft.gate(free(), ROWS, exact, suites=["red-team"], most=10)
        with pytest.raises(weft.errors.ConfigError, match="Did you mean 'message'"):
            weft.gate(free(), ROWS, exact, suites=["red-team"], fields=["mesage"])

    assert found["red-team"].share == 0.0
    assert len(found["red-team"].cases) == found["red-team"].n == 2 * 9
    assert found["red-team"].cases[0].name.startswith("ignore-previous:m")


def test_a_row_over_its_limit_fails_the_cost_suite() -> None:
    """An unknown price is over every limit in dollars."""
    with weft.use(lm=lm(aware, "aware"), cache=None):
        dear = weft.gate(free(), ROWS, exact, suites=["cost"], each="20 tokens")
        told = weft.gate(free(), ROWS, exact, suites=["cost"])

    assert (dear.passed, dear["cost"].share, told.passed) == (False, 0.0, True)
    assert "tokens of 20" in dear["cost"].cases[0].why
    assert "1,000 calls" in told["cost"].lines[0].said
    with pytest.raises(weft.errors.ConfigError, match="seconds"):
        weft.gate(free(), ROWS, exact, each="3 s")


def test_a_budget_that_ends_leaves_whole_suites_and_no_pass() -> None:
    """What ran stands, and what did not is named."""
    with weft.use(lm=lm(aware, "aware"), cache=None):
        found = weft.gate(free(), ROWS, exact, budget=25)

    assert [suite.name for suite in found.suites] == ["score", "edge"]
    assert found.calls <= 25
    assert not found.passed
    assert found.stopped.startswith("the budget ended before noise, style, red-team")


@pytest.mark.parametrize("suite", ["edge", "noise", "red-team"])
@pytest.mark.parametrize("budget", [3, 9])
def test_what_a_suite_took_is_told_where_the_budget_ended_it(
    budget: int, suite: str
) -> None:
    """Its rows are none of the gate's suites, and were paid for."""
    sent: list[Request] = []

    def counted(request: Request) -> str:
        sent.append(request)
        return aware(request)

    with weft.use(lm=lm(counted, "counted"), cache=None):
        found = weft.gate(free(), ROWS, exact, suites=[suite], budget=budget)

    assert not found.suites
    assert (found.calls, found.rows) == (len(sent), len(sent)) == (budget, budget)


def test_a_server_that_is_down_is_no_failure_and_no_pass() -> None:
    """What nobody could answer is listed beside the share."""

    def busy(request: Request) -> str:
        if "sister" in asked_of(request):
            raise weft.errors.ServerError("down")
        return aware(request)

    quick = weft.RetryPolicy(retries=0)
    with weft.use(lm=lm(busy, "busy"), cache=None, retry=quick):
        found = weft.gate(free(), ROWS, exact, suites=["score"])

        away = weft.gate(free(), ROWS[1:2], exact, suites=["noise"])

    assert not away.passed
    score = found["score"]
    assert (score.share, score.passed, score.verdict) == (1.0, False, "not answered")
    assert score.unanswered[0].startswith("m2: ServerError")


def test_the_same_seed_says_the_same_at_any_concurrency() -> None:
    """Byte for byte."""
    with weft.use(lm=lm(obedient, "obedient"), cache=None):
        one, other = (
            weft.gate(free(), ROWS, exact, concurrency=n, seed=5).to_json()
            for n in (1, 64)
        )

    assert one == other


def test_what_has_nothing_to_run_is_skipped_and_alone_is_no_pass() -> None:
    """Numbers have no noise, and rules of an input are never broken by a suite."""
    short = Annotated[str, Field(max_length=30)]
    signature = "kind: Kind, message: Short -> team"
    bound = weft.Predict(
        signature, name="route", types={"Kind": Literal["a", "b"], "Short": short}
    )
    rows = [{"kind": "a", "message": "my card", "team": "cards"}]
    number = weft.Predict("n: int -> team", name="route")
    with weft.use(lm=lm(aware, "aware"), cache=None):
        found = weft.gate(bound, rows, exact)
        none = weft.gate(
            number, [{"n": 1, "team": "accounts"}], exact, suites=["style"]
        )
        all_of_it = weft.gate(number, [{"n": 1, "team": "accounts"}], exact)

    assert found["red-team"].skipped == "no attack fits the rules of the inputs"
    assert {case.inputs["kind"] for suite in found.suites for case in suite.cases} <= {
        "a"
    }
    assert found["style"].n == 1
    assert (none.passed, none.verdict) == (False, "nothing was tested")
    assert all_of_it.passed
    assert all_of_it["red-team"].skipped.startswith("no input of 'route' holds a text")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"suites": []}, "tests nothing"),
        ({"suites": ["edges"]}, "Did you mean 'edge'"),
        ({"fail_under": {"noises": 0.5}}, "Did you mean 'noise'"),
        ({"fail_under": 2}, "no share"),
        ({"suites": "edge"}, "is a text"),
        ({"most": 0}, "most=0"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(
    options: dict[str, Any], said: str
) -> None:
    """Suites, shares and counts are looked at first."""
    with (
        weft.use(lm=weft.RefusingLM(), cache=None),
        pytest.raises(weft.errors.ConfigError, match=said),
    ):
        weft.gate(free(), ROWS, exact, **options)


PROGRAM = """
import weft
from tests.gates.planted import aware, free, lm
from tests.gates.test_gate import first_word

short = free(lm=lm(aware, "aware"))


@weft.program
def fragile(message: str) -> str:
    _ = first_word(message)
    return short(message=message).team


def right(example, prediction):
    return prediction == example.team
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("shipped.py").write_text(PROGRAM, "utf-8")
    write_rows("rows.jsonl", ROWS)
    return tmp_path


def test_the_command_exits_with_3_and_names_suite_and_case(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """stdout holds the report, stderr the quote and the first case of each failure."""
    words = ["--data", "rows.jsonl", "--metric", "shipped.py:right", "--suite", "edge"]
    code = main(["gate", "shipped.py:fragile", *words, "--html", "gate.html"])
    out, err = capsys.readouterr()

    assert code == 3
    assert "FAILED (edge)" in out
    assert "gate fragile: at most 19 rows" in err
    assert "edge failed: message:empty: StepError" in err
    assert "message:blank" in (folder / "gate.html").read_text("utf-8")
    again = main(["gate", "shipped.py:fragile", *words, "--fail-under", "edge=0.5"])
    assert again == 0
    offer = main(["gate", "shipped.py:fragile", *words, "--quote"])
    assert offer == 0
    assert main(["gate", "shipped.py:fragile", *words, "--fail-under", "x"]) == 2
