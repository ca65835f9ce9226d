"""Parameters as the JSON state that `dspy.Module` saves and loads, both ways.

Such a state holds no names of types and no program: instruction, demos and the fields'
order by predictor. So it is fitted to a live program, whose signatures say what the
values are. Nothing is imported, and no model, endpoint or key is taken from it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from .pipeline.adapters.plain import PlainAdapter
from .pipeline.adapters.prompt import told
from .pipeline.errors import ArtifactError, ConfigError, cause, did_you_mean
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program, as_given, as_program
from .pipeline.ground import strictjson
from .pipeline.ground.files import path_of, read_bounded
from .pipeline.ground.shapes import is_dict, is_list
from .pipeline.ground.words import brief
from .pipeline.parameters import Demo, check_demos
from .pipeline.reading.cells import cell_data, is_nothing
from .pipeline.signature.signature import spec_of
from .pipeline.signature.spec import Spec

T = TypeVar("T", bound="Program[..., Any] | Module[..., Any]")
_log: Final = logging.getLogger("weft")
_MARKS = frozenset({"augmented", "dspy_uuid", "dspy_split"})
_PLAIN: Final = PlainAdapter()
_STATE = frozenset({"signature", "demos"})
# dspy warns of other versions than those listed here; none are promised.
_METADATA: Mapping[str, Any] = {"metadata": {"dependency_versions": {}}}


def dspy_state(program: Program[..., Any] | Module[..., Any]) -> dict[str, Any]:
    """What `dspy.Module.save` writes of a program, or of a single module."""
    if isinstance(program, Module):
        state = _predictor(program)
        chained = program.kind == "ChainOfThought"
        return {**({"predict": state} if chained else state), **_METADATA}
    state = {_attribute(p, m): _predictor(m) for p, m in program.modules.items()}
    return {**state, **_METADATA}


def import_dspy(
    path: str | Path, program: T, *, rename: Mapping[str, str] | None = None
) -> T:
    """A program or module with the instructions and demos of a state saved by DSPy.

    Demos keep all columns of their rows there; those that are no fields are left out,
    and named in a warning. A label that is text is read by its field's type.

    Args:
        path: A JSON state, as `dspy.Module.save("x.json")` writes it.
        program: The live program; its modules are named as DSPy's attributes, with "/"
            for ".", or a single module for a single predictor.
        rename: Paths of the program's modules, by predictor names in the state.

    Raises:
        ArtifactError: The file is no such state, names another predictor, or a demo
            does not fit its module's signature; the message says which.
    """
    made, where = as_program(program), str(path)
    states, names = _states(_read(path_of(path, "path")), where), dict(rename or {})
    changes: dict[str, Any] = {}
    for predictor, state in states.items():
        target = names.get(predictor) or _target(predictor, made, len(states))
        if target not in made.modules:
            raise ArtifactError(
                f"{where}: the program has no module for the predictor {predictor!r}",
                hint=f'Give rename={{"{predictor}": "module"}}. '
                f"{did_you_mean(target, made.modules)}",
            )
        changes |= _changes(target, made.modules[target], state, where)
    try:
        fit = made.with_parameters(changes)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    return cast("T", as_given(fit, program))


def _attribute(path: str, module: Module[..., Any]) -> str:
    """The attribute path in dspy; a ChainOfThought holds a Predict there."""
    dotted = path.replace("/", ".")
    return f"{dotted}.predict" if module.kind == "ChainOfThought" else dotted


def _predictor(module: Module[..., Any]) -> dict[str, Any]:
    fields = [
        {
            "prefix": f"{field.name.replace('_', ' ').capitalize()}:",
            "description": field.description or f"${{{field.name}}}",
        }
        for field in spec_of(module.told).fields
    ]
    demos = [
        {**dict(demo.values), **({} if demo.by == "labelled" else {"augmented": True})}
        for demo in module.parameters.demos
    ]
    return {
        "traces": [],
        "train": [],
        "demos": demos,
        "signature": {
            # A state has no place of its own for what stands below an instruction.
            "instructions": told(_PLAIN.write, module.spec, module.parameters, ""),
            "fields": fields,
        },
        "lm": None,
    }


def _target(predictor: str, program: Program[..., Any], count: int) -> str:
    """A predictor's module: its path, without the inner name of a ChainOfThought."""
    path = predictor.replace(".", "/")
    for name in (path, path.removesuffix("/predict"), path.removesuffix("predict")):
        if name in program.modules:
            return name
    only = count == 1 and len(program.modules) == 1
    return next(iter(program.modules)) if only else path


