"""`weft demo --real`: the same story on a small real model, which runs here.

The model is among the smallest that there are, so that everybody can have it: what is
shown is what came out, and where that is no gain, it says so.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

from ..compilers.knn_few_shot import KNNFewShot
from ..loading import package
from ..pipeline.lm.models import LM
from ..pipeline.run.settings import use
from . import demo_program
from .compile import report_data
from .demo import beginning, compile_told, demo_rows
from .output import Outcome, say

# Each call shows other demos, so that 200 of its tokens are read anew: all sealed rows
# take longer than somebody waits who looks for the first time.
_BUDGET: Final = "90 calls"
_COMPILER: Final = KNNFewShot(k=4)
_HOW: Final = """,
         compiler=weft.compilers.KNNFewShot(k=4)"""
_START = """\
weft demo --real: a language model learns to route messages, right here.

The model is SmolLM2-135M, run by llama.cpp on this machine; nothing leaves it.
It is among the smallest that follow instructions, so that everybody can have
it, and little of what is shown here holds for larger ones. Where two cores are
free this takes two or three minutes.

A bank names its teams after birds, so that a name says nothing about the
team's work. {rows} messages, written by hand, say which team each belongs to.
Three of them:

{shown}

The program, and all that it knows so far:

{source}"""
_KEEP = """
4. Keep it

     result.save("{artifact}")

Next

   weft show {artifact} --prompt
   weft run {artifact} \\
        --model local/smollm2 --set message="my card never came"
"""


def command(arguments: argparse.Namespace) -> Outcome:
    """Tell the story; with --json only how it ended."""
    out, tell = Path(arguments.out), not arguments.json
    started = time.perf_counter()
    lm = LM("local/smollm2", temperature=0, max_tokens=32, slots=2)
    rows = demo_rows()
    if tell:
        say(beginning(_START, rows))
    with use(lm=lm, cache=out / ".weft" / "cache"):
        result = compile_told(
            demo_program.triage,
            rows,
            _COMPILER,
            _HOW,
            _BUDGET,
            tell=tell,
            quiet=arguments.quiet,
        )
    artifact = result.save(out / "programs" / "triage.weft.json")
    package(artifact.parent)
    if tell:
        say(_KEEP.format(artifact=artifact))
    took = f"the whole demo took {time.perf_counter() - started:.0f} s"
    return Outcome("", report_data(result) | {"out": str(artifact)}, remark=took)
