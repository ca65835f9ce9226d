"""One value to find: what it must look like, the input, and solved cases of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from .choosing import Evidence
from .reading import Prompt
from .values import as_text, is_object, parsed
from .wanted import Wanted, choices_in


@dataclass(frozen=True)
class Solved:
    """A demonstration, seen from one output value."""

    inputs: Mapping[str, str]
    value: Any

    @cached_property
    def text(self) -> str:
        """The value as text."""
        return as_text(self.value)

    @cached_property
    def given(self) -> str:
        """The inputs as one text."""
        return "\n".join(self.inputs.values())


@dataclass(frozen=True)
class Case:
    """One value to find.

    Args:
        name: The field or property.
        note: Its description.
        schema: What the value must look like.
        task: The instruction.
        query: The input, by field.
        given: Descriptions of the input's fields.
        demos: Solved cases of this value.
        variant: Which of several answers is asked for; 0 is the plain one.
        room: About how many tokens the value may take.
        defs: Definitions that `$ref`s in the schema lead to.
    """

    name: str
    note: str
    schema: Mapping[str, Any]
    task: str
    query: Mapping[str, str]
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    demos: tuple[Solved, ...] = ()
    variant: int = 0
    room: int = 400
    defs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def text(self) -> str:
        """The whole input as one text."""
        return "\n".join(self.query.values())

    @cached_property
    def choices(self) -> tuple[Any, ...]:
        """The values of a closed choice; empty where the value is open."""
        return choices_in(self.schema)

    def evidence(self) -> Evidence:
        """What choosing needs of this case."""
        texts = tuple(demo.given for demo in self.demos)
        labels = tuple(demo.text for demo in self.demos)
        task = f"{self.task}\n{self.note}" if self.note else self.task
        return Evidence(self.text, texts, labels, task)

    def bare(self) -> Case:
        """The case without its demonstrations."""
        return replace(self, demos=())

    def part(self, key: str, schema: Mapping[str, Any]) -> Case:
        """The case of one property of an object."""
        held = [
            Solved(demo.inputs, demo.value[key])
            for demo in self.demos
            if is_object(demo.value) and key in demo.value
        ]
        note = str(schema.get("description", ""))
        return replace(self, name=key, note=note, schema=schema, demos=tuple(held))


def case_of(prompt: Prompt, wanted: Wanted, variant: int, room: int) -> Case:
    """The case of one output field of a prompt."""
    solved = [
        Solved(demo.inputs, _value(wanted, demo.outputs[wanted.name]))
        for demo in prompt.demos
        if wanted.name in demo.outputs
    ]
    return Case(
        wanted.name,
        wanted.note,
        wanted.schema,
        prompt.head.task,
        prompt.query,
        prompt.head.given,
        tuple(solved),
        variant,
        room,
        cast("Mapping[str, Any]", wanted.schema.get("$defs", {})),
    )


def _value(wanted: Wanted, text: str) -> Any:
    return text if wanted.plain else parsed(text, text)
