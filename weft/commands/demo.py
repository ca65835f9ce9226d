"""`weft demo`: a program gets better within seconds, and another process imports it.

It runs on the offline stand-in and says so. Nothing of the story is prepared: the rows
are read, the program is compiled and verified, and what is shown is what came out.
"""

from __future__ import annotations

import argparse
import inspect
import os
import shutil
import subprocess
import sys
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ..compilers.compile import compile as compiled
from ..compilers.compile import quote
from ..compilers.recipe import Compiler
from ..compilers.reporting.report import Report, Result
from ..loading import package
from ..pipeline.calls.budget import Budget
from ..pipeline.data.rows import Example, read_rows
from ..pipeline.errors import WeftError
from ..pipeline.graph.module import Module
from ..pipeline.lm.prices import money
from ..pipeline.measure.evaluate import Evaluation
from ..pipeline.measure.metrics import exact
from ..pipeline.run.settings import use
from . import demo_program
from .compile import report_data
from .output import Outcome, calls_shown, columns, indented, points, say

_NARROW, _WIDE = 78, 96
_AXIS = 40
_MESSAGES = (
    "my new card still isnt here, its been three weeks",
    "app throws me out every time i type my password",
    "Meine Überweisung von Montag ist immer noch nicht angekommen",
)
_ASK = """\
from programs import triage

messages = [
    "{}",
    "{}",
    "{}",
]
for message in messages:
    print(triage(message=message).team, "<-", message)
""".format(*_MESSAGES)
_START = """\
weft demo: a program learns to route customers' messages, offline, right here.

A bank names its teams after birds, so that a name says nothing about the
team's work. {rows} messages, written by hand, say which team each belongs to.
Three of them:

{shown}

The program, and all that it knows so far:

{source}

The model is `embedded`, a stand-in that compares texts.
It is NOT a language model: it lets you try weft without a key, and its scores
say nothing about a real model's."""
_QUOTE = """
1. What compiling will cost, before anything is spent

     weft.quote(triage, rows, metric=weft.metrics.exact("team"){how})

{quote}"""
_COMPILE = """
2. Compile it

     result = weft.compile(triage, rows, metric=weft.metrics.exact("team"){how}{bound}
"""
_BOUND = """, budget="{}")

   The budget asks fewer of the sealed rows, which makes intervals wider."""
_REPORT = """\
   Points of 100 on {sealed} rows that were sealed until now, each with its 95 %
   interval:

{scores}

   {verdict}
   spent: {spent}"""
_DIFF = """
3. What changed in the prompt

     print(result.report.diff())

{diff}"""
_KEEP = """
4. Keep it, and import it in a new Python process

     result.save("{artifact}")
     weft.package("{folder}")

   {out}/ask.py

{ask}

   $ cd {out} && WEFT_LM=embedded python ask.py

{answers}

   Right would be wren, finch, osprey."""
_NEXT = """

Next

   weft show {artifact} --prompt
   weft run {artifact} \\
        --model openai/gpt-5-mini --set message="my card never came"
"""


def command(arguments: argparse.Namespace) -> Outcome:
    """Tell the whole story; with --json only how it ended."""
    out, tell = Path(arguments.out), not arguments.json
    started = time.perf_counter()
    rows = demo_rows()
    if tell:
        say(beginning(_START, rows))
    with use(lm="embedded", cache=out / ".weft" / "cache"):
        result = compile_told(
            demo_program.triage, rows, tell=tell, quiet=arguments.quiet
        )
    artifact = result.save(out / "programs" / "triage.weft.json")
    package(artifact.parent)
    if not (out / "ask.py").exists():
        (out / "ask.py").write_text(_ASK, encoding="utf-8")
    answers = _ask_anew(out)
    if tell:
        say(_ending(out, artifact, answers))
    data = report_data(result) | {"out": str(artifact), "answers": answers}
    took = f"the whole demo took {time.perf_counter() - started:.1f} s"
    return Outcome("", data, remark=took)


def demo_rows() -> list[Example]:
    """The rows that the demo comes with."""
    source = files("weft") / "demo_data" / "triage.jsonl"
    with as_file(source) as path:
        return read_rows(path, ["message"])


