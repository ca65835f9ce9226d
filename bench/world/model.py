"""The simulated model: a pure function of world, messages and sample."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .answering import answer_to, slips
from .form import Form, Turn, read_form
from .reading import Prompt, read_prompt
from .tasks import Stage, World
from .writing import write

__all__ = ["Reply", "reply_to", "tokens"]

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Reply:
    """An answer, and whether the model did the task or wrote about it."""

    text: str
    role: str


def tokens(text: str) -> int:
    """Words and signs: one count for everybody."""
    return len(_TOKEN.findall(text))


def reply_to(
    world: World,
    messages: Sequence[Mapping[str, Any]],
    response_format: Mapping[str, Any] | None = None,
    sample: int = 0,
) -> Reply:
    """What the model replies.

    Args:
        world: What could be known of the task, and how the model stands to it.
        messages: The rendered prompt; nothing else is looked at.
        response_format: The form that the request asks for.
        sample: Which of several answers to the same prompt is wanted.
    """
    turns = [Turn(str(m["role"]), _text(m.get("content"))) for m in messages]
    prompt = read_prompt(world, turns)
    form = read_form(turns, prompt.query, response_format)
    stage = _stage(world, form, prompt)
    if stage is None:
        return Reply(form.write(write(world, prompt, form, sample)), "proposer")
    answer = answer_to(world, stage, prompt, sample)
    if form.kind != "json" and slips(prompt, stage, sample):
        return Reply(f"It is {answer}.", "task")
    return Reply(form.write(_values(form, stage, answer)), "task")


def _stage(world: World, form: Form, prompt: Prompt) -> Stage | None:
    """The stage that a prompt asks to run, or None where it asks to write."""
    for field in form.fields:
        stage = world.stage(field.name)
        if stage is not None:
            return stage
    if form.kind != "plain" or prompt.asked is None:
        return None
    unsolved = not prompt.shown[-1].mentions
    named = (s for s in world.stages if re.search(rf"\b{s.output}\b", prompt.prose))
    return next(named, None) if unsolved else None


def _values(form: Form, stage: Stage, answer: str) -> dict[str, Any]:
    if form.kind == "plain":
        return {form.fields[0].name: answer}
    other = "It follows from the case."
    return {f.name: answer if f.name == stage.output else other for f in form.fields}


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts: list[Any] = content  # pyright: ignore[reportUnknownVariableType]
        return "".join(str(p.get("text", "")) for p in parts if isinstance(p, Mapping))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return ""
