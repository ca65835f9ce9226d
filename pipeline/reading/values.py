"""What a text, or JSON data, that is not of a field's type may have meant.

Candidates only: the field checks each against its type and takes the first that fits.
Closed types are read in the ways that models write them: a choice by case, typography
and punctuation; true and false in words; a number with stars or a full stop. One
reading, or none: where two choices are alike but for what is mended, neither is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..errors import ParseError
from ..ground.lazy import deferred
from ..ground.shapes import as_dict, is_dict, is_list
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.types import ONE_LINE, fits
from ..signature.wording import NOT_GIVEN, PLACEHOLDER
from .among import around, in_a_row, sole
from .asides import END, THOUGHTS, TOKENS, first_turn, without_last_tokens
from .data import UnfitError, alternatives, repaired, repaired_or_unfit
from .nearjson import NotNearJSON, loads, said_once
from .nulls import Filled, filled, may_leave_out
from .scalars import (
    FORMAT_EDGES,
    LONGEST,
    bare_number,
    bool_of,
    choice_of,
    date_of,
    digits_of,
    number_of,
    rated,
    rescales,
)
from .typography import folded, name_of, unwrapped, without_latex

if TYPE_CHECKING:
    from . import sentences
else:  # what few replies need
    sentences = deferred(__package__, "sentences")

_BLANK = " \t\r\n"
_LABELS = ("answer", "the answer", "my answer", "final answer", "the final answer")
_TURNS = ("assistant", "ai", "output", "response")
_LISTED = re.compile(r"\s*+1[.)]\s(?=[^\n]*+\n(?:[^\n]*+\n)*?[ \t]*2[.)]\s)")
"""A number that begins a list, and no answer."""
_SHOWN: Mapping[str, Callable[[Any], str]] = {
    "choice": repr,
    "boolean": lambda value: str(value).lower(),
    "format": repr,
}
_FENCED = re.compile(r"```[A-Za-z0-9]*+[ \t]*+\n(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<(think(?:ing)?)>.*?</\1>", re.DOTALL)
_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_FRAMED = "the one member of an object"
_FEW = 3  # words that may be a part of a choice
_MOST_LINES_BEHIND = 4000  # characters in which another choice is looked for


def not_given(spec: Spec, name: str, given: Any) -> tuple[str, str] | None:
    """A text that stands for none in an exchange, with its note; None for all else.

    A copy of `NOT_GIVEN` is an empty text. What a made-up exchange says of a text stays
    as it is, since it is one, and is noted.

    Raises:
        ParseError: The field is the last one, or holds no texts: an answer was wanted.
    """
    if not isinstance(given, str):
        return None
    text, field = given.strip(), spec.outputs[name]
    if text == PLACEHOLDER.format(name) and field.annotation is str:
        return text, "the text of the made-up exchange"
    if text != NOT_GIVEN:
        return None
    if field.annotation is str and name != [*spec.outputs][-1]:
        return "", f"{NOT_GIVEN!r} is no value"
    said = f"field {name!r} is {NOT_GIVEN!r}, as in a demo that has no such value"
    raise ParseError(f"{said}; wanted {field.wanted}", field=name)


def candidates(text: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """JSON data that a text may have meant, with what was mended; likeliest first."""
    if not (field.kind or _is_decimal(field)):
        return
    for body, note in _bodies(text, field):
        if field.kind in ("array", "object"):
            yield from _data(body, note, field)
        else:
            yield from _closed(body, note, field)


def _is_decimal(field: FieldSpec) -> bool:
    """Whether a field holds a decimal, for which no float may stand."""
    kind = field.annotation
    return fits(Decimal, kind) and not (fits(str, kind) or fits(float, kind))


def mended(data: Any, field: FieldSpec) -> tuple[Any, str] | None:
    """JSON data with its values read for their places; None where none had to be.

    What a whole object leaves out is null where its type permits that.
    """
    notes = list[str]()
    if field.kind in ONE_LINE and is_list(data) and len(data) == 1:
        data, notes = data[0], ["the one item of a list"]
    if field.kind in ONE_LINE and is_dict(data) and _is_framed(data, field):
        [data], notes = data.values(), [*notes, _FRAMED]
    try:
        made = repaired_or_unfit(data, field.exact_schema)
    except UnfitError:
        return None
    notes += [] if made is data else ["values read as their types"]
    whole = filled(made, field.schema) if may_leave_out(field) else Filled(made)
    if whole.places:
        made, notes = whole.data, [*notes, whole.note]
    return (made, "; ".join(notes)) if notes else None


def _is_framed(data: Mapping[str, Any], field: FieldSpec) -> bool:
    """Whether an object holds one value, under the field's own name."""
    return len(data) == 1 and name_of(next(iter(data)), [field.name]) is not None


