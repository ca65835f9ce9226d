"""The choices of a module's one output, as they stand in its replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...adapters.base import Adapter
from ...adapters.prompt import Rendered
from ...errors import ConfigError
from ...graph.module import Module
from ...ground import strictjson
from ...lm.request import JSON
from ...lm.scoring.reading import Candidate
from ...signature.field import FieldSpec


def choices_in(module: Module[..., Any], who: str) -> dict[str, JSON]:
    """The values that a module decides between, as plain data, by what they are called.

    Raises:
        ConfigError: It asks for something else, or for more than the one output.
    """
    outputs = [*module.spec.outputs.values()]
    wanted = "one output that is a bool, a Literal or an enum"
    if module.has_body or len(outputs) != 1:
        raise ConfigError(
            f"{who} decides {wanted}, and {module!r} has others, or parts",
            hint=f'Write {who}(weft.Predict("text -> label: bool"))',
        )
    [field] = outputs
    boolean = field.kind == "boolean" and not field.choices
    values = [True, False] if boolean else [*field.options]
    texts = {_called(value): value for value in values}
    if len(values) < 2 or len(texts) < len(values):
        raise ConfigError(
            f"{who} decides {wanted}, and {field.name!r} is of {field.wanted!r}",
            hint="Name two values or more that are written differently",
        )
    return texts


def _called(value: JSON) -> str:
    return value if isinstance(value, str) else strictjson.dumps(value)


def candidates_for(
    choices: Mapping[str, JSON], field: FieldSpec, adapter: Adapter, rendered: Rendered
) -> list[Candidate]:
    """Each choice as a reply in a form holds it, with what stands around it."""
    made: list[Candidate] = []
    begun = rendered.messages[-1].text if rendered.continues else ""
    for answer, value in choices.items():
        text = adapter.write((field,), {field.name: value}, rendered.fence)
        if begun:
            text = continued(begun, text)
        word = field.write(value)
        at = text.rfind(word)
        if at < 0:  # the form writes it otherwise
            made.append(Candidate(answer, text))
            continue
        head, tail = text[:at], text[at + len(word) :]
        if begun and not head.strip():
            head, word = "", head + word
        made.append(Candidate(answer, word, head, tail))
    return made


def continued(begun: str, text: str) -> str:
    """What of a reply is still to come, where its beginning stands there already."""
    common = next((n for n in range(len(text), 0, -1) if begun.endswith(text[:n])), 0)
    return text[common:]
