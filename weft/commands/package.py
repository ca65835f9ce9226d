"""`weft package`: a folder of artifacts as a Python package."""

from __future__ import annotations

import argparse

from ..loading import package
from ..pipeline.artifact.state import SUFFIX
from .output import Outcome


def command(arguments: argparse.Namespace) -> Outcome:
    """Write the folder's `__init__.py`, and say how its programs are imported."""
    folder = package(arguments.folder).parent
    found = sorted(f.name.removesuffix(SUFFIX) for f in folder.glob(f"*{SUFFIX}"))
    text = f"from {folder.absolute().name} import {', '.join(found)}"
    return Outcome(text, {"folder": str(folder), "programs": found})
