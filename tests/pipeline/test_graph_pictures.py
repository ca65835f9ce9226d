"""Pictures: networkx, mermaid, the text tree, and an SVG looked at in a browser."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx
import pytest

import weft
from tests.timing import PATIENCE
from weft.pages.svg import Size, place

draft = weft.Predict("question -> text: str", name="draft")
grade = weft.Predict("text -> sure: bool", name="grade")
odd = weft.Predict("text -> more: str", name='<b>"&`')


@weft.step
def search(query: str) -> list[str]:
    return [query]


@weft.step
def note(text: str) -> None:
    return None


@weft.program
def inner(question: str) -> str:
    first: str = draft(question=question).text
    return first


@weft.program
def whole(question: str, k: int = 2) -> dict[str, Any]:
    noted = note(question)
    note(question, after=noted)
    found = weft.each(search(question), lambda p: odd(text=p).more)
    best = weft.loop(
        inner(question),
        lambda text: odd(text=text).more,
        until=lambda text: grade(text=text).sure,
        at_most=2,
    )
    last = weft.branch(
        grade(text=best).sure, lambda: best, lambda: draft(question=best).text
    )
    chosen = weft.switch(last, {"a": lambda: "A"}, default=lambda: last)
    return {"last": last, "chosen": chosen, "found": found}


def test_the_text_tree_shows_regions_with_their_bodies() -> None:
    """Each body is indented below its region, with its parameters and its result."""
    tree = repr(whole).split("\n")
    start = next(at for at, line in enumerate(tree) if line.startswith("  loop ="))

    assert tree[start : start + 7] == [
        "  loop = loop(start=inner, at_most=2)",
        "    body(text: str):",
        '      <b>"&`#2 = module <b>"&`(text=text)',
        '      -> <b>"&`#2.more: str',
        "    until(text: str):",
        "      grade = module grade(text=text)",
        "      -> grade.sure: bool",
    ]
    assert "  note#2 = step note(text=question, after=note)" in tree


def test_networkx_holds_every_node_and_says_where_it_stands() -> None:
    """The DiGraph is acyclic; nodes of bodies carry their region and body."""
    graph = whole.graph

    assert networkx.is_directed_acyclic_graph(graph)
    assert graph.nodes["grade"]["inside"] == "loop/until"
    assert graph.nodes["search"]["kind"] == "step"
    assert ("", "after") in graph.edges["note", "note#2"]["fields"]
    assert graph.has_edge("inner", "loop")
    assert graph.has_edge("loop", "grade")


def test_mermaid_closes_every_subgraph_and_escapes_every_label() -> None:
    """Regions are subgraphs; ids are plain; no label can end its quotes."""
    text = whole.mermaid()
    lines = [line.strip() for line in text.split("\n")]

    assert lines[0] == "flowchart TD"
    opened = sum(line.startswith("subgraph ") for line in lines)
    assert opened == lines.count("end") == 4 + 7
    assert "-. after .->" in text
    ids: list[str] = []
    for line in lines[1:]:
        assert line.count('"') in (0, 2)
        made = re.match(r"(?:subgraph )?(n\d+)[\[(]", line)
        ids += [made[1]] if made else []
    assert len(ids) == len(set(ids))
    ends = re.findall(r"^ +(n\d+) -.*> (n\d+)$", text, re.MULTILINE)
    assert {end for pair in ends for end in pair} <= set(ids)
    assert "<b>" not in text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_svg_is_plain_drawing() -> None:
    """Well-formed, no script, no link, no style sheet, no handler, labels escaped."""
    svg = whole.svg()
    tags = _Tags()
    tags.feed(svg)

    ElementTree.fromstring(svg)
    assert tags.tags <= {"svg", "title", "g", "rect", "text", "path"}
    assert not any(name.startswith("on") or "href" in name for name in tags.attributes)
    assert "url(" not in svg
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg
    assert whole._repr_html_() == svg


def test_the_svg_names_everything_once() -> None:
    """Every node, input and region has a tooltip of its own."""
    titles = re.findall(r"<g><title>([^<]*)</title>", whole.svg())

    for name in ("step search", "module grade", "program inner", "question", "k"):
        assert name in titles
    assert sum(title.startswith("loop: loop from inner") for title in titles) == 1


def test_boxes_do_not_overlap_and_lines_go_down() -> None:
    """In a layered graph of 120 boxes no two touch, and every line goes downwards."""
    sizes = {f"n{n}": Size(20 + n % 7 * 9, 30) for n in range(120)}
    edges = [(f"n{n}", f"n{m}") for n in range(120) for m in (2 * n + 1, 3 * n + 2)]
    edges = [(a, b) for a, b in edges if b in sizes]

    made = place(sizes, edges)

    boxes = [(made.spots[name], size) for name, size in sizes.items()]
    for at, (spot, size) in enumerate(boxes):
        for other, its in boxes[:at]:
            beside = (
                spot.x >= other.x + its.width - 0.01
                or other.x >= spot.x + size.width - 0.01
            )
            apart = (
                spot.y >= other.y + its.height - 0.01
                or other.y >= spot.y + size.height - 0.01
            )
            assert beside or apart
        assert 0 <= spot.x <= made.size.width - size.width + 0.01
    for points in made.lines.values():
        heights = [point.y for point in points]
        assert heights == sorted(heights)


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="another system: no chromium")
@pytest.mark.slow
def test_a_browser_draws_it(tmp_path: Path) -> None:
    """Headless Chromium paints boxes of every kind, and the whole is on the page."""
    page, shot = tmp_path / "page.html", tmp_path / "page.png"
    head = "<meta charset=utf-8><body style='margin:0;zoom:0.4'>"
    page.write_text(head + whole.svg())
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/profile",
        f"--screenshot={shot}",
        "--window-size=400,600",
        page.as_uri(),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)

    colours = _colours(shot.read_bytes())

    for fill in ("e3edfd", "e6f4e6", "efe6fa", "f4f4f4", "fffaeb"):
        assert colours.get(fill, 0) > 100, f"nothing is painted in #{fill}"


def _colours(data: bytes) -> dict[str, int]:
    """How many pixels of a PNG (8 bit, RGB or RGBA) have each colour."""
    at, packed, width, step = 8, b"", 0, 3
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunk = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, step = struct.unpack(">I", chunk[:4])[0], 4 if chunk[9] == 6 else 3
        packed += chunk if kind == b"IDAT" else b""
        at += 12 + length
    raw, row = zlib.decompress(packed), width * step
    found: dict[str, int] = {}
    above = bytearray(row)
    for start in range(0, len(raw), row + 1):
        line = _unfiltered(raw[start], raw[start + 1 : start + 1 + row], above, step)
        for pixel in range(0, row, step):
            key = line[pixel : pixel + 3].hex()
            found[key] = found.get(key, 0) + 1
        above = line
    return found


def _unfiltered(kind: int, row: bytes, above: bytearray, step: int) -> bytearray:
    """One line of a PNG, its filter undone (PNG 1.2, section 6)."""
    line = bytearray(row)
    for at, byte in enumerate(line):
        left = line[at - step] if at >= step else 0
        up, corner = above[at], above[at - step] if at >= step else 0
        guess = left + up - corner
        near = min((left, up, corner), key=lambda value: abs(guess - value))
        line[at] = (byte + (0, left, up, (left + up) // 2, near)[kind]) & 255
    return line


GOOD = """
import weft
ask = weft.Predict("question -> answer: str")
@weft.program
def qa(question: str) -> str:
    return ask(question=question).answer
