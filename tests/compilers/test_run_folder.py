"""The run folder: what a compile finds, as files that say the same as its report."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.every import RECIPES
from tests.compilers.test_conformance_faults import died
from tests.compilers.worlds import Asked, classifier, exact, index, learner, model
from tests.compilers.worlds import planted_rows as planted
from weft import compilers as c
from weft import errors
from weft.compilers.driving import folder as run_folder
from weft.compilers.driving.orders import Order, orders_in, place

ROOT = Path(__file__).parents[2]
ROWS = planted(40)
LATER = ("index.json", "report.html", "review.json", "journal.jsonl", "best.weft.json")
"""Files with clocks in them, or whose order is that of arrival."""


def compiled(folder: Path, lm: Any = None, **options: Any) -> Any:
    given: dict[str, Any] = {"metric": exact, "compiler": c.Auto(), **options}
    with weft.use(lm=lm or model(), cache=None):
        return weft.compile(classifier(), ROWS, run_dir=folder, **given)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_index_says_what_the_report_says(tmp_path: Path) -> None:
    """Candidates in the same order, with the same scores, parents and gains."""
    report = compiled(tmp_path).report
    found = index(tmp_path)

    told = report.describe()["tried"]
    assert [
        {k: v for k, v in line.items() if k != "by"} for line in found["candidates"]
    ][: len(told)] == told
    assert found["best"] == report.winner.id
    assert found["accounts"] == report.describe()["accounts"]
    assert found["state"] == "ended"


@pytest.mark.parametrize("name", ["rows.jsonl", "report.html", "best.weft.json"])
def test_a_folder_of_others_is_not_written_over(name: str, tmp_path: Path) -> None:
    """Such as the one in which the rows stand that are compiled on."""
    theirs = "".join(f"{json.dumps(row)}\n" for row in ROWS)
    (tmp_path / name).write_text(theirs, "utf-8")
    lm = weft.ScriptedLM([])

    with pytest.raises(errors.ConfigError, match=rf"is no run's, and holds {name}"):
        compiled(tmp_path, lm)

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text("utf-8") == theirs
    assert not lm.requests


def test_a_run_may_begin_anew_in_its_own_folder(tmp_path: Path) -> None:
    first = compiled(tmp_path)
    (tmp_path / "journal.jsonl").unlink()

    assert compiled(tmp_path).report.score.mean == first.report.score.mean


def test_the_index_says_what_is_where(tmp_path: Path) -> None:
    """Each file of the folder is one that it names, and each that it names is there."""
    compiled(tmp_path)
    named = {name.replace("ID", "*") for name in index(tmp_path)["files"]}

    there = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    found = {
        name: {str(p.relative_to(tmp_path)) for p in tmp_path.glob(name)}
        for name in named
    }
    assert set().union(*found.values()) == there
    assert {name for name, paths in found.items() if not paths} == {"orders.jsonl"}


def test_every_candidate_has_a_file_that_makes_it(tmp_path: Path) -> None:
    """Its values are all that it changes."""
    result = compiled(tmp_path)
    for line in index(tmp_path)["candidates"]:
        told = json.loads((tmp_path / "candidates" / f"{line['id']}.json").read_text())
        assert {told[name] == line[name] for name in ("id", "origin", "parent", "by")}

    winner = result.report.winner
    told = json.loads((tmp_path / "candidates" / f"{winner.id}.json").read_text())
    assert told["values"].keys() == winner.values.keys()
    assert told["diff"] == result.report.diff().splitlines()


def test_every_cell_has_a_line_once(tmp_path: Path) -> None:
    """With scores that come to the means of the report, where all rows were seen."""
    report = compiled(tmp_path).report
    scores = lines(tmp_path / "scores.jsonl")

    cells = Counter((s["candidate"], s["digest"]) for s in scores)
    assert set(cells.values()) == {1}
    most = max(line.rows for line in report.tried)
    for line in report.tried:
        own = [
            s["score"]
            for s in scores
            if (s["candidate"], s["part"]) == (line.id, "select")
        ]
        assert len(own) == line.rows
        if line.rows == most and line.score is not None:
            assert sum(own) / len(own) == pytest.approx(line.score)


def test_every_open_cell_has_a_trace(tmp_path: Path) -> None:
    """With the prompt that was sent, and the reply that came."""
    compiled(tmp_path)
    cells = {
        (s["candidate"], s["digest"])
        for s in lines(tmp_path / "scores.jsonl")
        if s["part"] != "sealed"
    }

    found = dict[tuple[str, str], Any]()
    for path in (tmp_path / "traces").iterdir():
        found |= {(path.stem, told["digest"]): told for told in lines(path)}
    assert found.keys() == cells
    for told in found.values():
        assert told["prompts"][0]["messages"][0][0] == "system"
        assert "[[ label ]]" in told["prompts"][0]["reply"]


def test_sealed_rows_stay_sealed_until_the_end(tmp_path: Path) -> None:
    """Whoever reads along sees their digests, and no score while a model is asked."""
    seen = list[tuple[str, int]]()

    def reply(request: weft.Request) -> str:
        state = index(tmp_path)["state"]
        scores = lines(tmp_path / "scores.jsonl")
        seen.append((state, sum(s["part"] == "sealed" for s in scores)))
        read = Asked.read(request)
        return read.reply(learner(read))

    report = compiled(tmp_path, weft.FunctionLM(reply, model="planted")).report
    sealed = {row.example.digest for row in report.score.rows}
    rows = lines(tmp_path / "rows.jsonl")

    assert ("verifying", 0) in seen
    assert {count for _, count in seen} == {0}
    assert {row["digest"] for row in rows if row["part"] == "sealed"} == sealed
    assert all(
        {*row} == {"id", "digest", "part"} for row in rows if row["digest"] in sealed
    )
    told = [s for s in lines(tmp_path / "scores.jsonl") if s["digest"] in sealed]
    assert {s["digest"] for s in told} == sealed
    assert not any("feedback" in s for s in told)
    traces = (p.read_text("utf-8") for p in (tmp_path / "traces").iterdir())
    assert not any(digest in text for text in traces for digest in sealed)


def test_a_failed_run_has_shown_no_sealed_score(tmp_path: Path) -> None:
    """What was verified before it failed is nobody's to choose by."""

    def touchy(example: weft.Example, prediction: Any) -> bool:
        if index(tmp_path)["state"] == "verifying":
            raise RuntimeError("not now")
        return bool(prediction.label == example.label)

    with pytest.raises(weft.WeftError):
        compiled(tmp_path, metric=touchy)

    assert index(tmp_path)["state"] == "failed"
    assert {s["part"] for s in lines(tmp_path / "scores.jsonl")} <= {"train", "select"}


