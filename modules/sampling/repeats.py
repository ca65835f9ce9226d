"""Asked again and asked once: words on the answer before, and what is the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ...pipeline.graph.module import Call, Module
from ...pipeline.graph.program import Askable
from ...pipeline.ground import strictjson
from ...pipeline.run.rows import map_rows
from ...pipeline.run.settings import current, entered
from ...pipeline.signature.field import FieldSpec

T = TypeVar("T")
Made = TypeVar("Made")


def again_of(module: Askable[..., Any], *fields: FieldSpec) -> Module[..., Any] | None:
    """The part that is asked again: the same module, with more inputs.

    None of a program and of a module that is made of others: those are asked again
    themselves.

    Raises:
        ConfigError: The module has a field of such a name.
    """
    if not isinstance(module, Module) or module.has_body:
        return None
    return module.wider("again", *fields)


async def asked_again(
    call: Call,
    module: Askable[..., Any],
    inputs: Mapping[str, Any],
    words: str,
    sample: int | None,
) -> Any:
    """Ask what is made of others once more, with words below each instruction."""
    said = f"An earlier answer would not do: {strictjson.dumps(words)}"
    settings = current()
    remark = "\n\n".join(filter(None, (settings.remark, said)))
    with entered(replace(settings, remark=remark)):
        return await call(module, inputs, sample=sample)


async def asked_once(
    one: Callable[[int, T], Awaitable[Made]],
    values: Sequence[T],
    keys: Sequence[Hashable],
    answers: dict[Hashable, Made] | None = None,
) -> list[Made]:
    """Ask of each different value, side by side: the same would have the same answer.

    Args:
        one: Asks of a value; it is told the value's position among the different ones.
        values: What is asked of.
        keys: One for each; values with equal keys are the same.
        answers: What is known by key from before; those that come are added to it.

    Returns:
        An answer for each value, in their order.
    """
    answers = {} if answers is None else answers
    different: dict[Hashable, T] = {}
    for key, value in zip(keys, values, strict=True):
        if key not in answers:
            different.setdefault(key, value)
    rows = [*different.values()]
    made = await map_rows(one, rows, concurrency=max(1, len(rows)))
    answers.update(zip(different, made, strict=True))
    return [answers[key] for key in keys]
