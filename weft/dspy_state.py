"""Parameters as the JSON state that `dspy.Module` saves and loads, both ways.

Such a state holds no names of types and no program: instruction, demos and the fields'
order by predictor. So it is fitted to a live program, whose signatures say what the
values are. Nothing is imported, and no model, endpoint or key is taken from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .pipeline.errors import ArtifactError, ConfigError, cause, did_you_mean
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program, as_program
from .pipeline.ground import strictjson
from .pipeline.ground.files import read_bounded
from .pipeline.ground.shapes import is_dict, is_list
from .pipeline.ground.words import brief
from .pipeline.parameters import Demo, check_demos

_MARKS = frozenset({"augmented", "dspy_uuid", "dspy_split"})
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
    path: str | Path,
    program: Program[..., Any] | Module[..., Any],
    *,
    rename: Mapping[str, str] | None = None,
) -> Program[..., Any]:
    """A program with the instructions and demos of a state saved by DSPy.

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
    states, names = _states(_read(Path(path)), where), dict(rename or {})
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
        return made.with_parameters(changes)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None


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
        for field in module.spec.fields
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
            "instructions": module.parameters.instruction,
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
    demos = tuple(_demo(demo, number, path, where) for number, demo in enumerate(given))
    try:
        check_demos(demos, module.spec, path)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    return {f"{path}/instruction": text, f"{path}/demos": demos}


def _demo(data: Any, number: int, path: str, where: str) -> Demo:
    if not is_dict(data):
        raise ArtifactError(f"{where}: demo {number} of {path!r} is no mapping")
    by = "bootstrap" if data.get("augmented") else "labelled"
    values = {name: data[name] for name in data if name not in _MARKS}
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
