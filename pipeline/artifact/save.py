"""A program as one JSON file, `NAME.weft.json`: one text for each content.

The file holds data only, and is made for reading diffs. What its schemas do not tell,
such as a validator, is named in it, so that nobody loads it without the live program.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ArtifactError
from ..graph.digest import arranged, describe_program, digest_of, refuse_opaque
from ..graph.module import Module
from ..graph.program import Program, as_program, origin
from ..graph.unnamed import refuse_unnamed
from ..ground import strictjson
from ..ground.files import write_whole
from ..ground.options import checked
from ..ground.shapes import is_dict, is_list
from ..media.plain import data_of
from .load import parse_artifact
from .rebuild import needs_live, schema_of_result
from .state import FORMAT, SUFFIX
from .versions import keep

_WIDTH = 80


@checked
def save(
    program: Program[..., Any] | Module[..., Any],
    path: str | Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    history: bool | None = None,
) -> Path:
    """Write a program, or a module, as an artifact; an old file stays whole.

    A program that was loaded and is saved as it was keeps its provenance, so that the
    bytes are the same.

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
        ConfigError: A step calls a module that its `uses=` does not name, so that the
            file would not hold it.
    """
    target = Path(path)
    if not target.name.endswith(SUFFIX):
        raise ArtifactError(
            f"{target.name!r} does not end with {SUFFIX}",
            hint=f"Write {target.stem + SUFFIX!r}",
        )
    made = as_program(program)
    refuse_unnamed(made)
    text = artifact_text(made, provenance, as_module=isinstance(program, Module))
    parse_artifact(text, str(target))
    if history is not False:
        keep(target, make=history is True)
    write_whole(target, text)
    return target


def artifact_text(
    program: Program[..., Any],
    provenance: Mapping[str, Any] | None = None,
    *,
    as_module: bool = False,
) -> str:
    """What `save` writes; `as_module` for a program that was made of a module.

    Raises:
        ArtifactError: A part of the program is no plain data.
    """
    refuse_opaque(program)
    state, before = describe_program(program), origin(program)
    if provenance is None and before is not None:
        provenance = before.provenance
    whole: dict[str, Any] = {
        "format": FORMAT,
        "name": program.name,
        "digest": digest_of(state),
        "program": state,
        "provenance": dict(provenance or {}),
    }
    returns, live = schema_of_result(program), needs_live(program)
    whole |= {"returns": returns} if returns is not None else {}
    whole |= {"live": live} if live else {}
    whole |= {"kind": "module"} if as_module else {}
    held = data_of(state, repr(program.name))
    whole |= {"media": held} if held else {}
    try:
        return _pretty(arranged(whole), 0) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"program {program.name!r} cannot be written: {error}"
        ) from None


def _pretty(value: Any, indent: int) -> str:
    """JSON with short values on one line."""
    flat = strictjson.dumps(value)
    if len(flat) + indent <= _WIDTH or not (is_dict(value) or is_list(value)):
        return flat
    inner = " " * (indent + 1)
    if is_dict(value):
        lines = [
            f"{inner}{strictjson.dumps(key)}: {_pretty(value[key], indent + 1)}"
            for key in value
        ]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    items = [inner + _pretty(item, indent + 1) for item in value]
    return "[\n" + ",\n".join(items) + "\n" + " " * indent + "]"
