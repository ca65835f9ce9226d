"""Artifacts: a program as one JSON file, `NAME.weft.json`; data only.

Loading imports nothing, runs nothing and connects to nothing. Python cannot come out of
a file: steps are passed by the caller, types are rebuilt from JSON Schemas or passed,
and endpoints and keys have no place in the format. Whatever is unknown is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from ..errors import ArtifactError, ConfigError, cause
from ..ground import strictjson
from ..ground.files import write_whole
from ..ground.shapes import is_dict
from ..lm.lm import SAMPLING
from .migrations import FORMAT, migrated
from .origins import origin
from .program_data import describe_program, program_digest, refuse_opaque
from .rebuilt import needs_live, schema_of_result
from .state import ArtifactFile, FieldState, ModuleState, ProgramState, modules_of
from .text import digest_of, pretty, refuse_brackets, refuse_crowd
from .versions import keep

if TYPE_CHECKING:
    from ..graph.program import Program

__all__ = [
    "FORMAT",
    "SUFFIX",
    "ArtifactFile",
    "FieldState",
    "ModuleState",
    "ProgramState",
    "describe_program",
    "parse_artifact",
    "program_digest",
    "read_artifact",
    "save",
]

SUFFIX = ".weft.json"
_MOST_BYTES = strictjson.MAX_CHARS


def save(
    program: Program[..., Any],
    path: str | Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    history: bool | None = None,
) -> Path:
    """Write a program as an artifact; an old file stays whole whatever happens.

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
            file cannot be written.
    """
    target = Path(path)
    if not target.name.endswith(SUFFIX):
        raise ArtifactError(
            f"{target.name!r} does not end with {SUFFIX}",
            hint=f"Write {target.stem + SUFFIX!r}",
        )
    text = artifact_text(program, provenance)
    parse_artifact(text, str(target))
    if history is not False:
        keep(target, make=history is True)
    write_whole(target, text)
    return target


def artifact_text(
    program: Program[..., Any], provenance: Mapping[str, Any] | None = None
) -> str:
    """What `save` writes.

    Raises:
        ArtifactError: A part of the program is no plain data.
    """
    refuse_opaque(program)
    state = describe_program(program)
    before = origin(program)
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
    if returns is not None:
        whole["returns"] = returns
    if live:
        whole["live"] = live
    try:
        return pretty(whole) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"program {program.name!r} cannot be written: {error}"
        ) from None


def read_artifact(path: str | Path) -> ArtifactFile:
    """Read and check an artifact; nothing in it is run, imported or connected to.

    Raises:
        ArtifactError: It cannot be read, is too large, has an unknown part, or does not
            match its digest.
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            # No more is read than may be there, whatever kind of file this is.
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ArtifactError(
                f"{source}: more than {_MOST_BYTES} bytes, which no artifact has"
            )
        text = data.decode("utf-8")
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{source} cannot be read: {cause(error)}",
            hint="Name a file that weft.save or weft compile --out has written",
        ) from None
    return parse_artifact(text, str(source))


def parse_artifact(text: str, where: str) -> ArtifactFile:
    """As `read_artifact`, for a text; `where` names it in messages."""
    try:
        data = _object(text)
        _refuse_damaged(data, where)
        made = ArtifactFile.model_validate(migrated(data, where))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        raise ArtifactError(
            f"{where}: {_shown(place)}: {_shown(first['msg'])}",
            hint=f"An artifact has the format {FORMAT!r} and no other keys; a state "
            "that DSPy saved is read by weft.import_dspy",
        ) from None
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{where} is no artifact: {_shown(str(error))}",
            hint="weft.save writes one; after a merge, look for its marks",
        ) from None
    _refuse_options(made, where)
    return made


def _object(text: str) -> dict[str, Any]:
    refuse_brackets(text)
    data = strictjson.loads(text)
    refuse_crowd(data)
    if not is_dict(data):
        raise ValueError(f"it is a {type(data).__name__}, no JSON object")
    return data


def _refuse_damaged(data: Mapping[str, Any], where: str) -> None:
    given = data.get("digest", "")
    if given and given != digest_of(data.get("program")):
        raise ArtifactError(
            f"{where} does not match its digest: it was damaged, or edited by hand",
            hint='To accept an edit by hand, empty the "digest" line',
        )


def _refuse_options(made: ArtifactFile, where: str) -> None:
    for name, module in modules_of(made.program):
        try:
            _ = module.form
        except ConfigError as error:
            raise ArtifactError(
                f"{where}: module {name!r}: {_shown(error.message)}",
                hint="A newer weft may have written it: pip install --upgrade weft",
            ) from None
        unknown = [key for key in module.sampling if key not in SAMPLING]
        if unknown:
            raise ArtifactError(
                f"{where}: module {name!r} sets {_shown(unknown[0])!r}",
                hint=f"A file may set {', '.join(SAMPLING)}; the rest is the caller's",
            )


def _shown(text: str) -> str:
    """A text of a file in a message: short, and nothing that moves a cursor."""
    return "".join(c if c.isprintable() else "?" for c in text[:300])
