"""Programs out of artifacts: rebuilt from the file alone, or fitted to a live one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..graph.module import Module
from ..graph.program import Program, as_program
from ..graph.step import Step
from ..ground.options import checked
from .artifact import read_artifact
from .assembling import assembled
from .fitting import fitted
from .packages import package, programs

__all__ = ["load", "package", "programs"]


@checked
def load(
    path: str | Path,
    *,
    program: Program[..., Any] | Module[..., Any] | None = None,
    steps: Iterable[Step[..., Any]] = (),
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
) -> Program[..., Any]:
    """A program from an artifact.

    Args:
        path: The artifact.
        program: The live program, or module, it was compiled from; its structure and
            types are used, and only the parameters come from the file.
        steps: The steps that the program calls, where no live program is given; they
            are matched by name, and nothing is ever imported by a name in a file.
        strict: Whether a changed signature or another set of modules is refused; else
            what still fits is kept, and what was dropped is logged as a warning and
            listed in `weft.origin(program).dropped`.
        rename: Paths of the live program's modules, by their paths in the file.

    Raises:
        ArtifactError: The file is unsafe, damaged, or for another program.
        ConfigError: `strict` or `rename` without a live program, or something that is
            none.
    """
    live = None if program is None else as_program(program)
    made, where = read_artifact(path), str(path)
    if live is None:
        if rename or not strict:
            raise ConfigError(
                "strict=False and rename= fit a file to a live program",
                hint="Pass it: program=...",
            )
        return assembled(made, steps, where)
    return fitted(live, made, where, strict=strict, rename=rename)
