"""Again: another answer, asked for with words on the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...pipeline.graph.module import Call, Module
from ...pipeline.graph.program import Askable
from ...pipeline.ground import strictjson
from ...pipeline.run.settings import current, entered
from ...pipeline.signature.field import FieldSpec


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
