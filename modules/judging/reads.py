"""What a judge is shown, as somebody writes it: the inputs of a signature."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from ...pipeline.errors import ConfigError
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import signature_of
from ...pipeline.signature.signature import spec_of


def require_texts(kind: str, **given: object) -> None:
    """Refuse what is no text where a name, or names, are wanted.

    Raises:
        ConfigError: One is none.
    """
    for name, value in given.items():
        if not isinstance(value, str):
            raise ConfigError(
                f"{kind}: {name}={value!r:.200} is no text",
                hint="Give the name of an input"
                if name != "reads"
                else 'Write inputs as in a signature: "question, answer"',
            )


def inputs_of(reads: str, kind: str, taken: AbstractSet[str]) -> tuple[FieldSpec, ...]:
    """The fields that a judge is shown.

    Args:
        reads: Such as "question, passages: list[str]"; none where it is empty.
        kind: The kind of judge, for messages.
        taken: Names that its other fields have.

    Raises:
        ConfigError: A name is taken.
        SignatureError: It cannot be understood.

    >>> [field.name for field in inputs_of("question, year: int", "Rubric", set())]
    ['question', 'year']
    """
    if not reads.strip():
        return ()
    if "->" in reads:
        raise ConfigError(
            f"{kind}: reads={reads!r} has outputs", hint="Write its inputs alone"
        )
    fields = tuple(spec_of(signature_of(f"{reads} -> verdict_", None)).inputs.values())
    for name in (field.name for field in fields if field.name in taken):
        raise ConfigError(
            f"{kind}: {name!r} in reads= is the name of another field of its own",
            hint="Give the field another name",
        )
    return fields


def input_of(reads: str, kind: str) -> FieldSpec:
    """The one field that a judge is shown.

    Raises:
        ConfigError: There are several, or none.
        SignatureError: It cannot be understood.

    >>> input_of("found: list[Passage]", "Groundedness: passages").name
    'found'
    """
    fields = inputs_of(reads, kind, set())
    if len(fields) != 1:
        raise ConfigError(
            f"{kind}={reads!r} is not one input",
            hint='Give a name, or a name and its type: "passages: list[Passage]"',
        )
    return fields[0]
