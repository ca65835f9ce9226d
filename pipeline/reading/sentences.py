"""A value that a sentence names, where a word is wanted: "The mood is good".

Models give reasons with a label ("Positive. The food is praised."), say what it is a
label of, or what the answer is. A sentence is read only as a whole, as one that names a
value and takes nothing back: one that asks, denies, doubts, quotes or holds two is left
alone, since what it means would have to be guessed.

Models that were taught to work a problem out do so where only a value is wanted, and
then say which part of it is the answer: in so many words, behind the mark that GSM8K's
solutions end with (Cobbe et al. 2021, arXiv 2110.14168), or in a box (MATH, Hendrycks
et al. 2021, arXiv 2103.03874).
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from .scalars import DENIES
from .typography import BOX, folded

_LONGEST: Final = 400
"""Characters of a text that is read, with the reasons that it gives."""
_VALUE: Final = r"(?P<value>[^\s?][^?\n]{0,99}?)"
_FITTING: Final = (
    r"(?:(?:final|correct|best|right|predicted|overall"
    r"|(?:most[ ])?(?:appropriate|fitting|likely|suitable))[ ]){0,2}"
)
_NOUNS: Final = (
    "answer|label|class|category|choice|option|classification|prediction|result|value"
    "|output|response|reply|decision|verdict|sentiment|mood|tone|emotion|intent|topic"
    "|score|rating|date"
)
_ROLES: Final = ("assistant", "model", "ai")
"""What a template writes before a turn of the model's."""
_THINGS: Final = (
    "text|review|statement|claim|sentence|message|passage|question|hypothesis|input"
)
_OF: Final = (
    r"(?:[ ](?:(?:expressed|conveyed|given|shown)[ ])?(?:of|for|in|to|behind)"
    r"[ ](?:the|this|your)[ ](?:[\w'\u2019-]+[ ]){0,2}[\w'\u2019-]+)?"
)
_IS: Final = (
    r"(?:[ ](?:is|are|was|would[ ]be|should[ ]be)|[ ]?(?:=>?|->|\u2192|:)|[ ]-(?=[ ]))"
    r"[ ]?:?[ ]?"
)
_HEAD: Final = r"(?:(?:sure|ok|okay|so|thus|hence|therefore)[,.!:]?[ ])?"
_MARKED: Final = re.compile(
    r"[^?\n]{1,300}?\b(?:is|are|as|be)\b:?[ ](?:\*\*|[\"`\u201c])"
    r"(?P<value>[^*\"`\u201c\u201d?\n]{1,100})(?:\*\*|[\"`\u201d])[.!]?",
    re.IGNORECASE,
)
"""It ends with a word that is marked, and says that something is that."""
_BRACKETED: Final = re.compile(rf"{_VALUE}[ ]\((?P<rest>[^()?]+)\)[.!]?")
_REASONED: Final = re.compile(
    rf"(?![0-9]+\.){_VALUE}(?:[:;.!][ ]|[ ](?:--?|[\u2013\u2014])[ ]"
    r"|,?[ ](?=(?:because|since)[ ]))(?P<rest>[^?]+)",
    re.IGNORECASE,
)
"""A value, and behind it why; a number with a point may begin a list."""
_AGREED: Final = re.compile(r"(?P<value>yes|no),[ ](?P<rest>[^?]+)", re.IGNORECASE)
_TAKEN_BACK: Final = re.compile(
    r"\b(?:but|however|(?:al)?though|yet|except|unless|whether|if|or|maybe|perhaps|might"
    r"|may|possibly|unsure|unclear|unlikely|hardly|rather|instead|depends?|partly|also"
    r"|sa(?:ys?|id)|asks?|call(?:s|ed)|told|quote[sd]?|some|many|others|people|could|can"
    r"|actually|wait|both|none|neither|nor|sorry|apolog\w*|unable|insufficient|unknown"
    r"|not (?:sure|certain|clear|enough|possible)"
    r"|(?:can(?:not|['\u2019]t)|do(?:es)?(?: not|n['\u2019]t)) (?:\w+ )?"
    r"(?:answer|assist|determine|help|judge|know|say|tell))\b",
    re.IGNORECASE,
)
"""Doubt, a second thought, a quotation, or that nothing can be answered."""
_DENIES: Final = re.compile(DENIES, re.IGNORECASE)
_AFFIRMS: Final = re.compile(r"\b(?:correct|right|accurate|holds)\b", re.IGNORECASE)
_ASKS: Final = re.compile(r"(?:is|are|was|has|contains?) (?:an? )?")
_OPPOSITE: Final = re.compile(r"(?:non-?|dis|un|in|im|ir|il)")
_BEGINS_ANEW: Final = re.compile(
    r"\W*(?:(?:oh|hm+),? )?(?:actually|wait|sorry|correction|on second thought)\b",
    re.IGNORECASE,
)
_BEGINS_TO_DENY: Final = re.compile(
    r"\W*(?:(?:no|nope|not|wrong|incorrect)\b"
    r"|(?:that|this|it)(?: is|'s|\u2019s| was) (?:wrong|incorrect|false|not)\b)",
    re.IGNORECASE,
)
"""How a line begins that calls the one above it wrong: fewer words than deny within a
sentence, since a line goes on to say something of its own."""
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
_MOST_SAID = 4
_LONGEST_SAID = 4000
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


