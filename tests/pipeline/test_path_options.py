"""What names no file and no folder is refused as what it is, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline import saved
from weft.errors import WeftError

FEEL = weft.Predict("text -> mood", name="feel", lm=weft.FunctionLM(str))
CALLS: dict[str, Callable[[Any], object]] = {
    "save": lambda path: weft.save(saved.triage, path),
    "load": weft.load,
    "standing": weft.standing,
    "evaluations": lambda path: weft.standing(
        weft.save(saved.triage, "qa.weft.json"), [path]
    ),
    "log": weft.log,
    "label": lambda path: weft.label(path, "production", "abcd"),
    "rollback": weft.rollback,
    "package": weft.package,
    "trace_log": lambda path: weft.use(trace_log=path).__enter__(),
    "TraceLog": weft.TraceLog,
    "read_traces": lambda path: next(iter(weft.read_traces(path))),
    "cache": lambda path: weft.use(cache=path).__enter__(),
    "read_rows": lambda path: weft.read_rows(path, ["text"]),
    "write_rows": lambda path: weft.write_rows([{"text": "a"}], path),
    "import_dspy": lambda path: weft.import_dspy(path, FEEL),
    "batch_to": lambda path: weft.batch_to(FEEL, [{"text": "a"}], path),
}
PATHS: dict[str, object] = {
    "empty": "",
    "a number": 5,
    "null": "a\0b.weft.json",
    "long": f"{'x' * 300}.weft.json",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_path_is_refused(
    path: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty one is no name of the current folder, over which files would spread."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(WeftError):
        CALLS[call](PATHS[path])

    assert {each.name for each in tmp_path.iterdir()} <= {"qa.weft.json"}


def test_what_is_no_evaluation_and_no_place_is_refused() -> None:
    """Said before anything runs."""
    rows = [{"text": "a", "mood": "b"}]
    found = weft.evaluate(FEEL, rows, weft.metrics.exact("mood"))

    for other in (None, 5, "x"):
        with pytest.raises(weft.errors.ConfigError, match="is no evaluation"):
            found.compare(other)  # type: ignore[arg-type]
    with pytest.raises(weft.errors.ConfigError, match="on=5 is no place"):
        weft.evaluate(FEEL, rows, weft.metrics.exact("mood"), on=5)  # type: ignore[arg-type]
