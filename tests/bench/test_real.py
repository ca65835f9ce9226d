"""Real models side by side: cells, the counting proxy and the page, with no model."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import BenchError, Row, _data
from bench.real import Choice, measured
from bench.real.arms import ZERO_SHOT, Arm, arm_of
from bench.real.cells import Cell, Kept, Key, Outcome
from bench.real.page import page
from bench.real.proxy import CountingProxy
from bench.real.serving import Model, models_of
from bench.real.tables import Cells, bars
from bench.real.tasks import TASKS
from tests.server import Reply, Server

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

LABELS = ("pending_top_up", "exchange_charge")
USAGE = {
    "prompt_tokens": 50,
    "completion_tokens": 7,
    "total_tokens": 57,
    "prompt_tokens_details": {"cached_tokens": 20},
}


def first_label(body: dict[str, Any]) -> Reply:
    """The first label in the form that is asked for; of itself it says nothing."""
    if not body:
        return Reply(body=b"{}")
    if "response_format" in body:
        return Reply(json.dumps({"label": LABELS[0]}), usage=USAGE)
    return Reply(f"[[ label ]]\n{LABELS[0]}\n[[ /end ]]", usage=USAGE)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(first_label) as running:
        yield running


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four made-up test rows, half of them of each label."""
    lines = [
        {
            "id": f"r{at}",
            "split": "test",
            "inputs": {"text": f"message {at}"},
            "outputs": {"label": LABELS[at % 2]},
        }
        for at in range(4)
    ]
    folder = tmp_path / "data"
    folder.mkdir()
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (folder / "banking10.jsonl").write_text(text, encoding="utf-8")
    monkeypatch.setenv("WEFT_BENCH_DATA", str(folder))
    monkeypatch.setattr(_data, "DATA", folder)


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    asked = urllib.request.Request(url, json.dumps(body).encode())
    with urllib.request.urlopen(asked, timeout=30) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def asked(server: Server) -> int:
    """How many completions the server was asked for."""
    return sum(seen.path.endswith("completions") for seen in server.seen)


def cell(
    arm: str,
    scores: list[float],
    calls: list[int],
    rows: int = 4,
    model: str = "smollm2",
) -> Cell:
    outcomes = [
        Outcome(f"r{at}", score, read=True, calls=many)
        for at, (score, many) in enumerate(zip(scores, calls, strict=True))
    ]
    counts = {
        "calls": sum(calls),
        "refused": 0,
        "input_tokens": 400,
        "cached_tokens": 100,
        "output_tokens": 40,
        "cut": 0,
    }
    key = Key("banking10", model, arm, rows)
    return Cell(key, tuple(outcomes), counts, 2.0, {"date": "2030-01-01"})


# The proxy ----------------------------------------------------------------------------


def test_the_proxy_counts_by_account(server: Server) -> None:
    """Calls, tokens and cached tokens are the server's own; other requests are none."""
    with CountingProxy(server.url) as proxy:
        answer = post(f"{proxy.url('mine')}/chat/completions", {"messages": []})
        post(f"{proxy.url('mine')}/completions", {"prompt": ""})
        post(f"{proxy.url('mine')}/tokenize", {})

        mine, other = proxy.counts("mine"), proxy.counts("other")

    assert answer["usage"] == USAGE
    assert (mine.calls, mine.refused) == (2, 0)
    assert (mine.input_tokens, mine.cached_tokens, mine.output_tokens) == (100, 40, 14)
    assert other.calls == 0
    assert [seen.path for seen in server.seen] == [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/tokenize",
    ]


def test_a_refusal_passes_through_and_is_counted(server: Server) -> None:
    """So is a reply that the token limit cut."""
    server.script(Reply(status=400, body=b"no"), Reply("x", finish_reason="length"))
    with CountingProxy(server.url) as proxy:
        url = f"{proxy.url('mine')}/chat/completions"
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(url, {})
        post(url, {})

        counts = proxy.counts("mine")

    refused.value.close()
    assert refused.value.code == 400
    assert (counts.calls, counts.refused, counts.cut) == (2, 1, 1)


