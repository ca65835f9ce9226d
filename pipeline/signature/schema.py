"""Types from JSON Schemas: of programs that load without their source, and of others.

What pydantic itself writes for standard types, enums and plain models becomes such
types again, where these say the very same schema. Any other schema is a type of plain
JSON data that fits it (`json_schema`). A schema comes from a file that nobody vouches
for, so its size and depth are bounded, no text of it is ever run, nothing is fetched,
and its patterns are matched in linear time.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import keyword
import pathlib
import re
import types
import unicodedata
import uuid
import warnings
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
from pydantic import ConfigDict
from pydantic.fields import FieldInfo
from pydantic_core import SchemaError

from ..errors import ArtifactError, SignatureError, WeftError
from ..ground import strictjson
from ..ground.shapes import is_dict, is_list
from ..media.fields import format_of
from ..media.types import TYPES
from .field import FieldSpec
from .json_schema import Allowance, JsonSchema, json_schema_of

_PLAIN: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": type(None),
}
_SCALARS: tuple[Any, ...] = (
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    uuid.UUID,
    pathlib.Path,
    bytes,
)
_RULES: Mapping[str, str] = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minProperties": "min_length",
    "maxProperties": "max_length",
    "pattern": "pattern",
}
_CODE = (
    "field_validators",
    "model_validators",
    "validators",
    "root_validators",
    "field_serializers",
    "model_serializers",
    "computed_fields",
)
_TEXTS = frozenset({"$defs", "title", "description", "default"})
_MOST_PARTS = 4000
_MOST_CHOICES = 10_000
_DEEPEST = 30
_NAME = 200


def type_of_schema(schema: Mapping[str, Any], where: str) -> tuple[Any, dict[str, Any]]:
    """The type of a schema, and the constraints at its top.

    A field of both has this very schema. Where no class says it, the type is one of
    plain JSON data that fits it, and there are no constraints beside it.

    Args:
        schema: As pydantic, or anybody else, writes it.
        where: What it belongs to, for messages.

    Raises:
        ArtifactError: It is no JSON Schema, is too large, refers to what is not in it,
            or holds a pattern that takes more than linear time.

    >>> type_of_schema({"type": "array", "items": {"type": "string"}}, "x")
    (list[str], {})
    >>> kind, rules = type_of_schema({"type": ["string", "null"]}, "x")
    >>> json_schema_of(kind).kind == (str | None), rules
    (True, {})
    """
    try:
        return _class_of(schema) or (JsonSchema(schema).annotation, {})
    except SignatureError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None


def _class_of(schema: Any) -> tuple[Any, dict[str, Any]] | None:
    """The type that pydantic wrote a schema for, and its constraints, if one did."""
    try:
        Allowance().take(schema)
        definitions = schema.get("$defs", {})
        reader = _Reader(definitions if is_dict(definitions) else {})
        kind = reader.read(schema, 0, named=True)
        rules = {} if "$ref" in schema else _rules(schema)
        said = FieldSpec("x", "output", kind, "", rules).schema
        same = strictjson.canonical(said) == strictjson.canonical(schema)
    except (_NoClassError, SignatureError, *_UNUSABLE):
        return None
    return (kind, rules) if same else None


def rebuilds(field: FieldSpec) -> bool:
    """Whether a field made from its schema asks the model in the same words."""
    try:
        kind, rules = type_of_schema(field.schema, field.name)
        mark, own = json_schema_of(kind), json_schema_of(field.annotation)
        if mark != own and (mark or not _is_data(kind)):
            return False  # data here and an object there, or the other way round
        made = FieldSpec(field.name, field.role, kind, field.description, rules)
        if made.wanted != field.wanted or made.plain != field.plain:
            return False
        if strictjson.dumps(made.schema) != strictjson.dumps(field.schema):
            return False
        return _rules_show(field) and not _has_code(field.annotation)
    except WeftError:
        return False


def _is_data(kind: Any) -> bool:
    """Whether values of a type are plain JSON data themselves, and no objects."""
    if kind in (Any, list, dict, *_PLAIN.values()) or get_origin(kind) is Literal:
        return True
    inner = [part for part in get_args(kind) if not isinstance(part, FieldInfo)]
    whole = get_origin(kind) in (Annotated, Union, types.UnionType, list, dict)
    return whole and all(map(_is_data, inner))


def _rules_show(field: FieldSpec) -> bool:
    """Whether every constraint stands in the schema; those of dates do not."""
    for name in field.constraints:
        rest = {k: v for k, v in field.constraints.items() if k != name}
        bare = replace(field, constraints=rest)
        if strictjson.canonical(bare.schema) == strictjson.canonical(field.schema):
            return False
    return True


def _has_code(kind: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a type checks or writes its values by functions of its own.

    >>> from typing import Annotated
    >>> _has_code(list[Annotated[str, pydantic.AfterValidator(str.strip)]])
    True
    >>> _has_code(dict[str, int])
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
    return any(_has_code(p, seen | {kind}) for p in inner if isinstance(p, Hashable))


class _NoClassError(Exception):
    """A schema that pydantic did not write."""


class _Reader:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._made: dict[str, Any] = {}
        self._parts = 0

    def read(self, schema: Any, depth: int, *, named: bool = False) -> Any:
        """The type of a schema; a named one that lists choices is an enum."""
        self._parts += 1
        if depth > _DEEPEST or self._parts > _MOST_PARTS:
            raise _NoClassError
        if not is_dict(schema):
            raise _NoClassError
        if "$ref" in schema:
            return self._definition(schema["$ref"], depth)
        if format_of(schema):
            return TYPES[schema["format"]]
        scalar = _scalars().get(_bare(schema))
        if scalar is not None:
            return scalar
        if "anyOf" in schema or "oneOf" in schema:
            return self._union(schema, depth)
        if "const" in schema or "enum" in schema:
            return self._choices(schema, named)
        kind = schema.get("type")
        if kind == "array":
            return self._array(schema, depth)
        if kind == "object":
            return self._object(schema, depth)
        if isinstance(kind, str) and kind in _PLAIN and "format" not in schema:
            return _PLAIN[kind]
        if not set(schema) - _TEXTS:
            return Any
        raise _NoClassError

    def part(self, schema: Any, depth: int) -> Any:
        """As `read`, with the constraints that stand in the schema."""
        kind = self.read(schema, depth)
        rules = _rules(schema)
        return Annotated[kind, pydantic.Field(**rules)] if rules else kind

    def _union(self, schema: Mapping[str, Any], depth: int) -> Any:
        given = schema.get("anyOf", schema.get("oneOf"))
        if not is_list(given) or not given or len(given) > _MOST_PARTS - self._parts:
            raise _NoClassError
        parts = tuple(self.part(part, depth + 1) for part in given)
        made: Any = Union[parts]  # noqa: UP007 - built at run time from parts
        by = schema.get("discriminator")
        if "oneOf" not in schema:
            return made
        if not is_dict(by) or not isinstance(by.get("propertyName"), str):
            raise _NoClassError
        return Annotated[made, pydantic.Field(discriminator=by["propertyName"])]

    def _choices(self, schema: Mapping[str, Any], named: bool) -> Any:
        given = schema.get("enum", [schema.get("const")])
        plain = (str, int, float, bool, type(None))
        if not is_list(given) or not 0 < len(given) <= _MOST_CHOICES:
            raise _NoClassError
        if not all(isinstance(choice, plain) for choice in given):
            raise _NoClassError
        if named and "title" in schema:
            return _choices_class(self._title(schema), given, schema.get("description"))
        return Literal[tuple(given)]

    def _array(self, schema: Mapping[str, Any], depth: int) -> Any:
        if "prefixItems" in schema:
            given = schema["prefixItems"]
            if not is_list(given):
                raise _NoClassError
            items = tuple(self.part(part, depth + 1) for part in given)
            return types.GenericAlias(tuple, items)
        inner = self.part(schema.get("items", {}), depth + 1)
        if schema.get("uniqueItems"):
            return types.GenericAlias(set, inner)
        return list if inner is Any else types.GenericAlias(list, inner)

    def _object(self, schema: Mapping[str, Any], depth: int) -> Any:
        if "properties" in schema:
            title, properties = self._title(schema), schema["properties"]
            if not is_dict(properties):
                raise _NoClassError
            kinds = {name: self.part(p, depth + 1) for name, p in properties.items()}
            return _object_class(title, kinds, schema)
        rest = schema.get("additionalProperties", True)
        if is_dict(rest):
            keys = self.part(schema.get("propertyNames", {"type": "string"}), depth + 1)
            return types.GenericAlias(dict, (keys, self.part(rest, depth + 1)))
        return dict[str, Any] if rest is True and len(schema) > 1 else dict

    def _definition(self, ref: Any, depth: int) -> Any:
        name = ref.removeprefix("#/$defs/") if isinstance(ref, str) else ""
        if name not in self._made:
            shape = self._definitions.get(name)
            if not is_dict(shape) or not {"properties", "enum", "const"} & set(shape):
                raise _NoClassError
            self._made[name] = None
            self._made[name] = self.read(shape, depth + 1, named=True)
        if self._made[name] is None:
            raise _NoClassError  # it holds itself
        return self._made[name]

    def _title(self, schema: Mapping[str, Any]) -> str:
        title = schema.get("title", "Model")
        if not isinstance(title, str) or not 0 < len(title) <= _NAME:
            raise _NoClassError
        if not title.isprintable():
            raise _NoClassError
        return title


_UNUSABLE = (
    NameError,
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    SchemaError,
    pydantic.PydanticUserError,
    pydantic.errors.PydanticSchemaGenerationError,
)


def _rules(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Constraints by pydantic's names; the length of a tuple is none."""
    if "prefixItems" in schema or _bare(schema) in _scalars():
        return {}
    rules = {ours: schema[key] for key, ours in _RULES.items() if key in schema}
    if any(isinstance(rule, bool) for rule in rules.values()):
        raise _NoClassError  # draft 4 flags a bound as exclusive
    return rules


