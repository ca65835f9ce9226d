"""`weft diff`: what differs between two programs, for people and for scripts."""

from __future__ import annotations

import argparse
import dataclasses

from ..pipeline.artifact.diff import diff
from .output import Outcome
from .targets import target_to_show


def command(arguments: argparse.Namespace) -> Outcome:
    """Say what differs; the exit code is 1 where something does, as diff(1) has it."""
    made = diff(target_to_show(arguments.before), target_to_show(arguments.after))
    data = {"differ": bool(made), **dataclasses.asdict(made)}
    return Outcome(str(made), data, int(bool(made)))
