"""Answers looked at: whether they agree, beside others, and on inputs like no row."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BeforeValidator, PlainSerializer

import weft
from tests.cli_folder import working_folder, write_rows
from tests.compilers.worlds import real_rows
from tests.gates.planted import ROWS, asked_of, aware, choosing, exact, free, lm
from weft.cli import main
from weft.pipeline.lm.request import Request
from weft.pipeline.measure.stats import wilson
from weft.pipeline.trace import Call, NodeRun, Trace

folder = pytest.fixture(working_folder)


def moody(request: Request) -> str:
    """Says of cards what its seed says, and of anything else the same."""
    if "card" not in asked_of(request).lower():
        return aware(request)
    seed = int(str(request.sampling.get("seed", 0)))
    return "[[ team ]]\n" + ("cards", "transfers", "Cards ", "???")[seed % 4]


# Agreement ----------------------------------------------------------------------------


def test_real_samples_are_drawn_and_unstable_rows_named() -> None:
    """Seeds differ, temperature is 1, and a vote's rules say what is the same."""
    model = lm(moody, "moody")
    with weft.use(lm=model, cache=None):
        found = weft.agreement(free(), ROWS, repeats=4)

    drawn = {(r.sampling["seed"], r.sampling["temperature"]) for r in model.requests}
    assert drawn == {(n, 1.0) for n in range(4)}
    assert found.share == 4 / 6
    assert found.interval == wilson(4, 6)
    assert [row.row for row in found.unstable] == ["m1", "m4"]
    assert [n for _, n in found.unstable[0].answers] == [2, 1, 1]
    assert found.unstable[0].entropy == 1.5
    assert found.entropy == 0.5
    assert "m1: 2 x cards, 1 x transfers, 1 x ??? (1.50 bits)" in str(found)
    assert json.loads(found.to_json())["rows"][1]["stable"] is True


def test_no_usable_answer_agrees_with_nobody_and_a_cold_model_is_told() -> None:
    """Two failures are two answers; at temperature 0 the sameness is no finding."""
    with weft.use(lm=lm(moody, "moody"), cache=None):
        broken = weft.agreement(choosing().with_(repairs=0), ROWS[:1], repeats=4)
        with pytest.raises(weft.errors.ConfigError, match="compares nothing"):
            weft.agreement(free(), ROWS, repeats=1)
    cool = lm(aware, "cool")
    with weft.use(lm=cool, cache=None):
        cold = weft.agreement(free(temperature=0.0), ROWS[:1], repeats=3)

    assert [r.sampling["temperature"] for r in cool.requests] == [0.0] * 3
    assert len(broken.rows[0].failed) == 1
    assert "no usable answer" in str(broken)
    assert cold.share == 1.0
    assert "same replies 3 times" in str(cold)


# Side by side -------------------------------------------------------------------------


def test_prompts_stand_side_by_side_with_what_each_was_sent(folder: Path) -> None:
    """Every cell has its prompt, reply, tokens and score; the page holds no script."""
    evil = '<script>alert("x")</script>'
    rows = [*ROWS[:2], {"id": "m9", "message": evil, "team": "accounts"}]
    columns = {"long": free(), "short": free().with_(instruction="Route.")}
    with weft.use(lm=lm(aware, "aware"), cache=None):
        found = weft.side_by_side(columns, rows, exact)

    cells = found.describe()["rows"][0]["cells"]
    assert [cell["output"] for cell in cells] == [{"team": "cards"}] * 2
    sent = [cell["prompts"][0]["messages"][0][1] for cell in cells]
    assert sent[0].endswith("marmalade.")
    assert sent[1].endswith("Your task:\nRoute.")
    assert cells[0]["tokens"] > cells[1]["tokens"]
    assert found.describe()["columns"][0]["mean"] == 1.0
    page = found.to_html()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "  short  cards  1" in str(found)


