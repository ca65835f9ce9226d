"""Programs rebuilt from an artifact's data alone: types, modules, graph."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from ..errors import ArtifactError, SetupError, did_you_mean
from ..graph.binding import Binding
from ..graph.build import Parts
from ..graph.graph import INPUT, Graph, Node
from ..graph.graph_data import GraphReader
from ..graph.kinds import kind_of_binding
from ..graph.module import Module, module_of_kind
from ..graph.program import Program
from ..graph.step import Step
from ..graph.targets import wants_of
from ..graph.uses import Uses
from ..signature.field import FieldSpec
from ..signature.forms import make_signature
from ..signature.schema_types import type_of_schema
from .fitting import parameters_of, tuned
from .origins import Origin, remember
from .rebuilt import schema_of_result
from .state import ArtifactFile, FieldState, ModuleState, ProgramState

_BROKEN = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
)


def assembled(
    made: ArtifactFile, steps: Iterable[Step[..., Any]], where: str
) -> Program[..., Any]:
    """A program from an artifact's data alone.

    Raises:
        ArtifactError: A part of it cannot be rebuilt, or a step is missing.
    """
    if made.live:
        raise ArtifactError(
            f"{where}: the type of {made.live[0]!r} is not all in its JSON Schema",
            hint="Load it with program=..., the live program it was compiled from",
        )
    known = {step.name: step for step in steps}
    try:
        program = _build(made.name, made.program, known, where)
        program = _giving(program, made.returns, where)
        # Whatever pydantic or a signature finds wrong shows now, not at a call.
        for module in program.modules.values():
            _ = module.spec.hash
    except ArtifactError:
        raise
    except SetupError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    except _BROKEN as error:
        raise ArtifactError(f"{where}: {str(error)[:300]}") from None
    return remember(program, Origin(where, made.digest, made.provenance))


def stand_ins(state: ProgramState) -> list[Step[..., Any]]:
    """Steps with the names and modules that a file says, which are never run.

    With them a program that is only looked at can be rebuilt without its source.
    """
    made: list[Step[..., Any]] = []
    for name in state.steps:
        step: Step[..., Any] = Step(_no_code, name)
        used = {p: _module(p, m, name) for p, m in state.uses.get(name, {}).items()}
        step.uses = Uses(used, used)
        made.append(step)
    for inner in state.programs.values():
        made += stand_ins(inner)
    return made


def _no_code(**given: Any) -> Any:
    raise ArtifactError(f"a file brings no code to call with {', '.join(given)}")


def _build(
    name: str, state: ProgramState, steps: Mapping[str, Step[..., Any]], where: str
) -> Program[..., Any]:
    missing = [step for step in state.steps if step not in steps]
    if missing:
        raise ArtifactError(
            f"{where}: program {name!r} calls the step {missing[0]!r}, and a file "
            "brings no code",
            hint=f"Pass it: steps=[{missing[0]}]",
        )
    modules = {n: _module(n, m, where) for n, m in state.modules.items()}
    inner = {n: _build(n, p, steps, where) for n, p in state.programs.items()}
    used = {n: _step(steps[n], state.uses.get(n, {}), where) for n in state.steps}
    inputs = _inputs(name, state.inputs, where)
    targets: dict[str, Mapping[str, Any]]
    targets = {"module": modules, "step": used, "program": inner}
    nodes, output = _graph(name, state, targets, inputs, where)
    for node in nodes:
        _check_calls(node, targets, where)
    graph = Graph(name, inputs, nodes, output, _kind(output, nodes, inputs))
    return Program(name, Parts(graph, modules, used, inner))


def _graph(
    name: str,
    state: ProgramState,
    targets: Mapping[str, Mapping[str, Any]],
    inputs: tuple[FieldSpec, ...],
    where: str,
) -> tuple[tuple[Node, ...], Binding]:
    reader = GraphReader(targets)
    known = {f"{INPUT}.{f.name}": f.annotation for f in inputs}
    try:
        return reader.nodes(state.nodes, known), reader.binding(state.output, known)
    except _BROKEN as error:
        raise ArtifactError(f"{where}: the graph of {name!r}: {error}") from None


def _check_calls(
    node: Node, targets: Mapping[str, Mapping[str, Any]], where: str
) -> None:
    """Refuse a call that lacks an argument or has one too many, in regions too."""
    for body in node.bodies.values():
        for inner in body.nodes:
            _check_calls(inner, targets, where)
    if node.kind not in targets:
        return
    target = targets[node.kind][node.target]
    wants = wants_of(node.kind, target)
    if node.kind == "step":
        known = cast("Step[..., Any]", target).parameters.parameters
        # One that takes nothing, or anything, stands in for code that is not here.
        if not known or any(p.kind is p.VAR_KEYWORD for p in known.values()):
            return
        needed = [n for n, p in known.items() if p.default is inspect.Parameter.empty]
    else:
        needed = [name for name, field in wants.items() if field.required]
    for name in (n for n in node.bindings if n not in wants):
        raise ArtifactError(
            f"{where}: {node.kind} {node.target!r} has no input {name!r}",
            hint=did_you_mean(name, wants),
        )
    for name in (n for n in needed if n not in node.bindings):
        raise ArtifactError(f"{where}: {node.kind} {node.target!r} lacks {name!r}")


def _inputs(
    name: str, states: Iterable[FieldState], where: str
) -> tuple[FieldSpec, ...]:
    made = tuple(_field(f, where) for f in states)
    names = [f.name for f in made]
    if len(set(names)) < len(names) or any(f.role != "input" for f in made):
        raise ArtifactError(f"{where}: {name!r} has an input twice, or an output")
    return made


def _step(
    step: Step[..., Any], saved: Mapping[str, ModuleState], where: str
) -> Step[..., Any]:
    """A step whose modules have the file's parameters."""
    live = step.modules
    for path in {**saved, **live}:
        if path not in saved or path not in live:
            lacks = "the artifact" if path in live else "the step that was passed"
            raise ArtifactError(
                f"{where}: step {step.name!r}: {lacks} lacks the module {path!r}",
                hint="Pass the step as it was, with the same uses=[...]",
            )
    made = {
        path: live[path].with_(
            **cast(Any, tuned(f"{step.name}/{path}", module, live[path], where))
        )
        for path, module in saved.items()
    }
    return step.with_modules(made)


