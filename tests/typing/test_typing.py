"""Mistakes that both type checkers find, on the lines where they are made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from tests.timing import PATIENCE

# Two checkers take long, and a group is begun before single tests are.
pytestmark = pytest.mark.xdist_group("typing")
ROOT = Path(__file__).parents[2]
BASICS = '''
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
weft.LM("embedded")(3)  # error: neither a text nor turns
weft.LM("embedded")("q", temprature=0)  # error: misspelt option of a call
words: str = weft.LM("embedded")("q")  # error: a response is no text
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


@weft.tool
def near(place: str) -> int:
    """A tool."""
    return len(place)


near(3)  # error: wrong tool argument
weft.ReAct(Triage)  # error: an agent without tools
weft.ReAct(Triage, tools=[near])(mesage="m")  # error: misspelt input of an agent
weft.ReAct(Triage, tools=[near], calls="both")  # error: no format of calls


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
REGIONS = '''

@weft.step
def is_long(text: str) -> bool:
    """Look at a text."""
    return len(text) > 3


@weft.step
async def grow(text: str) -> str:
    """Change a text."""
    return text + "!"


@weft.step
def halve(n: int) -> int:
    """Change a number."""
    return n // 2


@weft.step(uses=[triage], retries=2, timeout=1.5)
async def agent(text: str) -> int:
    """Loop over calls."""
    return len((await triage.acall(message=text)).team)


@weft.program
def improved(text: str) -> str:
    """Repeat."""
    return weft.loop(text, grow, until=is_long, at_most=3)


texts = ["a", "b"]
label = routed.team
flag = is_long("a")
weft.each([1, 2], grow)  # error: each: a body that takes other items
weft.each([1, 2], improved)  # error: each: a program that takes other items
weft.each(3, halve)  # error: each: no list
weft.each(texts, lambda text: halve(text))  # error: each: a wrong call in a lambda
weft.each(texts, grow("a"))  # error: each: the body was called
weft.each(texts, triage)  # error: each: a module's inputs go by name
weft.each(texts)  # error: each: no body
weft.each(texts, grow, at_once="4")  # error: each: a wrong option
weft.each(texts, grow, at_most=4)  # error: each: another region's option
sizes: list[int] = weft.each(texts, grow)  # error: each: a list of texts
weft.branch(label, lambda: 1, lambda: 2)  # error: branch: a text does not decide
weft.branch(is_long, lambda: 1, lambda: 2)  # error: branch: the step was not called
weft.branch(flag, lambda: 1)  # error: branch: one arm
weft.branch(flag, grow, lambda: "")  # error: branch: an arm that wants an argument
weft.branch(flag, grow("a"), lambda: "")  # error: branch: the arm was called
weft.branch(flag, lambda: halve("a"), lambda: 1)  # error: branch: a wrong call
either: str = weft.branch(flag, lambda: "", lambda: halve(1))  # error: branch: or int
weft.switch(1.5, {1.5: lambda: 1})  # error: switch: a float chooses nothing
weft.switch(triage, {"cards": lambda: 1})  # error: switch: the module was not called
weft.switch(label, {1: lambda: 1, 2: lambda: 2})  # error: switch: numbers
weft.switch(label, {"cards": grow})  # error: switch: an arm that wants an argument
weft.switch(label, {"cards": grow("a")})  # error: switch: the arm was called
weft.switch(label, {"cards": lambda: halve("a")})  # error: switch: a wrong call
weft.switch(label, {"cards": lambda: 1}, default=3)  # error: switch: no function
weft.switch(label, {"cards": lambda: 1}, other=None)  # error: switch: no such option
told: str = weft.switch(label, {"cards": lambda: halve(1)})  # error: switch: a number
weft.loop("a", agent, at_most=3)  # error: loop: the body gives another type
weft.loop("a", halve, at_most=3)  # error: loop: the body takes another type
weft.loop(routed, lambda r: r.team, at_most=2)  # error: loop: a field of the state
weft.loop(1, halve, until=is_long, at_most=3)  # error: loop: until takes another type
weft.loop("a", grow, until=agent, at_most=3)  # error: loop: until gives no bool
weft.loop("a", grow, until=flag, at_most=3)  # error: loop: until was called
weft.loop("a", grow, until=lambda t: halve(t) > 1, at_most=3)  # error: loop: in until
weft.loop("a", grow)  # error: loop: no bound
weft.loop("a", grow, at_most="3")  # error: loop: a bound that is no number
steps: int = weft.loop("a", grow, at_most=2)  # error: loop: the state is a text
grow(3)  # error: an async step's argument
halve(agent)  # error: a step in place of its result
pages: bytes = grow("a")  # error: an async step's result
weft.step(uses=[len])  # error: uses: a function without a name in the graph
weft.step(timeout="3")  # error: a step's wrong option
weft.step(retry=3)  # error: a step's misspelt option


@weft.program
def nested(question: str) -> int:
    """Wire programs and regions."""
    improved(text=weft.each([question], grow))  # error: a list into a program's text
    improved(question=question)  # error: misspelt input of an inner program
    found = weft.loop(question, lambda t: search(t), at_most=2)  # error: loop: a list
    weft.each(search(question), lambda t: triage(mesage=t))  # error: misspelt in each
    return weft.branch(flag, lambda: qa(question), lambda: found)  # error: no number


improved.run(3)  # error: wrong argument of a run
improved.run("a", reuse="b")  # error: reuse takes a run
improved.stream(text=3)  # error: wrong argument of a stream
improved.batch(3)  # error: no rows
improved.batch([{"text": "a"}], on_error="skip")  # error: no such choice
improved.batch([{"text": "a"}], on="ray")  # error: no place
weft.evaluate(improved, [], metric=len)  # error: a metric takes two
weft.batch_to(improved, [])  # error: no file
weft.replace_node(improved, "grow", len)  # error: no module, step or program
weft.insert_node(improved, grow, {"text": "question"})  # error: into nothing
improved.with_parameters(["triage/demos"])  # error: no mapping
values: list[int] = improved.batch([{"text": "a"}])  # error: a list of texts
many: list[int] = weft.each([4, 2], halve)
one: int | str = weft.branch(flag, lambda: halve(1), lambda: improved("a"))
chosen: int = weft.switch(label, {"cards": lambda: 1, "accounts": lambda: halve(1)})
last: str = weft.loop("a", improved, until=lambda t: is_long(t), at_most=3)
'''
MISTAKES = BASICS + REGIONS
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
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def difference(found: dict[int, str]) -> dict[int, str]:
    """Lines where a checker and the marks disagree."""
    missed = {n: f"missed: {MARKED[n]}" for n in MARKED.keys() - found.keys()}
    wrong = {n: f"no mistake: {found[n]}" for n in found.keys() - MARKED.keys()}
    return dict(sorted({**missed, **wrong}.items()))
