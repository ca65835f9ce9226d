"""What an artifact holds, as strict data, and a program described that way."""

from __future__ import annotations

import keyword
import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from .binding import opaque_in
from .errors import ArtifactError
from .field import FieldSpec
from .module import Module
from .signature import spec_of

if TYPE_CHECKING:
    from .program import Program


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _name(text: str) -> str:
    """A name that can be shown: no control character turns a terminal against it."""
    if not 0 < len(text) <= _LONGEST_NAME or not text.isprintable():
        raise ValueError(f"{text[:80]!r} is no name")
    return text


def _part_name(text: str) -> str:
    if "/" in text:
        raise ValueError(f"{text!r}: '/' sets the parts of a path apart")
    return _name(text)


def _identifier(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError(f"{text[:80]!r} is no name of a field")
    if unicodedata.normalize("NFKC", text) != text:
        raise ValueError(f"Python reads the name {text!r} as another one")
    return _name(text)


_LONGEST_NAME = 200
_Name = Annotated[str, AfterValidator(_part_name)]
_Path = Annotated[str, AfterValidator(_name)]
_Identifier = Annotated[str, AfterValidator(_identifier)]


class FieldState(_Strict):
    """A field of a signature, or an input of a program."""

    name: _Identifier
    role: Literal["input", "output"]
    schema_: dict[str, Any] = Field(alias="schema")
    description: str = ""
    default: Any = None
    required: bool = True


class DemoState(_Strict):
    """A demo."""

    values: dict[str, Any]
    source: str = ""
    by: str = "labelled"


class ModuleState(_Strict):
    """A module: its contract, and its parameters."""

    kind: _Name
    name: _Path
    fields: list[FieldState]
    signature_hash: str
    instruction: list[str]
    demos: list[DemoState] = []
    adapter: Literal["chat", "json", "xml"] = "chat"
    sampling: dict[str, Any] = {}
    repairs: Annotated[int, Field(ge=0, le=100)] = 1
    returns: str | None = None


class ProgramState(_Strict):
    """A program: its graph, and by name what its nodes call."""

    inputs: list[FieldState]
    nodes: list[dict[str, Any]]
    output: dict[str, Any]
    modules: dict[_Name, ModuleState]
    steps: dict[_Name, str] = {}
    uses: dict[_Name, dict[_Path, ModuleState]] = {}
    programs: dict[_Name, ProgramState] = {}


class ArtifactFile(_Strict):
    """The whole file."""

    format: Literal["weft.program/1"]
    name: _Name
    digest: str = ""
    program: ProgramState
    provenance: dict[str, Any] = {}
    returns: dict[str, Any] | None = None
    live: list[str] = []


def describe_program(program: Program[..., Any]) -> dict[str, Any]:
    """A program as plain JSON data: structure, contracts and parameters."""
    parts, shape = program.parts, program.structure.describe()
    used = {name: step.modules for name, step in parts.steps.items() if step.modules}
    uses = {
        name: {path: _module_state(m) for path, m in modules.items()}
        for name, modules in used.items()
    }
    return {
        **({"uses": uses} if uses else {}),
        "inputs": [_field_state(f) for f in program.structure.inputs],
        "nodes": shape["nodes"],
        "output": shape["output"],
        "modules": {name: _module_state(m) for name, m in parts.modules.items()},
        "steps": {name: str(s.parameters) for name, s in parts.steps.items()},
        "programs": {n: describe_program(p) for n, p in parts.programs.items()},
    }


def refuse_opaque(program: Program[..., Any]) -> None:
    """Refuse a constant that is no plain data, in nested programs too."""
    for node in program.structure.walk():
        for argument, binding in node.bindings.items():
            kind = opaque_in(binding)
            if kind:
                raise ArtifactError(
                    f"program {program.name!r}: {node.id}.{argument} is fixed to a "
                    f"{kind}, which is no plain data",
                    hint="Build it inside a @weft.step function",
                )
    for inner in program.parts.programs.values():
        refuse_opaque(inner)


def _module_state(module: Module[..., Any]) -> dict[str, Any]:
    spec, parameters = module.spec, module.parameters
    return {
        "kind": module.kind,
        "name": spec_of(module.signature).name,
        "fields": [_field_state(f) for f in spec.fields],
        "signature_hash": spec.hash,
        "instruction": parameters.instruction.split("\n"),
        "demos": [
            {
                "values": {
                    f.name: d.values[f.name] for f in spec.fields if f.name in d.values
                },
                "source": d.source,
                "by": d.by,
            }
            for d in parameters.demos
        ],
        "adapter": parameters.adapter,
        "sampling": dict(parameters.sampling),
        "repairs": module.repairs,
        "returns": module.single,
    }


def _field_state(field: FieldSpec) -> dict[str, Any]:
    state: dict[str, Any] = {
        "name": field.name,
        "role": field.role,
        "schema": field.schema,
        "description": field.description,
        "required": field.required,
    }
    if not field.required:
        state["default"] = field.dump(field.default)
    return state


def modules_of(state: ProgramState, prefix: str = "") -> list[tuple[str, ModuleState]]:
    """Every module of a program by path, those of steps and nested programs too."""
    found = [(prefix + name, module) for name, module in state.modules.items()]
    for step, used in state.uses.items():
        found += [(f"{prefix}{step}/{path}", module) for path, module in used.items()]
    for name, inner in state.programs.items():
        found += modules_of(inner, f"{prefix}{name}/")
    return found
