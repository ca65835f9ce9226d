"""Numbers, choices and truths as models write them, by case, typography and edges.

A number comes with what it counts, and with how it came about.

What makes another number of one is no unit. A word that multiplies or divides (dozens,
lakhs, fourths), that is a number itself or a part of a currency, or that only may be
meant (upwards) leaves a text as it is: to pass it over would be wrong by its factor.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .typography import MARKS, STOPS, folded, without_pictures

LONGEST: Final = 200
"""Characters that a value of a closed type may have, with its edges."""
FORMAT_EDGES: Final = f" \t\r\n`*_.\"'{STOPS}"
"""What may stand around a date, or another text of a format."""
DENIES: Final = (
    r"(?:\b(?:not|cannot|never|no|wrong(?:ly)?|incorrect(?:ly)?|false(?:ly)?"
    r"|mistaken(?:ly)?|nicht|kein\w*|nie|pas|jamais|nunca|n\u00e3o|nao|non|ni"
    r"|\u043d\u0435|\u043d\u0435\u0442|\u043d\u0438)\b|n['\u2019]t\b"
    r"|\u4e0d\u662f|\u4e0d\u5bf9|\u4e0d\u5c0d|\u4e0d\u4f1a|\u4e0d\u6703|\u5e76\u975e"
    r"|\u4e26\u975e|\u6ca1\u6709|\u6c92\u6709|\u9519|\u932f|\u306a\u3044"
    r"|\u307e\u305b\u3093|\u9055|\uc544\ub2c8|\uc54a)"
)
"""What says in a sentence, of whatever language, that something is not so."""
_BULLET = re.compile(r"(?:[-*\u2022]|[0-9]{1,2}[.)])[ \t]+")
_LETTER = re.compile(r"\(?[A-Za-z][.)][ \t]+")
"""How an option begins that has a letter."""
_TRUE = frozenset(("true", "yes"))
_FALSE = frozenset(("false", "no"))
_CURRENCIES = (
    "$\u20ac\u00a3\u00a5\u20a9\u20b9\u20bd\u20ba\u20ab\u20aa\u20b4\u20a6\u0e3f\u20b1"
)
_BRACKETS = "\u3010\u3011\u3016\u3017"
_BEFORE = f" \t\r\n`*_={_CURRENCIES}{_BRACKETS}"
_AFTER = f" \t\r\n`*_.{_CURRENCIES}{_BRACKETS}{STOPS}"
_GROUPED = re.compile(
    r"-?[1-9](?:[0-9]{0,2}(?P<mark>[,'_\u00a0\u202f\u2009])[0-9]{3}(?:(?P=mark)[0-9]{3})*"
    # as in India; and blanks, which may part numbers unless nothing but zeros follows
    r"|[0-9]?(?:,[0-9]{2})+,[0-9]{3}|[0-9]{0,2}(?: [0-9]{3})* 000)(?:\.[0-9]+)?"
)
_MARKS_OF_GROUPS = re.compile("[,'_ \u00a0\u202f\u2009]")
_OTHER_MARKS = str.maketrans("\uff0c\u066c\uff0e\u066b\uff0d\uff0b", ",,..-+")
"""Of numbers in other scripts."""
_SIGNED = re.compile(rf"\A(?:\+|(-))[{_CURRENCIES}]?(?=[0-9.])")
_BARE_POINT = re.compile(r"\A(-?)\.(?=[0-9])")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_POWER = re.compile(r"(-?[0-9]+)[eE]\+?([0-9]{1,2})")
_NO_PART = re.compile(r"\.00?\Z")
_COUNTED = re.compile(
    r"(\S+) ([a-z]{2,20}s|feet|people|(?:wo)?men|children|[km]ph|[kcm]m|kg|lb|oz|ml"
    rf"|min)[.!{STOPS}]?",
    re.IGNORECASE,
)
_UNITS = re.compile(
    r"(?:lb|hr|yr|kg|cm|km|mm|gm|ml|wk|mth|mnth|qt|pt|ft|tbsp|tsp|kph|mph|sq)s",
    re.IGNORECASE,
)
"""Abbreviations that count nothing else; any other without a vowel may be a scale."""
_SCALES = re.compile(
    # numbers, and what is made of them: sevens, teens, twenties, sixteenths, trillions
    r"(?:one|two|three|four|five|sixe|seven|eight|nine|ten|eleven|twelve|[a-z]*teen)s"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ties"
    r"|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|[a-z]*teen|[a-z]*tie|hundred"
    r"|thousand|dozen|[a-z]*illion|n)ths"
    r"|(?:hundred|thousand|thou|[a-z]*ill(?:ion|iard|ier|one)|mil|bil|tril|mio|bio|mill)s"
    r"|(?:third|quarter|half|halve|time|fold|double|triple|quadruple)s|[a-z]{2,}folds"
    # groups of a fixed size, and shares
    r"|(?:dozen|score|pair|couple|trio|brace|grosse|grand|myriad|googol)s|gross|duos"
    r"|(?:percent|percentage|pct|permil|permille|bip|pi|factorial)s"
    # of other languages: lakhs, crores; decenas, miles, tercios; dezenas; douzaines
    r"|(?:lakh|lac|crore|arab|kharab|padma|ribu|juta)s"
    r"|(?:docena|decena|veintena|centena|centenare|ciento|millare|par"
    r"|tercio|cuarto|quinto|sexto|octavo|medio|mitade|metade|terco|quarto|dezena|duzia"
    r"|milhare|milhoe|bilhoe|trilhoe|mill?iarde)s"
    r"|(?:diz|douz|quinz|vingt|trent|quarant|cinquant|soixant|cent)aines"
    r"|(?:tier|demi|moitie|dutzend|tausend|drittel|viertel|achtel|zehntel"
    r"|prozent|duizend|miljoen|miljard)s"
    # parts of a currency
    r"|(?:cent|centime|centavo|centimo|kopeck|kopek|paisa)s"
    # words that say how surely, or how far
    r"|plus|minus|less|unless|perhaps|guess|maybes|versus|always|sometimes|besides"
    r"|(?:up|down|on|to|after)wards|thereabouts|across|was|has|does|thus|yes",
    re.IGNORECASE,
)
_VOWEL = re.compile("[aeiouy]", re.IGNORECASE)
_OUT_OF = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)?)[ ]?(?:/[ ]?|\(?out of )"
    r"(?P<most>[0-9]+(?:\.[0-9]+)?)\)?"
)
_RESULT = re.compile(
    r"(?=[0-9(.$-])(?:[0-9.,+*/() $\u00d7\u00f7\u00b7\u2212-]|[xX](?=[ ]?[0-9])"
    r"|\\(?:times|cdot|div)\b)+=\s*(\S.*)"
)


def number_of(text: str, *, whole: bool) -> int | float | None:
    """The number that a text is, but for its edges; None where it is none.

    A comma between groups of three digits is read where it cannot be a decimal one, and
    so is any other mark of groups. A whole number may be written with one or two zeros
    behind its point, as an amount is; three may be its thousands.

    >>> number_of("**42**", whole=True), number_of("1,234", whole=True)
    (42, 1234)
    >>> number_of("1,234", whole=False), number_of("1,234.5", whole=False)
    (None, 1234.5)
    >>> number_of("$10.00", whole=True), number_of("10.000", whole=True)
    (10, None)
    >>> number_of("1'250", whole=True), number_of("\uff14\uff12", whole=True)
    (1250, 42)
    """
    digits = digits_of(text, whole=whole)
    if digits is None:
        return None
    plain = _NO_PART.sub("", digits) if whole else digits
    if plain.lstrip("-").isdigit():
        return int(plain)
    if whole:
        found = _POWER.fullmatch(plain)
        return int(found[1]) * 10 ** int(found[2]) if found else None
    return float(digits)


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
    if len(text) > LONGEST:
        return text
    summed = _RESULT.fullmatch(text.strip())
    plain = summed[1] if summed else text.strip()
    found = _COUNTED.fullmatch(plain)
    if found and _is_unit(found[2]):
        plain = found[1]
    return plain.removesuffix("%") if whole else plain


def rated(text: str, schemas: Iterable[Mapping[str, Any]]) -> str:
    """A number without the scale that it is said to be of; else the text.

    Only of a scale that ends where the numbers do that may stand there.

    >>> rated("8/10", [{"type": "integer", "maximum": 10}])
    '8'
    >>> rated("4 (out of 5)", [{"enum": [1, 2, 3, 4, 5]}]), rated("1/2", [{}])
    ('4', '1/2')
    """
    found = _OUT_OF.fullmatch(text.strip(_BEFORE + _AFTER)[:LONGEST])
    if found is None:
        return text
    told = [n for s in schemas for n in (s.get("maximum"), *(s.get("enum") or ()))]
    ends = [n for n in told if isinstance(n, int | float) and not isinstance(n, bool)]
    of_these = ends and float(found["most"]) == max(ends)
    return found["number"] if of_these else text


def digits_of(text: str, *, whole: bool) -> str | None:
    """The digits of the number that a text is, as JSON writes them; None of none."""
    if len(text) > LONGEST:
        return None
    plain = _SIGNED.sub(r"\1", _plain(text).lstrip(_BEFORE).rstrip(_AFTER))
    if _GROUPED.fullmatch(plain):
        if not whole and plain.count(",") == 1 and "." not in plain:
            return None
        plain = _MARKS_OF_GROUPS.sub("", plain)
    plain = _BARE_POINT.sub(r"\g<1>0.", plain)
    return plain if _WHOLE.fullmatch(plain) else None


def _digit(mark: str) -> str:
    """The digit that a character is in its script, else the character."""
    return mark if mark.isascii() else str(unicodedata.decimal(mark, mark))


_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_MONTH = rf"(?P<name>(?:{'|'.join(m[:3] for m in _MONTHS)})[a-z]{{0,6}})\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[0-9]{4})"
_NUMBER = r"(?P<month>[0-9]{1,2})"
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?"
_DATES = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_YEAR}(?P<mark>[-/.]){_NUMBER}(?P=mark)(?P<day>[0-9]{{1,2}}){_MIDNIGHT}",
        rf"{_YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})",
        rf"{_YEAR} ?[\u5e74\ub144] ?{_NUMBER} ?[\u6708\uc6d4] ?{_DAY} ?[\u65e5\uc77c]",
        rf"(?:the )?{_DAY}(?: of)?[ -]{_MONTH},?[ -]{_YEAR}",
        rf"{_MONTH} (?:the )?{_DAY},? {_YEAR}",
    )
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = rf"(?:{'|'.join(_DAYS)})[a-z]{{0,6}}"
_ON = re.compile(
    rf"(?:(?P<before>{_WEEKDAY})[.,]? (?:the )?)?(?P<date>.+?)"
    rf"(?: \(?(?P<after>{_WEEKDAY})\.?\)?)?",
    re.IGNORECASE,
)


def date_of(text: str) -> str | None:
    """The date that a text is, as ISO 8601 writes it; None where that is not sure.

    The year has four digits, and says which number is what: it stands first, or the
    month has a name. A weekday must be the date's own.

    >>> date_of("March 5th, 2024"), date_of("2024/3/5"), date_of("Tue, 5 Mar 2024")
    ('2024-03-05', '2024-03-05', '2024-03-05')
    >>> date_of("05/03/2024"), date_of("Monday, 2024-03-05"), date_of("2024-02-30")
    (None, None, None)
    """
    if len(text) > LONGEST:
        return None
    plain = " ".join(_plain(text).strip(FORMAT_EDGES).split())
    found = _ON.fullmatch(plain)
    said = found and next(
        (f for d in _DATES if (f := d.fullmatch(found["date"]))), None
    )
    if not (found and said):
        return None
    parts = said.groupdict()
    month = parts.get("month") or _month_of(parts["name"])
    try:
        day = datetime.date(int(said["year"]), int(month), int(said["day"]))
    except ValueError:
        return None
    days = [found[part][:3].lower() for part in ("before", "after") if found[part]]
    return day.isoformat() if {*days} <= {_DAYS[day.weekday()]} else None


def _month_of(name: str) -> int:
    """The number of a month by its name, or by what it is shortened to; 0 of none."""
    word = name.lower()
    word = "sep" if word == "sept" else word
    return next((n for n, m in enumerate(_MONTHS, 1) if word in (m, m[:3])), 0)


def _plain(text: str) -> str:
    """A text with quotes, dashes, digits and points as a keyboard has them."""
    plain = text.translate(MARKS)
    if plain.isascii():
        return plain
    return "".join(map(_digit, plain.translate(_OTHER_MARKS)))


def _is_unit(word: str) -> bool:
    """Whether a word behind a number says what is counted, and nothing of how many."""
    if _SCALES.fullmatch(word):
        return False
    short = word.lower().endswith("s") and not _VOWEL.search(word)
    return not short or _UNITS.fullmatch(word) is not None


_COUNTS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen", "twenty"),
)
_SHORT_SCALES = frozenset(
    ("k", "m", "mn", "mm", "bn", "b", "tn", "mrd", "negative", "minus", "percent")
)
_NAMED_SO = frozenset(("score", "time", "guess"))
"""What a number may be, though as many of them are a scale."""
_WORD = re.compile(r"[^\W\d_]+|%")
_FEW_WORDS = 4


def rescales(behind: str, number: float) -> bool:
    """Whether a few words behind a number make another number of it.

    They stand in brackets or on the next line: a scale, a sign, or a number in words.

    >>> rescales("in millions", 394.3), rescales("six", 5), rescales("five", 5)
    (True, True, False)
    >>> rescales("Because there are dozens of them in each of the boxes.", 5)
    False
    """
    line = behind.strip().partition("\n")[0]
    words = [word.lower() for word in _WORD.findall(line)]
    if not words or len(words) > _FEW_WORDS:
        return False
    if any(word not in _COUNTS and _rescale(word) for word in words):
        return True
    counts = [_COUNTS.index(word) for word in words if word in _COUNTS]
    return len(counts) == len(words) and number not in counts


def _rescale(word: str) -> bool:
    if word in _NAMED_SO:
        return False
    scale = _SCALES.fullmatch(word) or _SCALES.fullmatch(f"{word}s")
    return word == "%" or word in _SHORT_SCALES or scale is not None


def choice_of(text: str, choices: Iterable[Any]) -> Any:
    """The one choice that a text is, but for case, typography and edges.

    Raises:
        LookupError: None is, or several are.

    >>> choice_of("Top-Ups.", ["cards", "top ups"]), choice_of("**2**", [1, 2])
    ('top ups', 2)
    """
    if len(text) > LONGEST * 10:
        raise LookupError(text)
    known = list(choices)
    for plain in _spellings(text, known):
        word = folded(plain)
        hits = [c for c in known if _is(c, word, plain)]
        if len(hits) == 1 and not _is_signed(plain, text, known):
            return hits[0]
        if hits:
            break
    raise LookupError(text)


def _spellings(text: str, known: Iterable[Any]) -> Iterator[str]:
    """The text of a choice; without its bullet, its letter, its pictures."""
    yield text
    yield _BULLET.sub("", text, count=1)
    if not any(isinstance(choice, str) and len(choice) == 1 for choice in known):
        yield _LETTER.sub("", text, count=1)
    yield without_pictures(text)


def _is_signed(bare: str, text: str, known: Iterable[Any]) -> bool:
    """Whether what was taken for a bullet may be the sign of another choice.

    >>> _is_signed("1", "- 1", [-1, 0, 1]), _is_signed("1", "- 1", [1, 2])
    (True, False)
    """
    signed = f"-{bare}"
    minus = bare != text and text.startswith("-")
    return minus and any(_is(c, folded(signed), signed) for c in known)


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
    if len(text) > LONGEST or text.lstrip(" \t\r\n*`_").startswith(('"', "'")):
        return None
    word = folded(without_pictures(text))
    return True if word in _TRUE else False if word in _FALSE else None
