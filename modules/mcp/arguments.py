"""What a server's tool takes: its JSON Schema as a Python function's parameters.

A server names arguments as it likes, leaves them out without a default, and refers from
one part of a schema to another. A tool's function has named, typed parameters. So each
property becomes a parameter: its name an identifier, its references written out, and
what may be left out is None, which is not sent. What no type says, such as rules over
several arguments, is checked against the whole schema before the server is asked.
"""

from __future__ import annotations

import copy
import inspect
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, cast

import pydantic

from ...pipeline.errors import ArtifactError, SignatureError
from ...pipeline.ground import strictjson
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.plain import plain
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.json_schema import Allowance, JsonSchema
from ...pipeline.signature.schema import type_of_schema

if TYPE_CHECKING:
    from ...pipeline.signature import validation
else:
    validation = deferred("weft.pipeline.signature", "validation")

_DEEPEST: Final = 12
_MOST_PARTS: Final = 2_000
_MOST_TEXT: Final = 1_000
_NESTED: Final = ("properties", "patternProperties", "additionalProperties", "$ref")
_WORDS: Final = ("title", "description", "default", "examples")
_OTHERS: Final = "others"


def identifier(name: str) -> str:
    """A name as an identifier of Python that begins with a letter.

    >>> [identifier(n) for n in ("get-user", "class", "_x", "2d", "a.b")]
    ['get_user', 'class_', 'x', 'n2d', 'a_b']
    """
    made = re.sub(r"\W", "_", name).lstrip("_") or "x"
    made = made if made[0].isalpha() else f"n{made}"
    made = made if made.isidentifier() else re.sub(r"[^A-Za-z0-9_]", "_", made)
    made = made if made.isidentifier() else f"n{made}"
    return f"{made}_" if keyword.iskeyword(made) else made


def worded(text: object) -> str:
    r"""What a server says of something: one paragraph, and not a long one.

    >>> worded("Find\n a   room.")
    'Find a room.'
    """
    said = " ".join(text.split()) if isinstance(text, str) else ""
    said = said if strictjson.is_text(said) else ""
    return said if len(said) <= _MOST_TEXT else f"{said[:_MOST_TEXT]}..."


class Argument(NamedTuple):
    """One argument of a server's tool.

    Args:
        name: What the server calls it; None for what holds all others by name.
        kind: The type of its values.
        default: What the server takes where it is left out; `inspect.Parameter.empty`
            where it must be given, None where nothing is said.
        said: What the server says of it.
        optional: Whether None stands for leaving it out.
    """

    name: str | None
    kind: Any
    default: Any
    said: str
    optional: bool


