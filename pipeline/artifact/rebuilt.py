"""What an artifact alone gives back: types from schemas, and where that falls short."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import pydantic

from ..errors import ArtifactError, WeftError
from ..ground import strictjson
from ..signature.field import FieldSpec
from ..signature.schema_types import type_of_schema
from ..signature.signature import Signature
from ..signature.types import plain_type

if TYPE_CHECKING:
    from ..graph.program import Program

_CODE = (
    "field_validators",
    "model_validators",
    "validators",
    "root_validators",
    "field_serializers",
    "model_serializers",
    "computed_fields",
)
_NO_SCHEMA = (pydantic.PydanticUserError, TypeError, ValueError, RecursionError)


def needs_live(program: Program[..., Any]) -> list[str]:
    """Fields, as `module/field`, whose types cannot be rebuilt from their schemas.

    A file with such a field is loaded with `program=`, and cannot be imported.
    """
    found = [f.name for f in program.structure.inputs if not rebuilds(f)]
    for path, module in program.modules.items():
        found += [f"{path}/{f.name}" for f in module.spec.fields if not rebuilds(f)]
    return found


def rebuilds(field: FieldSpec) -> bool:
    """Whether a field made from its schema asks the model in the same words."""
    try:
        kind, rules = type_of_schema(field.schema, field.name)
        made = FieldSpec(field.name, field.role, kind, field.description, rules)
        if made.wanted != field.wanted or made.plain != field.plain:
            return False
        if strictjson.dumps(made.schema) != strictjson.dumps(field.schema):
            return False
        return _rules_show(field) and not has_code(field.annotation)
    except WeftError:
        return False


def _rules_show(field: FieldSpec) -> bool:
    """Whether every constraint stands in the schema; those of dates do not."""
    for name in field.constraints:
        rest = {k: v for k, v in field.constraints.items() if k != name}
        bare = replace(field, constraints=rest)
        if strictjson.canonical(bare.schema) == strictjson.canonical(field.schema):
            return False
    return True


def has_code(kind: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a type checks or writes its values by functions of its own.

    >>> from typing import Annotated
    >>> has_code(list[Annotated[str, pydantic.AfterValidator(str.strip)]])
    True
    >>> has_code(dict[str, int])
    False
    """
    if kind in seen:
        return False
    marks = getattr(kind, "__metadata__", ())
    if any(hasattr(mark, "func") for mark in marks):
        return True
    inner = list(get_args(kind)) if get_origin(kind) is not Literal else []
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        decorated = [getattr(kind.__pydantic_decorators__, n, 0) for n in _CODE]
        marks = [mark for f in kind.model_fields.values() for mark in f.metadata]
        if any(decorated) or any(hasattr(mark, "func") for mark in marks):
            return True
        inner = [f.annotation for f in kind.model_fields.values()]
    return any(has_code(part, seen | {kind}) for part in inner if _hashable(part))


def _hashable(kind: Any) -> bool:
    return isinstance(kind, Hashable)


def schema_of_result(program: Program[..., Any]) -> dict[str, Any] | None:
    """The JSON Schema of what a program gives, where a type can be read from it."""
    kind = plain_type(program.structure.result)
    if kind is Any or _is_signature(kind):
        return None
    try:
        schema = pydantic.TypeAdapter(kind).json_schema()
        again, rules = type_of_schema(schema, "result")
        same = pydantic.TypeAdapter(again).json_schema() == schema and not rules
    except (*_NO_SCHEMA, ArtifactError):
        return None
    return schema if same and schema else None


def _is_signature(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Signature)
