"""Operations on a word's letters, and on the words of a sentence by their letters."""

from __future__ import annotations

import re

from .operation import Operation, Work, on_word

_BRACKETED = re.compile(r"\[\s*(\w)\s*\]")
_EACH = re.compile(r"\w+(?:['’-]\w+)*")
_LETTER = r"(?:letter|character)"
_WRITTEN = r"\b(?:text|words?|sentence|input|it)\b.{0,12}\b(?:in|to|into)\b.{0,5}"


def starting(text: str) -> str | None:
    """The words that start with the letter in brackets; None without such a letter.

    >>> starting("Their tea is what we are using. [t]")
    'Their tea'
    """
    found = _BRACKETED.search(text)
    if found is None:
        return None
    rest = f"{text[: found.start()]} {text[found.end() :]}"
    first = found[1].casefold()
    return " ".join(w for w in _EACH.findall(rest) if w.casefold().startswith(first))


def _letter(at: int) -> Work:
    return on_word(lambda word: word[at] if -len(word) <= at < len(word) else None)


LETTERS = (
    Operation(
        "Write all the words that start with the letter in brackets.",
        r"\b(?:start|begin)\w* with\b",
        starting,
    ),
    Operation(
        "Write the word with a space between its letters.",
        r"\bspell(?:ing|ed)?\b(?! out)|\bspaces?\b.{0,30}\b(?:between|separat\w+|after)"
        rf"|\b(?:separate|break|split)\w*\b.{{0,40}}\b{_LETTER}s"
        rf"|\b{_LETTER}s\b.{{0,40}}\bseparate",
        on_word(" ".join),
    ),
    Operation(
        "Write the first letter of the word.",
        rf"\b(?:first|initial) {_LETTER}",
        _letter(0),
    ),
    Operation(
        "Write the second letter of the word.", rf"\bsecond {_LETTER}", _letter(1)
    ),
    Operation("Write the third letter of the word.", rf"\bthird {_LETTER}", _letter(2)),
    Operation(
        "Write the last letter of the word.",
        rf"\b(?:last|final) {_LETTER}",
        _letter(-1),
    ),
    Operation(
        "Write how many letters the word has.",
        rf"\b(?:how many|number of|count\w*)\b.{{0,12}}\b{_LETTER}s",
        on_word(lambda word: str(len(word))),
    ),
    Operation(
        "Write the word backwards.",
        r"\bbackwards?\b|\breverse",
        on_word(lambda word: word[::-1]),
    ),
    Operation(
        "Write the text in capital letters.",
        rf"{_WRITTEN}(?:upper[ -]?case|capital)",
        str.upper,
    ),
    Operation(
        "Write the text in lower case.",
        rf"{_WRITTEN}(?:lower[ -]?case|small letters)",
        str.lower,
    ),
)
