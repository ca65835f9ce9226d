"""A program as one JSON file, `NAME.weft.json`: one text for each content.

The file holds data only, and is made for reading diffs. What its schemas do not tell,
such as a validator, is named in it, so that nobody loads it without the live program.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from ..errors import ArtifactError, ConfigError
from ..graph.digest import arranged, describe_program, digest_of, refuse_opaque
from ..graph.module import Module
from ..graph.program import Origin, Program, as_program, origin
from ..graph.unnamed import refuse_unnamed
from ..ground import strictjson
from ..ground.options import checked, path_of
from ..ground.shapes import is_dict, is_list
from ..ground.words import brief
from ..lm.soft.lora import Lora
from ..lm.soft.words import Soft
from ..media.plain import data_of
from ..parameters import Demo
from ..signature.schema import rebuilds
from .load import parse_artifact
from .rebuild import schema_of_result
from .soft import files_of, write_files
from .state import FORMAT, SUFFIX
from .versions import keep

P = ParamSpec("P")
R = TypeVar("R")
_WIDTH = 80


@checked
def save(
    program: Program[..., Any] | Module[..., Any],
    path: str | Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    history: bool | None = None,
    text_only: Program[..., Any] | Module[..., Any] | None = None,
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
        text_only: Of a program with soft words or low-rank updates, the best variant
            without any, which `load(..., soft=False)` gives; by default the program
            less those.

    Raises:
        ArtifactError: The path has another ending, a part is no plain data, or the
            file cannot be written; the old one is whole then.
        ConfigError: A step calls a module that its `uses=` does not name, so that the
            file would not hold it; or the path is none.
    """
    if isinstance(cast(object, program), str | PathLike):
        raise ConfigError(
            f"save: path={brief(repr(path))} is no path",
            hint=f'Write save(program, "{program}")',
        )
    target = path_of(path, "path")
    if not target.name.endswith(SUFFIX):
        raise ArtifactError(
            f"{target.name!r} does not end with {SUFFIX}",
            hint=f"Write {target.stem + SUFFIX!r}",
        )
    made = as_program(program)
    refuse_unnamed(made)
    lone = isinstance(program, Module)
    other = None if text_only is None else as_program(text_only, made.name)
    text = artifact_text(made, provenance, as_module=lone, text_only=other)
    _refuse_long(made, text)
    parse_artifact(text, str(target))
    if history is not False:
        keep(target, make=history is True)
    write_files(target, text, files_of(trained_in(made)))
    return target


def _refuse_long(program: Program[..., Any], text: str) -> None:
    """Refuse what nobody could load, before it takes the place of what somebody can.

    Raises:
        ArtifactError: It is longer than an artifact may be.
    """
    if len(text) <= strictjson.MAX_CHARS:
        return
    key, value = max(program.parameters.items(), key=lambda one: _size(one[1]))
    raise ArtifactError(
        f"{program.name!r} takes {len(text)} characters, and an artifact holds at most "
        f"{strictjson.MAX_CHARS}; {key!r} alone takes {_size(value)}",
        hint="Keep fewer or shorter demos, or a shorter text",
    )


def _size(value: object) -> int:
    """Characters of a parameter's value, near enough to name the longest."""
    if isinstance(value, tuple):
        return sum(_size(one) for one in cast("tuple[object, ...]", value))
    if isinstance(value, Demo):
        return len(strictjson.canonical(dict(value.values)))
    return len(str(value))


def softs_in(program: Program[..., Any]) -> dict[str, Soft]:
    """The soft words of a program, by the path of the module that has them."""
    found = {p: module.parameters.soft for p, module in program.modules.items()}
    return {path: soft for path, soft in found.items() if soft is not None}


def loras_in(program: Program[..., Any]) -> dict[str, Lora]:
    """The low-rank updates of a program, by the path of the module that has them."""
    found = {p: module.parameters.lora for p, module in program.modules.items()}
    return {path: lora for path, lora in found.items() if lora is not None}


def trained_in(program: Program[..., Any]) -> list[Soft | Lora]:
    """What of a program's modules is no text: soft words, and low-rank updates."""
    return [*softs_in(program).values(), *loras_in(program).values()]


def as_text(program: Program[P, R]) -> Program[P, R]:
    """A program less its soft words and low-rank updates."""
    slots = [f"{path}/soft" for path in softs_in(program)]
    slots += [f"{path}/lora" for path in loras_in(program)]
    return program.with_parameters(dict.fromkeys(slots))


def artifact_text(
    program: Program[..., Any],
    provenance: Mapping[str, Any] | None = None,
    *,
    as_module: bool = False,
    text_only: Program[..., Any] | None = None,
) -> str:
    """What `save` writes; `as_module` for a program that was made of a module.

    The numbers of soft words and low-rank updates are not in it: they lie beside it.

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
    if trained_in(program):
        whole["text_only"] = _text_only(program, before, text_only)
        state = {"program": state, "text_only": whole["text_only"]}
    held = data_of(state, repr(program.name))
    whole |= {"media": held} if held else {}
    try:
        return _pretty(arranged(whole), 0) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"program {program.name!r} cannot be written: {error}"
        ) from None


def _text_only(
    program: Program[..., Any], before: Origin | None, given: Program[..., Any] | None
) -> Any:
    """The variant of text alone as data: the one given, or kept, or what is left.

    Raises:
        ArtifactError: The one given is not text alone, or takes other inputs.
    """
    if given is None and before is not None and before.text_only is not None:
        return before.text_only
    made = as_text(program) if given is None else given
    mine = [f.name for f in program.structure.inputs]
    if trained_in(made) or [f.name for f in made.structure.inputs] != mine:
        raise ArtifactError(
            f"text_only={made!r} has soft words itself, or low-rank updates, or takes "
            "other inputs",
            hint="Give the best program of the same compile that has none",
        )
    state = describe_program(made)
    return {"digest": digest_of(state), "program": state}


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


def needs_live(program: Program[..., Any]) -> list[str]:
    """Fields, as `module/field`, whose types cannot be rebuilt from their schemas.

    A file with such a field is loaded with `program=`, and cannot be imported.
    """
    found = [f.name for f in program.structure.inputs if not rebuilds(f)]
    for path, module in program.modules.items():
        found += [f"{path}/{f.name}" for f in module.spec.fields if not rebuilds(f)]
    return found
