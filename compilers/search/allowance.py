"""What a compile may still spend now, in model calls, whatever unit limits it.

A budget in tokens or dollars is turned into calls by what calls have cost so far in
this compile, and by the quote's estimate before the first one. The figures are read
between blocks of rows, when nothing is in flight, and are sums of whole numbers: they
do not depend on concurrency or on a warm cache. A budget in seconds is turned into
blocks, since rows that run side by side take no longer than one of them: into as many
as the slowest so far would fit, each twice as large as the largest so far.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Iterator
from typing import NamedTuple

from ...pipeline.calls.budget import Ledger
from .cost import DEARER, CallGuess

_SECONDS = "seconds"
_WRITING = ("propose", "train")
"""Accounts whose calls are no rows: a writer's prompts may be ten times as long."""


class _Limit(NamedTuple):
    """A limit of the budget, all in its own unit.

    Args:
        unit: "calls", "tokens" or "usd".
        left: What is left of it.
        each: What a call takes of it, on the average.
        row: What a call of a row takes of it.
        weight: By how much more of it winners take.
    """

    unit: str
    left: float
    each: float
    row: float
    weight: float


class Allowance:
    """The part of a ledger that may be spent before what is set aside is touched.

    Args:
        ledger: The account book; it alone holds the limits.
        plain: Calls that one row needs where no reply has to be repaired.
        guess: What a call costs, before any was made.
    """

    def __init__(self, ledger: Ledger, plain: int, guess: CallGuess) -> None:
        self.ledger = ledger
        self._plain = max(1, plain)
        self._guess = guess
        self._aside = 0
        self._left_over = dict[str, float]()  # by unit, for what comes after a scope
        self._rows = 0
        self._calls = 0
        self._slowest = 0.0  # seconds of a block of rows, all side by side
        self.most = 0  # calls that a row took
        self.beside = 1  # rows that can be run side by side, as far as is known
        self._start = ledger.spent()
        self._books = ledger.snapshot()

    @property
    def a_row(self) -> float:
        """Calls that a row takes: as measured so far, at least the plain ones."""
        if not self._rows:
            return float(self._plain)
        return max(float(self._plain), self._calls / self._rows)

    def saw(self, calls: int) -> None:
        """Count a row that was run."""
        self._rows += 1
        self._calls += calls
        self.most = max(self.most, calls)

    def took(self, rows: int, seconds: float, at_once: int) -> None:
        """Count the seconds of some rows, of which so many ran at once."""
        self.beside = max(self.beside, min(2 * rows, at_once))
        self._slowest = max(self._slowest, seconds / math.ceil(rows / at_once))

    def add(self, calls: int) -> None:
        """Count calls that rows took besides, such as a judge's."""
        self._calls += calls

    def spend(self) -> dict[str, dict[str, int | float]]:
        """The ledger's accounts less what stood there before this compile."""
        found = dict[str, dict[str, int | float]]()
        for name, book in self.ledger.snapshot().items():
            before = self._books.get(name, {})
            taken = {key: count - before.get(key, 0) for key, count in book.items()}
            if any(taken.values()):
                found[name] = taken
        return found

    @contextlib.contextmanager
    def aside(self, rows: int) -> Generator[None]:
        """Set rows aside for a scope: they stay affordable whatever runs in it."""
        self._aside += rows
        try:
            yield
        finally:
            self._aside -= rows

    @contextlib.contextmanager
    def part(self, share: float) -> Generator[None]:
        """Leave all but a share of the room of now to what comes after a scope."""
        before = dict(self._left_over)
        free = {unit: calls * each for unit, calls, each in self._frees()}
        if (seconds := self._free_seconds()) is not None:
            free[_SECONDS] = seconds
        for unit, amount in free.items():
            left = (1 - share) * max(0.0, amount)
            self._left_over[unit] = before.get(unit, 0.0) + left
        try:
            yield
        finally:
            self._left_over = before

    def room(self) -> float:
        """Calls that may be spent now; infinity where nothing is limited."""
        return min(self._free(), self._rows_in_time() * self.a_row)

    def cells(self, most: int) -> float:
        """Rows that may be run now side by side, of which none takes more calls.

        While a call is under way the ledger holds the most that it can cost for it, so
        that fewer fit at once than one after the other: whoever wants more asks again.
        """
        paid = self._free() / max(1, most)
        return min(paid, self._rows_in_time(), self._held_at_once())

    def _held_at_once(self) -> float:
        """Calls for which the ledger can hold the most that each can cost."""
        left, guess = self.ledger.remaining(), self._guess
        limits = (left.tokens, guess.bound), (left.usd, guess.usd_bound)
        fits = (
            math.floor(has / each) for has, each in limits if has is not None and each
        )
        return min(fits, default=math.inf)

    def sure(self) -> float:
        """Calls that are paid for whatever they cost, as far as can be known.

        What is set aside is among them, and time is no matter: what calls take of it
        does not repeat itself.
        """
        found = (has.left / has.each / has.weight for has in self._left())
        return min(found, default=math.inf)

    def tokens(self, share: float) -> float:
        """Tokens of a share of the room, for training; infinity where none is limited.

        A limit in calls is none: training calls nobody.
        """
        left = self.ledger.remaining()
        if left.tokens is None:
            return math.inf
        kept = math.ceil(self._aside * self.a_row) * DEARER * self._of_rows("tokens")
        over = self._left_over.get("tokens", 0.0)
        return max(0.0, share * (left.tokens - over - kept))

    def seconds(self, share: float) -> float:
        """Seconds of a share of the room, for training; infinity without a limit."""
        left = self._free_seconds()
        return math.inf if left is None else max(0.0, share * left)

    def rows(self, share: float) -> float:
        """Rows that a share of the room pays for; infinity where nothing is limited."""
        return share * self.room() / self.a_row

    def _free(self) -> float:
        """Calls that may be spent now, as far as time is no matter."""
        return max(0.0, min((free for _, free, _ in self._frees()), default=math.inf))

    def _rows_in_time(self) -> float:
        """Rows that can be run in the time that is not set aside, in whole blocks."""
        left = self._free_seconds()
        if left is None or not self._slowest:
            return math.inf
        return float(max(0, math.floor(left / self._slowest)) * self.beside)

    def _free_seconds(self) -> float | None:
        """The time that is not set aside; None where it is not limited."""
        left = self.ledger.remaining().seconds
        if left is None:
            return None
        blocks = max(1.0, self._aside / self.beside) if self._aside else 0.0
        over = self._left_over.get(_SECONDS, 0.0)
        return left - over - DEARER * blocks * self._slowest

    def _frees(self) -> Iterator[tuple[str, float, float]]:
        """Calls that are not set aside, by the unit that limits them, and its price."""
        kept = math.ceil(self._aside * self.a_row)
        for has in self._left():
            over = self._left_over.get(has.unit, 0.0)
            aside = has.weight * kept * has.row
            yield has.unit, (has.left - over - aside) / has.each, has.each

    def _left(self) -> Iterator[_Limit]:
        """What each limit but time leaves.

        In its own unit: what a call takes grows while prompts do, and with it would
        what is left to others.
        """
        left, spent, guess = self.ledger.remaining(), self.ledger.spent(), self._guess
        calls = spent.calls - self._start.calls
        if left.calls is not None:
            yield _Limit("calls", left.calls, 1.0, 1.0, 1.0)
        if left.tokens is not None:
            each = max(1.0, self._tokens_a_call())
            row = max(1.0, self._of_rows("tokens"))
            yield _Limit("tokens", left.tokens - guess.bound, each, row, DEARER)
        if left.usd is not None:
            paid = spent.usd - self._start.usd
            price = paid / calls if calls else guess.usd
            # Of models that are chosen among, the next call may be the dearest one's.
            price = max(price or 0.0, guess.dearest)
            if price:
                row = max(self._of_rows("usd"), guess.dearest)
                has = left.usd - (guess.usd_bound or 0.0)
                yield _Limit("usd", has, price, row, DEARER)

    def _of_rows(self, unit: str) -> float:
        """Tokens or dollars of a call of a row as measured so far.

        Not of an average call: a search that began with a few long calls of a writer
        would set aside more for its last rows than it has.
        """
        books = [book for n, book in self.spend().items() if n not in _WRITING]
        if not (requests := sum(book.get("requests", 0) for book in books)):
            return float(
                self._guess.tokens if unit == "tokens" else self._guess.usd or 0
            )
        names = ("input_tokens", "output_tokens") if unit == "tokens" else ("usd",)
        return sum(book.get(name, 0) for book in books for name in names) / requests

    def _tokens_a_call(self) -> float:
        """Tokens of a call as measured so far, those of training not among them."""
        spent, start = self.ledger.spent(), self._start
        calls = spent.calls - start.calls
        used = spent.tokens - spent.trained - start.tokens + start.trained
        return used / calls if calls else self._guess.tokens
