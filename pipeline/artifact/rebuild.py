"""Programs rebuilt from an artifact's data alone, and where that falls short."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pydantic
from pydantic_core import SchemaError

from ..errors import ArtifactError, SetupError, did_you_mean
from ..graph.binding import INPUT, Binding
from ..graph.digest import GraphReader
from ..graph.graph import Graph, Node
from ..graph.module import Module, module_of_kind
from ..graph.program import Origin, Parts, Program, as_program, remember
from ..graph.ref import kind_of_binding
from ..graph.scope import needs_of, wants_of
from ..graph.step import Step, as_step
from ..graph.uses import Uses
from ..signature.field import FieldSpec
from ..signature.forms import make_signature
from ..signature.json_schema import json_schema_of
from ..signature.note import Note
from ..signature.schema import type_of_schema
from ..signature.signature import Signature
from ..signature.types import plain_type
from .fit import parameters_of, tools_changed, tuned
from .state import (
    ArtifactFile,
    FieldState,
    ModuleState,
    ProgramState,
    programs_of,
    steps_of,
)

Targets = Mapping[str, Mapping[str, Any]]
"""By kind, what nodes call, by name."""

_LIVE = "Load it with program=..., the live program it was compiled from"
_TOOLS = "tools"
_MODELS = ("lm", "lms")
_LISTED = ("checks", "modules", "patterns")
"""What constructors take as lists; a module's settings name the parts in them."""
_BROKEN = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
)
_NO_SCHEMA = (
    pydantic.PydanticUserError,
    SchemaError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
    ArtifactError,
)


def rebuilt(
    made: ArtifactFile, steps: Iterable[Callable[..., Any]], where: str
) -> Program[..., Any]:
    """A program from an artifact's data alone.

    Raises:
        ArtifactError: A part of it cannot be rebuilt, or a step is missing.
    """
    if made.live:
        raise ArtifactError(
            f"{where}: the type of {made.live[0]!r} is not all in its JSON Schema",
            hint=_LIVE,
        )
    rebuilding = _Rebuilding(where, _by_name(steps, steps_of(made.program), where))
    try:
        program = rebuilding.program(made.name, made.program)
        program = rebuilding.giving(program, made.returns)
        program = _lone(program) if made.kind == "module" else program
        # Whatever pydantic or a signature finds wrong shows now, not at a call.
        for module in program.modules.values():
            _ = module.spec.hash
    except ArtifactError:
        raise
    except SetupError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    except _BROKEN as error:
        raise ArtifactError(f"{where}: {str(error)[:300]}") from None
    return remember(
        program,
        Origin(where, made.digest, made.provenance, text_only=made.text_only_data),
    )


def _by_name(
    steps: Iterable[Callable[..., Any]], wanted: Iterable[str], where: str
) -> dict[str, Step[..., Any]]:
    """The steps that are there; a file knows them by their names alone.

    Raises:
        ArtifactError: Two different ones have a name that the file calls.
    """
    found: dict[str, Step[..., Any]] = {}
    called = {*wanted}
    for step in map(as_step, steps):
        other = found.setdefault(step.name, step)
        if step.name in called and other.function != step.function:
            raise ArtifactError(
                f"{where}: two of the steps are called {step.name!r}",
                hint="Give each its own name, as in weft.Index(..., name=...), and "
                "save the program again, or load it with program=...",
            )
    return found


def _lone(program: Program[..., Any]) -> Program[..., Any]:
    """A program that its file says is a module, as `as_program` would have made it.

    Raises:
        ArtifactError: It is more than a module.
    """
    modules = [*program.parts.modules.values()]
    alone = as_program(modules[0], program.name) if len(modules) == 1 else None
    if alone is None or alone.structure.describe() != program.structure.describe():
        raise ArtifactError(f"{program.name!r} is said to be a module, and is more")
    return Program(program.name, program.parts, lone=True)


def stand_ins(state: ProgramState) -> list[Step[..., Any]]:
    """Steps with the names and modules that a file says, which are never run.

    With them a program that is only looked at can be rebuilt without its source.
    """
    parts = [one for m in state.modules.values() for one in programs_of(m)]
    made: list[Step[..., Any]] = []
    for inner in (*state.programs.values(), *parts):
        made += stand_ins(inner)
    known = {step.name for step in made}
    for name in (one for one in steps_of(state) if one not in known):
        step: Step[..., Any] = Step(_no_code, name)
        saved = state.uses.get(name, {}).items()
        used = {path: _Rebuilding(name, {}).module(path, m) for path, m in saved}
        step.uses = Uses(used, used)
        made.append(step)
    return made


