"""The review page in a real browser: keys, clicks, and a server that is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests import webdriver
from tests.compilers.worlds import WORDS, classifier, exact, model, planted_rows
from tests.webdriver import DOWN, ESCAPE, Browser
from weft.compilers import Feedback
from weft.review.sheet import read_sheet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(webdriver.missing()), reason=webdriver.missing() or "-"),
]
EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with webdriver.browser() as opened:
        yield opened


@contextlib.contextmanager
def reviewing(file: Path) -> Iterator[tuple[int, str]]:
    """`weft review` as a process: its id and its address."""
    words = [sys.executable, "-m", "weft", "review", str(file), "--quiet"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.pid, process.stdout.readline().strip()
        finally:
            process.kill()


def evaluation(folder: Path, rows: list[dict[str, Any]]) -> Path:
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        found = weft.evaluate(classifier(), rows, exact)
    path = folder / "eval.json"
    path.write_text(found.to_json(prompts=True), "utf-8")
    return path


def remarked(file: Path) -> dict[str, dict[str, Any]]:
    out = file.with_name("eval.feedback.jsonl")
    text = out.read_text("utf-8") if out.exists() else ""
    return {line["id"]: line for line in map(json.loads, text.splitlines())}


def opened(window: Browser, url: str) -> None:
    window.go("about:blank")
    window.go(url)
    window.until(lambda: window.run("return !!document.querySelector('#inputs dd')"))


def saved(window: Browser) -> None:
    waiting = "return state.sending || Object.keys(state.waiting).length"
    window.until(lambda: not window.run(waiting))


def note(window: Browser, text: str) -> None:
    window.press("c", *text, ESCAPE)


def test_thirty_keys_and_clicks_and_a_kill(window: Browser, tmp_path: Path) -> None:
    """All that was said is there after a kill -9 and a reload, and compiles."""
    file = evaluation(tmp_path, planted_rows(60))
    keys = [row.key for row in read_sheet(file).rows]

    with reviewing(file) as (pid, url):
        opened(window, url)
        window.press("1", "j", "0", "j", "1", DOWN, "0", "k", "x", "u")
        note(window, "blick = K0")
        window.press("j", "e", "X", ESCAPE, "j", "a", "1", "j", "0", "u", "n")
        window.click("#right")
        window.click(".item:nth-child(8)")
        window.click("#wrong")
        note(window, "norp = K1")
        saved(window)
        before = remarked(file)
        os.kill(pid, signal.SIGKILL)

        window.press("j", "1")
        note(window, "tavi = K2")
        window.until(lambda: "not saved yet" in window.text("#saved"))
    with reviewing(file) as (_, again):
        saved(window)
        window.reload()
        window.until(lambda: window.run("return Object.keys(state.marks).length"))
        seen = window.run("return state.marks")

        assert again == url

    found = remarked(file)
    assert {keys[int(at)] for at in seen} == set(found)
    for at, mark in seen.items():
        line = found[keys[int(at)]]
        assert mark["score"] == line.get("score")
        assert mark["note"] == line["note"]
    scores = [found.get(key, {}).get("score") for key in keys[:9]]
    assert scores == [1, 0, 1, 0, 1, None, 1, 0, 1]
    assert before.items() <= found.items()
    assert found[keys[3]]["outputs"] == {"label": "K3X"}
    assert found[keys[4]]["outputs"] == {"label": "K9"}
    assert [found[keys[at]]["note"] for at in (2, 7, 8)] == [
        "blick = K0",
        "norp = K1",
        "tavi = K2",
    ]
    assert not [
        line for line in window.log() if "Refused" in line or "TypeError" in line
    ]
    compiled_with(file.with_name("eval.feedback.jsonl"))


def compiled_with(notes: Path) -> None:
    """What was written makes the program better."""
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        made = weft.compile(
            classifier(),
            planted_rows(90),
            metric=exact,
            compiler=Feedback(path=notes, written=False),
        )

    instruction = made.program.instruction
    assert made.improved
    assert all(f"{word} = K{n}" in instruction for n, word in enumerate(WORDS[:3]))


def test_a_reload_without_a_server_keeps_what_was_typed(
    window: Browser, tmp_path: Path
) -> None:
    """The browser holds it until the server is there again."""
    file = evaluation(tmp_path, planted_rows(12))
    key = read_sheet(file).rows[0].key
    with reviewing(file) as (pid, url):
        opened(window, url)
        os.kill(pid, signal.SIGKILL)
        note(window, "said to nobody")
        window.until(lambda: "not saved yet" in window.text("#saved"))
        window.go("about:blank")

    with reviewing(file) as (_, url):
        opened(window, url)
        saved(window)

    assert remarked(file)[key]["note"] == "said to nobody"


def test_ten_thousand_rows_stay_quick(window: Browser, tmp_path: Path) -> None:
    """Few items are in the page; the last row is a key away, a search finds any."""
    rows = planted_rows(10_000)
    data = {
        "program": "big",
        "rows": [
            {"id": f"r{n}", "inputs": {"text": row["text"]}, "labels": {}, "score": 0}
            for n, row in enumerate(rows)
        ],
    }
    file = tmp_path / "eval.json"
    file.write_text(json.dumps(data), "utf-8")

    with reviewing(file) as (_, url):
        opened(window, url)
        window.press("G", "1")
        assert window.text("#key") == "r9999"
        assert window.run("return document.querySelectorAll('.item').length") < 60
        window.press("/", *"0.4321", ESCAPE)
        window.until(lambda: window.text("#count") == "1 of 10000 rows")
        window.until(lambda: window.text("#key") == "r4321")
        window.press("0")
        saved(window)

    assert {key: line["score"] for key, line in remarked(file).items()} == {
        "r9999": 1,
        "r4321": 0,
    }


def test_hostile_rows_are_only_text(window: Browser, tmp_path: Path) -> None:
    """Tags in ids, inputs, answers, prompts, replies, names and remarks."""
    call = {"path": EVIL, "model": EVIL, "messages": [[EVIL, EVIL]], "reply": EVIL}
    row = {
        "id": EVIL,
        "inputs": {EVIL: EVIL, "deep": {"a": [EVIL]}},
        "labels": {EVIL: EVIL, "n": {"k": None}},
        "prediction": {EVIL: EVIL},
        "score": 0.5,
        "feedback": EVIL,
        "prompts": [call, {**call, "path": "two"}],
    }
    data = {"program": EVIL, "metric": EVIL, "mean": 0.5, "rows": [row]}
    file = tmp_path / "eval.json"
    file.write_text(json.dumps(data), "utf-8")

    with reviewing(file) as (_, url):
        opened(window, url)
        note(window, EVIL)
        window.press("a", "s", *"0.25", ESCAPE)
        saved(window)
        window.reload()
        window.until(lambda: window.run("return !!document.querySelector('.call')"))
        tags = window.run(
            "return document.querySelectorAll('main img, main script, "
            "nav img, nav script, header img').length"
        )

    assert tags == 0
    assert window.run("return window.hacked === undefined")
    line = remarked(file)[EVIL]
    assert (line["note"], line["score"]) == (EVIL, 0.25)
    assert line["outputs"] == {EVIL: EVIL, "n": {"k": None}}


def test_blind_picks_by_keys_and_clicks(window: Browser, tmp_path: Path) -> None:
    """Names come with the last row alone, and a reload finds what was picked."""
    files: list[str] = []
    for name in ("new", "old"):
        with weft.use(lm=model(), cache=weft.MemoryCache()):
            found = weft.evaluate(classifier(), planted_rows(4), exact)
        path = tmp_path / f"{name}.eval.json"
        path.write_text(found.to_json(prompts=True), "utf-8")
        files.append(str(path))
    words = [sys.executable, "-m", "weft", "blind", *files, "--quiet"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            window.go("about:blank")
            window.go(url)
            judged = "return state.rows.filter(([, c]) => c !== null).length"
            window.until(
                lambda: window.run("return !!document.querySelector('#pick-A')")
            )
            window.press("a")
            window.until(lambda: window.run(judged) == 1)
            window.click("#tie")
            window.until(lambda: window.run(judged) == 2)
            hidden = window.run("return document.body.textContent")
            window.reload()
            window.until(lambda: window.run("return state.row !== null"))
            window.press("b")
            window.until(lambda: window.run(judged) == 3)
            window.press("a")
            window.until(lambda: "new won" in window.text("#told"))
        finally:
            process.kill()

    assert "new" not in hidden
    kept = (tmp_path / "blind.jsonl").read_text("utf-8").splitlines()
    assert len(kept) == 4
    assert [json.loads(line)["choice"] for line in kept] == ["A", "tie", "B", "A"]