def test_what_passes_is_kept_without_keys(server: Server, tmp_path: Path) -> None:
    """The log holds bodies; headers, where a key would be, are not in it."""
    with CountingProxy(server.url, tmp_path) as proxy:
        post(f"{proxy.url('cell~3')}/chat/completions", {"messages": []})

    line = json.loads((tmp_path / "cell.jsonl").read_text(encoding="utf-8"))
    assert line["asked"] == {"messages": []}
    assert set(line) == {"account", "status", "asked", "answer"}


# Cells --------------------------------------------------------------------------------


@pytest.mark.usefixtures("rows")
def test_a_cell_is_measured_once(server: Server, tmp_path: Path) -> None:
    """A second start asks nothing: the cell is there, with the outcome of each row."""
    path = tmp_path / "cells.jsonl"
    chosen = Choice("banking10", "weft-chat", rows=4)
    model = Model("smollm2", server.url)

    measured(Kept(path), [model], chosen)
    first = asked(server)
    measured(Kept(path), [model], chosen)

    (found,) = Kept(path).found.values()
    assert first == asked(server) == 4
    assert sum(found.scores) == 2
    assert (found.usable, found.counts["calls"]) == (4, 4)
    assert found.counts["input_tokens"] == 4 * USAGE["prompt_tokens"]


@pytest.mark.usefixtures("rows")
def test_a_reply_that_takes_a_second_call_is_not_usable(tmp_path: Path) -> None:
    """The row is answered and scored all the same."""
    vague = [Reply("I would say that this is hard to tell.")]

    def answer(body: dict[str, Any]) -> Reply:
        return vague.pop() if body and vague else first_label(body)

    kept = Kept(tmp_path / "cells.jsonl")
    chosen = Choice("banking10", "weft-chat", rows=4)
    with Server(answer) as server:
        measured(kept, [Model("smollm2", server.url)], chosen)

    (found,) = kept.found.values()
    assert (found.usable, found.counts["calls"]) == (3, 5)
    assert all(outcome.read for outcome in found.outcomes)


@pytest.mark.usefixtures("rows")
def test_a_killed_run_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    """What is whole on disk is not asked again; a torn line is no cell."""
    path = tmp_path / "cells.jsonl"
    Kept(path).add(cell("weft-chat", [1.0] * 4, [1] * 4))
    whole = path.read_text(encoding="utf-8")
    path.write_text(f"{whole}{whole[:90]}", encoding="utf-8")

    chosen = Choice("banking10", "weft-chat,weft-json", rows=4)
    measured(Kept(path), [Model("smollm2", server.url)], chosen)

    found = Kept(path).found
    assert [key.arm for key in found] == ["weft-chat", "weft-json"]
    assert found[Key("banking10", "smollm2", "weft-chat", 4)].scores == [1.0] * 4
    assert "response_format" in server.seen[-1].body
    assert asked(server) == 4


def test_dropped_cells_are_measured_anew(tmp_path: Path) -> None:
    """The others stay, on disk too."""
    path = tmp_path / "cells.jsonl"
    kept = Kept(path)
    for arm in ("weft", "dspy"):
        kept.add(cell(arm, [1.0] * 4, [1] * 4))

    chosen = Choice("banking10", "weft", rows=4)
    measured(Kept(path), [Model("smollm2", "http://unused")], chosen, drop=True)

    assert [key.arm for key in Kept(path).found] == ["dspy"]


# Tables and the page ------------------------------------------------------------------


def test_arms_are_compared_row_by_row() -> None:
    """Usable replies, calls, tokens, the cache's share, and a paired difference."""
    mine = cell("weft", [1, 1, 1, 0], [1, 1, 1, 2])
    theirs = cell("dspy", [0, 0, 1, 0], [2, 2, 1, 2])
    cells = Cells({one.key: one for one in (mine, theirs)}, rows=4)

    ours, other = cells.lines("smollm2", "banking10")

    assert ours[:6] == ("weft", "3 of 4", "1.25", "100", "10", "25%")
    assert ours[6].startswith("75.0 [")
    assert ours[7].startswith("+50.0 [")
    assert other[0] == "dspy"
    assert other[7] == ""


