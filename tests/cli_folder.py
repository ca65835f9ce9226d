"""A folder to give commands in: a program in a file, rows, and what it takes away."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# A program as a user has it in a file; what it asks answers without a model.
PROGRAM = """
from typing import Literal

import weft

Team = Literal["cards", "app"]


def reply(request):
    if any("gibberish" in message.content for message in request.messages):
        return "no fields at all"
    return "[[ team ]]\\napp\\n[[ /end ]]"


@weft.step
def shout(text: str, times: int = 1) -> str:
    return text.upper() * times


@weft.step
def wait(text: str) -> str:
    import time

    print("waiting", flush=True)
    time.sleep(30)
    return text


sort = weft.Predict("message -> team: Team", types={"Team": Team}, name="sort",
                    lm=weft.FunctionLM(reply, model="by-hand"))
plain = weft.Predict("message -> team: Team", types={"Team": Team}, name="plain")
other = "no program"


@weft.program
def loud(text: str, times: int = 1) -> str:
    return shout(text, times)


@weft.program
def sorted_loud(message: str) -> str:
    return sort(message=shout(message)).team


@weft.program
def slow(text: str) -> str:
    return wait(text)


def half(example, prediction):
    return 0.5 if prediction.team == "app" else 0.25
"""
LABELLED = [
    {"id": "a", "message": "chip broken", "team": "cards"},
    {"id": "b", "message": "app crashes", "team": "app"},
    {"id": "c", "message": "login fails", "team": "app"},
]


def working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A working directory with a program and rows; imports are undone afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    Path("mine.py").write_text(PROGRAM, "utf-8")
    write_rows("rows.jsonl", LABELLED)
    yield tmp_path
    for name in set(sys.modules) - known:
        if "mine" in name:
            del sys.modules[name]


def write_rows(path: str, rows: list[dict[str, Any]]) -> None:
    """Rows as JSONL."""
    Path(path).write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