def takes_back(behind: str, value: object) -> bool:
    """Whether what stands on the lines behind a value begins by taking it back.

    >>> takes_back("That is wrong.", 5), takes_back("Not at all.", False)
    (True, False)
    """
    denies = value is not False and _BEGINS_TO_DENY.match(behind)
    return bool(denies or _BEGINS_ANEW.match(behind))


def introduces(line: str, name: str) -> bool:
    """Whether a line says that the value follows, or only whose turn it is.

    >>> introduces("Sure! Here is the label:", "label"), introduces("assistant", "n")
    (True, True)
    >>> introduces("The label is not:", "label"), introduces("Review:", "label")
    (False, False)
    """
    line = line.strip(" \t\r*_#")
    if folded(line) in _ROLES:
        return True
    if not line.endswith(":") or len(line) > _LONGEST:
        return False
    own = re.escape(folded(name)).replace(r"\ ", "[ _-]")
    told = re.search(rf"\b(?:{own}|{_NOUNS})\W*\Z|\bis\W*\Z", line, re.IGNORECASE)
    return bool(told) and not (_DENIES.search(line) or _TAKEN_BACK.search(line))


class Told(NamedTuple):
    """What a text may name.

    Args:
        value: The part that should be the value.
        rest: All else that it says; another value in it would be a second reading.
    """

    value: str
    rest: str

    def agrees(self, value: object, name: str) -> bool:
        """Whether what else is said fits to the value that the part was read as.

        Args:
            value: The value.
            name: The field's name: what is safe is not unsafe.

        >>> (
        ...     Told("True", "It is wrong").agrees(True, "ok"),
        ...     Told("No", "It is wrong").agrees(False, "ok"),
        ...     Told("Yes", "it is unsafe").agrees(True, "is_safe"),
        ... )
        (False, True, False)
        """
        denies = _DENIES.search(self.rest) is not None
        own, opposite = _said_of(name)
        if value is False:
            affirms = _AFFIRMS.search(self.rest) or own.search(self.rest)
            return denies or not affirms
        return not (denies or (value is True and opposite.search(self.rest)))


def told(text: str, name: str, kind: str) -> list[Told]:
    """What a text may name as the value of a field; the caller reads each part.

    Args:
        text: One or more sentences, on one line.
        name: The field's name: "The mood is ...".
        kind: The field's kind; numbers are not taken from before a reason, since they
            may begin a list.

    >>> told("The mood is positive.", "mood", "choice")
    [Told(value='positive', rest='The mood is')]
    >>> told("The mood of the review is good.", "mood", "choice")
    [Told(value='good', rest='The mood of the review is')]
    >>> told("Positive - the food is praised", "mood", "choice")
    [Told(value='Positive', rest='the food is praised')]
    >>> told("Positive. Or so I think.", "mood", "choice")
    []
    >>> told("Is the mood positive?", "mood", "choice")
    []
    """
    text = text.strip()
    if "\n" in text or len(text) > _LONGEST:
        return []
    patterns = [*_named(name), _MARKED, _BRACKETED]
    if kind in ("choice", "boolean"):
        patterns.append(_REASONED)
    if kind == "boolean":
        patterns.append(_AGREED)
    found = [pattern.fullmatch(text) for pattern in patterns]
    parts = [Told(one["value"], _without(text, one)) for one in found if one]
    return [part for part in parts if not _TAKEN_BACK.search(part.rest)]


@lru_cache(maxsize=512)
def _named(name: str) -> tuple[re.Pattern[str], ...]:
    """Sentences about a field of that name, or about an answer of any name."""
    own = re.escape(folded(name)).replace(r"\ ", "[ _-]")
    noun = rf"{_FITTING}(?:{own}|{_NOUNS})"
    noun_of = rf"(?:(?:the|this|my|its|your)[ ])?{noun}{_OF}"
    subject = rf"{noun_of}|(?:the|this)[ ](?:{_THINGS})"
    says = rf"{_HEAD}(?:{subject}|it|this|that){_IS}{_VALUE}[.!]*"
    said = rf"{_VALUE}[ ]is[ ](?:the|my)[ ]{noun}[.!]*"
    return re.compile(says, re.IGNORECASE), re.compile(said, re.IGNORECASE)


@lru_cache(maxsize=512)
def _said_of(name: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What says that something is what a field asks for, and what says the opposite."""
    word = _ASKS.sub("", folded(name))
    own = re.escape(word).replace(r"\ ", "[ _-]")
    prefix = _OPPOSITE.match(word)
    opposite = own[prefix.end() :] if prefix else rf"{_OPPOSITE.pattern}{own}"
    said = r"(?:\b(?:is|are|was|were|looks?|seems?)|['\u2019]s)[ ](?:\w+[ ]){0,2}?"
    says = re.compile(rf"{said}{own}\b", re.IGNORECASE)
    return says, re.compile(rf"{said}{opposite}\b", re.IGNORECASE)


def _without(text: str, found: re.Match[str]) -> str:
    """The text without the value, and without what only marks it."""
    start, end = found.span("value")
    around = f"{text[:start]} {text[end:]}"
    return around.strip(" .!*_\"'`()\u201c\u201d-\u2013\u2014:;,")


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
    if len(text) > _LONGEST_SAID:
        return []
    text = _HOPED.sub("", text)
    found = list(islice(_SAID.finditer(text), _MOST_SAID + 1))
    if not found or len(found) > _MOST_SAID:
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
