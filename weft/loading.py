"""Artifacts in and out: every kind of module is known before one is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import modules
from .pipeline.artifact.load import load
from .pipeline.artifact.package import package, programs
from .pipeline.artifact.save import save as save_program
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program, as_program
from .pipeline.ground.options import checked

__all__ = ["load", "modules", "package", "programs", "save"]


@checked
def save(
    program: Program[..., Any] | Module[..., Any],
    path: str | Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    history: bool | None = None,
) -> Path:
    """Write a program, or a module, as an artifact; an old file stays whole.

    Args:
        program: What is saved; its name is kept.
        path: Ends with `.weft.json`; folders are made.
        provenance: Where it comes from, as plain JSON data.
        history: Whether the version that is replaced is kept in the folder `history`
            beside it, for `weft.log` and `weft.rollback`; by default it is where that
            folder exists.

    Raises:
        ArtifactError: The path has another ending, a part is no plain data, or the
            file cannot be written; the old one is whole then.
    """
    made = as_program(program)
    return save_program(made, path, provenance=provenance, history=history)
