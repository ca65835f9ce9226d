"""What stands around a word and adds nothing to it: typography, case, marks, LaTeX.

In whatever script it stands. LaTeX is what solutions of mathematics put around a value
(MATH, Hendrycks et al. 2021, arXiv 2103.03874).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

MARKS: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad"),
    }
)
"""Quotes and dashes as a keyboard has them; characters that nobody sees are gone."""
STOPS: Final = "\u3002\uff61\uff0e\u0964\u0965\u06d4\u0589\u1362\u104b\u17d4\u1803"
"""The full stops of scripts that have one of their own."""
_EDGES = " \t\r\n\"'`*_.,;:!()[]"
_PUNCTUATION = ("Po", "Ps", "Pe", "Pi", "Pf")
_SAYS_MORE = re.compile(r"QUESTION|INTERROBANG|PERCENT|\bPER\b|SECTION SIGN|DAGGER")
_BETWEEN = re.compile(r"[\s_-]+")
_LOOSE = re.compile(r"[\s\\]+")
_UNICODE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_BARE_NAME = re.compile(r"(?<=[{,])([^\W\d][\w$-]*+):")
_CURLY = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u2018": '"', "\u2019": '"', "'": '"'}
)


def folded(text: str) -> str:
    """A text without what typography, case, edges and separators add to it.

    >>> (
    ...     folded("**Don\u2019t_know.**"),
    ...     folded("Top\u2011ups"),
    ...     folded("\u300cS\u00cd\u3002\u300d"),
    ... )
    ("don't know", 'top ups', 's\u00ed')
    """
    plain = text.translate(MARKS)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).translate(MARKS)
    plain = _without_edges(plain.strip(_EDGES)).casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain)
    return _BETWEEN.sub(" ", plain)


def _without_edges(text: str) -> str:
    """A text without the punctuation, of any script, that stands around it."""
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and _is_edge(text[end - 1]):
        end -= 1
    return text[start:end]


@lru_cache(maxsize=1024)
def _is_edge(mark: str) -> bool:
    """Whether a character only opens or closes; one that asks or counts says more."""
    if mark.isascii():
        return mark in _EDGES
    if unicodedata.category(mark) not in _PUNCTUATION:
        return mark.isspace()
    return not _SAYS_MORE.search(unicodedata.name(mark, "QUESTION"))


BOX: Final = r"\\boxed\{(?P<boxed>(?:[^{}\n]|\{[^{}\n]*+\}){1,200}+)\}"
"""A box, which may hold what is in braces once more."""
_BOX = re.compile(BOX)
_MATH = re.compile(
    r"\$\$(?P<shown>[^$]*+)\$\$|\$(?P<within>[^$]*+)\$"
    r"|\\\((?P<round>(?:[^\\]|\\(?!\)))*+)\\\)"
    r"|\\\[(?P<square>(?:[^\\]|\\(?!\]))*+)\\\]"
)
_WORDS = re.compile(r"\\(?:text(?:bf|it|rm|tt)?|math(?:bf|it|rm|tt)|mbox)\{([^{}]*+)\}")
_SPACE = re.compile(r"\\(?:[ ,;:!]|quad\b)|(?<=\S)~(?=\S)")
_ESCAPED = re.compile(r"\\([$%#&_])")
_MARGIN = " \t\r\n`*_."


def without_latex(text: str) -> str:
    r"""A value as it would stand without LaTeX; the text where there is none.

    >>> without_latex(r"\(5\)."), without_latex(r"\boxed{\text{A}}")
    ('5', 'A')
    >>> without_latex(r"$\boxed{1{,}200\text{ eggs}}$"), without_latex("$5")
    ('1,200 eggs', '$5')
    """
    if "\\" not in text and "$" not in text:
        return text
    plain = text.strip(_MARGIN)
    plain = _inside(_BOX.sub(r" \g<boxed> ", _inside(plain)).strip(_MARGIN))
    plain = _WORDS.sub(r"\1", plain).replace("{,}", ",")
    return _ESCAPED.sub(r"\1", _SPACE.sub(" ", plain)).strip()


def _inside(text: str) -> str:
    """What stands in the mathematics that a text is, or the text."""
    found = _MATH.fullmatch(text)
    return found[found.lastgroup or 0].strip(_MARGIN) if found else text


def loosened(text: str) -> str:
    r"""A text without what one may spell otherwise and mean the same, for comparing.

    These are spacing, escapes, kinds of quotes, those around names and values, capitals
    and accents. What begins a text begins it so, too.

    >>> loosened('{"a": "Caf\u00e9"}'), loosened("{a:\n'CAFE'}")
    ('{"a":cafe"}', '{"a":cafe"}')
    """
    if "\\u" in text:
        text = _UNICODE.sub(lambda found: chr(int(found[1], 16)), text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _LOOSE.sub("", text).translate(_CURLY)
    if not text.isascii():
        whole = unicodedata.normalize("NFKD", text)
        text = _BEYOND_ASCII.sub(lambda found: _base(found[0]), whole)
    return _BARE_NAME.sub(r'"\1":', text.casefold()).replace(':"', ":")


def loosened_member(text: str) -> str:
    """The beginning of an object's member, or all of it, as it stands in `loosened`."""
    return loosened(f"{{{text}").removeprefix("{").rstrip('"')


def _base(texts: str) -> str:
    return "".join(c for c in texts if unicodedata.category(c) not in ("Mn", "Cf"))
