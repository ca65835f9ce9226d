"""What stands in a reply and is no answer: thinking parts, and a template's own tokens.

Reasoning models open or close their thoughts in the text itself, some servers give the
opening tag to the prompt so that a reply begins inside, and many small models write the
token that ends a turn as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from ..errors import ParseError

_THINKING = ("think", "thinking", "thought", "seed:think")
_TAGS = (*_THINKING, "reasoning", "reflection")
_TAG = re.compile(rf"<(/?(?:{'|'.join(_TAGS)}))>|\[(/?THINK)\]")
CLOSING = frozenset((*_THINKING, "THINK"))
"""Names of tags that close thoughts even where none opens them."""
LONGEST_TAG = max(map(len, _TAGS)) + 3
_BLANK = " \t\r\n"

ENDS = (
    *(f"<|{name}|>" for name in ("im_end", "endoftext", "end", "eot_id", "eom_id")),
    *(f"<|{name}|>" for name in ("end_of_text", "eot", "end_of_turn", "return")),
    *("<|END_OF_TURN_TOKEN|>", "<|assistant_end|>", "</s>", "<eos>"),
    *("<end_of_turn>", "<turn|>", "<\uff5cend\u2581of\u2581sentence\uff5c>"),
)
STARTS = (
    *(f"<|{name}|>" for name in ("im_start", "start", "start_header_id", "user")),
    *(f"<|{name}|>" for name in ("system", "assistant", "begin_of_text")),
    *("<|START_OF_TURN_TOKEN|>", "<s>", "<bos>", "<start_of_turn>", "<|turn>"),
)
END = re.compile("|".join(map(re.escape, ENDS)))
START = re.compile("|".join(map(re.escape, STARTS)))
_END_RUN = re.compile(rf"(?:(?:{END.pattern})[ \t\r\n]*+)++")
_LONGEST_TOKEN = max(map(len, ENDS))
_MOST_THOUGHTS = 8
_MOST_TAGS = 4096  # beyond these a reply is a flood, and nothing in it is mended
TOKENS = "a chat template's own tokens left out"
THOUGHTS = "what was thought left out"


class Readable(Protocol):
    """What was read of a reply."""

    @property
    def values(self) -> Any:
        """The values by field name."""
        ...

    def noting(self, notes: tuple[str, ...]) -> Self:
        """The same, with what had to be mended."""
        ...


P = TypeVar("P", bound=Readable)


class Said(NamedTuple):
    """A reply without what is no answer in it."""

    text: str
    notes: tuple[str, ...] = ()
    unclosed: bool = False


@lru_cache(maxsize=512)
def names_of_thoughts(fields: tuple[str, ...]) -> frozenset[str]:
    """The tags that hold thoughts where a signature has these fields.

    A tag named as a field is that field's, or may be: it is never taken for thoughts.
    """
    return frozenset((*_TAGS, "THINK")).difference(fields)


@lru_cache(maxsize=512)
def _tags_of(names: frozenset[str]) -> re.Pattern[str]:
    return re.compile(f"</?(?:{'|'.join(map(re.escape, sorted(names)))})>")


def may_think(text: str, fields: tuple[str, ...]) -> bool:
    """Whether a text holds a tag of thoughts."""
    if "THINK]" in text:
        return True
    return _tags_of(names_of_thoughts(fields)).search(text) is not None


def without_asides(
    text: str, begins: Callable[[str, int], int], fields: tuple[str, ...]
) -> Said:
    """The reply without its thinking parts and without its template's last tokens.

    A part counts as thinking where it stands before the answer; behind that, tags are
    text of a field, which may speak of anything. `begins` says where the structure of
    an answer begins, from a place on.

    >>> without_asides("<think>[[ a ]]?</think>yes</s>", lambda t, at: len(t), ()).text
    'yes'
    """
    notes: list[str] = []
    kept, unclosed = _without_thoughts(text, begins, names_of_thoughts(fields))
    if kept is not text:
        text = kept
        notes.append(THOUGHTS)
    if unclosed:
        return Said(text, tuple(notes), unclosed=True)
    kept = without_last_tokens(text)
    if kept is not text:
        text = kept
        notes.append(TOKENS)
    return Said(text, tuple(notes))


def _without_thoughts(
    text: str, begins: Callable[[str, int], int], names: frozenset[str]
) -> tuple[str, bool]:
    kept: list[str] = []
    at, begun = 0, -1
    while len(kept) < _MOST_TAGS:
        opening = next((t for t in tags(text, names, at) if not t.closes), None)
        if opening is None:
            break
        if begun < at:
            begun = begins(text, at)
        if opening.start > begun:
            break
        kept.append(text[at : opening.start])
        end = text.find(closing_of(opening.name), opening.end)
        if end < 0:
            return "".join(kept), True
        at = end + len(closing_of(opening.name))
    return ("".join([*kept, text[at:]]) if at else text), False


class Tag(NamedTuple):
    """A tag of thoughts, and where it stands."""

    name: str
    closes: bool
    start: int
    end: int


def tags(text: str, names: Collection[str], at: int = 0) -> Iterator[Tag]:
    """The tags of thoughts in a text, from a place on."""
    for found in islice(_TAG.finditer(text, at), _MOST_TAGS):
        whole = found[1] or found[2]
        name = whole.lstrip("/")
        if name in names:
            yield Tag(name, whole[0] == "/", *found.span())


def before_tag(text: str, start: int) -> int:
    """Where a text ends that is surely no beginning of a tag."""
    for at in range(max(start, len(text) - LONGEST_TAG + 1), len(text)):
        if text[at] in "<[" and ">" not in text[at:] and "]" not in text[at:]:
            return at
    return len(text)


def closing_of(name: str) -> str:
    """The tag that closes a thought opened by that name."""
    return "[/THINK]" if name == "THINK" else f"</{name}>"


def behind_thoughts(
    text: str, begins: Callable[[str, int], int], fields: tuple[str, ...]
) -> str | None:
    """What stands behind thoughts that were closed and never opened.

    >>> behind_thoughts("so it is yes</think>yes", lambda t, at: len(t), ())
    'yes'
    >>> behind_thoughts("yes", lambda t, at: len(t), ())
    """
    names, behind = names_of_thoughts(fields), None
    for _ in range(_MOST_THOUGHTS):
        end = _first_unopened(text, names)
        if not end:
            break
        behind = text = without_asides(text[end:], begins, fields).text
    return behind


def unopened(text: str, names: frozenset[str]) -> Iterator[int]:
    """Where tags end that close a thought which nothing in the text opens."""
    opened = 0
    for tag in tags(text, names & CLOSING):
        if not tag.closes:
            opened += 1
        elif opened:
            opened -= 1
        else:
            yield tag.end


def _first_unopened(text: str, names: frozenset[str]) -> int:
    """Where the first run of tags ends that close thoughts nothing opens; else 0."""
    opened, end = 0, 0
    for tag in tags(text, names & CLOSING):
        if end and not tag.closes:
            break
        if opened and tag.closes:
            opened -= 1
        elif tag.closes:
            end = tag.end
        else:
            opened += 1
    return end


def count_unopened(text: str) -> int:
    """How many tags in a text close thoughts that nothing opens."""
    return sum(1 for _ in unopened(text, CLOSING))


def without_last_tokens(text: str) -> str:
    """The text without the tokens that end a turn at its end, or the text itself."""
    whole = text.rstrip(_BLANK)
    end = len(whole)
    least = max(0, end - _MOST_TAGS * _LONGEST_TOKEN)
    while end > least and whole[end - 1] == ">":
        start = whole.rfind("<", max(0, end - _LONGEST_TOKEN), end)
        if start < 0 or not END.fullmatch(whole, start, end):
            break
        end = start
        while end and whole[end - 1] in _BLANK:
            end -= 1
    return text if end == len(whole) else text[:end]


def without_closing(text: str, mark: str) -> str:
    r"""The text up to the mark that closes it at its end, or the text itself.

    >>> without_closing("Paris\n[[ /city ]]\n", "[[ /city ]]")
    'Paris'
    """
    whole = without_last_tokens(text).rstrip(_BLANK)
    return whole[: -len(mark)].rstrip(_BLANK) if whole.endswith(mark) else text


def first_turn(text: str) -> str:
    r"""The text up to where it ends its turn and begins another, or the text itself.

    >>> first_turn("yes<|im_end|>\n<|im_start|>user\\nand now?")
    'yes'
    """
    if "<" not in text:
        return text
    for run in _END_RUN.finditer(text):
        if run.end() == len(text) or START.match(text, run.end()):
            return text[: run.start()]
    return text


def read_without_asides(
    text: str,
    names: tuple[str, ...],
    read: Callable[[str, bool], P],
    begins: Callable[[str, int], int],
) -> P:
    """What is read of a reply, its thinking parts and its template's tokens off.

    Args:
        text: The reply.
        names: The fields'.
        read: Reads a text of which nothing is to be left out; and is told whether a
            token of its template ended it.
        begins: Where the structure of an answer begins in a text, from a place on.

    Raises:
        ParseError: What is left cannot be used, or two readings are.
    """
    if not may_think(text, names):
        kept = without_last_tokens(text)
        if kept is text:
            return read(text, False)
        return read(kept, True).noting((TOKENS,))
    said = without_asides(text, begins, names)
    ended = TOKENS in said.notes
    behind = behind_thoughts(said.text, begins, names)
    if behind is None or said.unclosed:
        parsed = read(said.text, ended).noting(said.notes)
        # Forms that have no frame read an empty text there.
        if said.unclosed and not said.text.strip():
            raise ParseError("the reply ends within what was thought", field=names[0])
        return parsed
    notes = (THOUGHTS, *said.notes)
    try:
        whole = read(said.text, ended)
    except ParseError as error:
        try:
            return read(behind, ended).noting(notes)
        except ParseError:
            raise error from None
    # A field may speak of such a tag; one that stands in none ends a thought.
    spoken_of = count_unopened(repr(whole.values)) == count_unopened(said.text)
    try:
        answer = read(behind, ended)
    except ParseError:
        if spoken_of:
            return whole.noting(said.notes)
        raise
    if spoken_of and answer.values != whole.values:
        raise ParseError("what was thought and what was answered both read well")
    return answer.noting(notes)


def unfenced(text: str) -> str:
    """A text without the code fence that is all around it, or the text."""
    if not (text.startswith("```") and text.endswith("```") and len(text) > 6):
        return text
    first, newline, rest = text.partition("\n")
    if not newline or not re.fullmatch(r"```[A-Za-z0-9]*", first.rstrip(_BLANK)):
        return text
    return rest[:-3].strip(_BLANK)
