"""What a text, or JSON data, that is not of a field's type may have meant.

Candidates only: the field checks each against its type and takes the first that fits.
Closed types are read in the ways that models write them: a choice by case, typography
and punctuation; true and false in words; a number with stars or a full stop. One
reading, or none: where two choices are alike but for what is mended, neither is taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from ..ground.shapes import is_dict, is_list
from ..signature.field import FieldSpec
from ..signature.types import fits, referred
from .among import around, sole
from .asides import THOUGHTS, TOKENS, first_turn, without_last_tokens
from .nearjson import NotNearJSON, loads
from .stated import stated

_EDGES = " \t\r\n\"'`*_.,;:!()[]"
_BEFORE_NUMBER = " \t\r\n`*_=$\u20ac\u00a3"
_AFTER_NUMBER = " \t\r\n`*_.$"
_MARKS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad"),
    }
)
_BETWEEN = re.compile(r"[\s_-]+")
_BULLET = re.compile(r"(?:[-*\u2022]|[0-9]{1,2}[.)])[ \t]+")
_TRUE = frozenset(("true", "yes"))
_FALSE = frozenset(("false", "no"))
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_COUNTED = re.compile(
    r"(\S+) ([a-z]{2,20}s|feet|people|(?:wo)?men|children|[km]ph|[kcm]m|kg|lb|oz|ml"
    r"|min)[.!]?",
    re.IGNORECASE,
)
_SCALES = re.compile(
    r"(?:ten|dozen|score|hundred|thousand|million|billion|trillion|pair|couple|percent"
    r"|third|quarter|fifth|sixth|eighth|tenth|hundredth|thousandth|time|docena|dezena"
    r"|centena|douzaine|centaine|milliard|millier)s|halves|plus|minus|less|[mb]illones",
    re.IGNORECASE,
)
_RESULT = re.compile(r"[0-9.,+*/() $-]+=\s*(\S.*)")
_BOXED = re.compile(r"\$?\\boxed\{([^{}]*)\}\$?")
_MOST = 200  # characters that a value of a closed type may have, with its edges
_MOST_REFERENCES = 8
_OTHERS = "additionalProperties"
_BLANK = " \t\r\n"
_FORMAT_EDGES = " \t\r\n`*_.\"'"
_FENCED = re.compile(r"```[A-Za-z0-9]*+[ \t]*+\n(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<(think(?:ing)?)>.*?</\1>", re.DOTALL)
_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"[0-9]")
_MOST_LINES_BEHIND = 4000  # characters in which another choice is looked for


def candidates(text: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """JSON data that a text may have meant, with what was mended; likeliest first."""
    if not (field.kind or _is_decimal(field)):
        return
    for body, note in _bodies(text):
        if field.kind in ("array", "object"):
            yield from _data(body, note, field)
        else:
            yield from _closed(body, note, field)


def _is_decimal(field: FieldSpec) -> bool:
    """Whether a field holds a decimal, for which no float may stand."""
    kind = field.annotation
    return fits(Decimal, kind) and not (fits(str, kind) or fits(float, kind))


def mended(data: Any, field: FieldSpec) -> tuple[Any, str] | None:
    """JSON data with its closed choices mended; None where none had to be."""
    made = repaired(data, field.schema)
    return None if made is data else (made, "choices read by case and typography")


def without_thought(text: str) -> str:
    r"""The text of a field without a thinking part at its beginning, or the text.

    >>> without_thought("<think>a city</think>\nParis"), without_thought("<think>")
    ('Paris', '<think>')
    """
    found = _THOUGHT.match(text) if text.startswith("<think") else None
    rest = text[found.end() :].strip(_BLANK) if found else ""
    return rest or text


def _bodies(text: str) -> Iterator[tuple[str, str]]:
    """The text, and what is left of it without what is no part of a value."""
    yield text, ""
    kept = without_thought(text)
    if kept is not text:
        yield kept, THOUGHTS
    ended = first_turn(without_last_tokens(kept)).strip(_BLANK)
    if ended != kept:
        yield ended, TOKENS
    fenced = _FENCED.findall(ended) if ended.count("```") == 2 else []
    if fenced:
        yield fenced[0].strip(_BLANK), "read from a code fence among words"


def _closed(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    label, colon, rest = text.partition(":")
    rest = rest.lstrip("*_`").strip(_BLANK)
    named = colon and rest and folded(label) == folded(field.name)
    for body in (text, rest) if named else (text,):
        yield from _one(body, note, field)
        first, newline, behind = body.partition("\n")
        if newline and behind.strip():
            for value, said in _one(first, note, field):
                if not _names_another(behind, value, field):
                    yield value, f"{said}, from the first line"

    yield from _stated(text, note, field)


def _stated(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """The value that a text ends with by its own word, where it says no other."""
    said = [next(_one(part, note, field), None) for part in stated(text)]
    begun = next(_one(text.partition("\n")[0], note, field), None) if said else None
    known = [one for one in (begun, *said) if one is not None]
    if said and None not in said and all(one[0] == known[0][0] for one in known):
        value, read = known[-1]
        yield value, f"{read}, as the text says of its answer"


def _one(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    value: Any = None
    if field.kind == "choice":
        try:
            value = choice_of(text, field.options)
        except LookupError:
            return
        shown = repr(value)
    elif field.kind == "boolean":
        value = bool_of(text)
        shown = str(value).lower()
    elif field.kind == "format":
        value = text.strip(_FORMAT_EDGES)
        shown = repr(value)
    elif _is_decimal(field):
        value = _digits_of(bare_number(text, whole=False), whole=False)
        shown = str(value)
    else:
        whole = field.kind == "integer"
        value = number_of(bare_number(text, whole=whole), whole=whole)
        shown = str(value)
    if value is not None or None in field.options:
        yield value, f"{note}{'; ' * bool(note)}read {text[:80]!r} as {shown}"


def _names_another(text: str, taken: Any, field: FieldSpec) -> bool:
    """Whether what stands behind a value could be another value of its type."""
    behind = text[:_MOST_LINES_BEHIND]
    if field.kind in ("", "integer", "number", "format"):
        return _DIGIT.search(behind) is not None
    if field.kind == "boolean":
        others: tuple[Any, ...] = ("yes", "true") if taken is False else ("no", "false")
    else:
        others = tuple(choice for choice in field.options if choice != taken)
    words = f" {' '.join(_WORD.findall(folded(behind)))} "
    named = (" ".join(_WORD.findall(folded(str(choice)))) for choice in others)
    return any(f" {word} " in words for word in named)


def _data(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """Lists and objects: nearly JSON, or among words."""
    try:
        near = loads(text)
        value, notes = near.value, near.notes
    except NotNearJSON:
        try:
            part = sole(text, "[" if field.kind == "array" else "{")
        except NotNearJSON:
            return
        value, notes = part.value, part.notes
        if around(text, part.start, part.end):
            notes = (*notes, "words around it left out")
    said = "; ".join([*([note] if note else []), *notes]) or "code fence removed"
    yield value, said
    fixed = mended(value, field)
    if fixed is not None:
        yield fixed[0], f"{said}; {fixed[1]}"


def folded(text: str) -> str:
    """A text without what typography, case, edges and separators add to it.

    >>> folded("**Don\u2019t_know.**"), folded("Top\u2011ups")
    ("don't know", 'top ups')
    """
    plain = text.translate(_MARKS)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).translate(_MARKS)
    plain = plain.strip(_EDGES).casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain)
    return _BETWEEN.sub(" ", plain)


def choice_of(text: str, choices: Iterable[Any]) -> Any:
    """The one choice that a text is, but for case, typography and edges.

    Raises:
        LookupError: None is, or several are.

    >>> choice_of("Top-Ups.", ["cards", "top ups"]), choice_of("**2**", [1, 2])
    ('top ups', 2)
    """
    if len(text) > _MOST * 10:
        raise LookupError(text)
    known = list(choices)
    for plain in (text, _BULLET.sub("", text, count=1)):
        word = folded(plain)
        hits = [c for c in known if _is(c, word, plain)]
        if len(hits) == 1:
            return hits[0]
        if hits:
            break
    raise LookupError(text)


def _is(choice: Any, word: str, text: str) -> bool:
    if isinstance(choice, str):
        return folded(choice) == word and word != ""
    if isinstance(choice, bool):
        return word in ("true" if choice else "false", "yes" if choice else "no")
    if choice is None:
        return word in ("none", "null")
    return bool(number_of(text, whole=True) == choice)


def bool_of(text: str) -> bool | None:
    """The truth that a text says in one word; None where it says none."""
    if len(text) > _MOST or text.lstrip(" \t\r\n*`_").startswith(('"', "'")):
        return None
    word = folded(text)
    return True if word in _TRUE else False if word in _FALSE else None


def number_of(text: str, *, whole: bool) -> int | float | None:
    """The number that a text is, but for its edges; None where it is none.

    A comma between groups of three digits is read where it cannot be a decimal one.

    >>> number_of("**42**", whole=True), number_of("1,234", whole=True)
    (42, 1234)
    >>> number_of("1,234", whole=False), number_of("1,234.5", whole=False)
    (None, 1234.5)
    """
    digits = _digits_of(text, whole=whole)
    if digits is None:
        return None
    if digits.lstrip("-").isdigit():
        return int(digits)
    return None if whole else float(digits)


def bare_number(text: str, *, whole: bool) -> str:
    """A number without what it counts and how it came about; else the text.

    One word may say what is counted; words that make another number of it, such as
    thousands, stay. Of a sum the result is the number. Where a whole one is wanted,
    percent are, because no share is whole.

    >>> bare_number("16 minutes", whole=True), bare_number("3 millions", whole=True)
    ('16', '3 millions')
    >>> bare_number("4 + 5 = 9", whole=False), bare_number("25%", whole=False)
    ('9', '25%')
    >>> bare_number("25%", whole=True)
    '25'
    """
    if len(text) > _MOST:
        return text
    summed = _RESULT.fullmatch(text.strip())
    plain = summed[1] if summed else text.strip()
    found = _COUNTED.fullmatch(plain)
    if found and not _SCALES.fullmatch(found[2]):
        plain = found[1]
    return plain.removesuffix("%") if whole else plain


def _digits_of(text: str, *, whole: bool) -> str | None:
    """The digits of the number that a text is, as JSON writes them; None of none."""
    if len(text) > _MOST:
        return None
    boxed = _BOXED.fullmatch(text.strip())
    plain = (boxed[1] if boxed else text).translate(_MARKS)
    plain = plain.lstrip(_BEFORE_NUMBER).rstrip(_AFTER_NUMBER)
    if _GROUPED.fullmatch(plain):
        if not whole and plain.count(",") == 1 and "." not in plain:
            return None
        plain = plain.replace(",", "")
    return plain if _WHOLE.fullmatch(plain) else None


def repaired(data: Any, schema: Mapping[str, Any]) -> Any:
    """JSON data with each text where a closed choice stands as that choice.

    The data itself where nothing is to be mended; what no choice is stays as it is.

    >>> repaired(["Top-ups"], {"type": "array", "items": {"enum": ["top ups"]}})
    ['top ups']
    """
    if not _is_closed(schema):
        return data
    try:
        return _repaired(data, schema, schema)
    except _NoChoice:
        return data


class _NoChoice(Exception):
    """A text where only choices may stand, and that is none: the data cannot fit."""


def _is_closed(schema: Any) -> bool:
    """Whether a choice stands anywhere in a schema; long data is not walked in vain."""
    left = [schema]
    while left:
        part = left.pop()
        if is_dict(part):
            if "enum" in part or "const" in part:
                return True
            left += part.values()
        elif is_list(part):
            left += part
    return False


def _repaired(data: Any, schema: Any, whole: Mapping[str, Any]) -> Any:
    if not (isinstance(data, str) or is_dict(data) or is_list(data)):
        return data
    schemas = list(_alternatives(schema, whole))
    if isinstance(data, str):
        return _repaired_text(data, schemas)
    wanted = "object" if is_dict(data) else "array"
    inner = [s for s in schemas if s.get("type") == wanted]
    if len(inner) != 1:
        return data
    if is_dict(data):
        known, others = inner[0].get("properties", {}), inner[0].get(_OTHERS, {})
        made = {k: _repaired(v, known.get(k, others), whole) for k, v in data.items()}
        return made if any(made[k] is not v for k, v in data.items()) else data
    if is_list(data):
        first, rest = inner[0].get("prefixItems", []), inner[0].get("items", {})
        items = [
            _repaired(v, first[n] if n < len(first) else rest, whole)
            for n, v in enumerate(data)
        ]
        return (
            items if any(a is not b for a, b in zip(items, data, strict=True)) else data
        )
    return data


def _repaired_text(text: str, schemas: list[Mapping[str, Any]]) -> Any:
    if any(s.get("type") == "string" and not _allowed(s) for s in schemas):
        return text
    choices = [c for s in schemas for c in _allowed(s) if isinstance(c, str)]
    if not choices or text in choices:
        return text
    try:
        return choice_of(text, choices)
    except LookupError:
        if all("type" in s or _allowed(s) for s in schemas):
            raise _NoChoice from None
        return text


def _allowed(schema: Mapping[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _alternatives(schema: Any, whole: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas of which one has to fit, references followed."""
    for _ in range(_MOST_REFERENCES):
        if is_dict(schema) and "$ref" in schema:
            schema = referred(schema, whole)
    if is_dict(schema):
        for part in schema.get("anyOf", [schema]):
            yield referred(part, whole)
