"""Prompts as templates for those who fill them without weft: `{{name}}` for an input.

In weft's own form a text goes in as it is, and `"{{name}}"` with its quotes is replaced
by the value as JSON. Prompt registries know one kind of place, filled by `str()`; so a
prompt for one of them says which of its values are texts and which JSON. No such form
has a way to write braces that are no place, so a prompt whose own words would be taken
for one is refused. Shapes were taken from langfuse 5.0 and mlflow 3.17.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .modules.deciding.classify import Classify
from .pipeline.adapters import adapter_of
from .pipeline.adapters.settling import settled
from .pipeline.errors import ConfigError
from .pipeline.graph.digest import program_digest
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program, origin
from .pipeline.ground import strictjson
from .pipeline.ground.words import brief
from .pipeline.parameters import Parameters
from .pipeline.run.scoring.choices import choices_in
from .pipeline.run.scoring.worded import Words, asked_for_words, showing_words
from .pipeline.signature.signature import Signature

SLOT = "{{%s}}"

# Langfuse's Python client leaves places without a value alone, the JavaScript one fills
# with mustache, to which any double brace is a tag.
_LANGFUSE = re.compile(r"\{\{")
# `mlflow.prompt.constants`, and a prompt with "{%" is a Jinja program.
_MLFLOW = re.compile(
    r"\{\{\s*[a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z_][a-zA-Z0-9_]*)*\s*\}\}|\{%"
)
_MLFLOW_NAME = re.compile(r"[a-zA-Z0-9_.-]+")
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Template:
    """A module's prompt with a place for each input.

    Args:
        module: The module.
        messages: Turns with role and content; the last one holds the places.
        response_format: The wire's `response_format`, or None.
    """

    module: Module[..., Any]
    messages: tuple[dict[str, str], ...]
    response_format: Mapping[str, Any] | None = None

    def data(self) -> dict[str, Any]:
        """As plain JSON data."""
        made: dict[str, Any] = {"messages": [dict(turn) for turn in self.messages]}
        if self.response_format is not None:
            made["response_format"] = dict(self.response_format)
        return made

    def refuse(self, marks: re.Pattern[str], tool: str) -> None:
        """Refuse a prompt in which other words than the places match `marks`.

        Raises:
            ConfigError: One does; the message shows it.
        """
        for text in self._own_words():
            found = marks.search(text)
            if found is not None:
                around = text[max(0, found.start() - 20) : found.end() + 20]
                raise ConfigError(
                    f"the prompt of {self.module.name or 'the module'!r} holds "
                    f"{brief(repr(around))}, and {tool} would take {found[0]!r} for a "
                    "place to fill",
                    hint="Say it without double braces; these forms have no escape",
                )

    def _own_words(self) -> Iterator[str]:
        """The texts of a prompt without its places: one a name, in the last turn."""
        *head, last = (turn["content"] for turn in self.messages)
        yield from head
        at = 0
        for name in self.module.spec.inputs:
            found = last.find(SLOT % name, at)
            yield last[at:found]
            at = found + len(SLOT % name)
        yield last[at:]

    def stored(self) -> tuple[list[dict[str, str]], dict[str, str]]:
        """Turns whose places stand in no quotes, and of each value "text" or "json"."""
        *head, last = self.messages
        text, values = last["content"], dict[str, str]()
        for name in self.module.spec.inputs:
            place = SLOT % name
            values[name] = "json" if f'"{place}"' in text else "text"
            text = text.replace(f'"{place}"', place)
        return [dict(turn) for turn in (*head, {**last, "content": text})], values


def templates_of(program: Program[..., Any]) -> dict[str, Template]:
    """By module path, its prompt with `{{name}}` for each input.

    One that a `Classify` with answer words asks is asked for these.

    Raises:
        ConfigError: A prompt's own words hold such a place.
    """
    made = {path: _template_of(module) for path, module in program.modules.items()}
    for at, decider in program.deciders.items():
        path = f"{at}/module"
        if not isinstance(decider, Classify) or path not in made:
            continue
        if len(program.modules[path].spec.outputs) > 1:
            continue
        for output, choice in decider.words.items():
            made[path] = _worded(program.modules[path], output, choice.words)
    return made


def _worded(module: Module[..., Any], output: str, words: Words) -> Template:
    """The prompt of a module that is asked for answer words."""
    choices = choices_in(module, "a decision")[output]
    return _rendered(
        module,
        asked_for_words(module.told, output, words),
        showing_words(module.parameters, output, words, choices),
    )


def _template_of(module: Module[..., Any]) -> Template:
    return _rendered(module, module.told, module.parameters)


def _rendered(
    module: Module[..., Any], told: type[Signature], parameters: Parameters
) -> Template:
    places = {name: SLOT % name for name in module.spec.inputs}
    form = settled(module.parameters.adapter, None)
    shown = form.has("shown")
    rendered = adapter_of(form).render(
        told, parameters, places, schema_mode=True, shown=shown
    )
    turns = tuple({"role": m.role, "content": m.text} for m in rendered.messages)
    made = Template(module, turns, rendered.response_format)
    made.refuse(re.compile("|".join(map(re.escape, places.values()))), "a template")
    return made


def langfuse_prompts(program: Program[..., Any]) -> dict[str, Any]:
    """By module path, the arguments of `Langfuse.create_prompt`.

    They are also the body of `POST /api/public/v2/prompts`. No label is set: which
    version serves is for you to say.

    Raises:
        ConfigError: A prompt's own words would be taken for a place, or a name is too
            long.
    """
    digest, made = _digest(program), dict[str, Any]()
    for path, template in templates_of(program).items():
        template.refuse(_LANGFUSE, "langfuse")
        turns, values = template.stored()
        config = {**template.module.parameters.sampling}
        if template.response_format is not None:
            config["response_format"] = dict(template.response_format)
        config["weft"] = {"module": path, "digest": digest, "values": values}
        made[path] = {
            "name": _name(program, path, "/"),
            "type": "chat",
            "prompt": turns,
            "config": config,
            "labels": [],
            "tags": ["weft"],
        }
    return made


def mlflow_prompts(program: Program[..., Any]) -> dict[str, Any]:
    """By module path, the arguments of `mlflow.genai.register_prompt`.

    Raises:
        ConfigError: A prompt's own words would be taken for a place, or a name is none
            that MLflow allows.
    """
    digest, made = _digest(program), dict[str, Any]()
    for path, template in templates_of(program).items():
        template.refuse(_MLFLOW, "mlflow")
        turns, values = template.stored()
        name = _name(program, path.replace("/", "."), ".")
        if _MLFLOW_NAME.fullmatch(name) is None:
            raise ConfigError(
                f"mlflow takes no prompt of the name {name!r}",
                hint="Use letters, digits, '_', '-' and '.' in the names of modules",
            )
        made[path] = {
            "name": name,
            "template": turns,
            **_wanted(template),
            "tags": {
                "weft_module": path,
                "weft_digest": digest,
                "weft_values": strictjson.dumps(values),
            },
        }
    return made


def _wanted(template: Template) -> dict[str, Any]:
    """The schema of the reply, and the sampling under MLflow's names."""
    sampling = dict(template.module.parameters.sampling)
    stop: Any = sampling.pop("stop", None)
    if stop is not None:
        sampling["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    made: dict[str, Any] = {"model_config": sampling} if sampling else {}
    if template.response_format is not None:
        made["response_format"] = template.response_format["json_schema"]["schema"]
    return made


def _digest(program: Program[..., Any]) -> str:
    """The artifact's digest where there is one: steps may be stood in for here."""
    came = origin(program)
    if came is None or came.dropped or not came.digest:
        return program_digest(program)
    return came.digest


def _name(program: Program[..., Any], path: str, between: str) -> str:
    """A name for the whole registry: the program's before the module's."""
    name = path if path == program.name else f"{program.name}{between}{path}"
    if len(name) > _LONGEST_NAME:
        raise ConfigError(f"the name {name[:60]!r}... is longer than {_LONGEST_NAME}")
    return name
