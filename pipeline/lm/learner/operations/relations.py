"""Operations on what a word looks like beside others: opposites, rhymes, cognates.

English makes many opposites with a prefix, rhymes share the end of a word, and words of
Latin and Greek origin keep regular endings in other languages. What no such rule makes
is not found: no dictionary stands behind them.
"""

from __future__ import annotations

import functools
import re

from .operation import Operation, capital, on_word

_PREFIX = re.compile(
    r"(?:un|non-?|dis|im(?=[bmp])|il(?=l)|ir(?=r)|in(?=[^bmplr]))(?=\w{4})",
    re.IGNORECASE,
)
_LATIN = re.compile(r"(?:ible|[ae]nce|[ae]ncy|ent|ibility|[^bl]ity)$", re.IGNORECASE)
_END = re.compile(r"(?:[aeiou]+|(?<=[^aeiou])y)[^aeiouy\W]*(?:e[sd]?|y)?$")
_ONSETS = ("s", "m")

_Endings = tuple[tuple[str, str], ...]
_FRENCH: _Endings = (
    (r"(?<=[aeio])ty$", "té"),
    (r"ical$|ic$", "ique"),
    (r"ary$", "aire"),
    (r"ory$", "oire"),
    (r"ous$", "eux"),
    (r"(?<=is[tm])$", "e"),
    (r"(?<=[tcs])or$", "eur"),
    (r"(?<=[^aeiou])y$", "ie"),
    (r"ive$", "if"),
    (r"(?<=[^aeiou])er$", "re"),
    (r"(?<=[bcdgpt]ol)$", "e"),
)
_SPANISH: _Endings = (
    (r"ssion$", "sión"),
    (r"tion$", "ción"),
    (r"ion$", "ión"),
    (r"(?<=[aeio])ty$", "dad"),
    (r"(?<=[ae]n)ce$", "cia"),
    (r"ical$|ic$", "ico"),
    (r"(?<=[ao]r)y$", "io"),
    (r"ous$", "oso"),
    (r"(?<=ist)$", "a"),
    (r"(?<=ism)$", "o"),
    (r"age$", "aje"),
    (r"ive$", "ivo"),
    (r"(?<=[ae]nt)$", "e"),
    (r"(?<=[^aeiou])y$", "ía"),
    (r"ss$", "so"),
    (r"(?<=[ctp]t)$", "o"),
    (r"th", "t"),
    (r"ph", "f"),
)
_GERMAN: _Endings = (
    (r"ity$", "ität"),
    (r"ical$", "isch"),
    (r"ary$", "är"),
    (r"ous$", "ös"),
    (r"(?<=ism)$", "us"),
    (r"ive$", "iv"),
    (r"(?<=[^aeiou])y$", "ie"),
    (r"^c(?=[aloru])|c(?=[tlr]|$)", "k"),
)


def opposite(word: str) -> str:
    """The opposite that a prefix makes: taken off where there is one.

    >>> [opposite(w) for w in ("ineffective", "skilled", "prudence", "coherence")]
    ['effective', 'unskilled', 'imprudence', 'incoherence']
    """
    if found := _PREFIX.match(word):
        return word[found.end() :]
    first = word[0].casefold()
    if not _LATIN.search(word):
        return f"un{word}"
    if first in "bmp":
        return f"im{word}"
    return f"i{first}{word}" if first in "lr" else f"in{word}"


def rhyme(word: str) -> str | None:
    """The end of a word after another consonant; whether it is a word is not known.

    >>> rhyme("polite"), rhyme("side"), rhyme("hmm")
    ('site', 'mide', None)
    """
    low = word.casefold()
    found = _END.search(low)
    if found is None:
        return None
    made = [f"{onset}{found[0]}" for onset in _ONSETS]
    return next(one for one in made if not low.endswith(one))


def cognate(endings: _Endings, word: str) -> str:
    """A word with the endings that cognates of it have in another language.

    >>> cognate(_SPANISH, "combination"), cognate(_FRENCH, "galaxy")
    ('combinación', 'galaxie')
    """
    for pattern, ending in endings:
        word = re.sub(pattern, ending, word, count=1, flags=re.IGNORECASE)
    return word


RELATIONS = (
    Operation(
        "Write a word that means the opposite.",
        r"\bopposite|\bantonym|\bcontrary\b",
        on_word(opposite),
    ),
    Operation("Write a word that rhymes with the word.", r"\brhym", on_word(rhyme)),
    Operation(
        "Translate the word to French.",
        r"\bfrench\b",
        on_word(functools.partial(cognate, _FRENCH)),
    ),
    Operation(
        "Translate the word to Spanish.",
        r"\bspanish\b",
        on_word(functools.partial(cognate, _SPANISH)),
    ),
    Operation(
        "Translate the word to German.",
        r"\bgerman\b",
        on_word(lambda word: capital(cognate(_GERMAN, word))),
    ),
)