def plain_files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in LATER
    }


def test_the_files_have_the_same_bytes_at_any_concurrency(tmp_path: Path) -> None:
    """Those without clocks: rows, candidates, scores and traces."""
    found = list[dict[str, bytes]]()
    for n, slow in ((1, False), (64, True)):
        compiled(tmp_path / f"{n}", model(slow=slow), concurrency=n)
        found.append(plain_files(tmp_path / f"{n}"))

    assert found[0] == found[1]
    assert len(found[0]) > 10


def test_they_are_for_their_owner_alone(tmp_path: Path) -> None:
    """They hold whatever the rows hold."""
    compiled(tmp_path / "run")
    place(tmp_path / "run", Order("hint", text="So."))

    folders = [tmp_path / "run" / name for name in (".", "candidates", "traces")]
    files = [p for p in (tmp_path / "run").rglob("*") if p.is_file()]
    private = [p for p in files if p.name != "best.weft.json"]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}


def test_a_long_text_lacks_its_middle(tmp_path: Path) -> None:
    """A trace shows both ends, and says how much is left out."""
    rows = [{**row, "text": f"{'x' * 50_000} {row['text']}"} for row in ROWS]
    with weft.use(lm=model(), cache=None):
        weft.compile(
            classifier(), rows, metric=exact, compiler=c.APE(), run_dir=tmp_path
        )

    traces = [told for p in (tmp_path / "traces").iterdir() for told in lines(p)]
    asked = [told["prompts"][0]["messages"][-1][1] for told in traces]
    assert asked
    assert all(len(text) < 8_100 for text in asked)
    assert all(text.endswith(tuple("0123456789")) for text in asked)
    assert all("xxx\n[... 42," in text for text in asked)


