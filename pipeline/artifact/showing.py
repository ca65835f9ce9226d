"""A program as a page of text: its graph, what modules ask, where it comes from."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..adapters.prompt import Prompt
from ..adapters.settling import settled
from ..errors import ArtifactError
from ..graph.module import Module
from ..graph.program import Program, as_program
from ..ground import strictjson
from ..run.prompt import rendered_for
from .assembling import assembled, stand_ins
from .describing import (
    Target,
    data_of,
    modules_in_order,
    structure_lines,
    type_words,
    visibly,
)
from .state import FieldState, ModuleState

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
        parts.append(_origin(data.provenance))
    return visibly("\n\n".join(parts))


def _module(path: str, state: ModuleState) -> str:
    by = Counter(demo.by for demo in state.demos)
    demos = ", ".join(f"{count} {name}" for name, count in sorted(by.items()))
    if state.nearest:
        demos += f"; each input is shown the {state.nearest} most like it"
    lines = [
        f"{path}: {state.kind}, {state.form.words}",
        *(_field(f) for f in state.fields),
        "  instruction",
        *(f"    {line}".rstrip() for line in state.instruction),
        f"  demos: {demos or 'none'}",
    ]
    if state.sampling:
        pairs = sorted(state.sampling.items())
        lines.append(f"  sampling: {', '.join(f'{k}={v}' for k, v in pairs)}")
    return "\n".join(lines)


def _field(state: FieldState) -> str:
    before = "-> " if state.role == "output" else ""
    text = f"{before}{state.name}: {type_words(state)}"
    if state.description:
        text += f"  # {state.description}"
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent=" " * 8)


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
        return assembled(data, stand_ins(data.program), str(target))
    except ArtifactError:
        return None


def prompts_of(program: Program[..., Any]) -> dict[str, Prompt]:
    """Prompts by module path, with names that need not fit the inputs' types."""
    modules = program.modules.items()
    return {path: prompt_with_names(module) for path, module in modules}


def prompt_with_names(module: Module[..., Any], place: str = "{%s}") -> Prompt:
    """A module's prompt with its inputs' names in place of their values."""
    inputs = {name: place % name for name in module.spec.inputs}
    form = settled(module.parameters.adapter, None)
    rendered = rendered_for(form, module.asked, module.parameters, inputs, None)
    return Prompt(rendered.messages)


def _origin(provenance: Mapping[str, Any]) -> str:
    """What the file says of its making; nobody vouches for it."""
    wide = max(len(key) for key in provenance)
    lines = [
        f"  {key:{wide}}  {strictjson.canonical(provenance[key])}"
        for key in sorted(provenance)
    ]
    return "\n".join(
        [
            "made by",
            *(n if len(n) <= _WIDTH else f"{n[: _WIDTH - 3]}..." for n in lines),
        ]
    )
