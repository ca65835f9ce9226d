"""The replies of DSPy's own tests, read by DSPy and by weft.

`python -m bench adapters --dspy PATH` takes a copy of DSPy's repository
(https://github.com/stanfordnlp/dspy). Its tests of the chat, JSON and XML adapters run
in the environment that `WEFT_BENCH_PYTHON` names, on the dspy that is installed there;
each reply that they give an adapter is given to ours as well, DSPy's headings rewritten
as ours (`bench/rivals/overheard.py`). What is not read alike is printed, to be looked
at. `--write` writes the counts into docs/.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from . import BenchError, Findings, Row, bench_python

__all__ = ["run"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "bench-adapters.md"
HEAD = Path(__file__).with_name("adapters.md")
OUTCOMES = {
    "agree": "the same values",
    "both refuse": "an error in both",
    "refuse": "an error in weft, a value in DSPy",
    "ours alone": "a value in weft, an error in DSPy",
    "differ": "other values",
    "no signature of ours": "outputs that no signature of weft's can have",
}
FORMS = ("chat", "json", "xml")


def run(dspy: Path | None = None, write: bool = False) -> list[Row]:
    """A row an adapter and outcome.

    Args:
        dspy: The copy of DSPy's repository; without one there is nothing to measure.
        write: Whether the page in docs/ is written.

    Raises:
        BenchError: The folder holds no such tests, or none of them ran.
    """
    if dspy is None:
        return Findings([], "adapters: no copy of DSPy is named (--dspy PATH)")
    heard = _heard(dspy)
    counts = Counter((one["form"], one["outcome"]) for one in heard)
    if write:
        PAGE.write_text(_page(counts), encoding="utf-8")
    rows = [
        Row(f"{form}: {what}", counts[form, outcome])
        for form in FORMS
        for outcome, what in OUTCOMES.items()
    ]
    apart = [one for one in heard if one["outcome"] not in {"agree", "both refuse"}]
    return Findings(rows, "\n\n".join(map(_told, apart)))


def _heard(dspy: Path) -> list[dict[str, Any]]:
    tests = [dspy / "tests" / "adapters" / f"test_{form}_adapter.py" for form in FORMS]
    if missing := [str(path) for path in tests if not path.is_file()]:
        raise BenchError(f"{dspy} is no copy of DSPy: there is no {missing[0]}")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "heard.jsonl")
        kept.touch()
        told = {
            "OVERHEARD": str(kept),
            "PYTHONPATH": str(ROOT),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        words = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
        words += ["-p", "bench.rivals.overheard"]
        words += [str(path.relative_to(dspy)) for path in tests]
        made = subprocess.run(
            [bench_python(), "-P", "-m", "pytest", *words],
            cwd=dspy,
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = kept.read_text("utf-8").splitlines()
    if not lines:
        raise BenchError(f"no reply was heard: {(made.stdout + made.stderr)[-500:]}")
    return [json.loads(line) for line in lines]


def _told(one: dict[str, Any]) -> str:
    return (
        f"{one['form']}, {OUTCOMES[one['outcome']]}:\n  {one['reply']!r}\n"
        f"  DSPy: {one['theirs']}\n  weft: {one['ours']}"
    )


def _page(counts: Counter[tuple[str, str]]) -> str:
    lines = [f"| | {' | '.join(FORMS)} |", "| --- | ---: | ---: | ---: |"]
    for outcome, what in OUTCOMES.items():
        numbers = " | ".join(str(counts[form, outcome]) for form in FORMS)
        lines.append(f"| {what} | {numbers} |")
    return HEAD.read_text("utf-8").replace("{counts}", "\n".join(lines))
