"""Bindings: where a value comes from, as immutable data.

A binding is a constant, a reference to what a node gives, or a list, tuple or dict of
bindings. Sources whose name starts with `$` are no nodes: `$input.x` is an input of the
program, `$each.x` the parameter of a region's body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import StepError
from ..ground import strictjson
from ..ground.words import brief
from ..signature.types import type_name

INPUT = "$input"


@dataclass(frozen=True, slots=True)
class Const:
    """A value fixed when the program was traced."""

    value: Any


@dataclass(frozen=True, slots=True)
class Take:
    """A node's result, or an input of the program, and a path of attributes in it."""

    source: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pack:
    """A list, tuple or dict of bindings; keys name the entries of a dict."""

    kind: Literal["list", "tuple", "dict"]
    items: tuple[Binding, ...]
    keys: tuple[Any, ...] = ()


Binding = Const | Take | Pack


def is_node(source: str) -> bool:
    """Whether a source is a node, and no input and no parameter of a body.

    >>> is_node("search"), is_node("$input.question")
    (True, False)
    """
    return not source.startswith("$")


def source_name(source: str) -> str:
    """A source as a person would write it.

    >>> source_name("search"), source_name("$input.question"), source_name("$each.p")
    ('search', 'question', 'p')
    """
    return source if is_node(source) else source.rpartition(".")[2]


def takes_of(binding: Binding) -> Iterator[Take]:
    """Every reference in a binding, in order."""
    if isinstance(binding, Take):
        yield binding
    elif isinstance(binding, Pack):
        for item in binding.items:
            yield from takes_of(item)


def resolve(binding: Binding, values: Mapping[str, Any]) -> Any:
    """The value of a binding, given the values of its sources.

    Raises:
        StepError: A step gave something else than it promises, which has no such
            attribute; or a program's caller did.
    """
    if isinstance(binding, Take):
        value = values[binding.source]
        for name in binding.path:
            try:
                value = getattr(value, name)
            except AttributeError as error:
                raise _not_there(binding, name, value) from error
        return value
    if isinstance(binding, Const):
        return copied(binding.value)
    items = [resolve(item, values) for item in binding.items]
    if binding.kind == "dict":
        return dict(zip(binding.keys, items, strict=True))
    return items if binding.kind == "list" else tuple(items)


def _not_there(binding: Take, name: str, value: object) -> StepError:
    """What a step gave is not checked against its annotation, which wired the graph."""
    who = source_name(binding.source)
    return StepError(
        f"{show(binding)} is not there: {brief(repr(value))} is of the type "
        f"{type_name(type(value))}, which has no {name!r}",
        hint=f"Let {who!r} give what its annotation promises",
    )


def copied(value: object) -> Any:
    """A value whose lists, tuples, dicts and sets are its own, however deep.

    >>> given = {"a": [1]}
    >>> copied(given) == given, copied(given)["a"] is given["a"]
    (True, False)
    """
    copy = _COPIES.get(type(value))
    return value if copy is None else copy(value)


_COPIES: dict[type[Any], Callable[[Any], Any]] = {
    list: lambda value: [copied(v) for v in value],
    tuple: lambda value: tuple(copied(v) for v in value),
    dict: lambda value: {k: copied(v) for k, v in value.items()},
    set: set,
}


def rebound(binding: Binding, changes: Mapping[Take, Binding]) -> Binding:
    """A binding with some references replaced, wherever they stand in it.

    A change for a whole result also holds for the fields taken from it, where it is a
    reference itself.
    """
    if isinstance(binding, Pack):
        items = tuple(rebound(item, changes) for item in binding.items)
        return Pack(binding.kind, items, binding.keys)
    if isinstance(binding, Const):
        return binding
    if binding in changes:
        return changes[binding]
    whole = changes.get(Take(binding.source))
    if isinstance(whole, Take):
        return Take(whole.source, (*whole.path, *binding.path))
    return binding


def show(binding: Binding) -> str:
    """A binding as a person would write it.

    >>> show(Pack("list", (Take("search"), Const(3))))
    '[search, 3]'
    """
    if isinstance(binding, Const):
        return brief(repr(binding.value), 40)
    if isinstance(binding, Take):
        return ".".join((source_name(binding.source), *binding.path))
    inner = [show(item) for item in binding.items]
    if binding.kind == "dict":
        pairs = zip(binding.keys, inner, strict=True)
        return "{" + ", ".join(f"{k!r}: {v}" for k, v in pairs) + "}"
    if binding.kind == "list":
        return f"[{', '.join(inner)}]"
    return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"


def described(binding: Binding) -> dict[str, Any]:
    """A binding as plain JSON data; a constant that is none stands as its type."""
    if isinstance(binding, Const):
        try:
            plain = strictjson.loads(strictjson.dumps(binding.value))
        except (TypeError, ValueError):
            return {"opaque": type_name(type(binding.value))}
        return {"const": plain}
    if isinstance(binding, Take):
        return {"take": [binding.source, *binding.path]}
    packed: dict[str, Any] = {binding.kind: [described(i) for i in binding.items]}
    if binding.kind == "dict":
        packed["keys"] = list(binding.keys)
    return packed


def opaque_in(binding: Binding) -> str:
    """The type of a constant in a binding that has no JSON form; empty for none.

    >>> opaque_in(Pack("list", (Const(1), Const(print))))
    'builtin_function_or_method'
    """
    if isinstance(binding, Pack):
        found = [opaque_in(item) for item in binding.items]
        return next((kind for kind in found if kind), "")
    if isinstance(binding, Const):
        return str(described(binding).get("opaque", ""))
    return ""


def bound_from(data: Mapping[str, Any]) -> Binding:
    """A binding from its description; the inverse of `described`.

    Raises:
        ValueError: The data is no binding.
    """
    keys = set(data)
    if keys == {"const"}:
        return Const(data["const"])
    if keys == {"take"}:
        source, *path = data["take"]
        if not all(isinstance(p, str) for p in (source, *path)):
            raise ValueError("a reference is a list of names")
        if any(name.startswith("_") for name in path):
            raise ValueError("a reference takes no private attribute")
        return Take(source, tuple(path))
    for kind in ("list", "tuple", "dict"):
        if keys == ({kind, "keys"} if kind == "dict" else {kind}):
            items = tuple(bound_from(item) for item in data[kind])
            named = tuple(data.get("keys", ()))
            if kind == "dict" and len(named) != len(items):
                raise ValueError("a dict has as many keys as items")
            return Pack(kind, items, named)
    raise ValueError(f"not a binding: {sorted(keys)}")