@dataclass(frozen=True)
class Arguments:
    """What a tool of a server takes, read from its JSON Schema.

    >>> taken = Arguments.of(
    ...     {
    ...         "type": "object",
    ...         "properties": {
    ...             "from": {"type": "string", "description": "a city"},
    ...             "max-price": {"type": "number"},
    ...         },
    ...         "required": ["from"],
    ...     }
    ... )
    >>> taken.words, list(taken.by_name)
    ({'from_': 'a city'}, ['from_', 'max_price'])
    >>> taken.sent({"from_": "Ulm", "max_price": None})
    {'from': 'Ulm'}
    """

    by_name: Mapping[str, Argument]
    whole: validation.Checker | None = None

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Arguments:
        """What a schema lets a tool take; one that nobody can read is any data."""
        found: dict[str, Argument] = {}
        properties = schema.get("properties")
        required = schema.get("required")
        must: list[Any] = required if is_list(required) else []
        for name, part in (properties if is_dict(properties) else {}).items():
            python = _free(identifier(name), found)
            found[python] = _argument(name, part, schema, must=name in must)
        more = _others(schema)
        if more is not None:
            found[_free(_OTHERS, found)] = Argument(
                None, more, None, "further arguments by name", optional=True
            )
        return cls(found, _whole(schema))

    @property
    def words(self) -> dict[str, str]:
        """What is said of arguments, by their names in Python."""
        return {n: a.said for n, a in self.by_name.items() if a.said}

    @property
    def signature(self) -> inspect.Signature:
        """The parameters of a function that takes them."""
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=a.default,
                annotation=a.kind,
            )
            for name, a in self.by_name.items()
        ]
        return inspect.Signature(parameters, return_annotation=Any)

    def sent(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments as the server takes them: plain data, by its own names.

        Raises:
            ValueError: Together they are not what the tool's schema allows.
        """
        made: dict[str, Any] = {}
        for name, value in given.items():
            argument = self.by_name[name]
            if value is None and argument.optional:
                continue
            data = plain(value)
            if argument.name is not None:
                made[argument.name] = data
            else:
                made = {**cast("dict[str, Any]", data), **made}
        if self.whole is not None:
            fault = self.whole.fault(made)
            if fault is not None:
                raise ValueError(fault)
        return made


def _free(name: str, taken: Iterable[str]) -> str:
    known, made, number = {*taken}, name, 2
    while made in known:
        made, number = f"{name}_{number}", number + 1
    return made


def _argument(
    name: str, part: Any, schema: Mapping[str, Any], *, must: bool
) -> Argument:
    said = worded(part.get("description") or part.get("title")) if is_dict(part) else ""
    kind = _kind(part, schema)
    if must:
        return Argument(name, kind, inspect.Parameter.empty, said, optional=False)
    if is_dict(part) and "default" in part and part["default"] is not None:
        default = part["default"]
        try:
            FieldSpec(name, "input", kind).check(default)
        except (ValueError, SignatureError):
            pass
        else:
            return Argument(name, kind, copy.deepcopy(default), said, optional=False)
    return Argument(name, kind | None, None, said, optional=True)


def _others(schema: Mapping[str, Any]) -> Any:
    """The type of arguments that have no names of their own, or None."""
    more = schema.get("additionalProperties")
    named = is_dict(schema.get("properties")) and schema["properties"]
    if is_dict(more) and more:
        inner = written_out(more, schema)
        return JsonSchema({"type": "object", "additionalProperties": inner}).annotation
    if (more is True and not named) or is_dict(schema.get("patternProperties")):
        return JsonSchema({"type": "object"}).annotation
    return None


def _kind(part: Any, schema: Mapping[str, Any]) -> Any:
    """The type of a property's values; any data where its schema cannot be read."""
    if not is_dict(part):
        return Any
    inner = written_out(part, schema)
    inner = {key: value for key, value in inner.items() if key not in _WORDS}
    if not inner:
        return Any
    try:
        Allowance().take(inner)
        text = strictjson.dumps(inner)
        if any(f'"{word}"' in text for word in _NESTED):
            kind: Any = JsonSchema(inner).annotation
        else:
            kind, rules = type_of_schema(inner, "an argument")
            kind = Annotated[kind, pydantic.Field(**rules)] if rules else kind
        _ = FieldSpec("x", "input", kind | None).schema
    except (SignatureError, ArtifactError, ValueError, TypeError, RecursionError):
        return Any
    return kind


def _whole(schema: Mapping[str, Any]) -> validation.Checker | None:
    """What checks all arguments together; None where nobody can read the schema."""
    for form in (schema, written_out(schema, schema)):
        try:
            JsonSchema(form)
            return validation.Checker(dict(form))
        except SignatureError:
            continue
    return None


def written_out(part: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a schema with what it refers to in place of references.

    What leads in a circle, out of the schema or to too much is any data there. Nothing
    is fetched.

    >>> written_out({"$ref": "#/$defs/a"}, {"$defs": {"a": {"type": "string"}}})
    {'type': 'string'}
    """
    left = [_MOST_PARTS]
    made = _out(part, schema, left, 0)
    return made if is_dict(made) else {}


def _out(part: Any, schema: Mapping[str, Any], left: list[int], depth: int) -> Any:
    left[0] -= 1
    if left[0] < 0 or depth > 4 * _DEEPEST:
        return {}
    if is_list(part):
        return [_out(one, schema, left, depth + 1) for one in part]
    if not is_dict(part):
        return part
    if isinstance(part.get("$ref"), str):
        found = _at(part["$ref"], schema)
        beside = {key: value for key, value in part.items() if key != "$ref"}
        if not is_dict(found) or depth > _DEEPEST:
            return beside if depth <= _DEEPEST else {}
        return _out({**found, **beside}, schema, left, depth + 1)
    return {
        key: value
        if key in ("enum", "const", "default", "examples")
        else _out(value, schema, left, depth + 1)
        for key, value in part.items()
        if key not in ("$defs", "definitions")
    }


def _at(ref: str, schema: Mapping[str, Any]) -> Any:
    """What a reference within a schema leads to, or None."""
    if ref == "#":
        return schema
    found: Any = schema
    for word in ref.removeprefix("#/").split("/") if ref.startswith("#/") else ["\0"]:
        name = word.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if is_dict(found) else None
    return found
