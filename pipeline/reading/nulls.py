"""Members that a whole object leaves out, read as the null that their type permits.

Writers of JSON leave out what is not there, and models were taught by what they write.
So a key that no default stands for, and whose type has None, is read as null: where the
object is closed, holds another member of those that it should, and holds none that
nobody asked for. Such a one may be the missing member under another name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..ground.shapes import is_dict, is_list
from ..signature.field import FieldSpec
from ..signature.types import referred
from .data import alternatives

LEFT_OUT = "left out, read as null"
_MOST_NAMED = 8


class Filled(NamedTuple):
    """JSON data with nulls for what was left out, and where: `friends[0].email`."""

    data: Any
    places: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What is said of it; empty where nothing was left out."""
        if not self.places:
            return ""
        more = len(self.places) - _MOST_NAMED
        said = ", ".join(map(repr, self.places[:_MOST_NAMED]))
        return f"{said}{f' and {more} more' * (more > 0)} {LEFT_OUT}"


def left_out(
    data: Mapping[str, Any], fields: Mapping[str, FieldSpec], leading: str
) -> tuple[str, ...]:
    """The outputs that an object leaves out, and that are null then.

    Args:
        data: The object, closed and with the names of the fields.
        fields: The outputs, by name.
        leading: An output that leads to the others: who writes that alone has
            answered nothing yet.
    """
    if not data.keys() - {leading}:
        return ()
    needed = [name for name, field in fields.items() if field.required]
    nullable = (name for name, field in fields.items() if _permits(field.schema))
    return _absent(data, fields, needed, nullable)


def filled(data: Any, schema: Mapping[str, Any]) -> Filled:
    """JSON data with a null for each member that is left out at any depth.

    >>> part = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    >>> whole = {"type": "object", "required": ["name", "nick"]}
    >>> whole["properties"] = {"name": {"type": "string"}, "nick": part}
    >>> filled({"name": "Ann"}, whole).data, filled({"name": "Ann"}, whole).note
    ({'name': 'Ann', 'nick': None}, "'nick' left out, read as null")
    >>> filled({"name": "Ann", "nik": "A."}, whole).places, filled({}, whole).places
    ((), ())
    """
    filling = _Filling(schema)
    made = filling.fill(data, schema, "")
    return Filled(made, (*filling.places,)) if filling.places else Filled(data)


@lru_cache(maxsize=512)
def may_leave_out(field: FieldSpec) -> bool:
    """Whether any object of a field's type has a required member that may be null."""
    return any(
        _permits(part["properties"][name], field.schema)
        for part in _objects(field.schema)
        for name in part.get("required", ())
        if name in part["properties"]
    )


def _objects(schema: Any) -> Iterator[Mapping[str, Any]]:
    """All parts of a schema that name the members of an object."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if is_dict(part):
            if is_dict(part.get("properties")):
                yield part
            waiting += part.values()
        elif is_list(part):
            waiting += part


class _Filling:
    """One pass over data, which is copied where a member of it was left out."""

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._whole = whole
        self.places: list[str] = []

    def fill(self, data: Any, schema: Any, place: str) -> Any:
        if is_list(data):
            return self._list(data, schema, place)
        return self._object(data, schema, place) if is_dict(data) else data

    def _list(self, data: list[Any], schema: Any, place: str) -> list[Any]:
        kinds = [*alternatives(schema, self._whole)]
        kinds = [one for one in kinds if one.get("type") == "array"]
        if len(kinds) != 1:
            return data
        first, rest = kinds[0].get("prefixItems", []), kinds[0].get("items", {})
        return [
            self.fill(item, first[n] if n < len(first) else rest, f"{place}[{n}]")
            for n, item in enumerate(data)
        ]

    def _object(self, data: dict[str, Any], schema: Any, place: str) -> dict[str, Any]:
        kinds = [*alternatives(schema, self._whole)]
        kinds = [one for one in kinds if one.get("type") == "object"]
        if len(kinds) > 1:
            kinds = [one for one in kinds if self._is_tagged(data, one)]
        if len(kinds) != 1:
            return data
        [kind] = kinds
        known, others = kind.get("properties", {}), kind.get("additionalProperties", {})
        head = f"{place}." if place else ""
        made = {
            key: self.fill(value, known.get(key, others), f"{head}{key}")
            for key, value in data.items()
        }
        nullable = (k for k, part in known.items() if _permits(part, self._whole))
        absent = _absent(data, known, kind.get("required", ()), nullable)
        self.places += [f"{head}{name}" for name in absent]
        return made | dict.fromkeys(absent)

    def _is_tagged(self, data: Mapping[str, Any], kind: Mapping[str, Any]) -> bool:
        """Whether an object has the constants of one of several kinds, which has some.

        A kind without any may be what is meant by whatever it is.
        """
        parts = {
            name: referred(part, self._whole)
            for name, part in kind.get("properties", {}).items()
        }
        tags = {name: part["const"] for name, part in parts.items() if "const" in part}
        return all(name in data and data[name] == tags[name] for name in tags)


def _absent(
    data: Mapping[str, Any],
    known: Collection[str],
    needed: Iterable[str],
    nullable: Iterator[str],
) -> tuple[str, ...]:
    """The members that are null since an object leaves them out; none in doubt."""
    missing = [name for name in needed if name not in data]
    if not missing or not data or not all(key in known for key in data):
        return ()
    nulls = {*nullable}
    return (*(name for name in missing if name in nulls),)


def _permits(schema: Any, whole: Mapping[str, Any] | None = None) -> bool:
    """Whether null may stand where a schema holds, by its own word."""
    return any(
        one.get("type") == "null"
        or ("const" in one and one["const"] is None)
        or None in one.get("enum", ())
        for one in alternatives(schema, whole or schema)
    )
