"""`weft export`: a program's parameters in the form of another tool."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..exports import export
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program
from ..pipeline.ground.files import write_whole
from .output import Outcome, require_writable
from .targets import program_to_show, target_to_show


def command(arguments: argparse.Namespace) -> Outcome:
    """Print the form as JSON, or write it to a file."""
    made = export(_named(arguments), to=arguments.to)
    text = json.dumps(made, ensure_ascii=False, indent=1)
    if arguments.out is None:
        return Outcome(text, made)
    out = Path(arguments.out)
    require_writable(out)
    write_whole(out, f"{text}\n")
    return Outcome(str(out), {"out": str(out), "to": arguments.to})


def _named(arguments: argparse.Namespace) -> Program[..., Any] | Module[..., Any]:
    """A program; a module of a file stays one, as its state in dspy does."""
    found = target_to_show(arguments.target, arguments.program)
    if isinstance(found, str | Path):
        return program_to_show(arguments.target)
    return found