def test_traces_have_a_bound_and_the_index_counts_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores go on; a disk is not filled with prompts."""
    monkeypatch.setattr(run_folder, "_MOST", 10_000)
    compiled(tmp_path)

    size = sum(p.stat().st_size for p in (tmp_path / "traces").iterdir())
    traced = sum(len(lines(p)) for p in (tmp_path / "traces").iterdir())
    scores = [s for s in lines(tmp_path / "scores.jsonl") if s["part"] != "sealed"]
    assert 0 < size <= 10_000
    assert index(tmp_path)["untraced"] == len(scores) - traced > 0


@pytest.fixture(name="nursery", scope="module")
def _nursery() -> Any:
    words = [sys.executable, "-m", "tests.compilers.nursery"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, cwd=ROOT, text=True, **pipes) as child:  # type: ignore[call-overload]
        yield child
        assert child.stdin is not None
        child.stdin.close()


def test_a_kill_leaves_whole_lines_and_a_whole_index(
    nursery: Any, tmp_path: Path
) -> None:
    """At any instant; and the run that goes on ends with the files of one unkilled."""
    auto = next(r for r in RECIPES if isinstance(r, c.Auto))
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    assert died(nursery, auto, whole) == 0
    rng = random.Random(0)
    for _ in range(8):
        assert died(nursery, auto, torn, rng.randint(1, 9), signal.SIGKILL) < 0
        assert index(torn)["state"] == "running"
        for path in (*torn.glob("[rs]*.jsonl"), *torn.glob("traces/*.jsonl")):
            whole_lines, _, _ = path.read_bytes().rpartition(b"\n")
            assert all(map(json.loads, whole_lines.split(b"\n") if whole_lines else ()))
        for path in torn.glob("candidates/*.json"):
            assert json.loads(path.read_bytes())["id"] == path.stem

    assert died(nursery, auto, torn) == 0
    left = ("asked.log", "made.weft.json")
    first, again = (
        {k: v for k, v in plain_files(folder).items() if k not in left}
        for folder in (whole, torn)
    )
    assert first == again


PLACING = """
import sys
from pathlib import Path
from weft.compilers.driving.orders import Order, place
print("begun", flush=True)
while True:
    place(Path(sys.argv[1]), Order("hint", text="word " * 200))
"""


def test_a_killed_steerer_tears_no_order_but_its_own(tmp_path: Path) -> None:
    """Two of them, killed at random instants; the next order is whole."""
    for number in range(6):
        words = [sys.executable, "-c", PLACING, str(tmp_path)]
        children = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(2)]
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        before = len(orders_in(tmp_path))
        patience = threading.Event()
        while len(orders_in(tmp_path)) < before + 3 + number:
            patience.wait(0.005)
        for child in children:
            child.kill()
            child.wait()
            assert child.stdout is not None
            child.stdout.close()

        last = place(tmp_path, Order("pause"))

        found = orders_in(tmp_path)
        assert found[-1] == last
        assert {order.text for order in found} <= {"word " * 200, ""}
        assert len({order.id for order in found}) == len(found)


def test_without_a_run_dir_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a folder."""
    monkeypatch.chdir(tmp_path)
    with weft.use(lm=model(), cache=None):
        weft.compile(classifier(), ROWS, metric=exact, compiler=c.APE())

    assert list(tmp_path.iterdir()) == []
