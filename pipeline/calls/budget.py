"""What a run may spend, and the one account book that holds it to that.

The book is asked before each call, and never overshoots. A call reserves the most it
can cost, is made, and settles for what it did cost. Reservations queue first come,
first served, and one that does not fit waits while calls in flight may still give room
back. So who is let in depends on the order of the reservations and on what the calls
cost, not on how fast the servers were.

The limits hold the *logical* spend: an answer from the cache counts, the first time
its request occurs in a ledger, as if it had been paid now. A compile therefore takes
the same decisions, byte for byte, with a warm cache and with a cold one. What was
really sent is each account's `calls`.
"""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final, TypeVar, cast

from ..errors import ConfigError
from ..ground.frozen import unchanging
from ..ground.hints import Advised
from ..ground.words import counted
from ..lm.prices import Estimate
from .reservation import PICO, Account, Amount, Claim, Lease, Room, exceeded, most_of

N = TypeVar("N", int, float)

_FORMS: Final = 'Write 500, "500 calls", "200k tokens", "$2", "10 min", or several'
_PART: Final = re.compile(
    r"(?P<dollar>\$)?\s*(?P<number>\d[\d_]*(?:\.\d+)?|\.\d+)\s*(?P<scale>[km](?![a-z]))?"
    r"\s*(?P<unit>[a-z]+)?",
    re.IGNORECASE,
)
_SCALES: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_UNITS: Final = {
    **dict.fromkeys(("call", "calls", "request", "requests"), ("calls", 1)),
    **dict.fromkeys(("token", "tokens"), ("tokens", 1)),
    **dict.fromkeys(("usd", "dollar", "dollars"), ("usd", 1)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), ("seconds", 1)),
    **dict.fromkeys(("min", "minute", "minutes"), ("seconds", 60)),
    **dict.fromkeys(("h", "hour", "hours"), ("seconds", 3600)),
}


@unchanging
@dataclass(frozen=True, slots=True)
class Budget:
    """Limits; None is no limit. All of them hold at once.

    Args:
        calls: Model calls, retries among them.
        tokens: Input and output tokens together.
        usd: US dollars.
        seconds: Wall-clock seconds after which no further call is started; calls in
            flight then still finish. No retry is waited for that would come later.

    Raises:
        ConfigError: A limit is negative or not a number.

    >>> Budget.parse("500 calls, $2")
    Budget(calls=500, tokens=None, usd=2.0, seconds=None)
    >>> str(Budget.of(500))
    '500 calls'
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "usd", "seconds"):
            value = getattr(self, name)
            if value is None:
                continue
            kinds = (int,) if name in {"calls", "tokens"} else (int, float)
            usable = isinstance(value, kinds) and not isinstance(value, bool)
            if not usable or not math.isfinite(value) or value < 0:
                message = f"a budget's {name} cannot be {value!r}"
                raise ConfigError(message, hint=_FORMS)

    @classmethod
    def of(cls, value: Budget | int | str | None) -> Budget:
        """A budget from whatever a user may write: a number is a number of calls.

        Args:
            value: A budget, a number of calls, a text for `parse`, or None.

        Raises:
            ConfigError: It cannot be read.
        """
        if isinstance(value, Budget):
            return value
        if value is None:
            return cls()
        if isinstance(value, str):
            return cls.parse(value)
        return cls(calls=value)

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read `"$2"`, `"500 calls"`, `"200k tokens"`, `"10 min"`, or several of them.

        Raises:
            ConfigError: A part cannot be read, or a limit is given twice.
        """
        limits: dict[str, int | float] = {}
        for part in text.split(","):
            name, value = _read(part.strip(), text)
            if name in limits:
                message = f"the budget {text!r} limits {name} twice"
                raise ConfigError(message, hint=_FORMS)
            limits[name] = value
        calls, tokens = limits.get("calls"), limits.get("tokens")
        return cls(
            calls=None if calls is None else int(calls),
            tokens=None if tokens is None else int(tokens),
            usd=limits.get("usd"),
            seconds=limits.get("seconds"),
        )

    def __str__(self) -> str:
        """The budget as `parse` reads it, or "no limit"."""
        words = {
            "calls": counted(self.calls or 0, "call"),
            "tokens": counted(self.tokens or 0, "token"),
            "usd": f"${self.usd or 0:.12g}",
            "seconds": f"{self.seconds or 0:.12g} s",
        }
        given = [
            words[f.name] for f in fields(self) if getattr(self, f.name) is not None
        ]
        return ", ".join(given) or "no limit"


@dataclass(frozen=True, slots=True)
class Spent:
    """What the limits of a ledger have been charged with so far.

    Args:
        calls: Distinct requests, answered from the cache or not, and further attempts.
        tokens: Input and output tokens of those.
        usd: US dollars of those whose price is known.
        seconds: Wall-clock seconds since the ledger was opened.
        trained: Those of the tokens that were read in training, and by no call.
    """

    calls: int
    tokens: int
    usd: float
    seconds: float
    trained: int = 0


