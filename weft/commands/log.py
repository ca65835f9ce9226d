"""`weft log`: the versions of a folder's artifacts."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from ..pipeline.artifact.state import SUFFIX
from ..pipeline.artifact.versions import Version, log
from .output import Outcome


def command(arguments: argparse.Namespace) -> Outcome:
    """List the versions of a folder, or of one artifact; children before parents."""
    place = Path(arguments.path)
    alone = place.name.endswith(SUFFIX)
    found = log(place.parent if alone else place)
    if alone:
        name = place.name.removesuffix(SUFFIX)
        found = [version for version in found if version.name == name]
    text = "\n".join(str(version) for version in found)
    said = "" if found else f"{place} holds no artifact"
    return Outcome(text, {"versions": [*map(version_data, found)]}, remark=said)


def version_data(version: Version) -> dict[str, Any]:
    """A version as plain JSON data; the score in [0, 1]."""
    return {**dataclasses.asdict(version), "path": str(version.path)}
