"""Outcomes in a file as they come: a line of column names, then a line a compile.

The head says which suite and which compilers the lines below it come from. Outcomes of
another suite are not comparable and are refused; those of other compilers are left
alone and made again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import BenchError
from .compiles import Job, Outcome

__all__ = ["Kept", "compilers_digest", "outcomes_in", "suite_digest"]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SUITE = (
    *(f"planted/{name}.py" for name in ("tasks", "families", "reading", "answering")),
    *(f"planted/{name}.py" for name in ("lessons", "writing", "model", "programs")),
    "planted/compiles.py",
    "world/draw.py",
    "world/advice.py",
)
"""What an outcome follows from, beside the compilers: frozen."""

_JOB = [one.name for one in fields(Job)]
_REST = [one.name for one in fields(Outcome) if one.name != "job"]


@lru_cache(maxsize=1)
def suite_digest() -> str:
    """A digest of the simulated models, the tasks and the measures."""
    return _digest([HERE.parent / name for name in SUITE])


@lru_cache(maxsize=1)
def compilers_digest() -> str:
    """A digest of the library."""
    rooms = (ROOT / name for name in ("compilers", "modules", "pipeline"))
    return _digest([path for room in rooms for path in sorted(room.rglob("*.py"))])


def outcomes_in(path: Path, by: str = "") -> dict[Job, Outcome]:
    """The outcomes of this suite in a file, of any compilers or of those named.

    Raises:
        BenchError: The file holds outcomes, and none of this suite.
    """
    found: dict[Job, Outcome] = {}
    head: dict[str, Any] = {}
    others = 0
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.splitlines():
        if line.startswith("{") and line.endswith("}"):
            head = json.loads(line)
        elif line.endswith("]") and head.get("suite") != suite_digest():
            others += 1
        elif line.endswith("]") and by in ("", head["compilers"]):
            values = dict(zip(head["columns"], json.loads(line), strict=True))
            job = {name: values.pop(name) for name in _JOB}
            made = Outcome.of({"job": job, **values})
            found[made.job] = made
    if others and not found and not by:
        raise BenchError(f"{path} holds outcomes of another suite than this one")
    return found


@dataclass
class Kept:
    """Outcomes of these compilers by job, and the file that holds them.

    Args:
        path: It is made when the first outcome comes.
    """

    path: Path
    found: dict[Job, Outcome] = field(default_factory=dict[Job, Outcome])
    _headed: bool = False

    def __post_init__(self) -> None:
        self.found = outcomes_in(self.path, compilers_digest())

    def add(self, outcome: Outcome) -> None:
        """Keep one, rounded as the file has it."""
        data = outcome.describe()
        self.found[outcome.job] = Outcome.of(data)
        values = [*(data["job"][name] for name in _JOB), *(data[n] for n in _REST)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            if not self._headed:
                file.write(f"{json.dumps(_head())}\n")
                self._headed = True
            file.write(f"{json.dumps(values, separators=(',', ':'))}\n")


def _head() -> dict[str, Any]:
    columns = [*_JOB, *_REST]
    return {
        "suite": suite_digest(),
        "compilers": compilers_digest(),
        "columns": columns,
    }


def _digest(paths: list[Path]) -> str:
    made = hashlib.sha256()
    for path in paths:
        made.update(f"{path.relative_to(ROOT)}\n".encode())
        made.update(path.read_bytes())
    return made.hexdigest()[:16]
