"""The report's page shows what a search would rather hide, and runs nothing."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    Asked,
    classifier,
    exact,
    learner,
    model,
    planted_rows,
)
from weft.cli import main
from weft.compilers import APE, Auto

ROOT = Path(__file__).resolve().parents[2]
VOID = {"meta", "circle", "line", "path", "rect"}


class Tags(HTMLParser):
    """Which tags a page holds, and whether they nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def moody(asked: Asked) -> dict[str, str]:
    """As the learner, but rows of one kind are right before and wrong after."""
    lucky = sum(map(ord, asked.said)) % 5 == 0
    if not asked.classifies or not lucky:
        return learner(asked)
    if "=" in asked.task or asked.demos:
        return {"label": "K9"}
    right = {row["text"]: row["label"] for row in planted_rows(90)}
    return {"label": next(right[text] for text in right if text in asked.said)}


def report_of(rule: Any = moody, compiler: Any = None) -> weft.Report:
    with weft.use(lm=model(rule)):
        made = compiler or Auto()
        rows = planted_rows(90)
        return weft.compile(classifier(), rows, metric=exact, compiler=made).report


def test_rows_flip_both_ways() -> None:
    """What got better and what got worse are told apart, with their inputs."""
    report = report_of()
    better = [flip for flip in report.flips if flip.gain > 0]
    worse = [flip for flip in report.flips if flip.gain < 0]

    gained, _, lost = report.to_html().partition("Sealed rows that got worse")

    assert better
    assert worse
    assert f"Sealed rows that got better: {len(better)}" in gained
    assert all(str(flip.before.example.inputs["text"]) in lost for flip in worse)
    assert len(better) == report.comparison.wins
    assert len(worse) == report.comparison.losses


def test_the_search_score_stands_beside_the_sealed_one() -> None:
    """So that a reader sees by how much the search flattered its winner."""
    report = report_of()
    page = report.to_html()

    assert report.search_score is not None
    excess = 100 * (report.search_score - report.score.mean)
    assert "best candidate, search" in page
    assert f"saw its winner {abs(excess):.1f} points" in page


def test_the_spend_adds_up() -> None:
    """Each account, and the total that the report names."""
    report = report_of(learner)
    page = report.to_html()

    assert all(f"<td>{name}</td>" in page for name in report.spend)
    assert f'<td>total</td><td class="n">{report.quote.calls.expected:,}' in page
    assert f'<td class="n">{report.calls:,}</td>' in page


def test_a_circle_of_parents_is_drawn_once() -> None:
    """Damaged lineage costs no candidate its line, and no page its end."""
    report = report_of(learner)
    first, second, *rest = report.tried
    circle = (
        replace(first, parent=second.id, origin="chicken"),
        replace(second, parent=first.id, origin="egg"),
    )

    page = replace(report, tried=(*circle, *rest)).to_html()

    assert page.count("chicken</") == 1
    assert page.count(">egg<") == 1


def test_text_of_rows_and_models_is_only_text() -> None:
    """Tags in rows, instructions, origins and ids come out as they were written."""
    evil = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">'
    report = report_of(learner, APE())
    line = replace(report.tried[0], origin=evil)
    key = "classify/instruction"
    after = {**report.after, key: evil}
    row = report.score.rows[0]
    example = replace(row.example, inputs={"text": evil}, id=evil)
    rows = tuple(replace(r, example=example) for r in report.seed_score.rows)
    planted = replace(
        report,
        tried=(line, *report.tried[1:]),
        after=after,
        suspects=(evil,),
        stopped=evil,
        seed_score=replace(report.seed_score, rows=rows),
    )

    tags = Tags(planted.to_html())

    assert not {"script", "img"} & set(tags.seen)
    assert tags.handlers == []
    assert planted.to_html().count(html.escape("alert(2)")) >= 4


def test_a_page_loads_nothing() -> None:
    """No address, no script, no import of a style."""
    page = report_of(learner).to_html()

    assert not re.search(r"(src|href)=|@import|url\(", page)
    assert "script" not in Tags(page).seen


def test_flips_are_in_the_json() -> None:
    """The JSON holds what the page shows, and reads back as it was."""
    report = report_of()
    read = json.loads(report.to_json())

    assert read == report.describe()
    assert len(read["flips"]) == len(report.flips)
    assert set(read["flips"][0]["before"]) == {"label"}


def test_the_command_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`weft compile --html FILE` beside the artifact."""
    monkeypatch.chdir(tmp_path)
    source = ROOT / "weft" / "demo_data" / "triage.jsonl"
    lines = source.read_text("utf-8").splitlines()[:120]
    Path("rows.jsonl").write_text("\n".join(lines), "utf-8")
    target = f"{ROOT}/examples/triage.py:triage"
    words = ["compile", target, "--model", "embedded", "--metric", "exact:team"]
    words += ["--data", "rows.jsonl", "--compiler", "labeled-few-shot", "--quiet"]

    assert main([*words, "--out", "made.weft.json", "--html", "report.html"]) == 0

    page = Path("report.html").read_text("utf-8")
    assert "Lineage" in page
    assert "labeled" in page.lower()
