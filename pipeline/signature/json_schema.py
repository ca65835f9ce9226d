"""JSON Schemas that others wrote, as types of fields.

What pydantic wrote comes back as classes (`schema`). Any other schema says things that
no class does: names that are no identifiers, properties that may be absent, types in a
list, `not`. A field of such a schema holds plain JSON data that fits it: what is absent
stays absent, names stay what they are, and the model is asked in the schema's words.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ..errors import SignatureError
from ..ground import strictjson
from ..ground.lazy import deferred
from ..ground.shapes import is_dict, is_list
from .strings import LONGEST, weight_of
from .types import Meaning
from .vocabulary import BY_NAME, WORDS

if TYPE_CHECKING:
    from . import validation
else:
    validation = deferred(__package__, "validation")

FAULT = "json_schema"
"""The type of pydantic's errors for values that do not fit."""
_KINDS: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": NoneType,
    "array": list[Any],
    "object": dict[str, Any],
}
_DATA = frozenset(("const", "default", "enum", "example", "examples"))
_WRAPPERS = (
    *("schema", "json_schema", "parameters", "inputSchema", "input_schema"),
    *("outputSchema", "output_schema", "function"),
)
_DEEPEST = 200
_MOST_CHOICES = 2000


@dataclass
class Allowance:
    """What the schemas of one file may take altogether; it is used up by `take`.

    Args:
        parts: Objects and lists in them.
        choices: Values of enums.
        patterns: What patterns weigh (`patterns.weight_of`), 70 bytes each.
    """

    parts: int = 100_000
    choices: int = 100_000
    patterns: int = 400_000
    _weighed: set[str] = field(default_factory=set[str])

    def take(self, schema: Any) -> None:
        """Count a schema.

        Raises:
            SignatureError: It takes more than is left, or holds a pattern that is too
                long.
        """
        left = [(schema, 0)]
        while left:
            part, depth = left.pop()
            self.parts -= 1
            inner: list[Any] = []
            if is_dict(part):
                inner = [*part.values()]
                self._count(part)
            elif is_list(part):
                inner = part
            if depth > _DEEPEST or min(self.parts, self.choices, self.patterns) < 0:
                raise SignatureError(
                    "its JSON Schemas are nested too deeply, or hold too many parts, "
                    "choices or too large patterns",
                    hint="Let a text of any kind stand where the choices are so many",
                )
            left += [(i, depth + 1) for i in inner if isinstance(i, dict | list)]

    def _count(self, part: Mapping[Any, Any]) -> None:
        self.choices -= len(part["enum"]) if is_list(part.get("enum")) else 0
        patterns = [part.get("pattern")]
        if is_dict(part.get("patternProperties")):
            patterns += part["patternProperties"]
        for pattern in patterns:
            if not isinstance(pattern, str) or pattern in self._weighed:
                continue
            if len(pattern) > LONGEST:
                raise SignatureError(
                    f"the pattern {pattern[:80]!r}... is longer than {LONGEST} "
                    "characters",
                    hint="Write the rule as an enum, or leave it to a step",
                )
            self._weighed.add(pattern)
            self.patterns -= weight_of(pattern)


