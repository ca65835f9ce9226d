"""The arguments of a tool that somebody else describes, by a JSON Schema.

A server names its tools' arguments as it likes: in words that are no Python names, with
some that may be absent and rules across several. So they stay plain JSON data.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias, cast, final

from ...pipeline.errors import ConfigError, SignatureError
from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.json_schema import JsonSchema
from .arguments import ABSENT, Misfit, arguments_of

Calling: TypeAlias = Callable[[dict[str, Any]], Any | Awaitable[Any]]
"""What runs a tool that a schema describes: it takes the arguments by name."""

_WORDING: Final = ("title", "description")
_SHARED: Final = ("$defs", "definitions", "$schema")
_EMPTY: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}


@final
class Described:
    """What a JSON Schema says of a tool's arguments.

    Args:
        tool: The tool's name, for messages.
        schema: Of an object, by any draft; None where there are no arguments.

    Raises:
        SignatureError: It is no JSON Schema, or not one of an object.

    >>> made = Described("pay", {"properties": {"unit price": {"type": "number"}}})
    >>> made.checked({"unit price": "2.5"})
    {'unit price': 2.5}
    """

    def __init__(self, tool: str, schema: Mapping[str, Any] | None) -> None:
        self._tool = tool
        given: Any = _EMPTY if schema is None else schema
        try:
            whole = JsonSchema(given)
        except SignatureError as error:
            message = f"tool {tool!r}: {error.message}"
            raise SignatureError(message, hint=error.hint) from None
        self._schema = _of_today({"type": "object", **whole.schema})
        properties = self._schema.get("properties", {})
        if self._schema["type"] != "object" or not is_dict(properties):
            raise SignatureError(
                f"tool {tool!r}: its schema is of {self._schema['type']!r}, and a "
                "tool's arguments are an object",
                hint='Write {"type": "object", "properties": {...}}',
            )
        self._whole = FieldSpec(
            "arguments", "input", JsonSchema(self._schema).annotation
        )
        needed = self._schema.get("required")
        required = frozenset(needed) if is_list(needed) else frozenset[str]()
        self.fields = tuple(
            self._field(name, part if is_dict(part) else {}, name in required)
            for name, part in properties.items()
        )
        """The arguments that the schema names, in its order."""

    @property
    def contract(self) -> dict[str, Any]:
        """The schema without what is said of it and of each argument."""
        made: dict[str, Any] = _unworded(self._schema)
        if "properties" in made:
            properties: dict[str, Any] = made["properties"]
            made["properties"] = {n: _unworded(p) for n, p in properties.items()}
        return made

    def checked(self, arguments: Mapping[str, JSON]) -> dict[str, Any]:
        """Arguments that a model chose, as plain JSON data that fits the schema.

        A name that the schema does not know is passed where it says that there may be
        others, or names none at all.

        Raises:
            Misfit: One is unknown, missing, or of another type, or together they break
                a rule.
        """
        known = {each.name for each in self.fields}
        more = {n: v for n, v in arguments.items() if n not in known}
        if not self._open:
            more = {}
        given = {n: v for n, v in arguments.items() if n not in more}
        made = arguments_of(self._tool, self.fields, given)
        there = {**made, **more}  # without what null stands for
        whole = {name: there[name] for name in arguments if name in there}
        try:
            loaded: dict[str, Any] = self._whole.load(whole)
        except ValueError as error:
            raise Misfit(f"{self._tool} got wrong arguments: {error}") from None
        return loaded

    @property
    def _open(self) -> bool:
        """Whether there may be arguments beside those that are named."""
        named = ("properties", "additionalProperties", "patternProperties")
        others = any(self._schema.get(name) for name in named[1:])
        return others or not any(name in self._schema for name in named)

    def _field(self, name: str, part: dict[str, Any], required: bool) -> FieldSpec:
        said = part.get("description")
        text = " ".join(said.split()) if isinstance(said, str) else ""
        extra: dict[str, Any] = {}
        if not required:
            extra = {"default": part.get("default", ABSENT)}
        bare = {k: v for k, v in part.items() if k not in (*_WORDING, "default")}
        shared: dict[str, Any] = {
            k: self._schema[k] for k in _SHARED if k in self._schema
        }
        try:
            kind = JsonSchema({**shared, **bare} if "$ref" in str(bare) else bare)
        except SignatureError:
            kind = JsonSchema({})  # it leads elsewhere in the schema, which is checked
        return FieldSpec(name, "input", kind.annotation, text, **extra)


def _of_today(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose own definitions stand where newer drafts have them.

    So it can be a part of the schema of a whole step.
    """
    if not is_dict(schema.get("definitions")) or "$defs" in schema:
        return schema
    made = {("$defs" if k == "definitions" else k): v for k, v in schema.items()}
    text = strictjson.dumps(made).replace(
        '"$ref": "#/definitions/', '"$ref": "#/$defs/'
    )
    moved = strictjson.loads(text)
    return moved if is_dict(moved) else schema


def _unworded(schema: Any) -> Any:
    """A schema without its title and description; True and False are schemas too."""
    if not is_dict(schema):
        return schema
    return {key: part for key, part in schema.items() if key not in _WORDING}


def node_name(name: object) -> str:
    """The name of a tool's node, made of a name of any kind.

    Raises:
        ConfigError: There is no letter and no digit in it.

    >>> node_name("web.search"), node_name("3d-view")
    ('web_search', 'tool_3d_view')
    """
    text = name if isinstance(name, str) else ""
    made = re.sub(r"\W", "_", text, flags=re.ASCII)
    if not made.strip("_"):
        raise ConfigError(
            f"{name!r:.100} is no name of a tool",
            hint="Give letters, digits and _, such as web_search",
        )
    return made if made[0].isalpha() else f"tool_{made.lstrip('_')}"


def function_of(call: Calling, name: str) -> Callable[..., Any]:
    """The function of a schema's tool.

    Raises:
        ConfigError: It cannot be called.
    """
    if not callable(cast(object, call)):
        raise ConfigError(
            f"tool {name!r} runs {call!r:.100}, which cannot be called",
            hint="Give a function that takes the arguments as one dict",
        )
    itself = getattr(call, "__call__", call)  # noqa: B004 - is it async?
    if inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(itself):

        async def acalled(arguments: dict[str, Any]) -> Any:
            return await call(arguments)

        return acalled

    def called(arguments: dict[str, Any]) -> Any:
        return call(arguments)

    return called
