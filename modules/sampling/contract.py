"""One contract: modules that take and give the same may stand for one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Askable, Program
from ...pipeline.signature.signature import Signature, spec_of
from ...pipeline.signature.spec import Spec
from ...pipeline.signature.types import type_name


def require_alike(modules: Sequence[Askable[..., Any]], kind: str) -> None:
    """Refuse modules that take or give other things than the first one.

    Raises:
        ConfigError: One is no module, or its contract is another.
    """
    first = modules[0]
    for at, other in enumerate(modules[1:], 1):
        if any(other is one for one in modules[:at]):
            raise ConfigError(
                f"{kind}: {other!r} is there twice, and would answer the same",
                hint="Give the other a model or an instruction of its own: "
                "module.with_(lm=...)",
            )
        if not isinstance(cast(object, other), Module | Program):
            raise ConfigError(
                f"{kind} is made of modules and programs, and {other!r} is none",
                hint='Write weft.Predict("question -> answer")',
            )
        own, its = spec_of(first.signature), spec_of(other.signature)
        if own.hash == its.hash and first.single == other.single:
            continue
        shown = [_shown(own, first.single), _shown(its, other.single)]
        raise ConfigError(
            f"{kind}: {first.name!r} is {shown[0]}, and {other.name!r} is {shown[1]}: "
            "names and types have to be the same",
            hint="Make them of one signature",
        )


def _shown(spec: Spec, single: str | None) -> str:
    """A contract in a line, as a person would write it."""
    sides = (
        ", ".join(f"{n}: {type_name(f.annotation)}" for n, f in fields.items())
        for fields in (spec.inputs, spec.outputs)
    )
    return " -> ".join(sides) + (f" (a call gives {single!r} alone)" if single else "")


def asking_the_same(
    module: Askable[..., Any], part: Module[..., Any]
) -> Module[..., Any]:
    """A part that asks the model which all of a module's own parts ask.

    Where these ask several, or none of their own, it asks the scope's.
    """
    asking = [*module.modules.values()]
    if not asking:  # a program of steps alone
        return part
    first, *others = asking
    lm, model = first.lm, first.parameters.model
    if any(o.lm is not lm or o.parameters.model != model for o in others):
        return part
    return part.with_(lm=lm) if model is None else part.with_(model=model)


def asked_alike(modules: Sequence[Askable[..., Any]]) -> type[Signature]:
    """What an answer of any of them holds.

    That is the contract with their models where it is the same, and else the one with
    the caller, which what a `ChainOfThought` adds is no part of.
    """
    first = modules[0]
    same = all(module.spec.hash == first.spec.hash for module in modules)
    return first.asked if same else first.signature