@dataclass(frozen=True, eq=False)
class JsonSchema(Meaning):
    """The mark of a field whose values fit a JSON Schema; they are plain JSON data.

    The drafts from 4 to 2020-12 are understood; a schema that names none is read by the
    newest one that says what it says, and OpenAPI's `nullable` with any. Formats that
    have a standard are checked. Patterns are those of ECMA-262 but for what takes more
    than linear time. Nothing is ever fetched: a reference leads to a place in the
    schema itself.

    Args:
        schema: The schema; it is copied.

    Raises:
        SignatureError: It is no JSON Schema, refers to what is not in it, or holds a
            pattern that looks around.

    >>> from typing import Annotated, Any
    >>> import weft
    >>> schema = {"type": "object", "properties": {"unit price": {"type": "number"}}}
    >>> Order = Annotated[dict[str, Any], weft.JsonSchema(schema)]
    >>> read = weft.Predict("text -> order: Order", types={"Order": Order})
    >>> read.parse('{"unit price": 2.5}').order
    {'unit price': 2.5}
    """

    schema: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not is_dict(self.schema):
            raise SignatureError(
                f"a JSON Schema is an object, not {str(self.schema)[:80]!r}",
                hint='Write for example JsonSchema({"type": "object"})',
            )
        try:
            text = strictjson.dumps(self.schema)
        except (TypeError, ValueError, RecursionError) as error:
            raise SignatureError(f"a JSON Schema is plain data: {error}") from None
        _refuse_wrapped(self.schema)
        object.__setattr__(self, "schema", strictjson.loads(text))
        object.__setattr__(self, "_text", text)
        Allowance().take(self.schema)
        _ = self._checker

    def __reduce__(self) -> tuple[Any, ...]:
        return JsonSchema, (self.schema,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonSchema) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self._told)

    @property
    def _told(self) -> str:
        text: str = vars(self)["_text"]
        return text

    @cached_property
    def _checker(self) -> validation.Checker:
        return validation.Checker(self.schema)

    @property
    def kind(self) -> Any:
        """The nearest type in Python, for graphs and checkers: choices, or a shape."""
        choices: list[Any] = self.schema.get("enum", [])
        if "const" in self.schema:
            choices = [self.schema["const"]]
        if 0 < len(choices) <= _MOST_CHOICES and all(
            isinstance(c, str | int | NoneType) for c in choices
        ):
            return Literal[tuple(choices)]
        named = self.schema.get("type")
        kinds = [
            _KINDS[name] for name in (named if is_list(named) else [named]) if name
        ]
        if kinds and self.schema.get("nullable") is True:
            kinds.append(NoneType)
        return Union[tuple(kinds)] if kinds else Any  # noqa: UP007 - made of parts

    @property
    def annotation(self) -> Any:
        """The type of a field that holds such values."""
        return Annotated[self.kind, self]

    def words(self) -> dict[str, Any]:
        """The schema itself, as another object."""
        return copy.deepcopy(dict(self.schema))

    def _checked(self, value: Any) -> Any:
        fault = self._checker.fault(value)
        if fault is not None:
            raise PydanticCustomError(FAULT, "{fault}", {"fault": fault})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Values are taken as they are, if they fit."""
        del source, handler
        return core_schema.no_info_plain_validator_function(self._checked)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        """The schema itself, where it stands within a larger type."""
        del core, handler
        if '"$ref"' in self._told:
            raise PydanticInvalidForJsonSchema(
                "a JSON Schema with references is the type of a whole field"
            )
        return self.words()


def _refuse_wrapped(given: Mapping[str, Any]) -> None:
    """Refuse the description of a tool or a format: as a schema it says nothing.

    Raises:
        SignatureError: The schema is inside.
    """
    for name in _WRAPPERS:
        if is_dict(given.get(name)) and not WORDS.intersection(given):
            raise SignatureError(
                f"{str(given)[:80]!r} is no JSON Schema: it holds one as {name!r}",
                hint=f"Pass what stands under {name!r}",
            )


def json_schema_of(kind: Any) -> JsonSchema | None:
    """The JSON Schema by which values of a type are checked, where it is such a type.

    >>> json_schema_of(dict) is None, json_schema_of(JsonSchema({}).annotation).schema
    (True, {})
    """
    marks = getattr(kind, "__metadata__", ())
    return next((mark for mark in marks if isinstance(mark, JsonSchema)), None)


def placed(schema: Mapping[str, Any], at: str) -> dict[str, Any]:
    """A schema as a part of a larger one, its references led to where it stands now.

    One without references, and without OpenAPI's `nullable`, is the same.

    Args:
        schema: The schema; its own name is left out where it refers to itself.
        at: Where it stands, such as "#/properties/order".

    >>> placed({"items": {"$ref": "#/definitions/a"}}, "#/properties/x")
    {'items': {'$ref': '#/properties/x/definitions/a'}}
    """
    own = {
        key: schema[key] for key in ("$id", "id") if isinstance(schema.get(key), str)
    }
    name = str(next(iter(own.values()), "")).rstrip("#")
    made: dict[str, Any] = _placed(schema, name, at, named=False)
    if made == schema:
        return dict(schema)
    return {key: made[key] for key in made if key not in own}


def _placed(part: Any, own: str, at: str, *, named: bool) -> Any:
    if is_list(part):
        return [_placed(inner, own, at, named=False) for inner in part]
    if not is_dict(part):
        return part
    made: dict[str, Any] = {}
    for key, inner in part.items():
        if named or not (key in _DATA or isinstance(inner, str)):
            by_name = not named and key in BY_NAME
            made[key] = _placed(inner, own, at, named=by_name)
        elif key in ("$ref", "$recursiveRef"):
            path = inner.removeprefix(own)
            moved = path in ("", "#") or path.startswith("#/")
            made["$ref"] = at + path.removeprefix("#") if moved else inner
        else:
            made[key] = inner
    if not named and made.get("nullable") is True and "type" in made:
        kinds = made["type"] if is_list(made["type"]) else [made["type"]]
        made["type"] = [*kinds, "null"]  # OpenAPI's word, in JSON Schema's
        del made["nullable"]
    return made
