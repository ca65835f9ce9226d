"""Goal 27: to load an artifact, good or hostile, is to read one file and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from tests.goals.conftest import Figure
from tests.pipeline import saved
from tests.pipeline.test_hostile_artifacts import (
    FILES,
    MODULE,
    SCHEMAS,
    TEAM,
    Data,
    changed,
    model,
)

ROOT = Path(__file__).resolve().parents[2]
CALL = "__import__('os').system('x')"
CODE: dict[str, tuple[str, object]] = {
    "a kind": (f"{MODULE}/kind", "os.system"),
    "a step": ("program/steps", {"os.system": "(command)"}),
    "a property": (TEAM, model({CALL: {"type": "string"}})),
    "a title": (TEAM, {**model({"a": {"type": "string"}}), "title": CALL}),
    "a literal": (TEAM, {"enum": [CALL]}),
    "a format": (TEAM, {"type": "string", "title": "os", "format": "os.system"}),
    "a pattern": (TEAM, {"type": "string", "pattern": "(?{system('x')})"}),
    "a default": (f"{MODULE}/fields/1/default", CALL),
    "an output": ("program/output", {"take": ["triage", "__class__", "__init__"]}),
    "an instruction": (f"{MODULE}/instruction", ["{0.__class__}", "${jndi:ldap://x}"]),
    "provenance": ("provenance", {"__reduce__": ["os.system", "x"]}),
    "a live type": ("live", ["os.system"]),
}


def watched(first: str, *files: Path) -> dict[str, tuple[str, list[list[str]]]]:
    """By file name whether it was loaded, and what that did."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.goals.loading", first, *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: (said, events) for name, said, events in lines}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    return weft.save(saved.with_demos(saved.triage), folder / "good.weft.json")


@pytest.fixture(scope="module")
def hostile(good: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every hostile part that the tests know, each in a file that is good otherwise."""
    folder = tmp_path_factory.mktemp("hostile")
    data: Data = {**json.loads(good.read_text("utf-8")), "digest": ""}
    corpus = {**FILES, **CODE, **{name: (TEAM, s) for name, s in SCHEMAS.items()}}
    made: list[Path] = []
    for number, (where, value) in enumerate(corpus.values()):
        spoilt = changed(data, where, value)
        if where == TEAM:
            spoilt["program"]["modules"]["triage"]["demos"] = []
        made.append(folder / f"{number}.weft.json")
        made[-1].write_text(json.dumps(spoilt), "utf-8")
    return made


def test_loading_opens_its_file_and_nothing_else(
    good: Path, hostile: list[Path], figure: Figure, tmp_path: Path
) -> None:
    """No import, no code, no process, no connection, and no other file."""
    rich = weft.save(saved.checked_qa, tmp_path / "rich.weft.json")

    found = watched(str(rich), good, rich, *hostile)

    opened = {p.name: [["open", str(p)]] for p in (good, rich, *hostile)}
    assert {name: events for name, (_, events) in found.items()} == opened
    loaded = [name for name, (said, _) in found.items() if said == "loaded"]
    assert {"good.weft.json", "rich.weft.json"} <= set(loaded)
    # What is no code to anybody, such as an odd instruction, is loaded as its text.
    assert len(loaded) <= 5
    figure(
        f"goal 27: {len(hostile)} hostile files: {len(hostile) + 2 - len(loaded)} "
        f"refused, {len(loaded) - 2} harmless; 0 imports, runs, opens, connections"
    )


def test_a_first_load_brings_in_the_library_only(good: Path) -> None:
    """What is imported then are parts of pydantic and of Python, read from disk."""
    said, events = watched("-", good)[good.name]

    libraries = (sys.base_prefix, sys.prefix, str(ROOT), "<frozen", str(good))
    outside = [
        (event, what)
        for event, what in events
        if event.startswith(("socket", "subprocess", "os.system", "os.exec", "ctypes"))
        or (event in ("exec", "open") and not what.startswith(libraries))
    ]
    assert said == "loaded"
    assert outside == []
