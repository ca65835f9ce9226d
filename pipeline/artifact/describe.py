"""Programs and artifacts in words, from their data alone: nothing has to be rebuilt."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ..adapters.prompt import Prompt
from ..adapters.settling import settled
from ..errors import ArtifactError
from ..graph.binding import bound_from
from ..graph.binding import show as shown_binding
from ..graph.digest import describe_program, digest_of
from ..graph.module import Module
from ..graph.program import Program, as_program, origin
from ..ground import strictjson
from ..ground.shapes import is_dict
from ..ground.words import brief
from ..run.prompt import rendered_for
from ..signature.schema import type_of_schema
from ..signature.types import type_name
from .load import read_artifact
from .rebuild import rebuilt, stand_ins
from .state import FORMAT, ArtifactFile, FieldState, ModuleState, ProgramState

Target = Program[..., Any] | Module[..., Any] | str | Path
"""A program, a module, or the path of an artifact."""

_WIDTH = 88


def show(target: Target, *, prompts: bool = False) -> str:
    """A program, a module or an artifact as text; nothing is run, and no call is made.

    Args:
        target: The program, the module, or the artifact's path; its steps need not be
            there.
        prompts: Whether the full prompts are shown, with `{name}` for each input.

    Raises:
        ArtifactError: The file cannot be read.

    >>> import weft
    >>> print(show(weft.Predict("text -> mood", "Say how it feels.", name="feel")))
    feel(text: str)
      feel = module feel(text=text)
      -> feel
    <BLANKLINE>
    feel: Predict, auto adapter
      text: str
      -> mood: str
      instruction
        Say how it feels.
      demos: none
    """
    data = data_of(target)
    made = program_of(target) if prompts else None
    asked = {} if made is None else prompts_of(made)
    parts = ["\n".join(structure_lines(data.name, data.program))]
    for path, module in modules_in_order(data.program):
        parts.append(_module(path, module))
        if path in asked:
            parts.append(textwrap.indent(str(asked[path]), "  "))
    if data.provenance:
        parts.append(_made_by(data.provenance))
    return visibly("\n\n".join(parts))


def data_of(target: Target) -> ArtifactFile:
    """What an artifact of a target holds.

    Raises:
        ArtifactError: The file cannot be read.
        ConfigError: It is neither a program nor a path.
    """
    if isinstance(target, str | os.PathLike):
        return read_artifact(target)
    program = as_program(target)
    state, came = describe_program(program), origin(program)
    return ArtifactFile(
        format=FORMAT,
        name=program.name,
        digest=digest_of(state),
        program=ProgramState.model_validate(state),
        provenance=dict(came.provenance) if came else {},
        kind="module" if isinstance(target, Module) else "program",
    )


def program_of(target: Target) -> Program[..., Any] | None:
    """A target as a program to look at, its steps stood in for.

    None where a file's types cannot be rebuilt without its live program.

    Raises:
        ArtifactError: The file cannot be read.
    """
    if isinstance(target, Program | Module):
        return as_program(target)  # pyright: ignore[reportUnknownVariableType] - of whatever types
    data = data_of(target)
    try:
        return rebuilt(data, stand_ins(data.program), str(target))
    except ArtifactError:
        return None


def prompts_of(program: Program[..., Any]) -> dict[str, Prompt]:
    """Prompts by module path, with `{name}` for each input, whatever its type."""
    made: dict[str, Prompt] = {}
    for path, module in program.modules.items():
        names = {name: f"{{{name}}}" for name in module.spec.inputs}
        form = settled(module.parameters.adapter, None)
        rendered = rendered_for(form, module.told, module.parameters, names, None)
        made[path] = Prompt(rendered.messages)
    return made


def visibly(text: str) -> str:
    r"""A text from a file as it may be printed: what moves a cursor is spelt out.

    >>> print(visibly("one\x1b[2J\ntwo"))
    one\x1b[2J
    two
    """
    if all(c.isprintable() or c in "\n\t" for c in text):
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def structure_lines(name: str, state: ProgramState) -> list[str]:
    """A program's graph, one line a node, as its `structure` is written."""
    given = ", ".join(f"{f.name}: {type_words(f)}" for f in state.inputs)
    lines = [f"{name}({given})", *_node_lines(state.nodes, "  ")]
    lines.append(f"  -> {_bound(state.output)}")
    for inner, part in (*state.programs.items(), *_made_of(state.modules)):
        lines += structure_lines(f"program {inner}", part)
    return lines


def _made_of(
    modules: Mapping[str, ModuleState], prefix: str = ""
) -> Iterator[tuple[str, ProgramState]]:
    """The programs that are parts of modules, by the paths of these."""
    for name, module in modules.items():
        for role, part in module.parts.items():
            path = f"{prefix}{name}/{role}"
            if part.program is not None:
                yield path, part.program
            elif part.module is not None:
                yield from _made_of({role: part.module}, f"{prefix}{name}/")


def modules_in_order(
    state: ProgramState, prefix: str = ""
) -> Iterator[tuple[str, ModuleState]]:
    """Every module by path, in the order in which the program calls them."""
    called = dict.fromkeys(node.get("target") for node in _walk(state.nodes))
    for name in cast("list[str]", list(called)):
        if name in state.modules:
            yield from _with_parts(prefix + name, state.modules[name])
        for path, module in state.uses.get(name, {}).items():
            yield f"{prefix}{name}/{path}", module
        if name in state.programs:
            yield from modules_in_order(state.programs[name], f"{prefix}{name}/")


def _with_parts(path: str, module: ModuleState) -> Iterator[tuple[str, ModuleState]]:
    """A module, and behind it the modules inside it."""
    yield path, module
    for name, part in module.parts.items():
        if part.module is not None:
            yield from _with_parts(f"{path}/{name}", part.module)
        elif part.program is not None:
            yield from modules_in_order(part.program, f"{path}/{name}/")


def type_words(field: FieldState) -> str:
    """A field's type as a person would write it."""
    try:
        kind, rules = type_of_schema(field.schema_, field.name)
    except ArtifactError:
        return brief(strictjson.canonical(field.schema_), _WIDTH)
    shown = [type_name(kind)] if not is_dict(kind) else ["?"]
    return ", ".join([*shown, *(f"{key}={rules[key]!r}" for key in sorted(rules))])


def _walk(nodes: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for node in nodes:
        yield node
        for body in node.get("bodies", ()):
            yield from _walk(body["nodes"])


def _node_lines(nodes: Sequence[Mapping[str, Any]], indent: str) -> Iterator[str]:
    for node in nodes:
        given = cast("Mapping[str, Any]", node.get("in", {}))
        parts = [f"{key}={_bound(given[key])}" for key in given]
        options = cast("Mapping[str, Any]", node.get("options", {}))
        parts += [f"{key}={options[key]!r}" for key in options]
        parts += [f"after={name}" for name in node.get("after", ())]
        kind, target = node.get("kind"), node.get("target")
        called = kind if kind == target else f"{kind} {target}"
        yield f"{indent}{node.get('id')} = {called}({', '.join(parts)})"
        for body in node.get("bodies", ()):
            params = ", ".join(p.rpartition(".")[2] for p in body["params"])
            yield f"{indent}  {body['name']}({params}):"
            yield from _node_lines(body["nodes"], indent + "    ")
            yield f"{indent}    -> {_bound(body['output'])}"


def _bound(data: Any) -> str:
    try:
        return shown_binding(bound_from(data))
    except (ValueError, TypeError):
        return strictjson.canonical(data)


def _module(path: str, state: ModuleState) -> str:
    by = Counter(demo.by for demo in state.demos)
    demos = ", ".join(f"{count} {name}" for name, count in sorted(by.items()))
    if state.nearest:
        demos += f"; each input is shown the {state.nearest} most like it"
    fields = [_field(f, state.descriptions) for f in state.fields]
    if state.parts:
        own = (f"  {n}: {strictjson.canonical(v)}" for n, v in state.settings.items())
        steps = (f"  step {step}" for step in state.steps)
        settings = (brief(line, _WIDTH) for line in own)
        return "\n".join([f"{path}: {state.kind}", *fields, *settings, *steps])
    lines = [
        f"{path}: {state.kind}, {state.form.words}",
        *fields,
        "  instruction",
        *(f"    {line}".rstrip() for line in state.instruction),
        f"  demos: {demos or 'none'}",
    ]
    for slot in ("context", "glossary"):
        said: dict[str, str] = getattr(state, slot)
        lines += [f"  {slot}"] * bool(said)
        lines += [_filled(f"{name}: {text}", "    ") for name, text in said.items()]
    if state.illustrations:
        lines.append(f"  illustrations: {len(state.illustrations)}")
    if state.soft is not None:
        head, *words = state.soft.lines
        lines += [f"  soft words: {head}", *(f"    {word}" for word in words)]
    if state.lora is not None:
        lines += [f"  low-rank updates: {line}" for line in state.lora.lines]
    if state.model is not None:
        lines.append(f"  model: {state.model}")
    if state.sampling:
        pairs = sorted(state.sampling.items())
        lines.append(f"  sampling: {', '.join(f'{k}={v}' for k, v in pairs)}")
    return "\n".join(lines)


def _field(state: FieldState, tuned: Mapping[str, str]) -> str:
    before = "-> " if state.role == "output" else ""
    text = f"{before}{state.name}: {type_words(state)}"
    told = _told(state.name, state.description, tuned)
    lines = [_filled(f"{text}  # {told}" if told else text, "  ")]
    for note in state.notes:
        told = _told(f"{state.name}.{note.name}", note.text, tuned)
        if told:
            lines.append(_filled(f"{note.label}  # {told}", "      "))
    return "\n".join(lines)


def _told(name: str, said: str, tuned: Mapping[str, str]) -> str:
    return f"{tuned[name]} (tuned)" if name in tuned else said


def _filled(text: str, indent: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=" " * 8)


def _made_by(provenance: Mapping[str, Any]) -> str:
    """What the file says of its making; nobody vouches for it."""
    wide = max(map(len, provenance))
    said = {key: strictjson.canonical(provenance[key]) for key in sorted(provenance)}
    lines = [brief(f"  {key:{wide}}  {text}", _WIDTH) for key, text in said.items()]
    return "\n".join(["made by", *lines])
