"""Cells are measured here: a server, the proxy before it, and a process a side."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import bench_python
from ..rivals.child import Child
from .arms import COMPILED, arm_of
from .cells import Cell, Kept, Key, Outcome
from .proxy import CountingProxy
from .serving import Model, served
from .tasks import TASKS, Example, Task

__all__ = ["BUDGET", "CANDIDATES", "SLOTS", "TRAIN", "VAL", "Session"]

MAX_TOKENS, THINKING_TOKENS = 128, 256
"""Of a reply, and of one whose first field is reasoning; the same for both sides."""
SLOTS = 4
BUDGET = 300
CANDIDATES = 4
"""Of DSPy's random search, besides its fixed three: it takes about `BUDGET` calls."""
TRAIN, VAL = 60, 30
"""Rows that a compile sees: val is what random search of so few calls can afford."""
SECONDS_A_ROW, SECONDS_A_COMPILE = 90, 7200
ROOT = Path(__file__).parents[2]


@dataclass
class Session:
    """A run of the bench.

    Args:
        kept: Where cells go.
    """

    kept: Kept
    _children: dict[str, Child] = field(default_factory=dict[str, Child])

    def measure(self, model: Model, keys: Sequence[Key]) -> None:
        """Measure the cells of a model that are not there yet; keep each at once."""
        if not keys:
            return
        log = ROOT / "runs" / "real" / "wire"
        with (
            served(model) as (url, told),
            CountingProxy(url, log) as proxy,
            contextlib.ExitStack() as opened,
        ):
            for done, key in enumerate(keys, 1):
                child = self._child(key.arm.partition("-")[0], opened)
                cell = _measured(key, child, proxy, told)
                if cell is not None:
                    self.kept.add(cell)
                _tell(key, cell, len(keys) - done)
            self._children.clear()

    def _child(self, side: str, opened: contextlib.ExitStack) -> Child:
        if side not in self._children:
            python = Path(sys.executable) if side == "weft" else bench_python()
            child = Child(python, f"bench.real.{side}_side")
            self._children[side] = opened.enter_context(child)
        return self._children[side]


def _measured(
    key: Key, child: Child, proxy: CountingProxy, told: dict[str, Any]
) -> Cell | None:
    """The cell; None where its process failed, which is told."""
    parts = (key.model, key.task, key.arm, str(key.rows), str(key.seed))
    account = re.sub(r"[^A-Za-z0-9-]+", "_", ".".join(parts))
    compiled = key.arm in COMPILED
    thinks = not compiled and arm_of(key.arm).thinks
    limit = THINKING_TOKENS if thinks else MAX_TOKENS
    test = f"{account}-test" if compiled else account
    for one in {account, test}:
        proxy.forget(one)
    root = proxy.url("").removesuffix("//v1")
    most = SECONDS_A_COMPILE if compiled else 0
    result = child.ask(
        {
            "kind": "compile" if compiled else "ask",
            "compiler": key.arm.partition("-")[2],
            "task": key.task,
            "arm": key.arm,
            "rows": key.rows,
            "seed": key.seed,
            "train": TRAIN,
            "val": VAL,
            "budget": BUDGET,
            "candidates": CANDIDATES,
            "model": f"openai/{key.model}",
            "max_tokens": limit,
            "slots": SLOTS,
            "url": f"{root}/{account}",
            "test_url": f"{root}/{test}",
            "seconds": most + SECONDS_A_ROW * key.rows,
        }
    )
    if "rows" not in result:
        print(f"real: {key}: {result}", file=sys.stderr, flush=True)
        return None
    found: list[dict[str, Any]] = result["rows"]
    by_row = [proxy.counts(f"{test}~{at}") for at in range(len(found))]
    wanted = {one.id: one for one in TASKS[key.task].rows("test")}
    outcomes = [
        _outcome(TASKS[key.task], wanted[row["id"]], row, counts.calls)
        for row, counts in zip(found, by_row, strict=True)
    ]
    compiling: dict[str, Any] = {}
    if compiled:
        spent = proxy.counts(account).data()
        compiling = {**spent, "seconds": result["compile_seconds"]}
    return Cell(
        key,
        tuple(outcomes),
        sum(by_row, proxy.counts(test)).data(),
        result["seconds"],
        {**told, **_made_with(key), "max_tokens": limit, "at_once": SLOTS},
        compiling,
    )


def _outcome(task: Task, wanted: Example, row: dict[str, Any], calls: int) -> Outcome:
    """A row as the side tells it; a side that counts its calls by row is believed."""
    answer = row["answer"]
    return Outcome(
        row["id"],
        0.0 if answer is None else task.score(wanted.outputs, answer),
        answer is not None,
        row.get("calls", calls),
        row["error"],
        tuple(row.get("repairs", ())),
    )


def _made_with(key: Key) -> dict[str, Any]:
    """Versions and the day."""
    side = key.arm.partition("-")[0]
    version = (
        importlib.metadata.version("weft-lm") if side == "weft" else _dspy_version()
    )
    commit = _commit() if side == "weft" else ""
    day = datetime.now(UTC).date().isoformat()
    return {side: f"{version} {commit}".strip(), "date": day}


@functools.cache
def _dspy_version() -> str:
    code = "import importlib.metadata as m; print(m.version('dspy'))"
    asked = [str(bench_python()), "-c", code]
    return subprocess.run(
        asked, capture_output=True, check=True, text=True
    ).stdout.strip()


@functools.cache
def _commit() -> str:
    """The checkout's commit, or nothing where there is no git."""
    asked = ["git", "describe", "--always", "--dirty"]
    try:
        said = subprocess.run(
            asked, capture_output=True, check=False, text=True, cwd=ROOT
        )
    except OSError:
        return ""
    return said.stdout.strip()


def _tell(key: Key, cell: Cell | None, left: int) -> None:
    said = "no result"
    if cell is not None:
        rows = len(cell.outcomes)
        said = (
            f"{cell.usable} of {rows} usable, score {sum(cell.scores) / rows:.3f}, "
            f"{cell.counts['calls']} calls, {cell.seconds:.0f} s"
        )
    print(f"real: {key}: {said}; {left} to go", file=sys.stderr, flush=True)
