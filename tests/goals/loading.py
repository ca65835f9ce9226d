"""A process of its own that loads artifacts, and watches what that does.

python -m tests.goals.loading FIRST FILE ...

FIRST is loaded before the hook goes in, because pydantic imports parts of itself when
it first makes a class; it is "-" where that is to be seen too. What is printed is, for
each FILE, whether it was loaded, and every import, exec, open and connection, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pydantic.dataclasses

from tests.pipeline import saved
from weft import load as weft_load
from weft.errors import ArtifactError
from weft.pipeline.signature.field import FieldSpec
from weft.pipeline.signature.schema import type_of_schema

# Named here so that it is imported now: pydantic does it at the first wrong default.
_ = pydantic.dataclasses
# jsonschema makes its own classes at the first schema that no type says.
_kind, _rules = type_of_schema({"not": {"type": "string"}}, "x")
FieldSpec("x", "output", _kind, "", _rules).load(1)
WATCHED = {"import", "compile", "exec", "open"}
WATCHED_PARTS = (
    *("socket.", "subprocess.", "os.", "ctypes.", "shutil.", "urllib.", "pickle."),
    *("code.", "marshal.", "sqlite3.", "mmap.", "pty.", "fcntl."),
)


def load(path: str) -> str:
    """Whether a file was loaded or refused; anything else ends the process."""
    try:
        weft_load(path, steps=[saved.search])
    except ArtifactError:
        return "refused"
    return "loaded"


def main(first: str, *files: str) -> None:
    """Load the first file, then each other one under the eyes of the hook."""
    seen: list[tuple[str, str]] = []
    watching = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching or not (event in WATCHED or event.startswith(WATCHED_PARTS)):
            return
        if event == "compile" and arguments[0] is None:
            return  # a regular expression or an annotation of Python's own libraries
        if event == "open" and isinstance(arguments[0], int):
            return  # a file object of what was opened already
        what = arguments[0] if arguments else ""
        seen.append((event, getattr(what, "co_filename", str(what))[:200]))

    if first != "-":
        load(first)
    sys.addaudithook(hook)
    for file in files:
        seen.clear()
        watching = True
        said = load(file)
        watching = False
        print(json.dumps([Path(file).name, said, seen]))


if __name__ == "__main__":
    main(*sys.argv[1:])
