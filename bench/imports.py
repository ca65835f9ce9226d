"""How long an import takes, each time in a fresh interpreter, taking turns.

Both sides run from bytecode, in a folder of the bench's own: a package that pip
installed has it, and a checkout may not, where the environment forbids to write any.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import BenchError, Row, bench_python

__all__ = ["run"]

ROUNDS = 7
MOST_OF_DSPY = 1 / 3
# weft's names load when they are first used; a program uses these.
NAMES = ("Signature", "Input", "Output", "Predict", "program", "evaluate", "compile")
CHILD = """
import sys, time
before, start = len(sys.modules), time.perf_counter()
{statement}
seconds, modules = time.perf_counter() - start, len(sys.modules) - before
import json
print(json.dumps([1000 * seconds, modules]))
"""


@dataclass
class Contestant:
    """One import statement, the interpreter that runs it, and its times so far."""

    python: Path
    statement: str
    bytecode: str
    milliseconds: list[float] = field(default_factory=list[float])
    modules: int = 0

    def take_turn(self) -> None:
        """Import once more in a fresh interpreter.

        Raises:
            BenchError: The import fails there.
        """
        environment = {
            **os.environ,
            # litellm fetches its price table over the network unless told not to; its
            # best case is measured.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "PYTHONPYCACHEPREFIX": self.bytecode,
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        done = subprocess.run(
            [self.python, "-c", CHILD.format(statement=self.statement)],
            capture_output=True,
            check=False,
            env=environment,
            text=True,
        )
        if done.returncode != 0:
            why = done.stderr.strip().rpartition("\n")[2]
            raise BenchError(f"{self.statement!r} fails in {self.python}: {why}")
        milliseconds, self.modules = json.loads(done.stdout.splitlines()[-1])
        self.milliseconds.append(milliseconds)

    @property
    def median(self) -> float:
        """The middle time, in milliseconds."""
        return statistics.median(self.milliseconds)

    def __str__(self) -> str:
        best = min(self.milliseconds)
        return f"best {best:.0f}, {self.modules:,} modules"


def run(rounds: int = ROUNDS) -> list[Row]:
    """Measure `import weft` beside `import dspy` and `import litellm`."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-bytecode-") as bytecode:
        return _measured(rounds, bytecode)


def _measured(rounds: int, bytecode: str) -> list[Row]:
    here, there = Path(sys.executable), bench_python()
    bare = Contestant(here, "import weft", bytecode)
    used = Contestant(here, f"from weft import {', '.join(NAMES)}", bytecode)
    dspy = Contestant(there, "import dspy", bytecode)
    litellm = Contestant(there, "import litellm", bytecode)
    contestants = (bare, used, dspy, litellm)
    for contestant in contestants:
        contestant.take_turn()  # writes bytecode, warms the disk; not counted
        contestant.milliseconds.clear()
    for _ in range(rounds):
        for contestant in contestants:
            contestant.take_turn()
    unit = f"ms, median of {rounds}"
    return [
        Row.at_most(
            f"import weft ({bare}) / dspy ({dspy}), {unit}",
            bare.median,
            dspy.median,
            MOST_OF_DSPY,
        ),
        Row.at_most(
            f"the same with weft's names in use ({used}), {unit}",
            used.median,
            dspy.median,
            MOST_OF_DSPY,
        ),
        Row(f"import weft / litellm ({litellm}), {unit}", bare.median, litellm.median),
    ]
