"""JSON values among words: what stands in a reply, and what of it is only quoted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..ground import strictjson
from .nearjson import MOST_CHARS, Near, NotNearJSON, loads, read_at
from .typography import keyed, loosened, loosened_member

BEGINS = {
    "{": re.compile(r"""\{\s*+(?:["'\u201c}]|[^\W\d][\w$-]*+\s*+:|//|/\*)"""),
    "[": re.compile(
        r"""\[\s*+(?:["'\u201c\[{\]]|-?[0-9]|(?i:true|false|null|none)\b)"""
    ),
}
"""An opening bracket that begins data: a name follows, or nothing; else it is prose."""
_BRACKETS = re.compile(r"[{}\[\]]")
_INSIDE = re.compile(r"""(?:["'\u201d]\s*+:|,)\s*+\Z""")
_SURPLUS = re.compile(r"(?:\s*+\})+")
_GOES_ON = re.compile(r"""\s*+(?:[}\]]|,\s*+(?:["'\u201c]|[^\W\d]\w*+\s*+:))""")
_FENCES = re.compile(r"```[A-Za-z0-9]*+")
_BETWEEN = re.compile(r"\s*+[,;]?\s*+(?:(?:[-*\u2022]|[0-9]{1,3}[.)])[ \t]++)?+")
_INTRODUCED = re.compile(rf"(?:[^\n{{}}]{{0,200}}:[ \t]*\n)?{_BETWEEN.pattern}")
_ESCAPED = re.compile(r"""\{\s*+\\+["']""")
_COMMA = re.compile(r",\s+")
_SEMICOLON = re.compile(r";\s*")
_LINE = re.compile(r"\n")
_ITEM = re.compile(
    r"(?P<mark>[-*+\u2022\u2013\u2014\u25e6\u25aa\u25cf\u2023\u00b7]"
    r"|\(?(?P<number>[0-9]{1,4})[.)])[ \t]+(?P<text>\S.*)"
)
MOST_ITEMS = 1000
"""Of a list; what is longer was never meant to be read by people."""
MOST_VALUES = 256
"""How many values, read or not, a reply may hold: each may be looked at whole."""


class Part(NamedTuple):
    """A value that stands in a text, and where."""

    value: Any
    start: int
    end: int
    notes: tuple[str, ...]


def parts(text: str, opening: str = "{") -> list[Part]:
    """The outermost objects (or lists) of a text, in order.

    What begins as data and cannot be read is passed over with all that stands in it;
    nothing inside it counts.

    Raises:
        NotNearJSON: Something begins as data, cannot be read and has no end, so that
            what stands behind may stand inside it; or there are too many values.

    >>> [part.value for part in parts("From {Rome, Paris}: {'answer': 'Paris'}")]
    [{'answer': 'Paris'}]
    """
    if len(text) > MOST_CHARS:
        raise NotNearJSON(f"longer than {MOST_CHARS} characters")
    found: list[Part] = []
    at, tried, broken = 0, 0, False
    while (begun := BEGINS[opening].search(text, at)) is not None:
        start, tried = begun.start(), tried + 1
        if tried > MOST_VALUES:
            raise NotNearJSON("too many values")
        try:
            near = read_at(text, start)
        except NotNearJSON as error:
            at, broken = _closing(text, start, error), True
            continue
        if not _stands_alone(text, start, near, broken=broken):
            raise NotNearJSON("the object is part of another one")
        found.append(Part(near.value, start, near.end, near.notes))
        at = near.end
    return found


def _closing(text: str, start: int, error: NotNearJSON) -> int:
    """Where a value that cannot be read ends, if its brackets tell."""
    depth = 0
    for bracket in _BRACKETS.finditer(text, start):
        depth += 1 if bracket[0] in "{[" else -1
        if depth == 0:
            return bracket.end()
    raise error


def _stands_alone(text: str, start: int, near: Near, *, broken: bool) -> bool:
    """Whether a value is no member of something around it that cannot be read."""
    end = near.end
    # Where no brace was opened before it, one too many closes nothing, and where one
    # was doubled two do.
    if "{" not in text[:start].rstrip("{ \t\r\n"):
        surplus = _SURPLUS.match(text, end)
        end = surplus.end() if surplus else end
    if _GOES_ON.match(text, end) and not _in_list(text, start, end):
        return False
    return not (broken and _INSIDE.search(text[max(0, start - 80) : start]))


def _in_list(text: str, start: int, end: int) -> bool:
    """Whether the value is the whole of a list, as in `[{...}]`."""
    before, behind = text[:start].rstrip()[-1:], text[end:].lstrip()[:1]
    return before == "[" and behind == "]"


def sole(text: str, opening: str = "{") -> Part:
    """The only object (or list) of a text.

    Raises:
        NotNearJSON: There is none, there are several, or it cannot be read.
    """
    found = parts(text, opening) or escaped(text)
    if len(found) != 1:
        raise NotNearJSON(f"{len(found)} values")
    return found[0]


def in_a_row(text: str) -> Part | None:
    r"""The objects of a text that holds nothing else, as a list; None of any other.

    On lines of their own as in JSON Lines, between commas, or behind the marks of a
    list; a line before them may say that they follow.

    Raises:
        NotNearJSON: One of them cannot be read.

    >>> in_a_row('{"a": 1}\n{"a": 2}').value, in_a_row('{"a": 1} or {"a": 2}')
    ([{'a': 1}, {'a': 2}], None)
    """
    if "{" not in text:
        return None
    found = parts(text)
    ends = [0, *(part.end for part in found)]
    starts = [*(part.start for part in found), len(text)]
    gaps = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    if len(found) < 2 or not _INTRODUCED.fullmatch(gaps[0]):
        return None
    if not all(map(_BETWEEN.fullmatch, gaps[1:])):
        return None
    notes = (note for part in found for note in part.notes)
    told = (*dict.fromkeys(notes), "objects in a row read as a list")
    return Part([part.value for part in found], 0, len(text), told)


def escaped(text: str) -> list[Part]:
    r"""The object of a text that is one with its quotes escaped, as within a string.

    >>> [part.value for part in escaped(r"{\"a\": 1}")], escaped('{"a": 1}')
    ([{'a': 1}], [])
    """
    plain = text.strip()
    if not _ESCAPED.match(plain):
        return []
    try:
        near = loads(loads(f'"{plain}"').value)
    except NotNearJSON:
        return []
    return [Part(near.value, 0, len(text), (*near.notes, "escapes around it"))]


def around(text: str, start: int, end: int) -> str:
    """What stands around a value, code fences left out."""
    if start == 0 and end == len(text):
        return ""
    return _FENCES.sub("", text[:start] + text[end:]).strip()


def is_echo(
    value: Mapping[str, Any], source: str, names: Iterable[str], echoed: str
) -> bool:
    """Whether an object, or each of its members of these names, stands in the inputs.

    It is compared with the inputs as they were written, but for its spelling.
    """
    if not echoed:
        return False
    loose, given = loosened(source), loosened(echoed)
    if loose in given:
        return True
    members = [
        loosened_member(f"{strictjson.dumps(name)}:{strictjson.dumps(value[name])}")
        for name in names
        if name in value
    ]
    return bool(members) and all(member in given for member in members)


def meant(
    source: str, names: Iterable[str], known: Collection[str], echoed: str
) -> Iterator[tuple[str, str]]:
    """What an object says under keys that mean names it lacks: texts, others as JSON.

    Args:
        source: The object as it was written.
        names: The names.
        known: Those that it has.
        echoed: The inputs, `loosened`; what is quoted from them is no answer.
    """
    missing = [name for name in names if name not in known]
    if not missing:
        return
    try:
        data = loads(source).value
    except NotNearJSON:
        return
    keys = keyed(data, missing)
    if keys and not is_echo(data, source, [*names, *keys], echoed):
        for key, name in keys.items():
            value = data[key]
            yield name, value if isinstance(value, str) else strictjson.dumps(value)


def listed(text: str) -> list[str]:
    r"""The items of a list whose every line has its mark; none of any other text.

    A line before them may say that they follow.

    >>> listed("- one\n- two"), listed("So:\n1. one\n2. two"), listed("- one\n  more")
    (['one', 'two'], ['one', 'two'], [])
    >>> listed("2. one\n1. two"), listed("* one\n- two")
    ([], [])
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].rstrip().endswith(":") and not _ITEM.match(lines[0].strip()):
        del lines[0]
    if len(lines) > MOST_ITEMS:
        return []
    found = [_ITEM.fullmatch(line.strip()) for line in lines]
    items = [item for item in found if item is not None]
    edges = {len(line) - len(line.lstrip()) for line in lines}
    if len(items) < len(lines) or len(edges) > 1:
        return []
    numbers = [item["number"] for item in items]
    marks = {item["mark"][-1] for item in items}
    ordered = numbers == [str(n) for n in range(1, len(items) + 1)]
    return [i["text"] for i in items] * (len(marks) == 1 and ordered >= any(numbers))


def between_commas(text: str) -> list[str]:
    r"""What stands between commas or semicolons, or on the lines, of a text.

    >>> between_commas("a; b"), between_commas("a, b; c"), between_commas("a")
    (['a', 'b'], ['a', 'b; c'], ['a'])
    >>> between_commas("1, 2, 3"), between_commas("a\nb"), between_commas("1,234")
    (['1', '2', '3'], ['a', 'b'], ['1,234'])
    """
    if len(text) > MOST_ITEMS * 100:
        return []
    mark = _COMMA if "," in text else _SEMICOLON if ";" in text else _LINE
    parts = mark.split(text.strip())
    return [part.strip() for part in parts]
