"""Feedback on single modules: named by path, checked, kept, and shown to writers."""

from __future__ import annotations

import asyncio
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import under_way
from weft import compilers
from weft.compilers.propose.evidence import case_of
from weft.errors import MetricError
from weft.review.sheet import read_sheet

ROWS = [{"text": f"say it {n}", "label": "right"} for n in range(24)]
NOTED = "the gist lacks the year"


def stages() -> Any:
    """Two modules in a row, of which the first is called in a program of its own."""
    note = weft.Predict("text -> gist", "Shorten it.", name="note")
    say = weft.Predict("gist -> label", "Give the label.", name="say")

    @weft.program
    def inner(text: str) -> str:
        return note(text=text).gist

    @weft.program
    def outer(text: str) -> str:
        return say(gist=inner(text=text)).label

    return outer


def model() -> weft.FunctionLM:
    """Answers every call of the stages, and of a writer, with the same words."""

    def reply(request: weft.Request) -> str:
        system = request.messages[0].content
        names = [n for n in ("gist", "label", "old", "new") if f"[[ {n}" in system]
        names = names or ["instruction"]
        end = "[[ /end ]]"
        return "\n".join([*(f"[[ {name} ]]\nwrong" for name in names), end])

    return weft.FunctionLM(reply, model="same")


def told(path: str) -> Any:
    """A metric that finds fault with one module."""

    def metric(example: weft.Example, prediction: Any) -> weft.Score:
        return weft.Score(0.0, f"wanted {example.label}", by={path: NOTED})

    return metric


def test_a_score_keeps_what_it_was_given() -> None:
    """A copy, that crosses to other processes, counts for equality, and is shown."""
    by = {"note": NOTED}
    score = weft.Score(0.5, "more", by=by)
    by.clear()

    assert score.by == {"note": NOTED}
    assert pickle.loads(pickle.dumps(score)) == score != weft.Score(0.5, "more")
    assert hash(score) == hash(pickle.loads(pickle.dumps(score)))
    assert repr(score) == f"Score(value=0.5, feedback='more', by={{'note': {NOTED!r}}})"


@pytest.mark.parametrize("by", [None, "note", ["note"], {"note": 3}, {1: "more"}])
def test_feedback_by_module_is_a_mapping_of_texts(by: Any) -> None:
    """Nothing else can be shown to a module."""
    with pytest.raises(MetricError, match=r'Write weft\.Score\(0\.5, by=\{"path'):
        weft.Score(0.5, by=by)


@pytest.mark.parametrize(
    ("path", "said"),
    [("note", "Did you mean 'inner/note'"), ("x", "Known: inner/note, say")],
)
def test_a_path_that_is_no_module_is_refused_at_the_first_row(
    path: str, said: str
) -> None:
    """By `evaluate` and by `compile`: what nobody would read is a mistake."""
    lm = model()
    with weft.use(lm=lm):
        with pytest.raises(MetricError, match="is no module of the program") as found:
            weft.evaluate(stages(), ROWS[:1], told(path))
        with pytest.raises(MetricError, match="is no module of the program"):
            weft.compile(stages(), ROWS, metric=told(path), budget=100)

    assert said in str(found.value)
    assert f"'{path}'" in str(found.value)
    assert len(lm.requests) <= 4


def test_a_module_is_shown_its_own_feedback_beside_the_general() -> None:
    """And not what is said of another."""
    task = under_way(stages(), weft.read_rows(ROWS, ["text"]))
    task.metric = told("inner/note")
    with weft.use(lm=model()):
        seed, rows = task.archive[0], task.split.train[:1]
        (result,) = asyncio.run(task.observe(seed, rows, "bootstrap"))
    note, say = case_of(result, "inner/note"), case_of(result, "say")

    assert note is not None
    assert say is not None
    assert note["feedback on this module"] == NOTED
    assert note["feedback"] == say["feedback"] == "wanted right"
    assert "feedback on this module" not in say


@pytest.mark.parametrize("kind", [compilers.GEPA, compilers.Auto, compilers.ProTeGi])
def test_who_reflects_reads_it(kind: Any) -> None:
    """The writer of the module's instruction is sent the words."""
    lm = model()
    with weft.use(lm=lm):
        weft.compile(
            stages(), ROWS, metric=told("inner/note"), compiler=kind(), budget=160
        )
    asked = [r for r in lm.requests if NOTED in str([m.content for m in r.messages])]

    assert asked
    assert all("Shorten it." in str(request.messages) for request in asked)


def test_an_evaluation_tells_it_in_every_form(tmp_path: Path) -> None:
    """As JSON, as a page, and in the rows that a person reviews."""
    with weft.use(lm=model()):
        found = weft.evaluate(stages(), ROWS[:2], told("inner/note"))
    file = tmp_path / "eval.json"
    file.write_text(found.to_json(), "utf-8")

    assert json.loads(found.to_json())["rows"][0]["feedback_by"] == {
        "inner/note": NOTED
    }
    assert f"wanted right; inner/note: {NOTED}" in found.to_html()
    assert read_sheet(file).rows[0].told == f"wanted right; inner/note: {NOTED}"


def test_a_run_folder_keeps_it_beside_each_score(tmp_path: Path) -> None:
    """But for sealed rows, whose labels it would tell."""
    with weft.use(lm=model()):
        weft.compile(
            stages(), ROWS, metric=told("inner/note"), budget=100, run_dir=tmp_path
        )
    lines = (tmp_path / "scores.jsonl").read_text("utf-8").splitlines()
    cells = [json.loads(line) for line in lines]
    said = {cell["part"]: cell.get("feedback_by") for cell in cells}

    assert said["train"] == {"inner/note": NOTED}
    assert said["sealed"] is None


def test_a_mean_of_fields_keeps_what_each_says_of_a_module() -> None:
    """With the field's name before it."""
    both = weft.metrics.fields({"year": told("note"), "place": told("note")})
    score = both(weft.read_rows(ROWS, ["text"])[0], "wrong")

    assert score.by == {"note": f"year: {NOTED}; place: {NOTED}"}
