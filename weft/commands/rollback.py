"""`weft rollback`: an earlier version of an artifact, back in its place."""

from __future__ import annotations

import argparse

from ..pipeline.artifact.versions import rollback
from .log import version_data
from .output import Outcome


def command(arguments: argparse.Namespace) -> Outcome:
    """Put the parent back, or the version that was asked for; nothing is lost."""
    made = rollback(arguments.file, arguments.to)
    said = f"the version that was there is in {made.path.parent / 'history'}"
    return Outcome(str(made), version_data(made), remark=said)
