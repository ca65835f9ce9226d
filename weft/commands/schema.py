"""`weft schema`: the JSON Schema of artifacts, for editors and other languages."""

from __future__ import annotations

import argparse

from ..pipeline.artifact.state import artifact_schema, schema_text
from .output import Outcome


def command(arguments: argparse.Namespace) -> Outcome:
    """Print the schema; it is the same with --json."""
    del arguments
    return Outcome(schema_text().rstrip("\n"), artifact_schema())
