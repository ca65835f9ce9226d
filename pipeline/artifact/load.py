"""Artifacts read: checked as strictly as if an enemy had written them.

Loading imports nothing, runs nothing and connects to nothing. Python cannot come out of
a file: steps are passed by the caller, types are rebuilt from JSON Schemas or passed,
and endpoints and keys have no place in the format. Whatever is unknown is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, TypeVar, cast, overload

import pydantic

from ..errors import ArtifactError, ConfigError, SignatureError, cause
from ..graph.digest import digest_of
from ..graph.module import Module
from ..graph.program import Program, as_given, as_program
from ..ground import strictjson
from ..ground.files import decoded, read_bounded
from ..ground.options import checked_as, path_of
from ..ground.shapes import is_dict
from ..ground.words import brief
from ..lm.lm import SAMPLING
from ..signature.json_schema import Allowance
from .fit import fitted
from .migrate import migrated
from .rebuild import rebuilt
from .soft import hold_trained, name_of
from .state import (
    FORMAT,
    ArtifactFile,
    modules_of,
    schemas_of,
    trained_of,
)

MOST_BYTES: Final = 4 * strictjson.MAX_CHARS
"""Of an artifact: as many as the characters that it may have can take."""

T = TypeVar("T", bound="Program[..., Any] | Module[..., Any]")


@overload
def load(
    path: str | Path,
    *,
    program: T,
    steps: Iterable[Callable[..., Any]] = (),
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
    soft: bool = True,
) -> T: ...
@overload
def load(
    path: str | Path,
    *,
    program: None = None,
    steps: Iterable[Callable[..., Any]] = (),
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
    soft: bool = True,
) -> Any: ...
@checked_as("load(path), or load(path, program=...) with the live program")
def load(
    path: str | Path,
    *,
    program: Program[..., Any] | Module[..., Any] | None = None,
    steps: Iterable[Callable[..., Any]] = (),
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
    soft: bool = True,
) -> Any:
    """A program from an artifact, or a module where one was saved.

    Args:
        path: The artifact.
        program: The live program, or module, it was compiled from; its structure and
            types are used, and only the parameters come from the file.
        steps: The steps that the program calls, where no live program is given; they
            are matched by name, and nothing is ever imported by a name in a file.
        strict: Whether a changed signature or another set of modules is refused; else
            what still fits is kept, and what was dropped is logged as a warning and
            listed in `weft.origin(program).dropped`.
        rename: Paths of the live program's modules, by their paths in the file.
        soft: Whether soft words and low-rank updates are wanted; without them the best
            variant of text alone is loaded, which any model takes, and no further file
            is needed.

    Returns:
        A `Program` or a `Module`, as was saved: what is in a file no checker knows, so
        without `program=` its type is left open.

    Raises:
        ArtifactError: The file is unsafe, damaged, or for another program.
        ConfigError: `strict` or `rename` without a live program, or something that is
            none.
    """
    if isinstance(cast(object, path), Program | Module):
        raise ConfigError(
            f"load: path={brief(repr(path))} is no path",
            hint="Write load(path, program=...)",
        )
    live = None if program is None else as_program(program)
    made, where = read_artifact(path, soft=soft), str(path)
    if live is not None:
        fit = fitted(live, made, where, strict=strict, rename=rename)
        return as_given(fit, program)
    if rename or not strict:
        raise ConfigError(
            "strict=False and rename= fit a file to a live program",
            hint="Pass it: program=...",
        )
    return as_given(rebuilt(made, steps, where))


def read_artifact(path: str | Path, *, soft: bool = True) -> ArtifactFile:
    """Read and check an artifact; nothing in it is run, imported or connected to.

    Args:
        path: The artifact.
        soft: Whether its soft words and low-rank updates are wanted, from the files
            beside it; else its variant of text alone comes back.

    Raises:
        ArtifactError: It cannot be read, is too large, has an unknown part, or does not
            match its digest.
    """
    source = path_of(path, "path")
    hint = "Name a file that weft.save or weft compile --out has written"
    made = parse_artifact(artifact_text(source, hint=hint), str(source))
    if not soft:
        return made.as_text_only()
    hold_trained(trained_of(made.program), source.parent, name_of(source))
    return made


def artifact_text(file: Path | Traversable, where: str = "", hint: str = "") -> str:
    """The text of a file in a folder of artifacts, or within a zip.

    Raises:
        ArtifactError: It cannot be read, or is too large.
    """
    try:
        if isinstance(file, Path):
            return read_bounded(file, MOST_BYTES)
        with file.open("rb") as opened:
            return decoded(opened, MOST_BYTES)
    except (OSError, ValueError) as error:
        message = f"{where or file} cannot be read: {cause(error)}"
        raise ArtifactError(message, hint=hint) from None


def parse_artifact(text: str, where: str) -> ArtifactFile:
    """As `read_artifact`, for a text; `where` names it in messages."""
    try:
        data = strictjson.loads_object(text)
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
    _refuse_large(made, where)
    return made


def _refuse_damaged(data: Mapping[str, Any], where: str) -> None:
    if is_dict(inner := data.get("text_only")):
        _refuse_damaged(inner, where)
    given = data.get("digest", "") if is_dict(data.get("program")) else ""
    if given and given != digest_of(data.get("program")):
        raise ArtifactError(
            f"{where} does not match its digest: it was damaged, or edited by hand",
            hint='To accept an edit by hand, empty the "digest" line',
        )


def _refuse_options(made: ArtifactFile, where: str) -> None:
    others = [] if made.text_only is None else modules_of(made.text_only.program)
    for name, module in (*modules_of(made.program), *others):
        try:
            _ = module.form
        except ConfigError as error:
            raise ArtifactError(
                f"{where}: module {name!r}: {_shown(error.message)}",
                hint="A newer weft may have written it: upgrade weft",
            ) from None
        unknown = [key for key in module.sampling if key not in SAMPLING]
        if unknown:
            raise ArtifactError(
                f"{where}: module {name!r} sets {_shown(unknown[0])!r}",
                hint=f"A file may set {', '.join(SAMPLING)}; the rest is the caller's",
            )


def _refuse_large(made: ArtifactFile, where: str) -> None:
    """One allowance for all schemas of a file: each may be small, and all too much."""
    allowance = Allowance()
    try:
        for schema in schemas_of(made):
            allowance.take(schema)
    except SignatureError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None


def _shown(text: str) -> str:
    """A text of a file in a message: short, and nothing that moves a cursor."""
    return "".join(c if c.isprintable() else "?" for c in text[:300])
