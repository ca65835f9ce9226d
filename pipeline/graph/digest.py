"""A program as plain JSON data in one order, and the digest of its behaviour.

Names that weft chose are sorted. What users and pydantic wrote keeps its order, because
a prompt shows it in that order: schemas, values of demos, defaults and constants.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ..errors import ArtifactError
from ..ground import strictjson
from ..ground.shapes import is_dict, is_list
from ..lm.form import Form, form_of
from ..signature.field import FieldSpec
from ..signature.signature import spec_of
from .binding import opaque_in

if TYPE_CHECKING:
    from .module import Module
    from .program import Program

_KEPT = frozenset({"schema", "values", "default", "const", "options", "returns", "in"})


def digest_of(state: Any) -> str:
    """SHA-256 of plain data in the order in which an artifact holds it.

    >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    True
    >>> digest_of({"const": {"b": 1, "a": 2}}) == digest_of({"const": {"a": 2, "b": 1}})
    False
    """
    text = strictjson.dumps(arranged(state))
    return "sha256:" + hashlib.sha256(text.encode("utf-8")).hexdigest()


def digits_of(digest: object) -> str:
    """As many of a digest's digits as people compare; empty where there is none."""
    return str(digest or "").removeprefix("sha256:")[:12]


def arranged(value: Any) -> Any:
    """Plain data with its keys in an artifact's order."""
    if is_dict(value):
        return {
            key: value[key] if key in _KEPT else arranged(value[key])
            for key in sorted(value)
        }
    return [arranged(item) for item in value] if is_list(value) else value


def program_digest(program: Program[..., Any]) -> str:
    """SHA-256 of a program's behaviour: everything that can change its prompts."""
    return digest_of(describe_program(program))


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


def _part_state(module: Module[..., Any], name: str, part: Any) -> dict[str, Any]:
    if part.node_kind == "module":
        return {"module": _module_state(part)}
    if part.node_kind == "step":
        return {"step": part.name}
    raise ArtifactError(
        f"{module.name!r} has the program {part.name!r} for its part {name!r}, and an "
        "artifact holds programs only where a program calls them",
        hint="Call it in the program, or make its modules parts",
    )


def _module_state(module: Module[..., Any]) -> dict[str, Any]:
    spec, parameters = module.spec, module.parameters
    contract: dict[str, Any] = {
        "kind": module.kind,
        "name": spec_of(module.signature).name,
        "fields": [_field_state(f) for f in spec.fields],
        "signature_hash": spec.hash,
        "returns": module.single,
    }
    if module.has_body:
        parts = module.uses.running.items()
        states = {name: _part_state(module, name, part) for name, part in parts}
        settings = dict(module.settings())
        return {**contract, "instruction": [], "parts": states, "settings": settings}
    return {
        **contract,
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
        **({"nearest": parameters.nearest} if parameters.nearest else {}),
        **_form_state(form_of(parameters.adapter)),
        "sampling": dict(parameters.sampling),
        "repairs": module.repairs,
    }


def _form_state(form: Form) -> dict[str, Any]:
    """A form as data; of a first edition the name alone, which is all of it."""
    state: dict[str, Any] = {"adapter": form.name}
    if form.edition > 1:
        state["edition"] = form.edition
    if form.flags is not None:
        settled = str(form).partition(":")[2]
        state["settled"] = settled.split(",") if settled else []
    return state


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
