"""Blind scoring: whose answer is picked comes out at the end, and nothing is lost."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.gates.planted import ROWS, aware, exact, free, lm
from tests.test_review import TOKEN, ask
from weft.cli import main
from weft.errors import ConfigError, DataError
from weft.pipeline.lm.request import Request
from weft.review.blind import BlindDesk, BlindTest
from weft.review.server import ReviewServer
from weft.review.sheet import Sheet, read_sheet


def stale(request: Request) -> str:
    """Always the same, and nothing that a name would be told from."""
    del request
    return "[[ team ]]\nyesterday"


def sheets(folder: Path) -> dict[str, Sheet]:
    """Two systems on six rows: one routes, the other says what it is."""
    found: dict[str, Sheet] = {}
    answers = {"new": aware, "old": stale}
    for name, answer in answers.items():
        with weft.use(lm=lm(answer, name), cache=None):
            evaluation = weft.evaluate(free(), ROWS, exact)
        path = folder / f"{name}.eval.json"
        path.write_text(evaluation.to_json(prompts=True), "utf-8")
        found[name] = read_sheet(path)
    return found


@pytest.fixture
def test(tmp_path: Path) -> BlindTest:
    return BlindTest(sheets(tmp_path), tmp_path / "blind.jsonl")


def letter_of(test: BlindTest, key: str, system: str) -> str:
    return "AB"[test.order(key).index(system)]


def test_the_order_is_drawn_and_names_come_out_at_the_end(test: BlindTest) -> None:
    """Both orders occur; no name is in what is shown; the sign test is exact."""
    orders = {tuple(test.order(key)) for key in test.keys}
    shown = json.dumps([test.shown(key) for key in test.keys])
    for key in test.keys[:5]:
        test.choose(key, letter_of(test, key, "new"))
    early = json.dumps(test.describe()) + str(test)
    test.choose(test.keys[5], "tie")

    assert orders == {("new", "old"), ("old", "new")}
    assert '"new"' not in shown + early
    assert "marmalade" not in shown  # nor is any prompt
    (duel,) = test.duels()
    assert (duel.wins, duel.losses, duel.p, test.ties) == (5, 0, 0.0625, 1)
    assert duel.rate == 1.0
    assert duel.interval.low > 0.5
    assert "new won 5 of 5 against old" in str(test)


def test_what_was_picked_is_kept_and_means_the_same_later(
    test: BlindTest, tmp_path: Path
) -> None:
    """A new process goes on; other systems, rows or seeds are refused."""
    test.choose("m1", "B")
    test.choose("m2", "A")
    test.choose("m2", None)
    both = sheets(tmp_path)
    again = BlindTest(both, test.path)

    assert again.choices == {"m1": "B"}
    assert again.order("m1") == test.order("m1")
    with pytest.raises(ValueError, match="no answer"):
        again.choose("m1", "C")
    with pytest.raises(ConfigError, match="Write --seed 0"):
        BlindTest(both, test.path, seed=1)
    with pytest.raises(ConfigError, match="other systems"):
        BlindTest({"other": both["new"], "old": both["old"]}, test.path)
    with pytest.raises(DataError, match="1 system cannot"):
        BlindTest({"new": both["new"]}, tmp_path / "x.jsonl")
    test.path.write_text("[]\n", "utf-8")
    with pytest.raises(ConfigError, match="line 1, is no choice"):
        BlindTest(both, test.path)


def test_three_systems_are_compared_pair_by_pair(tmp_path: Path) -> None:
    """Only rows where one of the two was picked count; three letters are shown."""
    both = sheets(tmp_path)
    test = BlindTest({**both, "third": both["old"]}, tmp_path / "three.jsonl")
    for key, system in zip(
        test.keys, ["new"] * 3 + ["old"] * 2 + ["third"], strict=True
    ):
        test.choose(key, "ABC"[test.order(key).index(system)])

    assert len(test.shown("m1")["answers"]) == 3
    assert [(d.first, d.second, d.wins, d.losses) for d in test.duels()] == [
        ("new", "old", 3, 2),
        ("new", "third", 3, 1),
        ("old", "third", 2, 1),
    ]


def test_the_server_keeps_each_choice_before_it_answers(test: BlindTest) -> None:
    """The same guard as the review page; a stale row is refused, names are hidden."""
    with ReviewServer(BlindDesk(test), TOKEN) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        at = f"/{TOKEN}/"
        page = ask(server.port, at)
        rows = ask(server.port, f"{at}api/list").data["rows"]
        kept = ask(server.port, f"{at}api/row/0", {"key": "m1", "choice": "A"})
        stale = ask(server.port, f"{at}api/row/0", {"key": "m2", "choice": "A"})
        wrong = ask(server.port, f"{at}api/row/0", {"key": "m1", "choice": "Z"})
        early = ask(server.port, f"{at}api/result")
        missing = ask(server.port, f"{at}api/row/99")
        strange = ask(server.port, "/other/api/list")
        server.shutdown()
        thread.join()

    assert b"blind.js" in page.body
    assert rows[0] == ["m1", None]
    assert kept.data == {"choice": "A", "left": 5}
    assert [stale.status, wrong.status, missing.status, strange.status] == [
        *(409, 422, 404, 403)
    ]
    assert "duels" not in early.data
    assert '"choice": "A"' in test.path.read_text("utf-8").replace('":"', '": "')


def of_rows(*rows: dict[str, Any], folder: Path) -> dict[str, Sheet]:
    """Two systems that answered the same."""
    data = {"program": "p", "metric": "m", "mean": 0.0, "rows": [*rows]}
    path = folder / "same.eval.json"
    path.write_text(json.dumps(data), "utf-8")
    return {"new": read_sheet(path), "old": read_sheet(path)}


def test_ids_of_any_characters_keep_their_choices(tmp_path: Path) -> None:
    """Line ends of Unicode, half a character, and an id that looks like a number."""
    ids = ["a\u2028b", "c\x85d", "e\nf", "\ud800", "x", "x#2", "x"]
    rows = [{"id": name, "inputs": {"q": at}} for at, name in enumerate(ids)]
    out = tmp_path / "blind.jsonl"
    made = BlindTest(of_rows(*rows, folder=tmp_path), out)
    desk = BlindDesk(made)
    for at, key in enumerate(made.keys):
        assert desk.get(f"api/row/{at}", "").status == 200
        made.choose(key, "A")

    again = BlindTest(of_rows(*rows, folder=tmp_path), out)
    assert len(made.keys) == len(ids)
    assert again.choices == dict.fromkeys(made.keys, "A")


def test_an_empty_line_is_no_choice_and_no_damage(
    test: BlindTest, tmp_path: Path
) -> None:
    test.choose(test.keys[0], "B")
    test.path.write_text(f"\n{test.path.read_text('utf-8')}\n\n", "utf-8")

    assert BlindTest(sheets(tmp_path), test.path).choices == {test.keys[0]: "B"}


def test_rows_that_one_system_lacks_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ReviewServer, "serve_forever", lambda self: None)
    for name, ids in {"new": "abc", "old": "bcd"}.items():
        rows = [{"id": one, "inputs": {"q": one}} for one in ids]
        path = tmp_path / f"{name}.eval.json"
        path.write_text(json.dumps({"rows": rows}), "utf-8")

    code = main(["blind", *(str(tmp_path / f"{n}.eval.json") for n in ("new", "old"))])

    assert code == 0
    assert "2 rows not in every evaluation, and left out" in capsys.readouterr().err


def test_a_change_that_names_no_choice_takes_none_back(test: BlindTest) -> None:
    """Null does; what says nothing is refused."""
    key = test.keys[0]
    desk = BlindDesk(test)
    test.choose(key, "A")

    silent = desk.post("api/row/0", json.dumps({"key": key}).encode())
    kept = test.choices.get(key)
    desk.post("api/row/0", json.dumps({"key": key, "choice": None}).encode())

    assert (silent.status, kept) == (422, "A")
    assert not test.choices
