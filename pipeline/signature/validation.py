"""Values against JSON Schemas as jsonschema understands them, within bounds.

jsonschema knows the drafts. What is ours is what a schema that nobody vouches for asks
for: each part that can be reached is looked at before a value is, nothing is fetched,
patterns are matched in linear time, and the work on one value is counted, so that a
schema that doubles at each level is an error and no hang. The first fault ends it.
"""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from fractions import Fraction
from functools import cache
from typing import Any, TypeAlias

import jsonschema
import jsonschema.validators
import referencing.exceptions
from jsonschema.exceptions import ValidationError
from referencing.jsonschema import SchemaRegistry, specification_with

from ..errors import SignatureError
from ..ground.shapes import is_dict, is_list
from ..ground.words import brief
from .strings import FORMATS, matcher
from .vocabulary import LATEST, Part, asked_at_once, draft_of, inner_of

Rule: TypeAlias = Callable[[Any, Any, Any, Any], Iterable[Any] | None]
"""A keyword of jsonschema: validator, what the schema gives it, value, schema."""

_LEAST, _A_NODE = 100_000, 1000  # steps that a value may take, and each part of it
_TEXT = 64  # characters that count as one part
_LOOP = 16  # names that a rule looks up in one step
_DRAFTS: Mapping[str, Any] = {
    "draft-04": jsonschema.Draft4Validator,
    "draft-06": jsonschema.Draft6Validator,
    "draft-07": jsonschema.Draft7Validator,
    "2019-09": jsonschema.Draft201909Validator,
    LATEST: jsonschema.Draft202012Validator,
}
_LIBRARY: Any = jsonschema.validators  # it ships no types
_KNOWN: SchemaRegistry = _LIBRARY.SPECIFICATIONS
_NOWHERE = (
    referencing.exceptions.Unresolvable,
    referencing.exceptions.NoSuchResource,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


class _Work:
    """What one value may still take, and the choices that were looked at for it."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.choices: dict[int, frozenset[Any]] = {}


_WORK: ContextVar[_Work] = ContextVar("work on a value")


class Checker:
    """One schema, ready to check values.

    Args:
        schema: Plain JSON data, which is not changed.

    Raises:
        SignatureError: It is no schema, refers to what is not in it, or holds a
            pattern that takes more than linear time.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        parts = _reached(schema, draft_of(schema))
        self._validator = _checking(draft_of(schema, parts))(schema, registry=_KNOWN)

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value first, in words; None where nothing is.

        Args:
            value: Plain JSON data.
        """
        held = _WORK.set(_Work(_LEAST + _A_NODE * _size(value)))
        try:
            error = next(self._validator.iter_errors(value), None)
        except _TooMuch:
            return "checking it takes more steps than so much data is worth"
        except RecursionError:
            return "it is nested too deeply to be checked"
        finally:
            _WORK.reset(held)
        if error is None:
            return None
        where = ".".join(map(str, error.absolute_path))
        got = brief(repr(error.instance))
        said = f"{brief(error.message, 400)} (got {got})"
        return f"{brief(where)}: {said}" if where else said


class _TooMuch(Exception):
    """The steps of one value are used up."""


def _reached(schema: Mapping[str, Any], draft: str) -> list[Part]:
    """Every part that a value can meet, references followed; each is well formed."""
    specification = specification_with(_DRAFTS[draft].META_SCHEMA["$schema"])
    try:
        whole = specification.create_resource(schema)
        resolver = _KNOWN.resolver_with_root(whole)
    except _NOWHERE as error:
        raise _unusable(f"its name: {str(error)[:80]}") from None
    left: list[tuple[Any, Any]] = [(schema, resolver)]
    seen: dict[int, Part] = {}
    same: dict[int, list[int]] = {}  # which parts a part asks of the same value
    while left:
        part, at = left.pop()
        if isinstance(part, bool) or id(part) in seen:
            continue
        seen[id(part)] = made = Part(part)
        try:
            if part is not schema and ("$id" in part or "id" in part):
                at = at.in_subresource(specification.create_resource(part))
            for reference in made.references:
                found = at.lookup(reference)
                left.append((found.contents, found.resolver))
                same.setdefault(id(part), []).append(id(found.contents))
        except _NOWHERE:
            told = ", ".join(brief(repr(text)) for text in made.references)
            raise _unusable(
                f"the reference {told}, which leads to nothing in it,"
            ) from None
        left += [(inner, at) for inner in inner_of(part)]
        same.setdefault(id(part), []).extend(map(id, asked_at_once(part)))
        for pattern in made.patterns:
            matcher(pattern)
    try:
        graphlib.TopologicalSorter(same).prepare()
    except graphlib.CycleError:
        raise _unusable("a reference to itself that never ends") from None
    return [*seen.values()]


def _unusable(what: str) -> SignatureError:
    return SignatureError(
        f"a JSON Schema with {what} cannot be checked",
        hint="Put what it refers to into the schema, under $defs; nothing is fetched",
    )


def _size(value: Any) -> int:
    """How many parts a value has; a long text counts as several."""
    size, left = 0, [value]
    while left:
        part = left.pop()
        size += 1
        if isinstance(part, str):
            size += len(part) // _TEXT
        elif is_dict(part):
            left += part.values()
        elif is_list(part):
            left += part
    return size


@cache
def _checking(draft: str) -> Any:
    """The validator class of a draft, with each of its rules counted."""
    known: Any = _DRAFTS[draft]
    rules = {name: _counted(rule) for name, rule in known.VALIDATORS.items()}
    for name, rule in _OURS.items():
        if name in rules:
            rules[name] = _counted(rule)
    for name in _TELLING & rules.keys():
        rules[name] = _weighed(rules[name])
    return _LIBRARY.extend(known, rules)


def _counted(rule: Rule) -> Rule:
    def check(validator: Any, given: Any, value: Any, schema: Any) -> Iterable[Any]:
        names = len(given) if is_list(given) or is_dict(given) else 0
        _spend(1 + names // _LOOP)
        return rule(validator, given, value, schema) or ()

    return check


def _weighed(rule: Rule) -> Rule:
    """A rule whose words repeat the value, which is work as well."""

    def check(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
        for error in rule(validator, given, value, schema) or ():
            _spend(len(error.message) // _TEXT)
            yield error

    return check


def _spend(steps: int) -> None:
    work = _WORK.get()
    work.left -= steps
    if work.left < 0:
        raise _TooMuch


_TELLING = frozenset(
    (
        *("contains", "maxItems", "maxLength", "maxProperties", "minContains"),
        *("minItems", "minLength", "minProperties", "not", "propertyNames"),
        *("unevaluatedItems", "unevaluatedProperties"),
    )
)


def _type(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    if value is None and schema.get("nullable") is True:
        return  # as OpenAPI 3.0 says that null is a value too
    kinds = [given] if isinstance(given, str) else given
    if not any(validator.is_type(value, kind) for kind in kinds):
        yield ValidationError(f"is not of type {', '.join(map(repr, kinds))}")


def _any_of(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    del schema
    if not any(validator.evolve(schema=part).is_valid(value) for part in given):
        yield ValidationError("fits none of the schemas of which one has to fit")


def _one_of(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    del schema
    fit = (n for n, p in enumerate(given) if validator.evolve(schema=p).is_valid(value))
    first, second = next(fit, None), next(fit, None)
    if first is None:
        yield ValidationError("fits none of the schemas of which one has to fit")
    elif second is not None:
        yield ValidationError(
            f"fits number {first + 1} and number {second + 1} of the schemas of which "
            "only one may fit"
        )


def _pattern(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    del validator, schema
    if isinstance(value, str) and not matcher(given)(value):
        yield ValidationError(f"does not match {given!r}")


def _named(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    """`patternProperties`."""
    del schema
    if not is_dict(value):
        return
    for pattern, part in given.items():
        matches = matcher(pattern)
        for name, inner in value.items():
            _spend(1)
            if matches(name):
                yield from validator.descend(
                    inner, part, path=name, schema_path=pattern
                )


def _others(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    """`additionalProperties`."""
    if not is_dict(value):
        return
    known = schema.get("properties", {})
    matching = [matcher(pattern) for pattern in schema.get("patternProperties", ())]
    for name, inner in value.items():
        _spend(1 + len(matching))
        if name in known or any(matches(name) for matches in matching):
            continue
        if given is False:
            yield ValidationError(f"{brief(name)!r} is no property of it")
        else:
            yield from validator.descend(inner, given, path=name)


def _choice(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    del validator, schema
    known = _WORK.get().choices
    if id(given) not in known:
        known[id(given)] = frozenset(map(_key, given))
    if _key(value) not in known[id(given)]:
        yield ValidationError("is none of the choices")


def _const(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    del validator, schema
    if _key(given) != _key(value):
        yield ValidationError(f"is not {brief(repr(given))}")


def _unlike(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    """`uniqueItems`."""
    del validator, schema
    if given and is_list(value) and len({_key(item) for item in value}) < len(value):
        yield ValidationError("holds an item twice")


def _key(value: Any) -> Any:
    """What two values have in common that JSON Schema takes for one."""
    if isinstance(value, bool) or value is None:
        return (type(value), value)
    if is_list(value):
        return tuple(_key(item) for item in value)
    if is_dict(value):
        return frozenset((name, _key(inner)) for name, inner in value.items())
    return value


def _multiple(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    del schema
    if not validator.is_type(value, "number"):
        return
    if (_exact(value) / _exact(given)).denominator != 1:
        yield ValidationError(f"is not a multiple of {given}")


def _exact(number: Any) -> Fraction:
    """A number as it was written, not as its bits are."""
    return Fraction(number if isinstance(number, int) else repr(number))


def _format(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
    del validator, schema
    fits = FORMATS.get(given)
    if fits is not None and isinstance(value, str) and not fits(value):
        yield ValidationError(f"is no {given}")


_OURS: Mapping[str, Rule] = {
    "additionalProperties": _others,
    "anyOf": _any_of,
    "const": _const,
    "enum": _choice,
    "format": _format,
    "multipleOf": _multiple,
    "oneOf": _one_of,
    "pattern": _pattern,
    "patternProperties": _named,
    "type": _type,
    "uniqueItems": _unlike,
}
