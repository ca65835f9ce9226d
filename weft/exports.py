"""Compiled programs for those who run them without weft.

`openai-messages` is a chat template a module, `litellm` the arguments of a call of
`litellm.completion`, `dspy` a state that `dspy.Module.load` reads, `langfuse` and
`mlflow` the arguments that put a prompt into those registries. `{{name}}` stands for an
input. weft's own rendering also keeps a value from looking like a heading of the
prompt; a template that others fill cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .dspy_states.writing import dspy_state
from .pipeline.errors import ConfigError, did_you_mean
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program, as_program
from .pipeline.ground.files import write_whole
from .pipeline.ground.options import path_of
from .pipeline.measure.evaluate import Evaluation
from .templates import langfuse_prompts, mlflow_prompts, template_of


def export(program: Program[..., Any] | Module[..., Any], *, to: str) -> dict[str, Any]:
    """A program's parameters in another tool's form, as plain JSON data.

    Args:
        program: A program or a module.
        to: "openai-messages", "litellm", "dspy", "langfuse" or "mlflow".

    Returns:
        By module path, what that tool takes: `messages` and perhaps `response_format`;
        the arguments of `litellm.completion`, of `Langfuse.create_prompt`, or of
        `mlflow.genai.register_prompt`. In the first two `"{{name}}"` with its quotes is
        replaced by the value as JSON, and a bare `{{name}}` by a text as it is; the
        registries' prompts note which values they want as JSON. For "dspy" what
        `dspy.Module.save` writes: of a program with attributes named as the modules,
        or of a single module; parts of what DSPy has too, such as `BestOfN`, by the
        names that they have there.

    Raises:
        ConfigError: There is no such form; a module chooses its demos by the input, or
            has soft words or low-rank updates, which are no text; a prompt's own words
            hold double braces that would be taken for a value's place; or, for "dspy",
            a module is made of others and DSPy has none of its kind, or one that asks
            in another form.

    >>> import weft
    >>> made = export(weft.Predict("text -> mood", name="feel"), to="openai-messages")
    >>> made["feel"]["messages"][-1]
    {'role': 'user', 'content': '...{{text}}...'}
    """
    known = (*_FORMS, "dspy")
    if to not in known:
        raise ConfigError(f"there is no export to {to!r}", hint=did_you_mean(to, known))
    made = as_program(program)
    _refuse_nearest(made)
    _refuse_trained(made)
    return dspy_state(program) if to == "dspy" else _FORMS[to](as_program(program))


def _refuse_nearest(program: Program[..., Any]) -> None:
    for path, module in program.modules.items():
        if module.parameters.nearest:
            raise ConfigError(
                f"{path!r} shows the {module.parameters.nearest} demos nearest to each "
                "input, which no template can choose",
                hint="Run it with weft, export it with nearest=0 and fewer demos, or "
                f"compile with keep={f'{path}/nearest'!r}, which shows no such demos",
            )


def _refuse_trained(program: Program[..., Any]) -> None:
    words = {"soft": "soft words", "lora": "low-rank updates"}
    for path, module in program.modules.items():
        for slot, said in words.items():
            if getattr(module.parameters, slot) is not None:
                without = f"with_parameters({{{f'{path}/{slot}'!r}: None}})"
                without = f"with_({slot}=None)" if program.lone else without
                raise ConfigError(
                    f"{path!r} has {said}, and no text says what they do",
                    hint="Export the variant that has none: weft.load(path, "
                    f"soft=False), or .{without}",
                )


def _messages(program: Program[..., Any]) -> dict[str, Any]:
    return {path: template_of(m).data() for path, m in program.modules.items()}


def _litellm(program: Program[..., Any]) -> dict[str, Any]:
    return {
        path: {**template_of(module).data(), **module.parameters.sampling}
        for path, module in program.modules.items()
    }


_FORMS: Mapping[str, Callable[[Program[..., Any]], dict[str, Any]]] = {
    "openai-messages": _messages,
    "litellm": _litellm,
    "langfuse": langfuse_prompts,
    "mlflow": mlflow_prompts,
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
            turns = [{"role": m.role, "content": m.text} for m in first.messages]
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
    target = path_of(path, "path")
    write_whole(target, "".join(lines))
    return target
