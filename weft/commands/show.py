"""`weft show`: a program's graph, and what each module asks its model."""

from __future__ import annotations

import argparse
import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..pipeline import strictjson
from ..pipeline.adapters import adapter_of
from ..pipeline.artifact import SUFFIX, describe_program, program_digest, read_artifact
from ..pipeline.field import FieldSpec
from ..pipeline.module import Module
from ..pipeline.program import Program
from ..pipeline.prompt import Prompt
from ..pipeline.types import type_name
from .output import Outcome, columns, indented
from .targets import program_to_show

_WIDTH = 88


def command(arguments: argparse.Namespace) -> Outcome:
    """Print a program; of an artifact, also where it comes from."""
    program = program_to_show(arguments.target, arguments.program)
    origin: dict[str, Any] = {}
    if arguments.target.endswith(SUFFIX):
        origin = read_artifact(arguments.target).provenance
    data = {
        "name": program.name,
        "digest": program_digest(program),
        "program": describe_program(program),
        "provenance": origin,
        "mermaid": program.mermaid(),
    }
    if arguments.mermaid:
        return Outcome(program.mermaid(), data)
    return Outcome(shown(program, origin, prompts=arguments.prompt), data)


def shown(
    program: Program[..., Any], provenance: Mapping[str, Any], *, prompts: bool = False
) -> str:
    """The graph, then each module: signature, instruction, demos, perhaps the prompt.

    Args:
        program: What is shown.
        provenance: Where an artifact says it comes from; may be empty.
        prompts: Whether the full prompts are shown, with `{name}` for each input.
    """
    parts = [repr(program.structure)]
    for path, module in program.modules.items():
        parts.append(_module(path, module))
        if prompts:
            parts.append(indented(str(_prompt(module))))
    if provenance:
        parts.append(_origin(provenance))
    return "\n\n".join(parts)


def _module(path: str, module: Module[..., Any]) -> str:
    spec, parameters = module.spec, module.parameters
    by = Counter(demo.by for demo in parameters.demos)
    demos = ", ".join(f"{count} {name}" for name, count in sorted(by.items()))
    lines = [
        f"{path}: {module.kind}, {parameters.adapter} adapter",
        *(_line(field) for field in spec.inputs.values()),
        *(_line(field, "-> ") for field in spec.outputs.values()),
        "  instruction",
        indented(parameters.instruction, "    "),
        f"  demos: {demos or 'none'}",
    ]
    if parameters.sampling:
        pairs = sorted(parameters.sampling.items())
        lines.append(f"  sampling: {', '.join(f'{k}={v}' for k, v in pairs)}")
    return "\n".join(lines)


def _line(field: FieldSpec, before: str = "") -> str:
    text = f"{before}{field.name}: {type_name(field.annotation)}"
    if field.description:
        text += f"  # {field.description}"
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent=" " * 8)


def _prompt(module: Module[..., Any]) -> Prompt:
    """The prompt with placeholders; they need not fit the inputs' types."""
    inputs = {name: f"{{{name}}}" for name in module.spec.inputs}
    adapter = adapter_of(module.parameters.adapter)
    rendered = adapter.render(module.asked, module.parameters, inputs)
    return Prompt(rendered.messages)


def _origin(provenance: Mapping[str, Any]) -> str:
    """What the file says of its making; nobody vouches for it."""
    rows = [(key, strictjson.canonical(provenance[key])) for key in sorted(provenance)]
    lines = [
        line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."
        for line in columns(rows).splitlines()
    ]
    return "made by\n" + indented("\n".join(lines))