def _changes(
    path: str, module: Module[..., Any], state: Mapping[str, Any], where: str
) -> dict[str, Any]:
    signature = state["signature"]
    text = signature.get("instructions") if is_dict(signature) else None
    given = state["demos"]
    if not isinstance(text, str) or not is_list(given):
        raise ArtifactError(f"{where}: {path!r} has no instructions or no demos")
    fields = signature.get("fields")
    wanted = len(module.spec.fields)
    if is_list(fields) and len(fields) != wanted:
        raise ArtifactError(
            f"{where}: the predictor of {path!r} has {len(fields)} fields, and the "
            f"module has {wanted}: {', '.join(f.name for f in module.spec.fields)}",
            hint="Write the signature as it was, ChainOfThought where it was one",
        )
    for number, demo in enumerate(given):
        if not is_dict(demo):
            raise ArtifactError(f"{where}: demo {number} of {path!r} is no mapping")
    further = _further(given, module, fields)
    if further:
        _log.warning(
            "%s: columns of the demos of %r that are no fields of it are left out: %s",
            where,
            path,
            ", ".join(map(repr, further)),
        )
    demos = tuple(_demo(d, n, module.spec, further) for n, d in enumerate(given))
    try:
        check_demos(demos, module.spec, path)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    return {f"{path}/instruction": text, f"{path}/demos": demos}


def _further(
    demos: Sequence[Mapping[str, Any]], module: Module[..., Any], fields: object
) -> list[str]:
    """Columns of the rows that the demos come from, which DSPy keeps and never shows.

    A column that is a field there and none here is a field of another name, and stays
    to be refused; so does what a demo holds that has no field at all.
    """
    known = set(module.spec.names)
    there = {
        _letters(field["prefix"])
        for field in (fields if is_list(fields) else [])
        if is_dict(field) and isinstance(field.get("prefix"), str)
    }
    found: dict[str, None] = {}
    for demo in demos:
        if known.isdisjoint(demo):
            continue
        for name in demo:
            if name not in known | _MARKS and _letters(name) not in there:
                found[name] = None
    return list(found)


def _letters(text: str) -> str:
    """A name, or the heading that DSPy makes of it, in one form."""
    return "".join(char for char in text.casefold() if char.isalnum())


def _demo(data: Mapping[str, Any], number: int, spec: Spec, further: list[str]) -> Demo:
    by = "bootstrap" if data.get("augmented") else "labelled"
    known = {field.name: field for field in spec.fields}
    values: dict[str, Any] = {}
    for name, value in data.items():
        field = known.get(name)
        if field is None:
            if name not in _MARKS and name not in further:
                values[name] = value
        elif not is_nothing(field, value):
            # What cannot be read stays as it is, to be refused by name.
            values[name] = value
            with contextlib.suppress(ValueError):
                values[name] = cell_data(field, value)
    return Demo(values, f"dspy:{number}", by)


def _states(data: Mapping[str, Any], where: str) -> dict[str, Mapping[str, Any]]:
    """Predictors by name; a state of one predictor has no name."""
    if set(data) >= _STATE:
        return {"": data}
    found: dict[str, Mapping[str, Any]] = {
        name: state
        for name, state in data.items()
        if is_dict(state) and set(state) >= _STATE
    }
    rest = sorted(set(data) - set(found) - {"metadata"})
    if not found or rest:
        what = f"{brief(rest[0])!r} is no predictor" if rest else "it holds none"
        raise ArtifactError(
            f"{where} is no state of a dspy program: {what}",
            hint='Save it with dspy.Module.save("state.json")',
        )
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return strictjson.loads_object(read_bounded(path, strictjson.MAX_CHARS))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {cause(error)}") from None
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path} is no state of a dspy program: {error}",
            hint='Save it with dspy.Module.save("state.json")',
        ) from None
