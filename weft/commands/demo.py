"""`weft demo`: a program gets better within seconds, and another process imports it.

It runs on the offline stand-in and says so; with --real on a small real model, among
the smallest there are, so that everybody can have it. Nothing of the story is prepared:
what is shown is what came out, and where that is no gain, it says so.
"""

from __future__ import annotations

import argparse
import inspect
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ..compilers.compile import compile as compiled
from ..compilers.compile import quote
from ..compilers.knn_few_shot import KNNFewShot
from ..compilers.recipe import Compiler
from ..compilers.report import Report
from ..compilers.result import Result
from ..loading import package
from ..pipeline.artifact.load import read_artifact
from ..pipeline.calls.budget import Budget
from ..pipeline.data.example import digest_rows
from ..pipeline.data.rows import Example, read_rows
from ..pipeline.errors import ArtifactError, ConfigError, WeftError
from ..pipeline.ground.words import brief, counted
from ..pipeline.lm.models import LM
from ..pipeline.lm.prices import money
from ..pipeline.measure.evaluate import Evaluation
from ..pipeline.measure.metrics import exact
from ..pipeline.run.settings import use
from . import demo_program
from .compile import report_data
from .output import Outcome, calls_shown, columns, indented, points, say

_NARROW, _WIDE, _MOST_LINES = 78, 96, 16
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
{what}

A bank names its teams after birds, so that a name says nothing about the
team's work. {rows} messages, written for this demo, say which team each
belongs to. Three of them:

{shown}

The program, and all that it knows so far:

{source}"""
_OFFLINE = """\
weft demo: a program learns to route customers' messages, offline, right here.

The model is `embedded`, a stand-in that compares texts.
It is NOT a language model: it lets you try weft without a key, and its scores
say nothing about a real model's."""
_REAL = """\
weft demo --real: a language model learns to route messages, right here.

The model is SmolLM2-135M, run by llama.cpp on this machine; nothing leaves it.
It is among the smallest that follow instructions, so that everybody can have
it, and little of what is shown here holds for larger ones. Where two cores are
free this takes two or three minutes."""
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
4. Keep it{more}

     result.save("{artifact}")
"""
_IMPORT = """\
     weft.package("{folder}")

   {out}/ask.py

{ask}

   $ cd {out} && WEFT_LM=embedded python ask.py

{answers}

   Right would be wren, finch, osprey.

"""
_NEXT = """
Next

   weft show {artifact} --prompt
   weft run {artifact} \\
        --model {model} --set message="my card never came"
"""


@dataclass(frozen=True)
class _Story:
    """What is told, and on what model; `how` is the compiler as it would be written."""

    what: str
    lm: LM | str
    model: str
    compiler: Compiler | None = None
    how: str = ""
    budget: str | None = None


def _story(*, real: bool) -> _Story:
    if not real:
        return _Story(_OFFLINE, "embedded", "openai/gpt-5-mini")
    # Each call shows other demos, so that 200 of its tokens are read anew: all sealed
    # rows take longer than somebody waits who looks for the first time.
    return _Story(
        _REAL,
        LM("local/smollm2", temperature=0, max_tokens=32, slots=2),
        "local/smollm2",
        KNNFewShot(k=4),
        ",\n         compiler=weft.compilers.KNNFewShot(k=4)",
        "90 calls",
    )


def demo(arguments: argparse.Namespace) -> Outcome:
    """Tell the whole story; with --json only how it ended."""
    story, started = _story(real=arguments.real), time.perf_counter()
    out = Path(arguments.out)
    tell = _nothing if arguments.json else say
    with as_file(files("weft") / "demo_data" / "triage.jsonl") as path:
        rows = read_rows(path, ["message"])
    artifact = out / "programs" / "triage.weft.json"
    _refuse_loss(artifact, rows)
    tell(_beginning(story, rows))
    with use(lm=story.lm, cache=out / ".weft" / "cache"):
        result = _compiled(story, rows, tell, quiet=arguments.quiet)
    result.save(artifact)
    package(artifact.parent)
    data = report_data(result) | {"out": str(artifact)}
    more = "" if arguments.real else ", and import it in a new Python process"
    ending = _KEEP.format(artifact=artifact, more=more)
    if not arguments.real:
        data["answers"] = _ask_anew(out)
        ending += _IMPORT.format(
            folder=artifact.parent,
            out=out,
            ask=indented((out / "ask.py").read_text("utf-8"), "     "),
            answers=indented(data["answers"], "     "),
        )
    tell(ending + _NEXT.format(artifact=artifact, model=story.model))
    took = f"the whole demo took {time.perf_counter() - started:.1f} s"
    return Outcome("", data, remark=took)


def _refuse_loss(artifact: Path, rows: list[Example]) -> None:
    """Refuse a folder with files of these names that no demo has written.

    Raises:
        ConfigError: It has one.
    """
    ask = artifact.parent.parent / "ask.py"
    head = _ASK.partition("\n")[0].encode()  # below it one may ask what one likes
    others = [(ask, ask.exists() and not ask.read_bytes().startswith(head))]
    others.append((artifact, artifact.exists() and not _is_demos(artifact, rows)))
    for path, other in others:
        if other:
            raise ConfigError(
                f"{path} is there already, and is not written over: it is not of the "
                "demo",
                hint="Name another folder with --out",
            )


def _is_demos(artifact: Path, rows: list[Example]) -> bool:
    """Whether a program was compiled on the demo's rows, and is as it was then."""
    try:
        made = read_artifact(artifact)
    except ArtifactError:
        return False
    data = made.provenance.get("data")
    return data == {"train": digest_rows(rows)}


