"""Types of values in a graph that was read from data, as far as the data tells them."""

from __future__ import annotations

from collections.abc import Mapping
from types import GenericAlias
from typing import Any

from ..signature.signature import Signature, spec_of
from ..signature.types import members_of
from .binding import Binding, Const, Take
from .graph import Body
from .inferring import item_type, joined, type_of


def kind_of_binding(binding: Binding, kinds: Mapping[str, Any]) -> Any:
    """The type of what a binding gives.

    Args:
        binding: References, constants, and containers of both.
        kinds: Types by source; Any where nobody knows.

    >>> kind_of_binding(Take("n"), {"n": int})
    <class 'int'>
    """
    if isinstance(binding, Const):
        return type_of(binding.value)
    if isinstance(binding, Take):
        kind = kinds.get(binding.source, Any)
        for name in binding.path:
            kind = _member(kind, name)
        return kind
    if binding.kind != "list":
        return Any
    held = joined(kind_of_binding(item, kinds) for item in binding.items)
    return GenericAlias(list, held)


def kind_of_parameter(region: str, given: Any) -> Any:
    """The type of what a region's bodies are given, by the type of its one value."""
    if region == "each":
        return item_type(given) or Any
    return given


def kind_of_region(region: str, given: Any, bodies: Mapping[str, Body]) -> Any:
    """The type of a region's result, as it was when the program was traced."""
    if region == "loop":
        return given
    made = joined(body.result for body in bodies.values())
    return GenericAlias(list, made) if region == "each" else made


def _member(kind: Any, name: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, Signature):
        field = next((f for f in spec_of(kind).fields if f.name == name), None)
        return field.annotation if field else Any
    return (members_of(kind) or {}).get(name, Any)