def _module(name: str, state: ModuleState, where: str) -> Module[..., Any]:
    fields = tuple(_field(f, where) for f in state.fields)
    kind = module_of_kind(state.kind)
    if kind is None:
        raise ArtifactError(
            f"{where}: module {name!r} is of no known kind {state.kind!r}"
        )
    parameters = parameters_of(state)
    signature = make_signature(
        kind.own_fields(fields), parameters.instruction, name=state.name
    )
    made: Module[..., Any] = kind(signature, name=name, repairs=state.repairs)
    if made.spec.hash != state.signature_hash:
        raise ArtifactError(
            f"{where}: the types of {name!r} cannot be rebuilt exactly",
            hint="Load it with program=..., the live program it was compiled from",
        )
    made = made.with_(**cast(Any, parameters.slots()))
    if state.returns is None:
        return made
    if state.returns not in made.spec.outputs:
        raise ArtifactError(f"{where}: {name!r} has no output {state.returns!r}")
    return made.returning(state.returns)


def _field(state: FieldState, where: str) -> FieldSpec:
    kind, rules = type_of_schema(state.schema_, f"{where}: field {state.name!r}")
    made = FieldSpec(state.name, state.role, kind, state.description, rules)
    if state.required:
        _ = made.adapter
        return made
    try:
        return replace(made, default=made.load(state.default))
    except ValueError as error:
        raise ArtifactError(
            f"{where}: the default of {state.name!r}: {error}"
        ) from None


def _giving(
    program: Program[..., Any], schema: Mapping[str, Any] | None, where: str
) -> Program[..., Any]:
    """The program with the result that its file promises.

    A file that promises none is silent about what no schema says: signatures, and lists
    of them. Anything else that was inferred was not so before it was saved.
    """
    if schema is None and schema_of_result(program) is None:
        return program
    kind: Any = Any
    if schema is not None:
        kind, _ = type_of_schema(schema, f"{where}: the result")
    parts = program.parts
    return program.with_parts(replace(parts, graph=replace(parts.graph, result=kind)))


def _kind(output: Binding, nodes: Iterable[Node], inputs: Iterable[FieldSpec]) -> Any:
    """The type of a program's result, as far as the file alone tells it."""
    kinds = {node.id: node.result for node in nodes}
    kinds |= {f"{INPUT}.{f.name}": f.annotation for f in inputs}
    return kind_of_binding(output, kinds)
