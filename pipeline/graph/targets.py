"""What a node calls, seen alike: which arguments it wants and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .module import Module
from .step import Step


def wants_of(kind: str, target: Any) -> Mapping[str, Any]:
    """What each argument wants: a field of a signature or program, or a step's type."""
    if kind == "module":
        return cast("Module[..., Any]", target).spec.inputs
    if kind == "step":
        step = cast("Step[..., Any]", target)
        return {name: step.wants(name) for name in step.parameters.parameters}
    return {spec.name: spec for spec in target.structure.inputs}


def result_of(kind: str, target: Any) -> Any:
    """The type of what a call gives back."""
    if kind == "module":
        module = cast("Module[..., Any]", target)
        single = module.single
        return (
            module.asked if single is None else module.spec.outputs[single].annotation
        )
    if kind == "step":
        return cast("Step[..., Any]", target).result
    return target.structure.result
