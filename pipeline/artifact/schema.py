"""The published JSON Schema of artifacts, for editors and for other languages."""

from __future__ import annotations

import json
from typing import Any

from .migrations import FORMAT
from .state import ArtifactFile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def artifact_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `NAME.weft.json`.

    It tells the shape. What only weft can tell, such as a digest that does not match or
    a node that uses what no earlier one gives, is checked when a file is loaded.

    >>> artifact_schema()["properties"]["format"]["const"]
    'weft.program/2'
    """
    made = ArtifactFile.model_json_schema()
    made.pop("description", None)
    title = f"A program compiled by weft ({FORMAT})"
    return {"$schema": _DIALECT, **made, "title": title}


def schema_text() -> str:
    """The schema as the text of its file."""
    return json.dumps(artifact_schema(), ensure_ascii=False, indent=1) + "\n"
