"""Prompts as templates for those who fill them without weft: `{{name}}` for an input.

In weft's own form a text goes in as it is, and `"{{name}}"` with its quotes is replaced
by the value as JSON. Prompt registries know one kind of place, filled with a text; a
stored prompt says which of its values are texts and which JSON. No such form has a way
to write braces that are no place, so a prompt whose own words would be taken for one is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..adapters import adapter_of
from ..adapters.settling import settled
from ..errors import ConfigError
from ..graph.module import Module
from ..signature.wording import brief

SLOT = "{{%s}}"
Message = dict[str, str]


@dataclass(frozen=True)
class Template:
    """A module's prompt with a place for each input.

    Args:
        messages: Turns with role and content; the last one holds the places.
        response_format: The wire's `response_format`, or None.
    """

    messages: tuple[Message, ...]
    response_format: Mapping[str, Any] | None = None

    def data(self) -> dict[str, Any]:
        """As plain JSON data."""
        made: dict[str, Any] = {"messages": [dict(turn) for turn in self.messages]}
        if self.response_format is not None:
            made["response_format"] = dict(self.response_format)
        return made


@dataclass(frozen=True)
class Stored:
    """A prompt as a registry keeps it.

    Args:
        messages: Turns with role and content; a place is `{{name}}`, never in quotes.
        values: By input, "text" where it goes in as it is, "json" where as JSON.
        response_format: The wire's `response_format`, or None.
    """

    messages: tuple[Message, ...]
    values: Mapping[str, str]
    response_format: Mapping[str, Any] | None = None


def template_of(module: Module[..., Any]) -> Template:
    """A module's prompt with `{{name}}` for each input.

    Raises:
        ConfigError: The prompt's own words hold such a place.
    """
    names = tuple(module.spec.inputs)
    places = {name: SLOT % name for name in names}
    form = settled(module.parameters.adapter, None)
    shown = form.has("shown")
    rendered = adapter_of(form).render(
        module.asked, module.parameters, places, schema_mode=True, shown=shown
    )
    turns = tuple({"role": m.role, "content": m.content} for m in rendered.messages)
    # A signature has an input, so that there is something to look for.
    pattern = re.compile("|".join(map(re.escape, places.values())))
    refuse_marks(turns, names, pattern, module.name or "the module", "a template")
    return Template(turns, rendered.response_format)


def stored_prompt(
    module: Module[..., Any], marks: re.Pattern[str], tool: str
) -> Stored:
    """A module's prompt as a registry keeps it.

    Args:
        module: The module.
        marks: What the registry would take for a place, or for a program.
        tool: The registry's name, for messages.

    Raises:
        ConfigError: The prompt's own words hold such a mark.
    """
    template, names = template_of(module), tuple(module.spec.inputs)
    refuse_marks(template.messages, names, marks, module.name or "the module", tool)
    *head, last = template.messages
    text = last["content"]
    values: dict[str, str] = {}
    for name in names:
        place = SLOT % name
        values[name] = "json" if f'"{place}"' in text else "text"
        text = text.replace(f'"{place}"', place)
    turns = (*head, {**last, "content": text})
    return Stored(turns, values, template.response_format)


def refuse_marks(
    turns: Sequence[Message],
    names: Sequence[str],
    marks: re.Pattern[str],
    module: str,
    tool: str,
) -> None:
    """Refuse a prompt in which other words than the places match.

    Raises:
        ConfigError: One does; the message shows it.
    """
    for text in _own_words(turns, names):
        found = marks.search(text)
        if found is not None:
            around = text[max(0, found.start() - 20) : found.end() + 20]
            raise ConfigError(
                f"the prompt of {module!r} holds {brief(repr(around))}, and {tool} "
                f"would take {found[0]!r} for a place to fill",
                hint="Say it without double braces; these forms have no escape",
            )


def _own_words(turns: Sequence[Message], names: Sequence[str]) -> Iterator[str]:
    """The texts of a prompt without its places: one a name, in the last turn."""
    *head, last = (turn["content"] for turn in turns)
    yield from head
    at = 0
    for name in names:
        found = last.find(SLOT % name, at)
        yield last[at:found]
        at = found + len(SLOT % name)
    yield last[at:]