def schema_of_result(program: Program[..., Any]) -> dict[str, Any] | None:
    """The JSON Schema of what a program gives, where a type can be read from it."""
    kind: Any = plain_type(program.structure.result)
    if kind is Any or (inspect.isclass(kind) and issubclass(kind, Signature)):
        return None
    try:
        schema = pydantic.TypeAdapter(kind).json_schema()
        again, rules = type_of_schema(schema, "result")
        if json_schema_of(again):
            return None  # data, and no object of such a class
        same = pydantic.TypeAdapter(again).json_schema() == schema and not rules
    except _NO_SCHEMA:
        return None
    return schema if same and schema else None


def _told(state: ModuleState) -> list[str]:
    """What the parts of a module are told of, in order; last what they are not."""
    inner = [part.module for part in state.parts.values() if part.module]
    notes = [note.name for part in inner for f in part.fields for note in f.notes]
    return [*notes, *state.parts]


def _no_code(**given: Any) -> Any:
    raise ArtifactError(f"a file brings no code to call with {', '.join(given)}")


@dataclass(frozen=True)
class _Rebuilding:
    """Where the data comes from, for messages, and the steps that are there."""

    where: str
    steps: Mapping[str, Step[..., Any]]

    def program(self, name: str, state: ProgramState) -> Program[..., Any]:
        missing = [step for step in steps_of(state) if step not in self.steps]
        if missing:
            raise ArtifactError(
                f"{self.where}: program {name!r} calls the step {missing[0]!r}, and a "
                "file brings no code",
                hint=f"Pass it: steps=[{missing[0]}]",
            )
        modules = {n: self.module(n, m) for n, m in state.modules.items()}
        inner = {n: self.program(n, p) for n, p in state.programs.items()}
        used = {n: self.step(self.steps[n], state.uses.get(n, {})) for n in state.steps}
        inputs = self.inputs(name, state.inputs)
        targets: Targets = {"module": modules, "step": used, "program": inner}
        reader = GraphReader(targets)
        known = {f"{INPUT}.{f.name}": f.annotation for f in inputs}
        try:
            nodes = reader.nodes(state.nodes, known)
            output = reader.binding(state.output, known)
        except _BROKEN as error:
            raise ArtifactError(
                f"{self.where}: the graph of {name!r}: {error}"
            ) from None
        for node in nodes:
            self.check_calls(node, targets)
        graph = Graph(name, inputs, nodes, output, _kind(output, nodes, inputs))
        return Program(name, Parts(graph, modules, used, inner))

    def check_calls(self, node: Node, targets: Targets) -> None:
        """Refuse a call that lacks an argument or has one too many, in regions too."""
        for body in node.bodies.values():
            for inner in body.nodes:
                self.check_calls(inner, targets)
        if node.kind not in targets:
            return
        target = targets[node.kind][node.target]
        wants = wants_of(target)
        if node.kind == "step":
            known = cast("Step[..., Any]", target).parameters.parameters
            # One that takes nothing, or anything, stands in for code not here.
            if not known or any(p.kind is p.VAR_KEYWORD for p in known.values()):
                return
        who = f"{self.where}: {node.kind} {node.target!r}"
        for name in (n for n in node.bindings if n not in wants):
            raise ArtifactError(
                f"{who} has no input {name!r}", hint=did_you_mean(name, wants)
            )
        for name in (n for n in needs_of(target) if n not in node.bindings):
            raise ArtifactError(f"{who} lacks {name!r}")

    def inputs(self, name: str, states: Iterable[FieldState]) -> tuple[FieldSpec, ...]:
        made = tuple(map(self.field, states))
        names = {f.name for f in made}
        if len(names) < len(made) or any(f.role != "input" for f in made):
            raise ArtifactError(
                f"{self.where}: {name!r} has an input twice, or an output"
            )
        return made

    def step(
        self, step: Step[..., Any], saved: Mapping[str, ModuleState]
    ) -> Step[..., Any]:
        """A step whose modules have the file's parameters."""
        live = step.modules
        for path in {**saved, **live}:
            if path not in saved or path not in live:
                lacks = "the artifact" if path in live else "the step that was passed"
                raise ArtifactError(
                    f"{self.where}: step {step.name!r}: {lacks} lacks the module "
                    f"{path!r}",
                    hint="Pass the step as it was, with the same uses=[...]",
                )
        made: dict[str, Module[..., Any]] = {}
        for path, module in saved.items():
            slots = tuned(f"{step.name}/{path}", module, live[path], self.where)
            made[path] = live[path].with_(**cast(Any, slots))
        return step.with_modules(made)

    def module(self, name: str, state: ModuleState) -> Module[..., Any]:
        fields = tuple(map(self.field, state.fields))
        kind = module_of_kind(state.kind)
        if kind is None:
            raise ArtifactError(
                f"{self.where}: module {name!r} is of no known kind {state.kind!r}"
            )
        if kind.has_body or state.parts:
            return self.composite(name, state, kind)
        parameters = parameters_of(state)
        signature = make_signature(
            kind.own_fields(fields), parameters.instruction, name=state.name
        )
        made: Module[..., Any] = kind(signature, name=name, repairs=state.repairs)
        if kind.adds:
            added = {one.name for one in kind.adds}
            made = made.adding(*(one for one in fields if one.name in added))
        if made.spec.hash != state.signature_hash:
            raise ArtifactError(
                f"{self.where}: the types of {name!r} cannot be rebuilt exactly",
                hint=_LIVE,
            )
        made = made.with_(**cast(Any, parameters.slots()))
        if state.returns is None:
            return made
        if state.returns not in made.spec.outputs:
            raise ArtifactError(
                f"{self.where}: {name!r} has no output {state.returns!r}"
            )
        return made.returning(state.returns)

    def composite(
        self, name: str, state: ModuleState, kind: type[Module[..., Any]]
    ) -> Module[..., Any]:
        """A module of its parts: some its constructor takes, others stand in."""
        parts: dict[str, Any] = {}
        for role, part in state.parts.items():
            if part.module is not None:
                parts[role] = self.module(role, part.module)
            elif part.program is not None:
                made_of = self.program(part.name or role, part.program)
                parts[role] = self.alike(made_of, state)
            else:
                parts[role] = self.steps[str(part.step)]
        known = inspect.signature(kind.__init__).parameters
        given = {role: part for role, part in parts.items() if role in known}
        wanted = {**state.settings, **given, "name": name}
        if _TOOLS in known:  # made of a contract and tools, which the caller brings
            tools = [n for n, part in parts.items() if isinstance(part, Step)]
            tools.sort(key=_told(state).index)  # as its model is told of them
            given |= {n: parts[n] for n in tools}
            wanted[_TOOLS] = [parts[n] for n in tools]
        if "signature" in known:
            fields = kind.own_fields(tuple(map(self.field, state.fields)))
            wanted["signature"] = make_signature(fields, name=state.name)
        for listed in (one for one in _LISTED if one in known):
            own = {role: parts[role] for role in state.settings.get(listed, ())}
            given |= own
            wanted[listed] = [*own.values()]
        told = {*_MODELS} & {*state.settings}  # who is asked, no file says
        if not kind.has_body or told or not known.keys() >= wanted.keys():
            raise ArtifactError(
                f"{self.where}: module {name!r} is no {state.kind!r} of this weft",
                hint=_LIVE,
            )
        made = cast("Callable[..., Module[..., Any]]", kind)(**wanted)
        changed = tools_changed(state.settings, made.settings())
        if changed:
            raise ArtifactError(
                f"{self.where}: the tools of {name!r} changed: {'; '.join(changed)}",
                hint="Pass the tools as they were, or compile again",
            )
        rest = {role: part for role, part in parts.items() if role not in given}
        made = made.with_modules(rest)
        if {*made.uses.running} != {*parts} or made.spec.hash != state.signature_hash:
            raise ArtifactError(
                f"{self.where}: the parts of {name!r} cannot be put together again",
                hint=_LIVE,
            )
        return made

    def alike(
        self, program: Program[..., Any], state: ModuleState
    ) -> Program[..., Any]:
        """A program with the result that the module promises which is made of it.

        Its own data is silent about that where a step makes it.
        """
        given = next((f for f in state.fields if f.name == state.returns), None)
        if given is None or program.structure.result is not Any:
            return program
        graph = replace(program.structure, result=self.field(given).annotation)
        return program.with_parts(replace(program.parts, graph=graph))

    def field(self, state: FieldState) -> FieldSpec:
        kind, rules = type_of_schema(
            state.schema_, f"{self.where}: field {state.name!r}"
        )
        notes = tuple(Note(n.name, n.label, n.text) for n in state.notes)
        told = state.name, state.role, kind, state.description, rules
        made = FieldSpec(*told, notes=notes, enforced=state.enforced)
        if state.required:
            _ = made.adapter
            return made
        try:
            return replace(made, default=made.load(state.default))
        except ValueError as error:
            raise ArtifactError(
                f"{self.where}: the default of {state.name!r}: {error}"
            ) from None

    def giving(
        self, program: Program[..., Any], schema: Mapping[str, Any] | None
    ) -> Program[..., Any]:
        """The program with the result that its file promises.

        A file that promises none is silent about what no schema says: signatures, and
        lists of them. What else was inferred was not so before it was saved.
        """
        if schema is None and schema_of_result(program) is None:
            return program
        kind: Any = Any
        if schema is not None:
            kind, _ = type_of_schema(schema, f"{self.where}: the result")
        parts = program.parts
        return program.with_parts(
            replace(parts, graph=replace(parts.graph, result=kind))
        )


def _kind(output: Binding, nodes: Iterable[Node], inputs: Iterable[FieldSpec]) -> Any:
    """The type of a program's result, as far as the file alone tells it."""
    kinds = {node.id: node.result for node in nodes}
    kinds |= {f"{INPUT}.{f.name}": f.annotation for f in inputs}
    return kind_of_binding(output, kinds)
