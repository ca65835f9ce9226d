"""A program as plain JSON data in one order, its digest, and its graph read back.

Names that weft chose are sorted. What users and pydantic wrote keeps its order, because
a prompt shows it in that order: schemas, values of demos, defaults and constants.

Read back, data comes from a file that nobody vouches for, so every part is checked:
names, order, which bodies a region has, and that each value comes from something that
runs before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast, get_args

from ..errors import ArtifactError
from ..ground import strictjson
from ..ground.shapes import is_dict, is_list
from ..lm.form import Form, form_of
from ..signature.field import FieldSpec
from ..signature.signature import spec_of
from ..trace import NodeKind
from .binding import Binding, Const, bound_from, opaque_in, takes_of
from .graph import REGIONS, Body, Node, Param
from .ref import kind_of_binding, kind_of_parameter, kind_of_region
from .regions import DEFAULT
from .scope import result_of
from .uses import called_by

if TYPE_CHECKING:
    from ..parameters import Demo, Parameters
    from ..signature.spec import Spec
    from .module import Module
    from .program import Program

_KEPT = frozenset(
    {"schema", "enforced", "values", "default", "const", "options", "returns", "in"}
)


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
    for inner in _programs_in(program):
        refuse_opaque(inner)


def _programs_in(part: Any) -> Iterator[Program[..., Any]]:
    """The programs nearest below something: those it calls, those of its modules."""
    for inner in called_by(part).values():
        if inner.node_kind == "program":
            yield inner
        elif inner.node_kind == "module":
            yield from _programs_in(inner)


def _part_state(part: Any) -> dict[str, Any]:
    if part.node_kind == "module":
        return {"module": _module_state(part)}
    if part.node_kind == "step":
        return {"step": part.name}
    return {"program": describe_program(part), "name": part.name}


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
        states = {name: _part_state(part) for name, part in parts}
        settings = dict(module.settings())
        return {**contract, "instruction": [], "parts": states, "settings": settings}
    return {
        **contract,
        "instruction": parameters.instruction.split("\n"),
        "demos": _demos_state(parameters.demos, spec),
        **({"nearest": parameters.nearest} if parameters.nearest else {}),
        **_form_state(form_of(parameters.adapter)),
        "sampling": dict(parameters.sampling),
        **({"model": parameters.model} if parameters.model is not None else {}),
        **_described(parameters.descriptions),
        **_context_state(parameters, spec),
        **({"soft": parameters.soft.as_data()} if parameters.soft else {}),
        **({"lora": parameters.lora.as_data()} if parameters.lora else {}),
        "repairs": module.repairs,
    }


def _demos_state(demos: Sequence[Demo], spec: Spec) -> list[dict[str, Any]]:
    """Solved cases as data, their values in the order of the fields."""
    return [
        {
            "values": {
                f.name: d.values[f.name] for f in spec.fields if f.name in d.values
            },
            "source": d.source,
            "by": d.by,
        }
        for d in demos
    ]


def _context_state(parameters: Parameters, spec: Spec) -> dict[str, Any]:
    """What stands below an instruction, where anything does."""
    held = {
        "context": dict(parameters.context),
        "glossary": dict(parameters.glossary),
        "illustrations": _demos_state(parameters.illustrations, spec),
    }
    return {slot: value for slot, value in held.items() if value}


def _described(descriptions: Mapping[str, str]) -> dict[str, Any]:
    """Tuned descriptions as data; what the signature says stands with its fields."""
    return {"descriptions": dict(descriptions)} if descriptions else {}


def _form_state(form: Form) -> dict[str, Any]:
    """A form as data; of a first edition the name alone, which is all of it."""
    state: dict[str, Any] = {"adapter": form.name}
    if form.edition > 1:
        state["edition"] = form.edition
    if (settled := form.settled) is not None:
        state["settled"] = settled.split(",") if settled else []
    if form.template:
        state["template"] = form.template
    return state


def _field_state(field: FieldSpec) -> dict[str, Any]:
    state: dict[str, Any] = {
        "name": field.name,
        "role": field.role,
        "schema": field.schema,
        "description": field.description,
        "required": field.required,
    }
    if field.notes:
        state["notes"] = [note._asdict() for note in field.notes]
    if field.enforced:
        state["enforced"] = dict(field.enforced)
    if not field.required:
        state["default"] = field.dump(field.default)
    return state


_ALWAYS = {"id", "kind", "target", "in"}
_SOMETIMES = {"after", "bodies", "options"}
_BODY = {"name", "params", "nodes", "output"}
_NAMES = {
    "each": ({"body"},),
    "branch": ({"then", "orelse"},),
    "loop": ({"body"}, {"body", "until"}),
}
_OPTIONS = {"each": {"at_once"}, "branch": set[str](), "loop": {"at_most"}}


@dataclass(frozen=True)
class GraphReader:
    """Reads the nodes of one program.

    Args:
        targets: What nodes may call, by kind and name.
        ids: Every id read so far; the program's inputs are none.
    """

    targets: Mapping[str, Mapping[str, Any]]
    ids: set[str] = field(default_factory=set[str])

    def nodes(self, data: Any, known: dict[str, Any]) -> tuple[Node, ...]:
        """The nodes of one level.

        Args:
            data: Their descriptions in order.
            known: Types of the sources that the level may use; its own are added as
                they come.

        Raises:
            ValueError: One is no node, or uses what no earlier node gives.
        """
        made: list[Node] = []
        for entry in _list(data, "nodes"):
            node = self._node(_dict(entry, "a node"), known)
            known[node.id] = node.result
            made.append(node)
        return tuple(made)

    def binding(self, data: Any, known: dict[str, Any]) -> Binding:
        """A binding whose sources are known.

        Raises:
            ValueError: It is none, or one of them is not.
        """
        made = bound_from(_dict(data, "a binding"))
        for take in takes_of(made):
            if take.source not in known:
                raise ValueError(
                    f"it needs {take.source!r}, which no earlier node gives"
                )
        return made

    def _node(self, entry: Mapping[str, Any], known: dict[str, Any]) -> Node:
        kind, identity = self._head(entry)
        given = _dict(entry["in"], "in")
        bindings = {str(k): self.binding(b, known) for k, b in given.items()}
        after = tuple(_texts(entry.get("after", [])))
        for source in after:
            self.binding({"take": [source]}, known)
        options = _dict(entry.get("options", {}), "options")
        value = kind_of_binding(next(iter(bindings.values()), Const(None)), known)
        inside = kind_of_parameter(kind, value)
        bodies = {
            str(body["name"]): self._body(body, identity, known, inside)
            for body in _list(entry.get("bodies", []), "bodies")
        }
        if kind in REGIONS:
            _check_region(kind, bindings, list(bodies), options)
            result = kind_of_region(kind, value, bodies)
        elif bodies or options:
            raise ValueError(f"{identity!r} is a {kind} and holds no bodies")
        else:
            result = result_of(self.targets[kind][entry["target"]])
        node_kind = cast(NodeKind, kind)
        return Node(
            identity,
            node_kind,
            entry["target"],
            bindings,
            result,
            after=after,
            bodies=bodies,
            options=options,
        )

    def _head(self, entry: Mapping[str, Any]) -> tuple[str, str]:
        keys = set(entry)
        if not keys >= _ALWAYS or not keys <= _ALWAYS | _SOMETIMES:
            raise ValueError(f"a node has not the keys {sorted(keys)}")
        kind, target, identity = entry["kind"], entry["target"], entry["id"]
        if kind not in get_args(NodeKind):
            raise ValueError(f"there is no kind {kind!r}")
        called = [kind] if kind in REGIONS else self.targets[kind]
        if target not in called:
            raise ValueError(f"there is no {kind} {target!r}")
        if not isinstance(identity, str) or identity[:1] in ("$", ""):
            raise ValueError(f"{identity!r} is no id")
        if identity in self.ids:
            raise ValueError(f"two nodes are called {identity!r}")
        self.ids.add(identity)
        return kind, identity

    def _body(
        self, entry: Any, region: str, known: dict[str, Any], inside: Any
    ) -> Body:
        data = _dict(entry, "a body")
        if set(data) != _BODY:
            raise ValueError(f"a body has not the keys {sorted(data)}")
        params = tuple(Param(source, inside) for source in _texts(data["params"]))
        if any(not p.source.startswith(f"${region}.") for p in params):
            raise ValueError(f"a parameter of {region!r} has another name")
        inner = known | {p.source: p.kind for p in params}
        nodes = self.nodes(data["nodes"], inner)
        output = self.binding(data["output"], inner)
        return Body(params, nodes, output, kind_of_binding(output, inner))


def _check_region(
    kind: str,
    bindings: Mapping[str, Binding],
    bodies: Sequence[str],
    options: Mapping[str, Any],
) -> None:
    if len(bindings) != 1:
        raise ValueError(f"{kind} goes by one value, not {len(bindings)}")
    if kind == "switch":
        labels = _list(options.get("labels"), "labels")
        others = len(bodies) - len(labels)
        if set(options) != {"labels"} or not labels or others not in (0, 1):
            raise ValueError("a switch has one body a label, and perhaps a default")
        if (others == 1) != (bodies[-1] == DEFAULT):
            raise ValueError("the default of a switch comes last")
        return
    if set(bodies) not in _NAMES[kind]:
        raise ValueError(f"{kind} has not the bodies {', '.join(bodies) or 'none'}")
    if not set(options) <= _OPTIONS[kind]:
        raise ValueError(f"{kind} has not the options {sorted(options)}")
    for name in _OPTIONS[kind]:
        bound = options.get(name, None if name == "at_most" else 1)
        if not isinstance(bound, int) or isinstance(bound, bool) or bound < 1:
            raise ValueError(f"{name}={bound!r} bounds nothing")


def _dict(data: Any, what: str) -> dict[str, Any]:
    if not is_dict(data):
        raise ValueError(f"{what} is no mapping")
    return data


def _list(data: Any, what: str) -> list[Any]:
    if not is_list(data):
        raise ValueError(f"{what} is no list")
    return data


def _texts(data: Any) -> list[str]:
    given = _list(data, "names")
    if not all(isinstance(name, str) for name in given):
        raise ValueError("a name is a text")
    return given