def _bare(schema: Mapping[str, Any]) -> str:
    """What a scalar's schema is known by: all but its wording."""
    kept = {key: schema[key] for key in schema if key not in _TEXTS}
    if len(kept) > 3 or len(str(kept.get("anyOf", ()))) > _NAME:
        return ""
    try:
        return strictjson.canonical(kept)
    except (TypeError, ValueError):
        return ""


@functools.cache
def _scalars() -> dict[str, Any]:
    """Scalar types that JSON carries as text, by what pydantic writes for them."""
    return {_bare(pydantic.TypeAdapter(kind).json_schema()): kind for kind in _SCALARS}


def _choices_class(title: str, values: Sequence[Any], description: Any) -> Any:
    """An enum with these values; its members are named after them.

    >>> [member.name for member in _choices_class("Color", ["red", "dark blue"], None)]
    ['RED', 'DARK_BLUE']
    """
    names: dict[str, Any] = {}
    last: Counter[str] = Counter()
    for value in values:
        word = re.sub(r"\W", "_", str(value)).strip("_").upper()
        word = word if word.isidentifier() else f"VALUE_{word}".rstrip("_")
        name = word
        while name in names:
            # From where this word was last, not from the start: there may be thousands.
            last[word] += 1
            name = f"{word}_{last[word] + 1}"
        names[name] = value
    make: Any = enum.Enum
    made = make(title, names)
    if isinstance(description, str):
        made.__doc__ = description
    return made