"""
BAD = (
    GOOD
    + """
@weft.program
def worse(question: str) -> str:
    return ask(qestion=question).answer
"""
)
CALLS = (
    GOOD
    + """
print(qa("now"))
"""
)


def test_check_path_reports_each_file_s_first_problem(tmp_path: Path) -> None:
    """File, line, kind, message and remedy; nothing is called, nothing is skipped."""
    package = tmp_path / "app"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "good.py").write_text(GOOD)
    (package / "uses.py").write_text("import weft\nfrom .good import qa\n")
    (package / "bad.py").write_text(BAD)
    (package / "calls.py").write_text(CALLS)
    (package / "plain.py").write_text("raise RuntimeError('not weft, not imported')")
    (package / "broken.py").write_text("import weft\ndef f(:\n")
    (package / "old.weft.json").write_text("{}")
    (tmp_path / "raises.py").write_text("import weft\n\n1 / 0\n")

    found = weft.check_path(tmp_path)

    assert [(Path(p.file).name, p.line, p.kind) for p in found] == [
        ("bad.py", 10, "GraphError"),
        ("broken.py", 2, "SyntaxError"),
        ("calls.py", 8, "BudgetExceeded"),
        ("old.weft.json", 0, "ArtifactError"),
        ("raises.py", 3, "ZeroDivisionError"),
    ]
    assert str(found[0]).endswith("Did you mean 'question'?")
    assert "it calls a model while it is imported" in str(found[2])
    assert weft.check_path(package / "good.py") == []


def test_check_path_wants_a_path_that_is_there(tmp_path: Path) -> None:
    """A typing mistake in CI is no silent success."""
    with pytest.raises(weft.errors.ConfigError, match="there is no"):
        weft.check_path(tmp_path / "nowhere")


def test_hashes_of_straight_programs_are_what_they_were() -> None:
    """Regions are written only where they are: old artifacts keep their hashes."""
    node = inner.structure.describe()["nodes"][0]

    assert list(node) == ["id", "kind", "target", "in"]
    assert inner.structure.hash == (
        "c91cf85a89b33586dec3c6b1c46a4a0cd363bbb7492aa34e16891ef0dbc0f432"
    )


def work_of(boxes: int, reach: int) -> int:
    """Calls that placing a chain takes in which each box feeds those before it."""
    sizes = {f"b{n}": Size(10, 10) for n in range(boxes)}
    edges = [
        (f"b{n - back}", f"b{n}")
        for n in range(boxes)
        for back in (1, reach)
        if n >= back
    ]
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        place(sizes, edges)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("reach", [2, 30])
def test_placing_takes_work_by_the_length_of_its_lines(reach: int) -> None:
    """Of a graph twice as large, about twice as much."""
    assert work_of(400, reach) < 2.5 * work_of(200, reach)


def test_lines_that_pass_very_many_layers_go_straight() -> None:
    """A file can hold a graph whose lines would take memory by the square."""
    assert work_of(1200, 600) < 10 * work_of(1200, 2)
