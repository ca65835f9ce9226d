"""`weft verify`: whether artifacts have an evaluation that belongs to them; for CI."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..pipeline.artifact.standing import Standing, standing
from ..pipeline.artifact.state import SUFFIX
from ..pipeline.errors import ArtifactError, ConfigError
from .output import Outcome


def command(arguments: argparse.Namespace) -> Outcome:
    """Check files, and every artifact of the folders; nothing is run or called."""
    paths = [*_artifacts(arguments.paths)]
    found = [_standing(path, arguments.eval) for path in paths]
    wanted: float | None = arguments.fail_under
    wrong = [one for one in found if one.problem]
    low = [one for one in found if one.score and wanted and one.score[0] < wanted]
    said = [f"{len(wrong)} of {len(found)} have no evaluation"] if wrong else []
    said += [f"{one.path} is under {100 * (wanted or 0):.1f}" for one in low]
    text = "\n".join(str(one) for one in found)
    data = {"artifacts": [*map(_data, found)], "problems": len(wrong), "low": len(low)}
    return Outcome(text, data, 1 if wrong else 3 if low else 0, "\n".join(said))


def _standing(path: Path, evaluations: Sequence[str] | None) -> Standing:
    """One artifact's standing; a file that is none is a finding, not the end."""
    try:
        return standing(path, evaluations)
    except ArtifactError as error:
        return Standing(path, "", "", f"is no artifact: {error}")


def _artifacts(paths: Sequence[str]) -> Iterator[Path]:
    for place in map(Path, paths):
        if place.is_file():
            yield place
            continue
        inside = sorted(place.glob(f"*{SUFFIX}"))
        if not inside:
            raise ConfigError(f"{place} is no file, and no folder with a {SUFFIX} file")
        yield from inside


def _data(found: Standing) -> dict[str, Any]:
    return {**dataclasses.asdict(found), "path": str(found.path)}
