"""The demo and the examples: offline, from a new process, and true to what they say."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.timing import PATIENCE
from weft.commands.targets import program_named
from weft.pipeline.graph.digest import program_digest

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
# Python imports this at its start, so the guard holds in children of children too.
GUARD = """
import socket

def _guarded(real):
    def connect(self, address):
        host = address[0] if isinstance(address, tuple) else "local"
        if not str(host).startswith(("127.", "::1", "local")):
            raise SystemExit(f"reached for {host!r}")
        return real(self, address)
    return connect

socket.socket.connect = _guarded(socket.socket.connect)
socket.socket.connect_ex = _guarded(socket.socket.connect_ex)
"""
SCORE = re.compile(
    r"^ +(as it was|compiled) +([\d.]+) +\[ *([\d.]+), *([\d.]+)\]", re.MULTILINE
)
pytestmark = pytest.mark.slow


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    """A folder whose sitecustomize.py refuses every address but this machine's."""
    folder = tmp_path / "offline"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(GUARD, "utf-8")
    return folder


def printed(*words: str | Path, cwd: Path, offline: Path) -> str:
    """What a Python process prints on stdout; its complaints, if it fails."""
    paths = [str(offline), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def scores(text: str) -> dict[str, list[float]]:
    """Mean and interval of each program in a report, in points."""
    return {m[1]: [float(m[2]), float(m[3]), float(m[4])] for m in SCORE.finditer(text)}


def assert_lifted(text: str) -> None:
    """The gain's interval lies above 0, and both scores come with theirs."""
    found = scores(text)
    assert found["compiled"][0] > found["as it was"][0], text
    assert re.search(r"improved: \+[\d.]+ points \[\+[\d.]+, \+[\d.]+\]", text), text
    assert "no improvement" not in text


def test_the_guard_refuses_the_network(tmp_path: Path, offline: Path) -> None:
    """The other tests here would notice a call to the outside."""
    reach = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"

    with pytest.raises(AssertionError, match=r"reached for '192\.0\.2\.1'"):
        printed("-c", reach, cwd=tmp_path, offline=offline)


def test_the_demo_shows_a_gain_and_imports_it(
    tmp_path: Path, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`weft demo` tells the whole story; a second run repeats it, for nothing.

    The second has a screen of 80 columns: no line is broken, what is too long is cut,
    and the scores stand on their axis.
    """
    saved = tmp_path / "weft-demo" / "programs" / "triage.weft.json"

    first = printed("-m", "weft", "demo", cwd=tmp_path, offline=offline)
    kept = saved.read_bytes()
    monkeypatch.setenv("COLUMNS", "80")
    second = printed("-m", "weft", "demo", cwd=tmp_path, offline=offline)

    assert_lifted(first)
    assert "It is NOT a language model" in first
    assert "smallest budget for one round" in first
    assert "triage/" in first.partition("3. What changed")[2]
    assert str(saved.relative_to(tmp_path)) in first
    assert len(re.findall(r"^ +\w+ <- .+$", first, re.MULTILINE)) == 3
    assert max(map(len, first.splitlines())) <= 100
    assert "\x1b" not in first
    assert "(0 sent," in second
    assert scores(second) == scores(first)
    wide, narrow = (told.partition("\n3. ")[2].splitlines() for told in (first, second))
    for whole, cut in zip(wide, narrow, strict=True):
        assert whole.startswith(cut.removesuffix("..."))
    assert saved.read_bytes() == kept
    assert max(map(len, second.splitlines())) <= 80
    axes = re.findall(
        r"^ +(?:as it was|compiled) .*\|( *-*o-* *)\|$", second, re.MULTILINE
    )
    assert len(axes) == 2
    assert len(axes[0]) == len(axes[1])
    assert axes[0].index("o") < axes[1].index("o")


def test_the_demo_as_a_document(tmp_path: Path, offline: Path) -> None:
    """--json says how the demo ended, in a folder of choice."""
    words = ("-m", "weft", "demo", "--json", "--out", "elsewhere")

    data = json.loads(printed(*words, cwd=tmp_path, offline=offline))

    assert data["improved"]
    assert (tmp_path / data["out"]).is_file()
    assert data["out"].startswith("elsewhere/")
    assert len(data["answers"].splitlines()) == 3


def test_the_demo_runs_the_example(tmp_path: Path) -> None:
    """What the demo shows is the program of examples/triage.py."""
    demo = program_named("weft.commands.demo_program:triage")
    example = program_named(f"{EXAMPLES}/triage.py:triage")

    assert program_digest(demo) == program_digest(example)


def test_the_pictures_are_described_offline(tmp_path: Path, offline: Path) -> None:
    """The stand-in knows each picture by the digest that it is shown."""
    said = printed(EXAMPLES / "describe_image.py", cwd=tmp_path, offline=offline)

    assert "image/png" in said
    assert said.endswith("blue\n1.0\n")


@pytest.mark.parametrize("name", ["triage", "research"])
def test_an_example_repeats(name: str, tmp_path: Path, offline: Path) -> None:
    """The second run sends nothing, and writes the same bytes.

    Demos and cues move what the stand-in answers of triage. It cannot learn to answer
    briefly, as research asks; the report says so.
    """
    saved = tmp_path / "programs" / f"{name}.weft.json"

    first = printed(EXAMPLES / f"{name}.py", cwd=tmp_path, offline=offline)
    kept = saved.read_bytes()
    second = printed(EXAMPLES / f"{name}.py", cwd=tmp_path, offline=offline)

    assert "not a language model" in first
    assert "(0 sent," in second
    assert scores(second) == scores(first)
    assert saved.read_bytes() == kept
    if name == "triage":
        assert_lifted(first)
    else:
        assert "no improvement found" in first
        assert scores(first)["compiled"] == scores(first)["as it was"]
        assert "the stand-in cannot learn this task" in first


TUTORIALS: dict[str, tuple[str, ...]] = {
    "airline": (
        "book(flight='WF 103', passenger='Mina') -> ValueError: 'Mina' is no member",
        "needs approval: cancel {'code': 'B001'}",
        "booked: {'B002': 'WF 101'}",
        "tickets: ['A cat in the cabin?']",
    ),
    "async_calls": (
        "gathered: 8 answers, 8 calls at once",
        "batch:    8 answers, 3 calls at once",
        "timeout:  the run was cancelled",
    ),
    "claims": (
        "read Orla, submit ['Orla']",
        "improved: +50.0 points",
        "read Orla, read Brenn Aas, submit ['Orla', 'Brenn Aas']",
    ),
    "classify": ("BootstrapFewShot: improved: +", "compiled: exploration"),
    "conversation": (
        "assistant | 'The crossing takes forty minutes.'\n     user | '[[ question",
        "On the 3 answers of a conversation: 1.0",
    ),
    "deploy": (
        "POST /answer: application/json",
        'event: piece\ndata: {"module": "answer", "field": "answer"',
    ),
    "entities": ("improved: +100.0 points", "heard Una Holm . [['Una', 'Holm']]"),
    "facility": ("GEPA: improved: +", '"great" means positive.', "44136fa3 of -"),
    "image_prompt": ("There is no blue.", "All is there.", "after 4 looks"),
    "multihop": (
        "loop = loop(start=nothing, at_most=2)",
        "improved: +35.7 points",
        "earned nothing at weekends. -> Orla, Vessa, Brenn Aas",
    ),
    "papillon": (
        "sent as it was: Write a birthday line for Ingrid Moe, who lives at 4 Quay",
        "improved: +50.0 points",
        "sent now: Write a birthday line for [name], who lives at [address].",
    ),
    "rag": (
        "alone     0.00",
        "improved: +",
        '[p12] "The currency of the isles is the dolm',
        "refused: the index 'isles' has the digest",
    ),
    "refine": (
        "best: 'Brussels', 3 calls",
        "checked/reward/true: {'reasoning': 'I know it.', 'is_factual': True}",
    ),
    "saving": ("improved: +", "the type of 'desk' was", "does not match its digest"),
    "spoken": (
        "BootstrapRandomSearch: improved",
        "GEPA: improved",
        "joyful line is loud",
    ),
    "streaming": (
        "(looking somebody up)",
        "(found out in 3 steps)",
        "['When was she born?', 'That year, then.', 'There it is.']",
    ),
    "tool_use": (
        "SIMBA: improved: +",
        "work/harbour_of: step",
        "+ Finish with the bare",
    ),
}
"""Examples after DSPy's tutorials, and what each of them prints."""


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_shows_what_it_is_about(
    name: str, tmp_path: Path, offline: Path
) -> None:
    """Offline in seconds, it prints what its page promises."""
    said = printed(EXAMPLES / f"{name}.py", cwd=tmp_path, offline=offline)

    assert [part for part in TUTORIALS[name] if part not in said] == [], said


PORTED = {
    "agents": "claims",
    "customer_service_agent": "airline",
    "mcp": "mcp_airline",
    "image_generation_prompting": "image_prompt",
    "audio": "spoken",
    "conversation_history": "conversation",
    "tool_use": "tool_use",
    "program_of_thought": "program_of_thought",
    "RLM": "recursive",
    "best-of-n-and-refine": "refine",
    "classification": "classify",
    "gepa_facilitysupportanalyzer": "facility",
    "gepa_papillon": "papillon",
    "streaming": "streaming",
    "saving": "saving",
    "async": "async_calls",
    "deployment": "deploy",
    "rag": "rag",
    "multihop_search": "multihop",
    "entity_extraction": "entities",
}
"""Tutorials of DSPy's, by the last part of their addresses, and the files here."""


@pytest.mark.parametrize("tutorial", PORTED)
def test_a_tutorial_is_set_beside_dspys(tutorial: str) -> None:
    """Its row links to DSPy's page, names our file, and counts its lines rightly."""
    page = (ROOT / "docs" / "tutorials.md").read_text("utf-8")
    (row,) = [line for line in page.splitlines() if f"/{tutorial}/)" in line]

    assert f"`{PORTED[tutorial]}.py`" in row
    counted = re.search(r"(\d+) \(\d+\) \|", row)
    assert counted, row
    assert int(counted[1]) == code_lines(EXAMPLES / f"{PORTED[tutorial]}.py")


def code_lines(file: Path) -> int:
    """Lines of code: without blank ones, comments and docstrings."""
    source = file.read_text("utf-8")
    said = set[int]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                said.update(range(first.lineno, (first.end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    bare = [text.strip() for n, text in lines if n not in said]
    return sum(bool(text) and not text.startswith("#") for text in bare)


def test_every_example_has_its_paragraph() -> None:
    """The examples' page names each file."""
    page = (EXAMPLES / "README.md").read_text("utf-8")

    assert [f.name for f in EXAMPLES.glob("*.py") if f"`{f.name}`" not in page] == []


def test_the_agent_example_changes_one_trip(tmp_path: Path, offline: Path) -> None:
    """Its script errs once, is told, and goes on; its trip changes."""
    said = printed(EXAMPLES / "agent.py", cwd=tmp_path, offline=offline)

    assert "trip(code='k7f2') -> KeyError: 'k7f2'" in said
    assert said.strip().endswith("with NX 14. [Tuesday, NX 14]")


def test_the_airline_is_a_server_of_its_own(tmp_path: Path, offline: Path) -> None:
    """The agent asks another process for its tools, errs once, and books there."""
    said = printed(EXAMPLES / "mcp_airline.py", cwd=tmp_path, offline=offline)

    assert "there is no passenger 'Ada': give the whole name" in said
    assert "your code is B001.\nkept: {'code': 'B001'" in said


def test_the_program_of_thought_is_mended(tmp_path: Path, offline: Path) -> None:
    """Its first program errs, and the second one submits the number."""
    said = printed(EXAMPLES / "program_of_thought.py", cwd=tmp_path, offline=offline)

    assert "-> ModuleNotFoundError: No module named 'statistics'" in said
    assert said.strip().endswith("0.55 in 2 calls")


def test_the_recursive_example_counts_right(tmp_path: Path, offline: Path) -> None:
    """One call writes the code, and twelve read the pieces."""
    said = printed(EXAMPLES / "recursive.py", cwd=tmp_path, offline=offline)

    assert "answered 209, counted 209" in said
    assert said.strip().endswith("reader/act: 1, reader/ask: 12")


def test_the_research_example_has_four_nodes(tmp_path: Path) -> None:
    """Query, search, read, answer; the search is a step over the project's texts."""
    research = program_named(f"{EXAMPLES}/research.py:research")

    kinds = [(node.id, node.kind) for node in research.structure.nodes]

    assert kinds == [
        ("write_query", "module"),
        ("search", "step"),
        ("read", "module"),
        ("answer", "module"),
    ]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("triage", ROOT / "weft" / "demo_data" / "triage.jsonl"),
        ("research", EXAMPLES / "data" / "questions.jsonl"),
    ],
)
def test_an_example_takes_rows_of_ones_own(
    name: str, rows: Path, tmp_path: Path, offline: Path
) -> None:
    """--data replaces the rows; labels of inner steps may be missing."""
    mine = [json.loads(line) for line in rows.read_text("utf-8").splitlines()[:60]]
    lines = [json.dumps({k: v for k, v in r.items() if k != "passage"}) for r in mine]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines), "utf-8")
    words = (EXAMPLES / f"{name}.py", "--data", "mine.jsonl", "--out", "x.weft.json")

    said = printed(*words, cwd=tmp_path, offline=offline)

    assert set(scores(said)) == {"as it was", "compiled"}
    assert (tmp_path / "x.weft.json").is_file()
