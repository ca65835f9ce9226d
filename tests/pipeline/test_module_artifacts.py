"""A module is saved, loaded, compiled and imported as a module; a program stays one."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.cli import main
from weft.errors import ArtifactError, ConfigError
from weft.pipeline.graph.digest import digest_of
from weft.pipeline.graph.module import Module
from weft.pipeline.graph.program import as_program

ASK = "question -> answer"
ask = weft.Predict(ASK, "Be brief.", name="ask")
ROWS = [{"question": f"row {n}", "answer": "yes"} for n in range(24)]
exact = weft.metrics.exact("answer")


@weft.predict
def shout(question: str) -> str:
    """Say it loudly."""
    raise NotImplementedError


@weft.program
def whole(question: str) -> str:
    """A program of one module."""
    return ask(question=question).answer  # type: ignore[no-any-return]


MODULES: dict[str, Callable[[], Module[..., Any]]] = {
    "Predict": lambda: ask,
    "ChainOfThought": lambda: weft.ChainOfThought(ASK, "Think.", name="ask"),
    "a function's": lambda: shout,
    "Vote": lambda: weft.Vote(ask, n=2, name="vote"),
    "a class's": lambda: weft.Predict(weft.Predict(ASK).signature),
}
every = pytest.mark.parametrize("kind", MODULES)


def said(request: Any) -> str:
    """A reply with every field that may be asked for."""
    asked = request.messages[0].content
    names = [n for n in ("reasoning", "answer", "shout") if f"[[ {n} ]]" in asked]
    return "\n".join(f"[[ {name} ]]\nyes" for name in names)


@pytest.fixture(autouse=True)
def lm() -> Any:
    """A model that says yes."""
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        yield


@every
def test_a_saved_module_is_loaded_as_one(kind: str, tmp_path: Path) -> None:
    """With or without the live one; saved again, it is the same file."""
    module = MODULES[kind]()
    file = weft.save(module, tmp_path / "it.weft.json")

    for loaded in (weft.load(file), weft.load(file, program=module)):
        assert type(loaded) is type(module)
        assert weft.origin(loaded) is not None
        asked = next(iter(loaded.modules.values()), loaded)
        live = next(iter(module.modules.values()), module)
        assert asked.instruction == live.instruction
        assert asked.with_(instruction="Other.").instruction == "Other."
        assert asked.prompt(question="q").messages
        assert str(loaded(question="q")) == str(module(question="q"))
        again = weft.save(loaded, tmp_path / "again.weft.json")
        assert again.read_bytes() == file.read_bytes()


@every
def test_a_compiled_module_is_one(kind: str, tmp_path: Path) -> None:
    """The result, the seed and the ranking are modules of its kind."""
    module = MODULES[kind]()
    rows = [
        {"question": row["question"], "answer": "yes", "shout": "yes"} for row in ROWS
    ]

    def right(example: Any, prediction: Any) -> bool:
        del example
        return bool(prediction)

    result = weft.compile(module, rows, metric=right, budget="200 calls")

    for made in (result.program, result.seed, *result.best(2)):
        assert type(made) is type(module)
    file = result.save(tmp_path / "it.weft.json")
    assert type(weft.load(file)) is type(module)
    ported = weft.recompile(file, rows, lm=weft.FunctionLM(said), metric=right)
    assert type(ported.program) is type(module)


def test_a_program_stays_a_program(tmp_path: Path) -> None:
    """Also one that is made of a single module, or was made of it."""
    for program in (whole, as_program(ask)):
        file = weft.save(program, tmp_path / "it.weft.json")
        result = weft.compile(program, ROWS, metric=exact, budget="100 calls")

        assert isinstance(weft.load(file), weft.Program)
        assert isinstance(weft.load(file, program=program), weft.Program)
        assert isinstance(result.program, weft.Program)


def test_a_changed_module_has_no_origin(tmp_path: Path) -> None:
    """What was changed since is another one, as for programs."""
    loaded = weft.load(weft.save(ask, tmp_path / "it.weft.json"))

    assert weft.origin(loaded.with_(instruction="Other.")) is None
    assert weft.origin(ask) is None


def test_modules_are_imported_from_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And their stub says so."""
    folder = tmp_path / "tuned_modules"
    weft.save(ask, folder / "ask.weft.json")
    weft.save(shout, folder / "shout.weft.json")
    weft.save(whole, folder / "whole.weft.json")
    weft.package(folder)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "tuned_modules", raising=False)

    tuned_modules: Any = importlib.import_module("tuned_modules")

    stub = (folder / "__init__.pyi").read_text("utf-8")
    made: Any = tuned_modules.ask
    assert type(made) is weft.Predict
    assert made.instruction == "Be brief."
    assert tuned_modules.shout("q") == "yes"
    assert isinstance(tuned_modules.whole, weft.Program)
    assert "@weft.predict\ndef ask(*, question: str) -> Answer" in stub
    assert "@weft.predict\ndef shout(question: str) -> str" in stub
    assert "@weft.program\ndef whole(question: str) -> str" in stub


def test_the_command_line_compiles_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it saves is loaded as a module."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("asked_here.py").write_text(
        "import weft\nask = weft.Predict('question -> answer', name='ask')\n", "utf-8"
    )
    lines = "".join(f"{json.dumps(row)}\n" for row in ROWS)
    Path("rows.jsonl").write_text(lines, "utf-8")
    words = [
        "compile",
        "asked_here.py:ask",
        "--data",
        "rows.jsonl",
        "--metric",
        "exact:answer",
    ]

    code = main([*words, "--out", "a.weft.json", "--model", "embedded"])
    del sys.modules["asked_here"]

    capsys.readouterr()
    assert code == 0
    assert isinstance(weft.load("a.weft.json"), weft.Predict)
    assert main(["show", "a.weft.json"]) == main(["check", "a.weft.json"]) == 0


def test_a_file_that_claims_to_be_a_module(tmp_path: Path) -> None:
    """And holds more than one is refused."""

    @weft.program
    def two(question: str) -> str:
        first = ask(question=question).answer
        return ask(question=first).answer  # type: ignore[no-any-return]

    file = weft.save(two, tmp_path / "two.weft.json")
    data = json.loads(file.read_text("utf-8"))
    assert digest_of(data["program"]) == data["digest"]
    file.write_text(json.dumps({**data, "kind": "module"}), "utf-8")

    with pytest.raises(ArtifactError, match="said to be a module, and is more"):
        weft.load(file)


def test_a_module_of_parts_has_no_instruction_of_its_own() -> None:
    """The error names the part that has one."""
    vote = weft.Vote(ask, n=2, name="vote")

    with pytest.raises(ConfigError, match=r"\.modules\['module'\]\.instruction"):
        _ = vote.instruction
    assert vote.modules["module"].instruction == "Be brief."
