"""`weft check`: the wiring of programs, without a model; for hooks and CI."""

from __future__ import annotations

import argparse

from ..checks import check_path, newer_editions
from .output import Outcome


def command(arguments: argparse.Namespace) -> Outcome:
    """Import every file of the paths and list what is wired wrongly."""
    problems = [p for path in arguments.paths for p in check_path(path)]
    text = "\n".join(str(problem) for problem in problems) or "no problems found"
    newer = [line for path in arguments.paths for line in newer_editions(path)]
    data = {"problems": [str(problem) for problem in problems], "editions": newer}
    return Outcome(text, data, int(bool(problems)), "\n".join(newer))
