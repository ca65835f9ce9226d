"""`weft show`: a program's graph, and what each module asks its model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..pipeline.artifact.describe import Target, data_of
from ..pipeline.graph.digest import digest_of
from ..showing import program_of, show, show_html
from .output import Outcome, require_writable
from .targets import program_to_show, target_to_show


def command(arguments: argparse.Namespace) -> Outcome:
    """Print a program, or its graph; of an artifact, also where it comes from."""
    target = target_to_show(arguments.target, arguments.program)
    if arguments.mermaid or arguments.svg:
        # What cannot be rebuilt without its live program is an error that says so.
        made = program_to_show(arguments.target, arguments.program)
        text = made.mermaid() if arguments.mermaid else made.svg()
        return Outcome(text, _data(target))
    data = _data(target)
    if arguments.html is not None:
        page = Path(arguments.html)
        require_writable(page)
        page.write_text(show_html(target), encoding="utf-8")
    return Outcome(show(target, prompts=arguments.prompt), data)


def _data(target: Target) -> dict[str, Any]:
    """The program as plain JSON data; no drawing where its types cannot be rebuilt."""
    data, made = data_of(target), program_of(target)
    state = data.program.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {
        "name": data.name,
        "digest": data.digest or digest_of(state),
        "program": state,
        "provenance": dict(data.provenance),
        "mermaid": None if made is None else made.mermaid(),
    }
