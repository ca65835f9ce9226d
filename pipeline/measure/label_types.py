"""Labels as the type of the output that they are compared with reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pydantic

from ..errors import StepError
from ..ground.shapes import is_dict, is_sequence
from ..reading.cells import read_cell
from ..signature.field import FieldSpec


def readings(spec: FieldSpec, label: Any) -> Iterator[Any]:
    """The values of an output's type that a label means beside itself."""
    try:
        made = read_cell(spec, label)
    except ValueError:
        return
    if not _says_more(label, made):
        yield made
    if label == "" and made == "" and _takes_none(spec):
        yield None  # of a text that may be None, an empty cell is either


def _takes_none(spec: FieldSpec) -> bool:
    try:
        return spec.load(None) is None
    except (ValueError, StepError):
        return False


def _says_more(label: Any, value: Any) -> bool:
    """Whether a label holds a key that its type leaves out in silence."""
    if is_sequence(label) and is_sequence(value):
        return any(map(_says_more, label, value))
    if not is_dict(label):
        return False
    if is_dict(value):
        return any(_says_more(label[key], value[key]) for key in label if key in value)
    known = _members(value)
    return known is not None and any(
        key not in known or _says_more(inner, known[key])
        for key, inner in label.items()
    )


def _members(value: Any) -> dict[str, Any] | None:
    """What a value holds, by each name that its type may read it under."""
    if isinstance(value, pydantic.BaseModel):
        held: dict[str, Any] = dict(value.model_extra or {})
        for name, info in type(value).model_fields.items():
            alias = info.validation_alias
            more = alias.choices if isinstance(alias, pydantic.AliasChoices) else ()
            for one in (name, info.alias, alias, *more):
                if isinstance(one, str):
                    held[one] = getattr(value, name)
        return held
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return None
