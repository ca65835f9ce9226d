"""Equations in a text, checked exactly: whether "2 * 3 = 7" stands in a reasoning.

Only what is surely false counts. An equation with a word or a letter among its numbers
says something that arithmetic does not know, and is passed over, as is whatever can be
read in two ways. Numbers are fractions, nothing is rounded, and no code is evaluated:
the grammar is that of a pocket calculator.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<power>\*\*|\^)"
    r"|(?P<op>[-+*/×·÷−∗])"
    r"|(?P<open>\()|(?P<close>\))|(?P<percent>%)"
    r"|(?P<equals>(?<![=<>!:≠≈~])=(?![=>~]))"
    r"|(?P<ends>[\n;]|[.,:](?=\s|$))"
    r"|(?P<blank>[ \t\u00a0]+|[$€£¥₩])"
    r"|(?P<word>[^\W\d]+|.)",
    re.DOTALL,
)
_SAME: Final = {"×": "*", "·": "*", "∗": "*", "÷": "/", "−": "-"}
_SPOKEN: Final = frozenset(
    {
        ":",
        "x",
        "times",
        "plus",
        "minus",
        "by",
        "of",
        "per",
        "over",
        "mod",
        "more",
        "less",
    }
)
"""What calculates, or tells the time: a number beside one is no whole side."""
_DIGITS: Final = 40
_EXPONENT: Final = 64
_DEEP: Final = 40
_LONGEST: Final = 200_000


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Unknown(ValueError):
    """The text is no arithmetic, or has two readings."""


def false_equations(text: str) -> tuple[str, ...]:
    """The equations in a text whose sides are surely not equal, in order.

    A side that is rounded to the decimals it has, up, down or to the nearest, is equal:
    10 / 3 = 3.33. `x` between numbers multiplies; `$` and thousands commas do not
    count; a percent sign divides by 100. Only the first 200,000 characters are read.

    >>> false_equations("He has 2*3=7 apples and pays 4 x $1.50 = $6.")
    ('2*3=7',)
    >>> false_equations("10/3 = 3.33, so x = 4 and 3 apples + 1 = 5")
    ()
    """
    found: list[str] = []
    for clause in _clauses(text[:_LONGEST]):
        sides: list[list[_Token]] = [[]]
        for token in clause:
            if token.kind == "equals":
                sides.append([])
            else:
                sides[-1].append(token)
        for left, right in itertools.pairwise(sides):
            before, after = _run(left, last=True), _run(right, last=False)
            if before and after and _differ(before, after):
                begins, end = before[0].at, after[-1].at + len(after[-1].text)
                found.append(text[begins:end])
    return tuple(found)


def _clauses(text: str) -> Iterator[list[_Token]]:
    """The tokens of each clause that has an equals sign; blanks are left out."""
    clause: list[_Token] = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind == "ends":
            yield clause
            clause = []
        elif kind != "blank":
            clause.append(_Token(kind, match[0], match.start()))
    yield clause


def _run(side: Sequence[_Token], *, last: bool) -> list[_Token]:
    """The arithmetic of a side that stands beside the equals sign, or nothing.

    There is none where anything else on the side calculates too.
    """
    tokens = _crossed(side)
    numbers = [token.kind != "word" for token in tokens]
    if last:
        words = [at for at, fits in enumerate(numbers) if not fits]
        cut = words[-1] + 1 if words else 0
        run, rest = tokens[cut:], tokens[:cut]
        beside = rest[-1].text.lower() if rest else ""
    else:
        cut = numbers.index(False) if False in numbers else len(tokens)
        run, rest = tokens[:cut], tokens[cut:]
        beside = rest[0].text.lower() if rest else ""
    if beside in _SPOKEN or _calculates(rest):
        return []
    # "(3 + 4 = 7)": the brackets stand around the whole.
    open_left = sum((t.kind == "open") - (t.kind == "close") for t in run)
    around = 0
    while around < (open_left if last else -open_left) and around < len(run):
        if run[around if last else -1 - around].kind != ("open" if last else "close"):
            break
        around += 1
    run = run[around:] if last else run[: len(run) - around]
    if last and rest and run:
        joined = rest[-1].at + len(rest[-1].text) == run[0].at
        if joined and rest[-1].text[-1].isalnum():
            return []  # f(3), or x2
        if run[0].kind == "op":
            return []  # a minus behind a word takes something away
    return run


def _calculates(rest: Sequence[_Token]) -> bool:
    """Whether words take part in a sum: "3 apples + 4". Sums of numbers stand apart."""
    before = ["", *(token.kind for token in rest)]
    return any(
        (token.kind in ("op", "power") and kind not in ("number", "close", "percent"))
        or token.text.lower() in ("x", "times", "plus", "minus")
        for token, kind in zip(rest, before, strict=False)
    )


def _crossed(side: Sequence[_Token]) -> list[_Token]:
    """The tokens with `x` between numbers as a sign."""
    made: list[_Token] = []
    for at, token in enumerate(side):
        if token.text in ("x", "X") and 0 < at < len(side) - 1:
            before, after = side[at - 1].kind, side[at + 1].kind
            if before in ("number", "close") and after in ("number", "open"):
                token = _Token("op", "*", token.at)  # noqa: PLW2901 - it is another
        made.append(token)
    return made


def _differ(left: Sequence[_Token], right: Sequence[_Token]) -> bool:
    """Whether two sides, of which one calculates, are surely not equal."""
    sides = (left, right)
    if not any(token.kind in ("op", "power") for side in sides for token in side[1:]):
        return False
    try:
        one, other = (_Sum(side).value() for side in sides)
    except (_Unknown, ZeroDivisionError):
        return False
    hundred = [100 if side[-1].kind == "percent" else 1 for side in sides]
    return not any(
        _equal(a, b, _places(left), _places(right))
        for a in {one, one * hundred[0]}
        for b in {other, other * hundred[1]}
    )


def _equal(one: Fraction, other: Fraction, left: int | None, right: int | None) -> bool:
    """Whether they are the same, or one is the other, rounded to its decimals."""
    if one == other:
        return True
    for exact, shown, places in ((one, other, right), (other, one, left)):
        if places is None:
            continue
        scale = Fraction(10) ** places
        if (exact * scale).denominator != 1 and abs(exact - shown) * scale < 1:
            return True
    return False


def _places(side: Sequence[_Token]) -> int | None:
    """The decimals of a side that is one number; None of one that calculates."""
    numbers = [token.text for token in side if token.kind == "number"]
    if len(numbers) != 1 or any(token.kind == "power" for token in side):
        return None
    return len(numbers[0].partition(".")[2])


class _Sum:
    """The value of a run of tokens, by recursive descent."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def value(self) -> Fraction:
        """The value of all of it.

        Raises:
            ValueError: It is no arithmetic.
            ZeroDivisionError: It divides by zero.
        """
        found = self._sum()
        if self._at < len(self._tokens):
            raise _Unknown
        return found

    def _next(self, kind: str, *texts: str) -> str:
        """The next token where it is of that kind, else empty."""
        if self._at >= len(self._tokens):
            return ""
        token = self._tokens[self._at]
        text = _SAME.get(token.text, token.text)
        if token.kind != kind or (texts and text not in texts):
            return ""
        self._at += 1
        return text

    def _sum(self) -> Fraction:
        found = self._product()
        while sign := self._next("op", "+", "-"):
            start = self._at
            more = self._product()
            if any(t.kind == "percent" for t in self._tokens[start : self._at]):
                raise _Unknown  # 50 + 20 % is 60 to some, and 50.2 to others
            found = found + more if sign == "+" else found - more
        return found

    def _product(self) -> Fraction:
        found = self._signed()
        while sign := self._next("op", "*", "/"):
            more = self._signed()
            found = found * more if sign == "*" else found / more
        return found

    def _signed(self) -> Fraction:
        return -self._power() if self._next("op", "-") else self._power()

    def _power(self) -> Fraction:
        base = self._atom()
        if not self._next("power"):
            return base
        exponent = self._signed()
        large = abs(base.numerator) > 10**6 or base.denominator > 10**6
        if exponent.denominator != 1 or abs(exponent) > _EXPONENT or large:
            raise _Unknown
        return base ** int(exponent)

    def _atom(self) -> Fraction:
        if self._next("open"):
            self._depth += 1
            if self._depth > _DEEP:
                raise _Unknown
            found = self._sum()
            if not self._next("close"):
                raise _Unknown
            self._depth -= 1
        else:
            text = self._next("number").replace(",", "")
            dated = len(text) > 1 and text[0] == "0" and text[1] != "."
            if not text or dated or len(text) > _DIGITS:
                raise _Unknown
            found = Fraction(text)
        return found / 100 if self._next("percent") else found
