"""The arguments of a function, as a model is told them and as it may give them."""

from __future__ import annotations

import contextlib
import enum
import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NotRequired, cast

import pydantic
from typing_extensions import TypedDict

from ...pipeline.errors import SignatureError, StepError
from ...pipeline.graph.step import Step
from ...pipeline.ground import strictjson
from ...pipeline.lm.request import JSON
from ...pipeline.reading.nearjson import NotNearJSON, loads
from ...pipeline.reading.values import candidates, mended
from ...pipeline.signature.field import FieldSpec


class Absent(enum.Enum):
    """The default of an argument that may be left out and has none."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
_OF_ALL: Final = ("$defs", "$schema", "$id")  # these stand at the top of a schema alone


_OF_METHOD: Final = "Make a tool of the bound method: weft.Tool(thing.method)"
_TYPED: Final[Mapping[str, str]] = {"self": _OF_METHOD, "cls": _OF_METHOD}


class Misfit(ValueError):
    """Arguments that are not a tool's, in words for the model that chose them."""


def fields_of(step: Step[..., Any], words: Mapping[str, str]) -> Iterator[FieldSpec]:
    """The parameters of a tool's function as fields, in their order.

    Args:
        step: The function.
        words: What is said of them, by name; else what their annotation says.

    Raises:
        SignatureError: One has no type, no name of its own, or a wrong default.
    """
    try:
        hints = typing.get_type_hints(step.function, include_extras=True)
    except NameError as error:
        raise SignatureError(f"tool {step.name!r}: {error}") from None
    for name, parameter in step.parameters.parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise SignatureError(
                f"tool {step.name!r} takes {parameter}",
                hint="Name each argument: a model must be told what it may give",
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise SignatureError(
                f"tool {step.name!r} takes {name!r} by its position alone",
                hint="Leave the / out: arguments are given by name",
            )
        if name not in hints:
            raise SignatureError(
                f"tool {step.name!r}: {name!r} has no type",
                hint=_TYPED.get(name, f"Write {name}: str"),
            )
        if name.startswith("_"):
            raise SignatureError(f"tool {step.name!r}: {name!r} is no argument's name")
        unset = parameter.default is inspect.Parameter.empty
        extra: dict[str, Any] = {} if unset else {"default": parameter.default}
        said = words.get(name) or _annotated(hints[name])
        made = FieldSpec(name, "input", hints[name], said, **extra)
        if not unset:
            _check_default(made, step.name)
        yield made


def _check_default(spec: FieldSpec, tool: str) -> None:
    try:
        spec.check(spec.default)
    except ValueError as error:
        raise SignatureError(
            f"tool {tool!r}: the default of {spec.name!r} is not of its type: {error}",
            hint="Give one of its type, or write `| None`",
        ) from None


def _annotated(kind: Any) -> str:
    """What `Annotated[..., pydantic.Field(description=...)]` says."""
    for one in getattr(kind, "__metadata__", ()):
        said = getattr(one, "description", None)
        if isinstance(said, str):
            return said
    return ""


def schema_of(name: str, fields: Iterable[FieldSpec]) -> dict[str, Any]:
    """The JSON Schema of an object with these fields and no other, without wording."""
    known = list(fields)
    kinds: dict[str, Any] = {
        f.name: f.annotation if f.required else NotRequired[f.annotation] for f in known
    }
    shape: Any = cast(Any, TypedDict)(name, kinds)
    shape.__pydantic_config__ = pydantic.ConfigDict(extra="forbid")
    schema = pydantic.TypeAdapter(shape).json_schema()
    schema.pop("title", None)
    parts = schema["properties"]
    for each in known:
        for word in ("title", "description"):
            parts[each.name].pop(word, None)
        if not each.required:
            parts[each.name] |= {"default": each.dump(each.default)}
    return schema


def either(*schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of what fits one of several.

    Where two call different things by one name, the later one has another name for it.
    One that refers to other places than its `$defs` is any object.

    >>> either({"type": "object", "properties": {}}, {"type": "array"})
    {'anyOf': [{'type': 'object', 'properties': {}}, {'type': 'array'}]}
    """
    defined: dict[str, Any] = {}
    options: list[Any] = []
    for schema in schemas:
        if _leads_elsewhere(schema):
            options.append({"type": "object"})
            continue
        apart = _set_apart(schema, defined)
        defined |= apart.get("$defs", {})
        options.append({k: part for k, part in apart.items() if k not in _OF_ALL})
    return {"anyOf": options, **({"$defs": defined} if defined else {})}


def _set_apart(
    schema: Mapping[str, Any], defined: Mapping[str, Any]
) -> Mapping[str, Any]:
    """A schema with other names for what `defined` has another meaning of."""

    def met(held: Mapping[str, Any]) -> str | None:
        return next((n for n, one in held.items() if defined.get(n, one) != one), None)

    inner: Mapping[str, Any] = schema.get("$defs", {})
    while (name := met(inner)) is not None:
        number = 2
        while (other := f"{name}_{number}") in {*defined, *inner}:
            number += 1
        inner = {other if n == name else n: held for n, held in inner.items()}
        text = strictjson.dumps({**schema, "$defs": inner})
        for end in ('"', "/"):
            text = text.replace(_place(name) + end, _place(other) + end)
        schema = cast("Mapping[str, Any]", strictjson.loads(text))
        inner = schema["$defs"]
    return schema


def _place(name: str) -> str:
    """How a reference to a definition begins."""
    return strictjson.dumps(f"#/$defs/{name.replace('~', '~0').replace('/', '~1')}")[
        :-1
    ]


def _leads_elsewhere(schema: Mapping[str, Any]) -> bool:
    """Whether it refers to more than its own `$defs`, as schemas of others may."""
    text = strictjson.dumps(schema)
    return text.count('"$ref"') != text.count('"$ref": "#/$defs/')


def argument_name(name: str) -> str:
    """An argument's name as it stands among others: quoted if it is no identifier."""
    return name if name.isidentifier() else strictjson.dumps(name)


def argument_words(spec: FieldSpec) -> str:
    """An argument with its type in words, and its default.

    One that may be left out and has no default bears a question mark, and a name that
    is no identifier is quoted.
    """
    name = argument_name(spec.name)
    if spec.default is ABSENT:
        return f"{name}?: {spec.wanted}"
    words = f"{name}: {spec.wanted}"
    if spec.required:
        return words
    return f"{words} = {strictjson.dumps(spec.dump(spec.default))}"


def call_words(name: str, fields: Iterable[FieldSpec]) -> str:
    """How something is called, with each argument's type in words."""
    return f"{name}({', '.join(map(argument_words, fields))})"


def arguments_of(
    tool: str, fields: Iterable[FieldSpec], given: Mapping[str, JSON]
) -> dict[str, Any]:
    """Arguments that a model chose, as a function takes them; see `Tool.checked`."""
    known = {each.name: each for each in fields}
    words = call_words(tool, known.values())
    for name in given:
        if name not in known:
            raise Misfit(f"{tool} has no argument {name!r}; it is {words}")
    made: dict[str, Any] = {}
    for name, spec in known.items():
        if name in given and not _left_out(spec, given[name]):
            made[name] = _loaded(tool, spec, given[name])
        elif spec.required:
            raise Misfit(f"{tool} needs {name!r}; it is {words}")
    return made


def _left_out(spec: FieldSpec, data: JSON) -> bool:
    """Whether null stands where nothing is needed, and none is wanted: a gap."""
    if data is not None or spec.required:
        return False
    with contextlib.suppress(ValueError, StepError):
        spec.load(data)
        return False
    return True


def _loaded(tool: str, spec: FieldSpec, data: JSON) -> Any:
    try:
        return spec.load(data)
    except ValueError as error:
        for meant in _meant(data, spec):
            with contextlib.suppress(ValueError, StepError):
                return spec.load(meant)
        raise Misfit(f"{tool} got a wrong {spec.name!r}: {error}") from None


def _meant(data: JSON, spec: FieldSpec) -> Iterator[JSON]:
    """What data that is not of an argument's type may have meant, likeliest first."""
    if isinstance(data, str):
        yield from (made for made, _ in candidates(data, spec))
        if data.strip()[:1] in ("{", "["):  # JSON of a type with several forms
            with contextlib.suppress(NotNearJSON):
                yield loads(data).value
    if isinstance(data, float) and data.is_integer():
        yield int(data)  # to JSON Schema 2.0 is a whole number
    made = mended(data, spec)
    if made is not None:
        yield made[0]
