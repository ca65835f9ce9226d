"""Compiled programs for those who run them without weft.

`openai-messages` is a chat template a module, `litellm` the arguments of a call of
`litellm.completion`, `dspy` a state that `dspy.Module.load` reads. In the first two
`{{name}}` stands for an input: a text goes in as it is, and `"{{name}}"` with its
quotes is replaced by the value as JSON. weft's own rendering also keeps a value from
looking like a heading of the prompt; a template that others fill cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .adapters import adapter_of
from .atomic import write_whole
from .errors import ConfigError, did_you_mean
from .evaluate import Evaluation
from .module import Module
from .program import Program, as_program
from .shapes import is_dict, is_list

_SLOT = "{{%s}}"
# dspy warns of other versions than those listed here; none are promised.
_METADATA: Mapping[str, Any] = {"metadata": {"dependency_versions": {}}}


def export(program: Program[..., Any] | Module[..., Any], *, to: str) -> dict[str, Any]:
    """A program's parameters in another tool's form, as plain JSON data.

    Args:
        program: A program or a module.
        to: "openai-messages", "litellm" or "dspy".

    Returns:
        By module path, what that tool takes; for "dspy" what `dspy.Module.save` writes:
        of a program with attributes named as the modules, or of a single module.

    Raises:
        ConfigError: There is no such form.

    >>> import weft
    >>> made = export(weft.Predict("text -> mood", name="feel"), to="openai-messages")
    >>> made["feel"]["messages"][-1]
    {'role': 'user', 'content': '...{{text}}...'}
    """
    if to not in _FORMS:
        raise ConfigError(
            f"there is no export to {to!r}", hint=did_you_mean(to, _FORMS)
        )
    if to == "dspy" and isinstance(program, Module):
        state = _predictor(program)
        held = {"predict": state} if program.kind == "ChainOfThought" else state
        return {**held, **_METADATA}
    return _FORMS[to](as_program(program))


def fill(template: Any, inputs: Mapping[str, Any]) -> Any:
    """An exported template with values in place of `{{name}}`, as a user would do it.

    >>> fill([{"role": "user", "content": "{{q}} {{k}}"}], {"q": "{{k}}", "k": 3})
    [{'role': 'user', 'content': '{{k}} 3'}]
    """
    if isinstance(template, str):
        return _filled(template, inputs)
    if is_dict(template):
        return {key: fill(value, inputs) for key, value in template.items()}
    if is_list(template):
        return [fill(value, inputs) for value in template]
    return template


def _filled(text: str, inputs: Mapping[str, Any]) -> str:
    """One pass, so that a value which looks like a place is no place."""
    out: list[str] = []
    rest = text
    while True:
        spots = [(rest.find(_SLOT % name), name) for name in inputs]
        found = min((spot for spot in spots if spot[0] >= 0), default=None)
        if found is None:
            return "".join([*out, rest])
        at, name = found
        value, mark = inputs[name], _SLOT % name
        before, after = rest[:at], rest[at + len(mark) :]
        if before.endswith('"') and after.startswith('"'):
            before, after = before[:-1], after[1:]
            written = json.dumps(value, ensure_ascii=False)
        else:
            plain = isinstance(value, str)
            written = value if plain else json.dumps(value, ensure_ascii=False)
        out += [before, written]
        rest = after


def _messages(program: Program[..., Any]) -> dict[str, Any]:
    return {path: _template(module) for path, module in program.modules.items()}


def _template(module: Module[..., Any]) -> dict[str, Any]:
    places = {name: _SLOT % name for name in module.spec.inputs}
    adapter = adapter_of(module.parameters.adapter)
    rendered = adapter.render(module.asked, module.parameters, places, schema_mode=True)
    made: dict[str, Any] = {
        "messages": [{"role": m.role, "content": m.content} for m in rendered.messages]
    }
    if rendered.response_format is not None:
        made["response_format"] = dict(rendered.response_format)
    return made


def _litellm(program: Program[..., Any]) -> dict[str, Any]:
    return {
        path: {**_template(module), **module.parameters.sampling}
        for path, module in program.modules.items()
    }


def _dspy(program: Program[..., Any]) -> dict[str, Any]:
    state = {
        _dspy_path(path, module): _predictor(module)
        for path, module in program.modules.items()
    }
    return {**state, **_METADATA}


def _dspy_path(path: str, module: Module[..., Any]) -> str:
    """The attribute path in dspy; a ChainOfThought holds a Predict there."""
    dotted = path.replace("/", ".")
    return f"{dotted}.predict" if module.kind == "ChainOfThought" else dotted


def _predictor(module: Module[..., Any]) -> dict[str, Any]:
    fields = [
        {
            "prefix": f"{field.name.replace('_', ' ').capitalize()}:",
            "description": field.description or f"${{{field.name}}}",
        }
        for field in module.spec.fields
    ]
    return {
        "traces": [],
        "train": [],
        "demos": [
            {**dict(demo.values), **({"augmented": True} if _made(demo.by) else {})}
            for demo in module.parameters.demos
        ],
        "signature": {
            "instructions": module.parameters.instruction,
            "fields": fields,
        },
        "lm": None,
    }


def _made(by: str) -> bool:
    return by != "labelled"


_FORMS: Mapping[str, Callable[[Program[..., Any]], dict[str, Any]]] = {
    "openai-messages": _messages,
    "litellm": _litellm,
    "dspy": _dspy,
}


def finetuning_rows(
    evaluation: Evaluation, *, at_least: float = 1.0, module: str | None = None
) -> list[dict[str, Any]]:
    """Chats for fine-tuning: what the modules said in the rows that went well.

    Args:
        evaluation: Scored rows with their traces.
        at_least: The least score in [0, 1] of a row that is taken.
        module: The path of one module; by default all of them.

    Returns:
        One `{"messages": [...]}` a call, in the rows' order, each once; the last turn
        is the reply that could be used.
    """
    made: dict[str, dict[str, Any]] = {}
    for row in evaluation.rows:
        if row.score is None or row.model_failed or row.score.value < at_least:
            continue
        for node in row.trace.nodes:
            if not node.calls or node.error or module not in (None, node.path):
                continue
            first, last = node.calls[0], node.calls[-1]
            turns = [{"role": m.role, "content": m.content} for m in first.messages]
            turns.append({"role": "assistant", "content": last.reply})
            text = json.dumps({"messages": turns}, ensure_ascii=False)
            made.setdefault(text, {"messages": turns})
    return list(made.values())


def write_rows(rows: Iterable[Mapping[str, Any]], path: str | Path) -> Path:
    """Write plain data as JSONL, one row a line, as a whole.

    Raises:
        ArtifactError: The file could not be written.
    """
    lines = [json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows]
    write_whole(Path(path), "".join(lines))
    return Path(path)
