"""What stands around a word and adds nothing to it: typography, case, marks, LaTeX.

In whatever script it stands. So are the marks of a form read whose names are written
otherwise, `[[ Answer ]]`, `First Name:` or `# Answer`: of fields that no mark as it was
asked for begins, so that none that a call has set apart is ever outvoted. LaTeX is what
solutions of mathematics put around a value (MATH, Hendrycks et al. 2021, arXiv
2103.03874).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
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
RESPELLED = "names read by case and typography"
"""The repair that says so."""
LINE = re.compile(
    r"^[ \t]*+(?P<mark>(?P<lead>[-*] |\d{1,2}[.)] |(?P<hash>\#{1,6}) )?"
    r"(?P<edge>(?:(?=(?P<open>[*_`]))[*_`]{1,3}+)?+)"
    r"(?P<name>[^\W\d][\w -]{0,80}?)(?P<tag>#\d+)?"
    r"(?:(?P=edge)[ \t]{0,4}[:\uff1a]|[ \t]{0,4}[:\uff1a](?P=edge)"
    r"|(?P=edge)(?P<bare>)(?(hash)|(?(open)|(?!)))(?=[ \t\r]*+\n\s*+\S)))",
    re.MULTILINE,
)
"""A name that begins a line: with its colon, or, as a heading of Markdown, alone on it.

With what is opened and closed there, and with what stands before an item of a list.
"""
_DECORATION = re.compile(r"[^\w\[\]<>:]|_")
_THOUGHT = re.compile(r"</?think|\[/?THINK\]", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


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


_FRAMED = re.compile(
    r"<(?P<tag>[\w-]{1,40})>(?P<tagged>[^<>]{1,200})</(?P=tag)>"
    r"|<(?P<angled>[^<>{}\n]{1,200})>|\{(?P<braced>[^<>{}\n]{1,200})\}"
)
_PARTS = "\u200d\ufe0e\ufe0f\u20e3"
"""What joins pictures, and says how they are drawn."""
_NEGATES = re.compile(r"CROSS|\bX\b|DOWN|\bNO\b|PROHIBIT|NEGATIVE|QUESTION|THINKING")


def without_pictures(text: str) -> str:
    """A text without the pictures before and behind it; the text where one says no.

    >>> without_pictures("yes \u2705"), without_pictures("\u274c yes")
    ('yes', '\u274c yes')
    """
    start, end = 0, len(text)
    while start < end and _is_picture(text[start]):
        start += 1
    while end > start and _is_picture(text[end - 1]):
        end -= 1
    around = text[:start] + text[end:]
    said = any(_NEGATES.search(unicodedata.name(mark, "")) for mark in around)
    return text if said else text[start:end]


def _is_picture(mark: str) -> bool:
    """Whether a character is a picture, a part of one, or a blank."""
    if mark.isascii():
        return mark.isspace()
    return mark in _PARTS or unicodedata.category(mark) in ("So", "Sk")


def unwrapped(text: str) -> str:
    """A value without the tags, or a placeholder's brackets, around it; or the text.

    >>> unwrapped("<42>"), unwrapped("<n>{42}</n>"), unwrapped("<a> or <b>")
    ('42', '{42}', '<a> or <b>')
    """
    found = _FRAMED.fullmatch(text.strip())
    return found[found.lastgroup or 0].strip() if found else text


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


def name_of(written: str, names: Iterable[str]) -> str | None:
    """The one of some names that was written with another case or other separators.

    >>> name_of("First Name", ["first_name", "last_name"])
    'first_name'
    >>> name_of("firstName", ["first_name"]), name_of("name", ["first_name"])
    ('first_name', None)
    """
    known = _byfolded(tuple(names))
    return known.get(folded(written)) or known.get(folded(_HUMP.sub(" ", written)))


def keyed(data: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    """The keys of an object that stand for names which are none of its keys.

    >>> keyed({"Answer": 1, "why": 2}, ["answer", "why"])
    {'Answer': 'answer'}
    >>> keyed({"Answer": 1, "ANSWER": 2}, ["answer"])
    {}
    """
    missing = [name for name in names if name not in data]
    found = {key: name_of(key, missing) for key in data} if missing else {}
    meant = Counter(found.values())
    return {key: n for key, n in found.items() if n and meant[n] == 1}


def respelled(
    text: str,
    pattern: re.Pattern[str],
    names: Collection[str],
    fence: str,
    mark: Callable[[str, re.Match[str]], str],
    echoed: str,
    needed: Collection[str] = (),
    given: Collection[str] = (),
) -> str | None:
    """A reply with each mark that is written otherwise as it was asked for.

    Args:
        text: The reply.
        pattern: What looks like a mark: `mark` is what is replaced, `name` its name and
            `tag` what sets it apart.
        names: The names that a mark may have.
        fence: What sets the marks of this call apart.
        mark: Writes the mark of a name.
        echoed: The inputs of the call: a mark that stands in them is quoted, however
            it is spelt there.
        needed: Names of which each must be met.
        given: Names that end what stands before them, or are its words: behind another
            name there is no telling.

    Returns:
        The reply, or None where nothing in it is such a mark.
    """
    if _THOUGHT.search(text):
        return None  # a part of one is left, and what it holds is no answer
    inputs = _undecorated(echoed)
    quoted: dict[str, bool] = {}
    parts: list[str] = []
    met: set[str] = set()
    at = 0
    for found in pattern.finditer(text):
        name = name_of(found["name"], names)
        if name is None or (found["tag"] or "") != fence:
            continue
        lead, bare = _led(found)
        spelt = found["mark"].removeprefix(lead).replace(found["name"], name)
        spelt = f"{name}{fence}" if bare else _undecorated(spelt)
        if spelt not in quoted:
            told = _is_heading(spelt, echoed) if bare else spelt in inputs
            quoted[spelt] = bool(inputs) and told
        if quoted[spelt]:
            continue
        if name in given and not met.issubset(given):
            return None
        parts += [text[at : found.start("mark")], mark(name, found)]
        at = found.end()
        met.add(name)
    again = "".join([*parts, text[at:]])
    return again if again != text and met.issuperset(needed) else None


def _led(found: re.Match[str]) -> tuple[str, bool]:
    """What stands before a mark in its line, and whether no colon makes it one."""
    groups = found.groupdict()
    return groups.get("lead") or "", groups.get("bare") is not None


def _is_heading(name: str, inputs: str) -> bool:
    """Whether a name is decorated in the inputs, or stands there alone in a line.

    Of a value of several lines that is written in one, a line is what its escapes say.
    """
    words = r"[\s_-]*".join(map(re.escape, _BETWEEN.split(name)))
    alone = rf"(?:\A|[\n:\"']|\\n)\s*+{words}\s*(?:\Z|[\n\"']|\\[nr])"
    told = re.compile(rf"[*_`#]\s*+{words}|{words}\s*+[*_`#]|{alone}", re.IGNORECASE)
    return told.search(inputs.translate(MARKS)) is not None


def _undecorated(text: str) -> str:
    """What makes a mark of a text, and its letters: for comparing."""
    return _DECORATION.sub("", loosened(text))


@lru_cache(maxsize=512)
def _byfolded(names: tuple[str, ...]) -> Mapping[str, str]:
    """Names by their folds; those that fold alike stand for none."""
    folds = [folded(name) for name in names]
    alone = zip(folds, names, strict=True)
    return {fold: name for fold, name in alone if fold and folds.count(fold) == 1}
