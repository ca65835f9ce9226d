"""The choices of a module's outputs, as they stand in its replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...adapters.base import Adapter
from ...adapters.prompt import Rendered
from ...errors import ConfigError
from ...graph.module import Module
from ...ground import strictjson
from ...lm.request import JSON
from ...lm.scoring.reading import Candidate
from ...signature.field import FieldSpec
from ...signature.vocabulary import whole_values

_WANTED: Final = "outputs that are a bool, a Literal, an enum or an int of a few values"


def choices_in(module: Module[..., Any], who: str) -> dict[str, dict[str, JSON]]:
    """The values that each output is decided between, as plain data, by their names.

    Raises:
        ConfigError: The module asks for something else.
    """
    outputs = [*module.spec.outputs.values()]
    if module.has_body or module.adds:
        raise ConfigError(
            f"{who} decides {_WANTED}, and {module!r} has others, or parts",
            hint=f'Write {who}(weft.Predict("text -> label: bool"))',
        )
    return {field.name: _choices_of(field, who) for field in outputs}


def _choices_of(field: FieldSpec, who: str) -> dict[str, JSON]:
    values = values_in(field)
    texts = {strictjson.as_text(value): value for value in values}
    if len(values) < 2 or len(texts) < len(values):
        raise ConfigError(
            f"{who} decides {_WANTED}, and {field.name!r} is of {field.wanted!r}",
            hint="Name two values or more that are written differently",
        )
    return texts


def values_in(field: FieldSpec) -> list[JSON]:
    """The values that an output is decided between; none where they are not few."""
    if field.options:
        return [*field.options]
    if field.kind == "boolean":
        return [True, False]
    return [*whole_values(field.schema)]


def candidates_for(
    choices: Mapping[str, JSON],
    field: FieldSpec,
    adapter: Adapter,
    rendered: Rendered,
    before: Sequence[tuple[FieldSpec, JSON]] = (),
) -> list[Candidate]:
    """Each choice as a reply in a form holds it, with what stands around it.

    Args:
        choices: Values of the field, by what they are called.
        field: The field.
        adapter: The form.
        rendered: The prompt that is answered.
        before: What the reply says first, field by field.
    """
    first = [one for one, _ in before]
    said = {one.name: value for one, value in before}
    made: list[Candidate] = []
    if (around := rendered.around) is not None:
        for answer, value in choices.items():
            word = adapter.write((field,), {field.name: value}, rendered.fence)
            word = f"{around.head}{word}"
            made.append(Candidate(answer, word, "", around.tail, whole=around.told))
        return made
    begun = rendered.messages[-1].text if rendered.continues else ""

    def reply(value: JSON) -> str:
        held = {**said, field.name: value}
        text = adapter.write((*first, field), held, rendered.fence)
        return continued(begun, text) if begun else text

    for answer, value in choices.items():
        text, word = reply(value), field.write(value)
        # The word may stand in what is around it too: "end" does in "[[ /end ]]".
        at = _shared(text, reply(_beginning_otherwise(value)))
        if not text.startswith(word, at):
            at = text.rfind(word)
        if at < 0:  # the form writes it otherwise
            made.append(Candidate(answer, text))
            continue
        head, tail = text[:at], text[at + len(word) :]
        if begun and not head.strip():
            head, word = "", head + word
        made.append(Candidate(answer, word, head, tail))
    return made


def _beginning_otherwise(value: JSON) -> JSON:
    """A value of which forms write the same, up to its own first character."""
    if isinstance(value, str):
        return ("y" if value[:1] == "x" else "x") + value
    return 2 if strictjson.dumps(value)[:1] == "1" else 1


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def continued(begun: str, text: str) -> str:
    """What of a text is still to come, where its beginning stands there already."""
    common = next((n for n in range(len(text), 0, -1) if begun.endswith(text[:n])), 0)
    return text[common:]