def compile_told(
    triage: Module[..., Any],
    rows: list[Example],
    compiler: Compiler | None = None,
    how: str = "",
    budget: str | None = None,
    *,
    tell: bool,
    quiet: bool,
) -> Result[..., Any]:
    """Compile the demo's program, and say what it will cost, and what came of it.

    Args:
        triage: The program.
        rows: What it is compiled with.
        compiler: How it is compiled, where it is not the default.
        how: The compiler as an argument, as it would be written.
        budget: The most that it spends, where less than it could.
        tell: Whether anything is said on stdout.
        quiet: Whether nothing is said on stderr.
    """
    metric = exact("team")
    offer = quote(triage, rows, metric=metric, compiler=compiler)
    if tell:
        say(_QUOTE.format(quote=indented(str(offer), "     "), how=how))
        bound = ")" if budget is None else _BOUND.format(budget)
        say(_COMPILE.format(how=how, bound=bound))
    expected = offer.calls.expected
    if budget is not None:
        expected = min(expected, Budget.parse(budget).calls or expected)
    shown = calls_shown("compile triage", expected, quiet=quiet)
    with shown as hook, use(hooks=(hook,)):
        result = compiled(triage, rows, metric=metric, compiler=compiler, budget=budget)
    if tell:
        say(_reported(result.report))
        say(_DIFF.format(diff=indented(_shortened(result.report.diff()), "     ")))
    return result


def beginning(start: str, rows: list[Example]) -> str:
    """How the story starts: the rows, some of them, and the program's source."""
    source = inspect.getsource(demo_program).partition('"""\n')[2].strip()
    shown = [(f"{row['team']}", row["message"]) for row in rows[1:4]]
    return start.format(
        rows=len(rows),
        shown=indented(_shortened(columns(shown)), "     "),
        source=indented(source.replace("  # fmt: skip", ""), "     "),
    )


def _reported(report: Report) -> str:
    scores = [("as it was", report.seed_score), ("compiled", report.score)]
    lines = [(name, points(e), _drawn(e)) for name, e in scores]
    lines.append(("", "", f"0{100:>{_AXIS}}"))
    cached = report.calls - report.sent
    spent = f"{report.calls} calls ({report.sent} sent, {cached} from the cache), "
    return _REPORT.format(
        sealed=len(report.score.values),
        scores=indented(columns(lines), "     "),
        verdict=report.verdict,
        spent=f"{spent}{report.tokens:,} tokens, {money(report.usd)}",
    )


def _drawn(found: Evaluation) -> str:
    """A score and its interval on an axis from 0 to 100."""
    low, mean, high = (
        round(_AXIS * share)
        for share in (found.interval.low, found.mean, found.interval.high)
    )
    axis = [" "] * low + ["-"] * (high - low + 1) + [" "] * (_AXIS - high)
    axis[mean] = "o"
    return f"|{''.join(axis)}|"


def _ending(out: Path, artifact: Path, answers: str) -> str:
    return _KEEP.format(
        artifact=artifact,
        folder=artifact.parent,
        out=out,
        ask=indented((out / "ask.py").read_text("utf-8"), "     "),
        answers=indented(answers, "     "),
    ) + _NEXT.format(artifact=artifact)


def _ask_anew(out: Path) -> str:
    """What a new Python process prints that imports the saved program."""
    surroundings = {k: v for k, v in os.environ.items() if k != "WEFT_CACHE"}
    done = subprocess.run(
        [sys.executable, "ask.py"],
        capture_output=True,
        check=False,
        cwd=out,
        encoding="utf-8",
        env={**surroundings, "WEFT_LM": "embedded", "PYTHONIOENCODING": "utf-8"},
    )
    if done.returncode:
        raise WeftError(f"the new process failed: {done.stderr.strip()}")
    return done.stdout.rstrip()


def _shortened(text: str, most: int = 16) -> str:
    """The first lines of a text, each no longer than the screen is wide."""
    room = min(max(shutil.get_terminal_size((_WIDE, 0)).columns, _NARROW), _WIDE) - 6
    lines = [
        line if len(line) <= room else f"{line[: room - 3]}..."
        for line in text.splitlines()
    ]
    left = len(lines) - most
    return "\n".join(
        lines[:most] + ([f"... and {left} more lines"] if left > 0 else [])
    )
