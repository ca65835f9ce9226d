"""What a text, or JSON data, that is not of a field's type may have meant.

Candidates only: the field checks each against its type and takes the first that fits.
Closed types are read in the ways that models write them: a choice by case, typography
and punctuation; true and false in words; a number with stars or a full stop. One
reading, or none: where two choices are alike but for what is mended, neither is taken.

Models that were taught to work a problem out do so where only a value is wanted, and
then say which part of it is the answer: in so many words, behind the mark that GSM8K's
solutions end with (Cobbe et al. 2021, arXiv 2110.14168), or in a box (MATH, Hendrycks
et al. 2021, arXiv 2103.03874).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import ParseError
from ..ground.lazy import deferred
from ..ground.shapes import as_dict, is_list
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.types import fits
from ..signature.wording import NOT_GIVEN, PLACEHOLDER
from .among import around, in_a_row, sole
from .asides import THOUGHTS, TOKENS, first_turn, without_last_tokens
from .data import UnfitError, alternatives, repaired, repaired_or_unfit
from .nearjson import NotNearJSON, loads, said_once
from .nulls import Filled, filled, may_leave_out
from .scalars import (
    DENIES,
    FORMAT_EDGES,
    LONGEST,
    bare_number,
    bool_of,
    choice_of,
    digits_of,
    number_of,
    rated,
    rescales,
)
from .typography import BOX, folded, without_latex

if TYPE_CHECKING:
    from . import sentences
else:  # what few replies need
    sentences = deferred(__package__, "sentences")

_BLANK = " \t\r\n"
_LABELS = ("answer", "the answer", "my answer", "final answer", "the final answer")
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
_DIGIT = re.compile(r"[0-9]")
_MOST_LINES_BEHIND = 4000  # characters in which another choice is looked for
_SAID = re.compile(
    r"(?:^|(?<=[.!?]\s))[ \t*_#]*+"
    r"(?:(?:so|thus|hence|therefore|finally),?[ ])?"
    r"(?:(?:the|my)[ ](?:final[ ]|correct[ ])?answer[ ]is|final[ ]answer"
    r"|(?:(?:the|my)[ ])?(?:correct[ ])?answer(?=[*_]{0,3}[ ]?:))"
    r"[*_]{0,3}[ ]?:?[ ]?(?P<said>[^\w\n]{0,20}\w[^\n]{0,199})"
    r"|^\#{4}[ ]*+(?P<marked>[^\n]{1,200})"
    rf"|{BOX}",
    re.IGNORECASE | re.MULTILINE,
)
_MOST = 4
_LONGEST = 4000
_MARGIN = " \t\r\n*_$."
_SENTENCE = re.compile(r"(?<=[.!?])\s|[\u3002\uff1f\uff01\n]")
_AROUND = " \t\r\n$*_`"
_CLOSED = re.compile(r"(?:[\s$*_`.!\u3002]|\\[)\]])*+")
_ENDING = re.compile(r"(?:[\s$*_`.!\u3002]|\\[)\]])*\Z")
_MOST_BEHIND = 80
_HOPED = re.compile(r"\bi hope (?:it|this) is correct\b\W*\Z", re.IGNORECASE)
_CLOSING = re.compile(
    r"(?:\b(?:it|that|this) is|\bin (?:all|total)|\baltogether)\Z", re.IGNORECASE
)
_UNIT = re.compile(r"[^\W\d_]{1,20}")
_DENIED = re.compile(
    rf"{DENIES}|\b(?:none|neither|nor|whether|unless|rather|instead|except|perhaps|maybe"
    r"|may be|might|possibly|unlikely|unsure|doubt|suppose|assume|guess|sa(?:ys?|id)"
    r"|claim(?:s|ed)?)\b|\bif\b[^,\n]*\Z"
    r"|(?:\b(?:or|than|at (?:least|most)|up to)|[<>\u2264\u2265\u2260~]|!="
    r"|\\(?:neq?|l[et]q?|g[et]q?))\s*\Z",
    re.IGNORECASE,
)


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
    """JSON data with its values read for their places; None where none had to be.

    What a whole object leaves out is null where its type permits that.
    """
    notes = list[str]()
    if field.kind in ("boolean", "choice") and is_list(data) and len(data) == 1:
        data, notes = data[0], ["the one item of a list"]
    try:
        made = repaired_or_unfit(data, field.exact_schema)
    except UnfitError:
        return None
    notes += [] if made is data else ["values read as their types"]
    whole = filled(made, field.schema) if may_leave_out(field) else Filled(made)
    if whole.places:
        made, notes = whole.data, [*notes, whole.note]
    return (made, "; ".join(notes)) if notes else None


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
    rest = _unlabelled(text, field)
    for body in (text,) if rest is text else (text, rest):
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
    if folded(label) not in (folded(field.name), *_LABELS):
        return text
    return rest.lstrip("*_`").strip(_BLANK)


def _stated(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """The value that a text ends with by its own word, where it says no other."""
    said = [next(_one(part, note, field), None) for part in stated(text)]
    if not said or None in said:
        return
    begun = _unlabelled(text, field).partition("\n")[0]
    firsts = (begun,) if _LISTED.match(text) else (begun, first_sentence(begun))
    known = [next(_one(first, note, field), None) for first in firsts]
    kept = [one for one in (*known, *said) if one is not None]
    if all(one[0] == kept[0][0] for one in kept):
        value, read = kept[-1]
        yield value, f"{read}, as the text says of its answer"


def _told(text: str, note: str, field: FieldSpec) -> Iterator[tuple[Any, str]]:
    """The value that a sentence names, where it names no other one."""
    if field.kind not in ("choice", "boolean", "integer", "number"):
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
    """The value that a text is, or that it is without the LaTeX around it."""
    bare = without_latex(text) if len(text) <= LONGEST * 10 else text
    for body in (text,) if bare == text else (text, bare):
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
        value = text.strip(FORMAT_EDGES)
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
    words = f" {' '.join(_WORD.findall(folded(behind)))} "
    named = (" ".join(_WORD.findall(folded(str(choice)))) for choice in others)
    return any(f" {word} " in words for word in named)


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


def stated(text: str) -> list[str]:
    r"""The parts of a text that it says are its answer; none where it goes on.

    Only a sentence of its own says so: not one that is quoted, nor a condition. A box
    says so in a sentence that denies nothing; behind it may stand what it counts.

    >>> stated("25 + 40 = 65.\n\nThe answer is $65."), stated("6 * 7\n#### 42")
    (['$65.'], ['42'])
    >>> stated("If the answer is 5, all is well."), stated("The answer is 5.\nOr not.")
    ([], [])
    >>> stated("Thus \\boxed{12} eggs."), stated("\\boxed{5} is wrong; it is 6.")
    (['12 eggs'], [])
    """
    if len(text) > _LONGEST:
        return []
    text = _HOPED.sub("", text)
    found = list(islice(_SAID.finditer(text), _MOST + 1))
    if not found or len(found) > _MOST:
        return []
    last = found[-1]
    parts = [one[one.lastgroup or 0] for one in found]
    if any(one["boxed"] is not None and _is_denied(text, one) for one in found):
        return []
    if last["boxed"] is None:
        return [] if text[last.end() :].strip(_MARGIN) else parts
    counted = _behind(text[last.end() :])
    if counted is None:
        return []
    return [*parts[:-1], f"{parts[-1]} {counted}".rstrip()]


def first_sentence(text: str) -> str:
    """The sentence that a text begins with.

    >>> first_sentence("5. The answer is 6."), first_sentence("1.5 of 3")
    ('5.', '1.5 of 3')
    """
    return _SENTENCE.split(text.strip(), maxsplit=1)[0]


def _is_denied(text: str, box: re.Match[str]) -> bool:
    """Whether the sentence that a box stands in takes it back, or leaves it open."""
    before = text[: box.start()].rstrip(_AROUND)
    while before.endswith(("\\[", "\\(")):
        before = before[:-2].rstrip(_AROUND)
    head = "" if before[-1:] in ".!?" else _SENTENCE.split(before)[-1]
    tail = _SENTENCE.split(text[box.end() :], maxsplit=1)[0]
    return bool(_DENIED.search(head) or _DENIED.search(tail))


def _behind(text: str) -> str | None:
    """What a box counts, by what closes a text behind it; None where that says more."""
    said = _CLOSED.sub("", text, count=1)
    if len(said) > _MOST_BEHIND:
        return None
    said = _CLOSING.sub("", _ENDING.sub("", said)).rstrip()
    return said if not said or _UNIT.fullmatch(said) else None
