"""What a module is told of its task: the instruction, and what stands below it.

A context and a glossary are the same for all modules of a program, and are said once in
each prompt. Illustrations stand here, in the task's own text, and not among the turns:
a model copies less of a case that it is told of than of one that it seems to have
answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from ..lm.request import JSON
from ..parameters import Demo, Parameters
from ..signature.field import FieldSpec
from ..signature.spec import Spec

Write: TypeAlias = Callable[[Iterable[FieldSpec], Mapping[str, JSON], str], str]
"""Writes fields and their values, as they stand in a turn."""

_CONTEXT: Final = "What holds in every case:"
_GLOSSARY: Final = "What these words mean here:"
_SHOWN: Final = (
    "Illustrations of how it is done. They are about other things than what comes: "
    "take over how they do it, and nothing of what they say."
)


def told(write: Write, spec: Spec, parameters: Parameters, fence: str) -> str:
    """The text of the task; of an instruction alone that one, byte for byte.

    Args:
        write: Writes the fields of an illustration, in the form of the call.
        spec: The fields.
        parameters: What is told.
        fence: What sets structure apart in the call; no illustration holds its marks.
    """
    parts = [parameters.instruction]
    listed = (_CONTEXT, parameters.context), (_GLOSSARY, parameters.glossary)
    for title, held in listed:
        if held:
            lines = (f"- {name}: {text}" for name, text in held.items())
            parts.append("\n".join([title, *lines]))
    shown = [_case(write, spec, demo, fence) for demo in parameters.illustrations]
    if shown:
        numbered = (f"Illustration {n}:\n{text}" for n, text in enumerate(shown, 1))
        parts += [_SHOWN, *numbered]
    return "\n\n".join(filter(None, parts)) if parts[1:] else parts[0]


def _case(write: Write, spec: Spec, demo: Demo, fence: str) -> str:
    """What was given and what was answered; what an illustration lacks is left out."""
    sides = spec.inputs.values(), spec.outputs.values()
    held = [[f for f in side if f.name in demo.values] for side in sides]
    return "\n".join(write(fields, demo.values, fence) for fields in held if fields)
