"""Outcomes on disk as they come, so that a run that is stopped loses nothing.

One JSON line an outcome, with a digest of what it followed from: the simulated model,
the side's own script, and the compilers' source or the library's version. A line with
another digest is left alone and not used.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import bench_python
from ..records import keep, records
from .runs import Outcome, Run

__all__ = ["Kept", "versions"]

BENCH = Path(__file__).parents[1]
ROOT = BENCH.parent
COMMON = ("bench/world", "bench/rivals/forked.py")
OURS = ("bench/rivals/weft_compile.py", "compilers", "modules", "pipeline")
THEIRS = ("bench/rivals/dspy_compile.py", "requirements-bench.lock")


@dataclass
class Kept:
    """Outcomes by run, and the file that holds them.

    Args:
        path: A JSONL file; it is made when the first outcome comes.
    """

    path: Path
    found: dict[Run, Outcome] = field(default_factory=dict[Run, Outcome])

    def __post_init__(self) -> None:
        self._digests = {
            True: _digest(*COMMON, *OURS),
            False: _digest(*COMMON, *THEIRS),
        }
        for record in records(self.path):
            run = Run(**record.pop("run"))
            if record.pop("of") == self._digests[run.ours]:
                self.found[run] = Outcome(run, **record)

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome; one that was stopped or failed is tried again next time."""
        if outcome.score is None:
            return
        self.found[outcome.run] = outcome
        of = self._digests[outcome.run.ours]
        keep(self.path, {**asdict(outcome), "of": of})

    def missing(self, runs: Sequence[Run]) -> list[Run]:
        """Those that have no outcome yet."""
        return [run for run in runs if run not in self.found]


def versions() -> str:
    """What is measured against, as its interpreter says."""
    code = (
        "import importlib.metadata as m, platform;"
        "print('Python', platform.python_version(), *(f', {n} {m.version(n)}'"
        " for n in ('dspy', 'gepa', 'optuna', 'litellm')), sep='')"
    )
    asked = [str(bench_python()), "-c", code]
    said = subprocess.run(asked, capture_output=True, check=True, text=True)
    return said.stdout.strip().replace("Python", "Python ")


def _digest(*places: str) -> str:
    """A hash of the files of some places, by name and content."""
    made = hashlib.sha256()
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            made.update(file.relative_to(ROOT).as_posix().encode() + b"\0")
            made.update(file.read_bytes())
    return made.hexdigest()[:16]
