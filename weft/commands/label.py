"""`weft label`: a name for a version, as a line of text."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..pipeline.artifact.load import read_artifact
from ..pipeline.artifact.state import SUFFIX
from ..pipeline.artifact.versions import label
from .log import version_data
from .output import Outcome


def command(arguments: argparse.Namespace) -> Outcome:
    """Let a label of the folder point at a version, or at that of an artifact."""
    version: str = arguments.version
    if version.endswith(SUFFIX):
        version = read_artifact(version).digest
    made = label(arguments.folder, arguments.name, version)
    text = f"{arguments.name}: {made.digest}"
    data = {"label": arguments.name, **version_data(made)}
    where = Path(arguments.folder) / "labels.txt"
    return Outcome(text, data, remark=f"written to {where}")