def in_a_loop(text: str, field: FieldSpec) -> Any:
    """The data of an object that says itself again and again; None of any other text.

    It has to name each member: what is missing of a closed object is left out, and what
    is missing of a loop may have been to come.
    """
    once = said_once(text)
    if once is None:
        return None
    data = loads(once).value
    parts = alternatives(field.schema, field.schema)
    named = [as_dict(part.get("properties")).keys() for part in parts]
    return data if any(names and names <= data.keys() for names in named) else None


def without_thought(text: str) -> str:
    r"""The text of a field without a thinking part at its beginning, or the text.

    >>> without_thought("<think>a city</think>\nParis"), without_thought("<think>")
    ('Paris', '<think>')
    """
    found = _THOUGHT.match(text) if text.startswith("<think") else None
    rest = text[found.end() :].strip(_BLANK) if found else ""
    return rest or text


def _bodies(text: str, field: FieldSpec) -> Iterator[tuple[str, str]]:
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
    if field.kind in ONE_LINE and "<" in ended:
        first = END.split(ended, maxsplit=1)[0].strip(_BLANK)
        if first and first != ended:
            yield first, TOKENS
    if text[:1] == "{":
        with suppress(NotNearJSON):
            data = loads(text).value
            if _is_framed(data, field) and isinstance(data[next(iter(data))], str):
                yield next(iter(data.values())), _FRAMED