def test_a_column_is_named_once_and_fits_the_rows() -> None:
    """What cannot stand in a table is said before anything is asked."""
    with weft.use(lm=weft.RefusingLM(), cache=None):
        with pytest.raises(weft.errors.ConfigError, match="named 'route'"):
            weft.side_by_side([free(), free()], ROWS)
        with pytest.raises(weft.errors.DataError, match=r"the column 'b': .*'text'"):
            weft.side_by_side({"a": free(), "b": weft.Predict("text -> x")}, ROWS)
        with pytest.raises(weft.errors.ConfigError, match="stands beside nothing"):
            weft.side_by_side(free(), ROWS)


def test_try_sets_instructions_beside_a_program(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each instruction is a column; --html has the prompts."""
    words = ["--data", "rows.jsonl", "--instruction", "Say a team.", "--html", "t.html"]
    code = main(["try", "mine.py:sort", *words, "--json"])

    data = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [c["name"] for c in data["columns"]] == ["mine.py:sort", "Say a team."]
    assert "Say a team." in Path("t.html").read_text("utf-8")
    assert (
        main(["try", "mine.py:loud", "--data", "rows.jsonl", "--instruction", "x"]) == 2
    )


# Novelty ------------------------------------------------------------------------------


def test_an_input_like_no_row_is_noted_in_trace_and_log(tmp_path: Path) -> None:
    """Nothing is blocked; the fact is in the node, in `info` and in the log."""
    said = ["my card was stolen", "a transfer is late", "close my account", "new pin"]
    rows = [{"message": f"{text}, {n} days ago"} for text in said for n in range(5)]
    known, log = weft.Novelty(rows, ["message"]), tmp_path / "runs.jsonl"
    with weft.use(lm=lm(aware, "aware"), cache=None, hooks=[known], trace_log=log):
        usual = free().run(message="my card was stolen, 9 days ago")
        odd = free().run(message="Zwei Pizzen ohne Käse, bitte!")
        called = free()(message="Zwei Pizzen ohne Käse, bitte!")

    (fact,) = [node.facts["unlike_rows"] for node in odd.trace.nodes]
    assert usual.trace.nodes[0].facts == {}
    assert 0 <= fact["likeness"] < fact["threshold"] == pytest.approx(known.threshold)
    assert weft.info(called).facts["unlike_rows"] == fact
    logged = [run.trace.nodes[0].facts for run in weft.read_traces(log)]
    assert logged == [{}, {"unlike_rows": fact}, {"unlike_rows": fact}]
    assert odd.value.team == "accounts"


def test_the_rows_themselves_are_seldom_novel() -> None:
    """The threshold is what the rows say of each other; an empty input is novel."""
    rows = real_rows("banking10")
    known = weft.Novelty(rows["train"], ["text"], quantile=0.05)
    flagged = [known.check({"text": row["text"]}) is not None for row in rows["test"]]
    other = real_rows("chatbot_ko")["test"]
    foreign = [known.check({"text": row["text"]}) is not None for row in other[:50]]

    assert sum(flagged) / len(flagged) < 0.1
    assert all(foreign)
    assert known.check({"text": ""}) is not None
    assert known.check({"other": "x"}) is None


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([{"message": "a"}] * 3, {}, "10 or more"),
        (ROWS * 2, {"quantile": 1.5}, "quantile"),
        (ROWS * 2, {"inputs": "message"}, "names no inputs"),
    ],
)
def test_novelty_needs_rows_and_a_share(rows: Any, options: Any, said: str) -> None:
    """Few rows say nothing of what is usual."""
    rows = [{k: v for k, v in row.items() if k != "id"} for row in rows]
    with pytest.raises(weft.errors.WeftError, match=said):
        weft.Novelty(rows, options.pop("inputs", ["message"]), **options)


def test_a_hook_may_note_facts_and_others_change_nothing() -> None:
    """Only a dict is noted; a hook that gives anything else is heard as before."""
    seen: list[NodeRun] = []

    def note(run: NodeRun) -> dict[str, int]:
        return {"length": len(run.inputs["message"])}

    def hear(run: NodeRun) -> int:
        seen.append(run)
        return len(seen)

    hooks = [note, hear]
    with weft.use(lm=lm(aware, "aware"), cache=None, hooks=hooks):
        run = free().run(message="my card")

    assert run.trace.nodes[0].facts == {"length": 7}
    assert len(seen) == 1
    assert seen[0].facts == {"length": 7}


# By hand ------------------------------------------------------------------------------


def test_a_person_takes_the_evaluation(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels are not shown, a slip is asked for again, and the end ends it."""
    write_rows(
        "rows.jsonl",
        [
            {**row, "message": f"{row['message']} ({row['id']})"}
            for row in [
                {"id": "a", "message": "chip", "team": "cards"},
                {"id": "b", "message": "crash", "team": "app"},
                {"id": "c", "message": "odd", "team": "app"},
                {"id": "d", "message": "late", "team": "app"},
            ]
        ],
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO("cards\nbirds\ncards\n/skip\n"))
    words = ["--data", "rows.jsonl", "--metric", "exact:team", "--save", "me.eval.json"]
    code = main(["take-eval", "mine.py:plain", *words])

    out, err = capsys.readouterr()
    assert code == 0
    assert "plain by hand: exact(team) 50.0" in out
    assert "on 2 rows" in out
    assert "row 2 of 4\nmessage: crash (b)\nteam (" in err
    assert err.count("team (") == 5
    assert "2 rows not answered" in err
    assert "app" not in err.partition("row 1 of 4")[2].partition("team (")[0]
    saved = json.loads(Path("me.eval.json").read_text("utf-8"))
    assert [row["id"] for row in saved["rows"]] == ["a", "b"]


def test_typed_values_are_the_programs_own_and_none_is_an_error() -> None:
    """A bare value, a number, and nobody who answers."""
    counter = weft.Predict("message -> count: int", name="counter")

    @weft.program
    def count(message: str) -> int:
        return counter(message=message).count

    rows = [{"message": "two ships", "count": 2}, {"message": "no ship", "count": 0}]
    said = iter(["2", "none", "1"])
    found = weft.take_eval(
        count, rows, lambda e, p: p == e.count, ask=lambda _: next(said)
    )

    def gone(shown: str) -> str:
        raise EOFError

    assert [row.prediction for row in found.rows] == [2, 1]
    assert found.mean == 0.5
    with pytest.raises(weft.errors.DataError, match="no row was answered"):
        weft.take_eval(count, rows, lambda e, p: 1.0, ask=gone)


# Types that say how they are shown ----------------------------------------------------


def _map(cells: Any) -> Any:
    """A grid as an ASCII map; a text is one already."""
    if isinstance(cells, str):
        return cells
    return "\n".join("".join(".#"[cell] for cell in row) for row in cells)


def test_a_type_says_how_it_is_shown() -> None:
    """A validator draws a grid as the text that is sent; a serializer as JSON text."""
    drawn = Annotated[str, BeforeValidator(_map)]
    written = Annotated[list[list[int]], PlainSerializer(_map, return_type=str)]
    cells = [[0, 1, 0], [1, 1, 1]]
    for kind, shown in ((drawn, ".#.\n###"), (written, '".#.\\n###"')):
        module = weft.Predict("grid: Grid -> walls: int", types={"Grid": kind})
        text = module.prompt(grid=cells).messages[-1].content
        assert text == f"[[ grid ]]\n{shown}"


def test_the_critical_path_is_what_the_run_waited_for() -> None:
    """Of five nodes three are waited for; tokens and dollars sum over all."""

    def node(path: str, order: int, started: float, seconds: float) -> NodeRun:
        usage = weft.Usage(10 * order, order)
        call = Call((), "", "m", usage, 0.25, cached=False, seconds=seconds, key="k")
        return NodeRun(
            path, "module", {}, {}, (call,), (), seconds, "", (order,), started=started
        )

    trace = Trace(
        (
            node("query", 1, 0.0, 1.0),
            node("search", 2, 1.0, 4.0),
            node("facts", 3, 1.0, 2.0),
            node("style", 4, 0.0, 4.5),
            node("answer", 5, 5.0, 1.0),
        )
    )

    assert [run.path for run in trace.critical_path] == ["query", "search", "answer"]
    assert (trace.usage.input_tokens, trace.usage.output_tokens) == (150, 15)
    assert trace.cost == 1.25
    assert Trace(()).critical_path == ()