def _nothing(text: str) -> None:
    del text


def _beginning(story: _Story, rows: list[Example]) -> str:
    """How the story starts: the rows, some of them, and the program's source."""
    source = inspect.getsource(demo_program).partition('"""\n')[2].strip()
    shown = [(f"{row['team']}", row["message"]) for row in rows[1:4]]
    return _START.format(
        what=story.what,
        rows=len(rows),
        shown=indented(_shortened(columns(shown)), "     "),
        source=indented(source.replace("  # fmt: skip", ""), "     "),
    )


def _compiled(
    story: _Story, rows: list[Example], tell: Callable[[str], None], *, quiet: bool
) -> Result[..., Any, Any]:
    """Compile the program, and say what it will cost, and what came of it."""
    triage, metric = demo_program.triage, exact("team")
    offer = quote(triage, rows, metric=metric, compiler=story.compiler)
    tell(_QUOTE.format(quote=indented(str(offer), "     "), how=story.how))
    bound = ")" if story.budget is None else _BOUND.format(story.budget)
    tell(_COMPILE.format(how=story.how, bound=bound))
    limit = Budget() if story.budget is None else Budget.parse(story.budget)
    expected = offer.within(limit)
    with calls_shown("compile triage", expected, quiet=quiet):
        result = compiled(
            triage, rows, metric=metric, compiler=story.compiler, budget=story.budget
        )
    tell(_reported(result.report))
    tell(_DIFF.format(diff=indented(_shortened(result.report.diff()), "     ")))
    return result


def _reported(report: Report) -> str:
    scores = [("as it was", report.seed_score), ("compiled", report.score)]
    lines = [(name, points(e), _drawn(e)) for name, e in scores]
    lines.append(("", "", f"0{100:>{_AXIS}}"))
    cached = report.calls - report.sent
    calls = counted(report.calls, "call")
    spent = f"{calls} ({report.sent} sent, {cached} from the cache), "
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


def _ask_anew(out: Path) -> str:
    """What a new Python process prints that imports the saved program."""
    if not (out / "ask.py").exists():
        (out / "ask.py").write_text(_ASK, encoding="utf-8")
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


def _shortened(text: str) -> str:
    """The first lines of a text, each no longer than the screen is wide."""
    room = min(max(shutil.get_terminal_size((_WIDE, 0)).columns, _NARROW), _WIDE) - 6
    lines = [brief(line, room) for line in text.splitlines()]
    left = len(lines) - _MOST_LINES
    return "\n".join(
        lines[:_MOST_LINES]
        + ([f"... and {counted(left, 'more line')}"] if left > 0 else [])
    )