def _closed(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    for body in dict.fromkeys((text, _unlabelled(text, field), _behind(text, field))):
        yield from _one(body, note, field)
        first, newline, behind = body.partition("\n")
        if newline and behind.strip():
            for value, said in _one(first, note, field):
                another = _names_another(behind, value, field)
                if not another and not sentences.takes_back(behind, value):
                    yield value, f"{said}, from the first line"

    yield from _stated(text, note, field)
    yield from _told(text, note, field)


def _unlabelled(text: str, field: FieldSpec) -> str:
    """What stands behind a label that says that the answer follows, or the text."""
    label, colon, rest = text.partition(":")
    if not colon or len(label) > LONGEST:
        return text
    if folded(label) not in (folded(field.name), *_LABELS, *_TURNS):
        return text
    return rest.lstrip("*_`").strip(_BLANK)


def _behind(text: str, field: FieldSpec) -> str:
    """What stands behind a line that says no more than that the value follows."""
    line, newline, behind = text.partition("\n")
    if not newline or not sentences.introduces(line, field.name):
        return text
    return text if _names_another(line, None, field) else behind.strip(_BLANK)


def _stated(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """The value that a text ends with by its own word, where it says no other."""
    said = [next(_one(part, note, field), None) for part in sentences.stated(text)]
    if not said or None in said:
        return
    begun = _unlabelled(text, field).partition("\n")[0]
    firsts = (
        (begun,) if _LISTED.match(text) else (begun, sentences.first_sentence(begun))
    )
    known = [next(_one(first, note, field), None) for first in firsts]
    kept = [one for one in (*known, *said) if one is not None]
    if all(one[0] == kept[0][0] for one in kept):
        value, read = kept[-1]
        yield value, f"{read}, as the text says of its answer"


def _told(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """The value that a sentence names, where it names no other one."""
    if field.kind not in ONE_LINE:
        return
    known: list[tuple[Any, str]] = []
    for part in sentences.told(text, field.name, field.kind):
        for value, said in _one(part.value, note, field):
            agrees = part.agrees(value, field.name)
            if not agrees or _names_another(part.rest, value, field):
                return
            known.append((value, said))
    if known and all(one[0] == known[0][0] for one in known):
        value, said = known[0]
        yield value, f"{said}, as the sentence says"


def _one(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """The value that a text is, or that it is without LaTeX or brackets around it."""
    bare = without_latex(text) if len(text) <= LONGEST * 10 else text
    for body in dict.fromkeys((text, bare, unwrapped(bare))):
        try:
            value = _value_of(body, field)
        except LookupError:
            continue
        shown = _SHOWN.get(field.kind, str)(value)
        yield value, f"{note}{'; ' * bool(note)}read {text[:80]!r} as {shown}"
        return


def _value_of(text: str, field: FieldSpec) -> Any:
    """The value of a closed type that a text is.

    Raises:
        LookupError: It is none.
    """
    value: Any
    if field.kind in ("choice", "integer", "number"):
        text = rated(text, alternatives(field.schema, field.schema))
    if field.kind == "choice":
        return choice_of(text, field.options)
    if field.kind == "boolean":
        value = bool_of(text)
    elif field.kind == "format":
        value = unwrapped(text.strip()).strip(FORMAT_EDGES)
        schemas = alternatives(field.schema, field.schema)
        if any(one.get("format") == "date" for one in schemas):
            value = date_of(text) or value
    elif _is_decimal(field):
        value = digits_of(bare_number(text, whole=False), whole=False)
    else:
        whole = field.kind == "integer"
        value = number_of(bare_number(text, whole=whole), whole=whole)
    if value is None:
        raise LookupError(text)
    return value


def _names_another(text: str, taken: Any, field: FieldSpec) -> bool:
    """Whether what stands behind a value could be another value of its type."""
    behind = text[:_MOST_LINES_BEHIND]
    if field.kind in ("integer", "number"):
        return _DIGIT.search(behind) is not None or rescales(behind, taken)
    if field.kind in ("", "format"):
        return _DIGIT.search(behind) is not None
    if field.kind == "boolean":
        others: tuple[Any, ...] = ("yes", "true") if taken is False else ("no", "false")
    else:
        others = tuple(choice for choice in field.options if choice != taken)
    words, own = _WORD.findall(folded(behind)), _WORD.findall(folded(str(taken)))
    named = [_WORD.findall(folded(str(choice))) for choice in others]
    if len(words) <= _FEW and any({*own} < {*one} <= {*own, *words} for one in named):
        return True  # "Positive (very)"
    said = f" {' '.join(words)} "
    return any(f" {' '.join(one)} " in said for one in named)


def _data(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """Lists and objects: nearly JSON, or among words."""
    plainly = repaired(text, field.exact_schema)
    as_list = f"{note}{'; ' * bool(note)}read as a list"
    if plainly is not text and text[:1] not in ("{", "["):
        yield plainly, as_list
        return
    try:
        near = loads(text)
        value, notes = near.value, near.notes
    except NotNearJSON:
        try:
            part = in_a_row(text) if field.kind == "array" else None
            part = part or sole(text, "[" if field.kind == "array" else "{")
        except NotNearJSON:
            yield from [(plainly, as_list)] * (plainly is not text)
            return
        value, notes = part.value, part.notes
        if around(text, part.start, part.end):
            notes = (*notes, "words around it left out")
    said = "; ".join([*([note] if note else []), *notes]) or "code fence removed"
    yield value, said
    fixed = mended(value, field)
    if fixed is not None:
        yield fixed[0], f"{said}; {fixed[1]}"