class Ledger(Advised):
    """A thread-safe account book that holds one run to its budget.

    Args:
        budget: The limits; None is no limit, and still counts.
        clock: Seconds that only grow; for tests.

    >>> ledger = Ledger(Budget(calls=10))
    >>> ledger.spent().calls, ledger.remaining().calls
    (0, 10)
    """

    _advised_as = "ledger"

    def __init__(
        self,
        budget: Budget | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget = budget = Budget() if budget is None else budget
        if not isinstance(cast(object, budget), Budget):
            raise ConfigError(
                f"{budget!r} is no budget", hint=f"Write weft.Budget.of({budget!r})"
            )
        self._clock = clock
        self._opened = clock()
        limit = Amount(
            math.inf if budget.calls is None else budget.calls,
            math.inf if budget.tokens is None else budget.tokens,
            math.inf if budget.usd is None else round(budget.usd * PICO),
        )
        self._room = Room(limit, self._left)
        self._accounts: dict[str, Account] = {}
        self._trained = 0

    def knows(self, key: str, account: str = "run") -> bool:
        """Whether a request was charged before, so that asking it again is free.

        Args:
            key: The request's key.
            account: Who would pay; it is opened where it is.
        """
        with self._room.lock:
            known = self._room.knows(_mark_of(key))
            if known:
                self._accounts.setdefault(account, Account())
            return known

    async def reserve(
        self, key: str, estimate: Estimate, account: str = "run"
    ) -> Lease:
        """Hold the most that a request can cost, waiting for room where need be.

        A request already charged in this ledger holds nothing and costs nothing.

        Args:
            key: The request's key.
            estimate: The most it can cost.
            account: Who pays: "bootstrap", "propose", "evaluate", "judge", "verify",
                "run", or a name of your own.

        Raises:
            BudgetExceeded: It does not fit, and nothing in flight could free room.
            ConfigError: There is a limit in dollars, and the price is unknown.
        """
        if self.budget.usd is not None and estimate.usd is None:
            raise ConfigError(
                f"the budget of ${self.budget.usd:.12g} cannot be kept, because the "
                "model's price is unknown",
                hint="Name a JSON file of prices in WEFT_PRICES, or limit calls or "
                "tokens instead",
            )
        mark = _mark_of(key)
        claim = Claim(most_of(estimate), mark)
        held = await self._room.take(claim)
        if held is None:
            raise exceeded(self._room, claim.need)
        with self._room.lock:
            book = self._accounts.setdefault(account, Account())
            book.requests += claim.first
        return Lease(self._room, book, mark, estimate, held)

    def spent(self) -> Spent:
        """What the limits have been charged with; reservations are not in it."""
        calls, tokens, pico = self._room.spent
        seconds = self._clock() - self._opened
        return Spent(int(calls), int(tokens), pico / PICO, seconds, self._trained)

    def train(self, tokens: int, seconds: float = 0.0, account: str = "train") -> None:
        """Book tokens that are read here in training, half forward and half backward.

        Args:
            tokens: How many; what is done again after a kill is booked again.
            seconds: What it took.
            account: Who pays.

        Raises:
            BudgetExceeded: They do not fit; nothing was booked.
        """
        with self._room.lock:
            book = self._accounts.setdefault(account, Account())
            self._room.work(tokens)
            book.input_tokens += tokens - tokens // 2
            book.output_tokens += tokens // 2
            book.seconds += seconds
            self._trained += tokens

    def remaining(self) -> Budget:
        """What is left under each limit; None where there is none."""
        spent, limit = self.spent(), self.budget
        return Budget(
            calls=_rest(limit.calls, spent.calls),
            tokens=_rest(limit.tokens, spent.tokens),
            usd=_rest(limit.usd, spent.usd),
            seconds=_rest(limit.seconds, spent.seconds),
        )

    def snapshot(self) -> dict[str, dict[str, int | float]]:
        """The accounts by name, each with its counts.

        `requests` is the distinct requests needed and does not depend on the cache;
        `calls` is what was sent, `cached` the requests that needed no call, and
        `unpriced` the answers whose price is unknown, which `usd` leaves out.
        """
        with self._room.lock:
            return {
                name: book.as_dict() for name, book in sorted(self._accounts.items())
            }

    def _left(self) -> float:
        """Seconds until the time is up."""
        if self.budget.seconds is None:
            return math.inf
        return self.budget.seconds - (self._clock() - self._opened)


def _rest(most: N | None, spent: N) -> N | None:
    return None if most is None else max(type(spent)(0), most - spent)


def _mark_of(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _read(part: str, whole: str) -> tuple[str, int | float]:
    found = _PART.fullmatch(part)
    dollar, unit = (
        (found["dollar"], (found["unit"] or "").lower()) if found else ("", "")
    )
    if found and not dollar and not unit and part == whole.strip():
        raise ConfigError(
            f"the budget {whole!r} does not say what it counts",
            hint=f'Write "{part} calls", "{part} tokens", or "${part}"',
        )
    if found is None or bool(dollar) == bool(unit) or (unit and unit not in _UNITS):
        message = f"the budget {whole!r} cannot be read at {part!r}"
        raise ConfigError(message, hint=_FORMS)
    name, factor = ("usd", 1) if dollar else _UNITS[unit]
    scale = _SCALES[(found["scale"] or "").lower()]
    value = float(found["number"].replace("_", "")) * scale * factor
    if name in {"usd", "seconds"}:
        return name, value
    if value != round(value):
        raise ConfigError(
            f"the budget {whole!r} has a part of a {name[:-1]}", hint=_FORMS
        )
    return name, round(value)
