"""What a text says to be its answer, behind its own working.

Models that were taught to work a problem out do so where only a value is wanted, and
then say which part of it is the answer: in so many words, behind the mark that GSM8K's
solutions end with (Cobbe et al. 2021, arXiv 2110.14168), or in a box (MATH, Hendrycks
et al. 2021, arXiv 2103.03874).
"""

from __future__ import annotations

import re
from itertools import islice

from .typography import BOX

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
_BLANK = " \t\r\n*_$."
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
    r"\b(?:not|cannot|never|no|none|neither|nor|whether|unless|wrong(?:ly)?|incorrect"
    r"(?:ly)?|false(?:ly)?|mistaken(?:ly)?|rather|instead|except|perhaps|maybe|may be"
    r"|might|possibly|unlikely|unsure|doubt|suppose|assume|guess|sa(?:ys?|id)|claim(?:s"
    r"|ed)?|nicht|kein\w*|nie|pas|jamais|nunca|n\u00e3o|nao|non|ni"
    r"|\u043d\u0435|\u043d\u0435\u0442|\u043d\u0438)\b"
    r"|n['\u2019]t\b|\bif\b[^,\n]*\Z"
    r"|(?:\b(?:or|than|at (?:least|most)|up to)|[<>\u2264\u2265\u2260~]|!="
    r"|\\(?:neq?|l[et]q?|g[et]q?))\s*\Z"
    r"|\u4e0d\u662f|\u4e0d\u5bf9|\u4e0d\u5c0d|\u4e0d\u4f1a|\u4e0d\u6703|\u5e76\u975e"
    r"|\u4e26\u975e|\u6ca1\u6709|\u6c92\u6709|\u9519|\u932f|\u306a\u3044"
    r"|\u307e\u305b\u3093|\u9055|\uc544\ub2c8|\uc54a",
    re.IGNORECASE,
)


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
        return [] if text[last.end() :].strip(_BLANK) else parts
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