def test_the_page_says_what_fell_short() -> None:
    """A missed bar stands there with its figure; what was not measured is not there."""
    mine = cell("weft", [1, 1, 1, 0], [1, 1, 1, 2])
    theirs = cell("dspy", [0, 0, 1, 0], [1, 1, 1, 1])
    cells = {one.key: one for one in (mine, theirs)}

    text = page(cells, rows=4, compiled_rows=100)

    assert "- smollm2, weft, 1 tasks: usable: 0.75 (promised: >= 0.97)" in text
    assert "- smollm2, banking10: usable, weft: 0.75, DSPy 1.00" in text
    assert "| weft | 3 of 4 | 1.25 |" in text
    assert "## After compiling" in text
    assert "Not measured yet." in text
    assert "gemma" not in text


def test_bars_are_held_against_what_was_measured() -> None:
    """An arm without cells has no bar."""
    mine = cell("weft-noschema", [1, 1, 1, 1], [1, 1, 1, 1])

    (only,) = bars(Cells({mine.key: mine}, rows=4), "smollm2")

    assert "schema switched off" in only.what
    assert only.ok


def test_a_form_without_a_schema_is_held_against_forms_without_one() -> None:
    """The best of those; what a server enforces, or rows show, is no such form."""
    rows = {
        "weft": 4,  # a schema is enforced
        "weft-noschema": 2,
        "weft-json-noschema": 2,
        "weft-completion-4demos": 4,
        "dspy-schema": 4,
    }

    def held(**others: int) -> Row:
        found = [
            cell(arm, [1, 1, 1, 1], [1] * good + [2] * (4 - good), model="gemma")
            for arm, good in {**rows, **others}.items()
        ]
        made = bars(Cells({one.key: one for one in found}, rows=4), "gemma")
        (only,) = [bar for bar in made if "switched off" in bar.what]
        return only

    assert held().ok
    assert not held(**{"weft-chat-noschema": 3}).ok
    assert not held(dspy=3).ok


def test_seeds_of_a_compile_are_means_of_rows() -> None:
    """Three seeds on the same rows are no more rows."""
    found = {}
    for seed, scores in enumerate(([1, 0, 1, 0], [1, 1, 1, 0])):
        for arm in ("weft-Auto", "dspy-BootstrapFewShotWithRandomSearch"):
            one = cell(arm, [float(s) for s in scores], [1] * 4, rows=4)
            key = Key("banking10", "smollm2", arm, 4, seed)
            spent = {**one.counts, "seconds": 3.0}
            found[key] = Cell(key, one.outcomes, one.counts, 1.0, {}, spent)

    ours, _ = Cells(found, rows=4).compile_lines("smollm2", "banking10")

    assert ours[:3] == ("weft Auto", "2", "4")
    assert ours[5].startswith("62.5 [")
    assert ours[7].startswith("+0.0 [")


# Names --------------------------------------------------------------------------------


def test_arms_and_models_are_named() -> None:
    """Whatever word is no option is a form; a wrong side is an error that says so."""
    assert arm_of("weft-chat/2-cot") == Arm("weft", "chat/2", thinks=True)
    assert arm_of("weft-noschema") == Arm("weft", schema=False)
    assert {arm_of(name).side for name in ZERO_SHOT} == {"weft", "dspy"}
    with pytest.raises(BenchError, match="begins with weft or dspy"):
        arm_of("plain")
    with pytest.raises(BenchError, match="NAME=URL"):
        models_of("smollm2")


def test_scores_are_shares() -> None:
    """Slots and reports get part of the score for part of the answer."""
    slots = {"date": "Friday", "first_name": None, "last_name": None}
    wanted = {"slots": {**slots, "people": "two", "time": None}}
    some = {"slots": {**slots, "date": " friday", "people": None, "time": None}}
    report = {"urgency": "low", "sentiment": "neutral", "categories": ["a", "b"]}
    half = {"report": {**report, "sentiment": "positive", "categories": ["a"]}}

    extraction, support = TASKS["restaurant8k"], TASKS["facility_support"]

    assert extraction.score(wanted, wanted) == 1
    assert extraction.score(wanted, some) == pytest.approx(2 / 3)
    assert support.score({"report": report}, half) == pytest.approx((1 + 2 / 3) / 3)
