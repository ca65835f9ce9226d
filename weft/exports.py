"""Compiled programs for those who run them without weft.

`openai-messages` is a chat template a module, `litellm` the arguments of a call of
`litellm.completion`, `dspy` a state that `dspy.Module.load` reads, `langfuse` and
`mlflow` the arguments that put a prompt into those registries. `{{name}}` stands for an
input. weft's own rendering also keeps a value from looking like a heading of the
prompt; a template that others fill cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .dspy_states.writing import dspy_state
from .pipeline.errors import ConfigError, did_you_mean
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program, as_program
from .pipeline.ground import strictjson
from .pipeline.ground.files import write_whole
from .pipeline.ground.options import path_of
from .pipeline.ground.shapes import as_dict
from .pipeline.ground.words import counted
from .pipeline.measure.evaluate import Evaluation
from .pipeline.trace import Call, NodeRun
from .templates import langfuse_prompts, mlflow_prompts, templates_of


def export(
    program: Program[..., Any] | Module[..., Any],
    *,
    to: str,
    rename: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A program's parameters in another tool's form, as plain JSON data.

    Args:
        program: A program or a module.
        to: "openai-messages", "litellm", "dspy", "langfuse" or "mlflow".
        rename: For "dspy", paths of modules by the names that their predictors have
            there, as `import_dspy` takes them: `{"gen[0].predict": "gen0"}`.

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
    if to == "dspy":
        return dspy_state(program, rename or {})
    if rename:
        raise ConfigError(
            f"an export to {to!r} goes by the paths of modules",
            hint="Leave rename= out: the names are the keys of what is given back",
        )
    return _FORMS[to](made)


def _refuse_nearest(program: Program[..., Any]) -> None:
    for path, module in program.modules.items():
        if module.parameters.nearest:
            raise ConfigError(
                f"{path!r} shows the {counted(module.parameters.nearest, 'demo')} "
                "nearest to each input, which no template can choose",
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
    return {path: made.data() for path, made in templates_of(program).items()}


def _litellm(program: Program[..., Any]) -> dict[str, Any]:
    return {
        path: {**made.data(), **made.module.parameters.sampling}
        for path, made in templates_of(program).items()
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
        is the reply that could be used. Where choices were scored it is the reply that
        says what was decided, and none where no reply does.
    """
    made: dict[str, dict[str, Any]] = {}
    for row in evaluation.rows:
        if row.score is None or row.model_failed or row.score.value < at_least:
            continue
        for node in row.trace.nodes:
            if not node.calls or node.error or module not in (None, node.path):
                continue
            for first, reply in _exchanges(node):
                turns = [{"role": m.role, "content": m.text} for m in first.messages]
                turns.append({"role": "assistant", "content": reply})
                text = json.dumps({"messages": turns}, ensure_ascii=False)
                made.setdefault(text, {"messages": turns})
    return list(made.values())


def _exchanges(node: NodeRun) -> Iterator[tuple[Call, str]]:
    """What a module was asked, and the reply that its outputs are from."""
    facts = node.facts
    if "scored_by" not in facts and "scored" not in facts:
        yield node.calls[0], node.calls[-1].reply
        return
    scored = as_dict(facts.get("scored")) or dict.fromkeys(node.outputs, facts)
    calls = [*node.calls]
    for output, found in scored.items():
        answers = [*as_dict(as_dict(found).get("logprobs"))]
        way = as_dict(found).get("scored_by")
        count = 1 if way == "top" else len(answers)
        if len(scored) == 1:
            count = len(calls)
        mine, calls = calls[:count], calls[count:]
        words = as_dict(facts.get("words")).get(output)
        wanted = words or [strictjson.as_text(node.outputs[output])]
        for call in mine if way in ("top", "forced") else ():
            if _said_in(call.reply, answers) in wanted:
                yield call, call.reply
                break


def _said_in(reply: str, answers: Sequence[str]) -> str | None:
    """The one of some answers that a reply holds; None where it holds more, or none."""
    held = [answer for answer in answers if answer in reply]
    longest = max(held, key=len, default=None)
    return longest if all(one in (longest or "") for one in held) else None


def write_rows(rows: Iterable[Mapping[str, Any]], path: str | Path) -> Path:
    """Write plain data as JSONL, one row a line, as a whole.

    Raises:
        ArtifactError: The file could not be written.
    """
    lines = [json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows]
    target = path_of(path, "path")
    write_whole(target, "".join(lines))
    return target
