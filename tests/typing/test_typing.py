"""Mistakes that both type checkers find, on the lines where they are made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MISTAKES = '''
from __future__ import annotations

from typing import Literal

import weft
from weft import Input, Output, Signature


class Triage(Signature):
    """Route a message."""

    message: str = Input()
    urgent: bool = Input(default=False)
    team: Literal["cards", "accounts"] = Output()


triage = weft.Predict(Triage)
think = weft.ChainOfThought(Triage)
routed = triage(message="m")
triage(message=3)  # error: wrong input type
triage(message="m", urgent="yes")  # error: wrong type of an optional input
triage()  # error: missing input
triage(mesage="m")  # error: misspelt input
triage(message="m", extra=1)  # error: unknown input
triage(message="m", team="cards")  # error: output passed as input
triage("m")  # error: positional input
think(message=3)  # error: wrong input type, through another module
think(message="m", reasoning="r")  # error: a field that the module adds
routed.taem  # error: unknown output
routed.team = "cards"  # error: results are immutable
count: int = routed.team  # error: wrong output type
print(routed.team == "bakery")  # error: no such choice
weft.Predict(Triage, temprature=0)  # error: misspelt option
weft.Predict(Triage, temperature="hot")  # error: wrong option type
weft.ChainOfThought(Triage, repair=1)  # error: misspelt option
weft.Predict("q -> a", adaptor="json")  # error: misspelt option, string form
weft.Predict(Triage, 3)  # error: an instruction is a text
triage.with_(instructions="x")  # error: misspelt change
triage.with_(repairs="two")  # error: wrong type of a change
triage.prompt(mesage="m")  # error: misspelt input, no call made
weft.configure(lmm="embedded")  # error: misspelt setting
weft.use(hook=[])  # error: misspelt setting of a scope


@weft.predict
def sentiment(text: str) -> Literal["glad", "sad"]:
    """Say the mood."""
    raise NotImplementedError


sentiment(3)  # error: wrong input type, function form
sentiment()  # error: missing input, function form
sentiment("a", tone="x")  # error: unknown input, function form
mood: Literal["angry"] = sentiment("a")  # error: wrong result type


@weft.step
def search(query: str, k: int = 3) -> list[str]:
    """Find passages."""
    return [query] * k


search(3)  # error: wrong step argument
search("q", kk=1)  # error: misspelt step argument


@weft.program
def qa(question: str) -> str:
    """Answer."""
    found = search(question)
    triage(message=found)  # error: a list wired into a text
    triage(message=search(question, "3")[0])  # error: a text wired into a number
    return triage(message=question).taem  # error: unknown output wired


qa(3)  # error: wrong program argument
qa(quesiton="q")  # error: misspelt program argument
qa()  # error: missing program argument
qa.run(question=3)  # error: wrong argument of a run
length: int = qa("q")  # error: wrong program result
weft.evaluate(qa, [], metrics=len)  # error: misspelt argument
weft.compile(qa, [], metric=3)  # error: no metric
weft.compile(qa, [], metric=print, compilr=None)  # error: misspelt argument
right: str = qa("q")
fine: Literal["cards", "accounts"] = triage(message=right, urgent=True).team
'''
MARKED = {
    number: line.split("# error: ")[1]
    for number, line in enumerate(MISTAKES.split("\n"), 1)
    if "# error: " in line
}


@pytest.fixture
def mistakes(tmp_path: Path) -> Path:
    """The file of mistakes, where no setting of this repository reaches it."""
    path = tmp_path / "mistakes.py"
    path.write_text(MISTAKES, "utf-8")
    return path


def test_mypy_finds_each_mistake_and_nothing_else(mistakes: Path) -> None:
    """Errors stand on exactly the lines that are marked."""
    cache = str(ROOT / ".mypy_cache")
    command = ["mypy", "--strict", "--cache-dir", cache]

    printed = run(*command, "--no-error-summary", str(mistakes), where=ROOT)

    found = {
        int(number): text
        for number, text in re.findall(r"mistakes\.py:(\d+): error: (.*)", printed)
    }
    assert difference(found) == {}


def test_pyright_finds_each_mistake_and_nothing_else(mistakes: Path) -> None:
    """Errors stand on exactly the lines that are marked."""
    config = mistakes.with_name("pyrightconfig.json")
    config.write_text(
        json.dumps(
            {
                "include": ["mistakes.py"],
                "extraPaths": [str(ROOT)],
                "typeCheckingMode": "strict",
            }
        )
    )

    python = ["--pythonpath", sys.executable]
    printed = run(
        "pyright", "--outputjson", *python, "-p", str(config), where=config.parent
    )

    found = {
        entry["range"]["start"]["line"] + 1: entry["message"]
        for entry in json.loads(printed)["generalDiagnostics"]
        if entry["severity"] == "error"
    }
    assert difference(found) == {}


def test_the_examples_of_right_use_can_be_imported() -> None:
    """What both checkers accept is also what weft accepts when it is defined."""
    spec = spec_from_file_location("api", Path(__file__).with_name("api.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)

    sys.modules["api"] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["api"]

    assert module.outer.name == "outer"


def run(tool: str, *arguments: str, where: Path) -> str:
    """What a checker prints; it must not crash."""
    done = subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        capture_output=True,
        text=True,
        cwd=where,
        timeout=300,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def difference(found: dict[int, str]) -> dict[int, str]:
    """Lines where a checker and the marks disagree."""
    missed = {n: f"missed: {MARKED[n]}" for n in MARKED.keys() - found.keys()}
    wrong = {n: f"no mistake: {found[n]}" for n in found.keys() - MARKED.keys()}
    return dict(sorted({**missed, **wrong}.items()))