def _object_class(
    title: str, kinds: Mapping[Any, Any], schema: Mapping[str, Any]
) -> Any:
    """A pydantic model with fields of these types; a `ValueError` or a `TypeError`."""
    required = frozenset(schema.get("required", ()))
    fields: dict[str, Any] = {}
    for name, kind in kinds.items():
        _check_name(name)
        part = schema["properties"][name]
        texts = {key: part[key] for key in ("title", "description") if key in part}
        default = ... if name in required else part.get("default")
        fields[name] = (kind, pydantic.Field(default, validate_default=True, **texts))
    config = ConfigDict(protected_namespaces=())
    extra = schema.get("additionalProperties")
    if isinstance(extra, bool):
        config["extra"] = "allow" if extra else "forbid"
    with warnings.catch_warnings():
        # A field may be called like a method of pydantic, as in the original class.
        warnings.simplefilter("ignore", UserWarning)
        made = pydantic.create_model(title, __config__=config, **fields)
    if isinstance(schema.get("description"), str):
        made.__doc__ = schema["description"]
        made.model_rebuild(force=True)
    return made


def _check_name(name: Any) -> None:
    usable = isinstance(name, str) and len(name) <= _NAME and name.isidentifier()
    if not usable or name.startswith("_") or keyword.iskeyword(name):
        raise ValueError(f"{str(name)[:80]!r} is no name of a field")
    if unicodedata.normalize("NFKC", name) != name:
        raise ValueError(f"Python reads the name {name!r} as another one")
