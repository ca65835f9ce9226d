"""The bench of JSON Schemas counts what is read, taken and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import BenchError
from bench.schemas import run


def put(folder: Path, name: str, data: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), "utf-8")


def test_schemas_and_values_are_counted(tmp_path: Path) -> None:
    """Each row is a share of what the folders hold."""
    put(tmp_path, "data/easy/a.json", {"type": ["integer", "null"]})
    put(tmp_path, "data/hard/b.json", {"pattern": "(?=a)"})
    tests = [
        {"data": 1, "valid": True},
        {"data": None, "valid": True},
        {"data": "x", "valid": False},
    ]
    case = {"schema": {"type": ["integer", "null"]}, "tests": tests}
    put(tmp_path, "maskbench/data/c.json", case)
    put(tmp_path, "tests/draft2020-12/type.json", [{**case, "schema": False}])
    put(tmp_path, "tests/draft2020-12/optional/format.json", [case])

    rows = {row.what: row.weft for row in run(tmp_path, suite=tmp_path)}

    assert rows == {
        "schemas read, of 2": 0.5,
        "of those, asked for as written": 1,
        "raw exceptions": 0,
        "valid values taken": 1,
        "other values refused": 1,
        "taken values the same after dump and load": 1,
        "required tests of 2020-12 right, of 3": pytest.approx(1 / 3),
    }


def test_without_a_folder_there_is_nothing_to_measure(tmp_path: Path) -> None:
    """Nothing is brought from a network; an empty folder is a mistake."""
    assert run() == []
    with pytest.raises(BenchError, match="holds no schemas"):
        run(tmp_path)
