"""What a compile will cost, as figures: calls by account, the price of a call."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ...pipeline.calls.budget import Budget
from ...pipeline.errors import QuoteError
from ...pipeline.ground.words import counted
from ...pipeline.lm.prices import money
from .counting import EACH_ITEMS


class Calls(NamedTuple):
    """Model calls that proposing takes: at least, as expected, at most."""

    low: int
    expected: int
    high: int

    def plus(self, *others: Calls) -> Calls:
        """These calls and others, added up.

        >>> Calls(1, 2, 3).plus(Calls(0, 1, 1), Calls(0, 0, 5))
        Calls(low=1, expected=3, high=9)
        """
        rows = (self, *others)
        return Calls(*(sum(row[at] for row in rows) for at in range(3)))

    def times(self, plain: float, most: int) -> Calls:
        """Rows as calls, where a row takes so many, and at the most so many.

        >>> Calls(1, 2, 3).times(2, 4)
        Calls(low=2, expected=4, high=12)
        """
        likely = round(self.expected * plain)
        return Calls(int(self.low * plain), likely, self.high * most)


FREE = Calls(0, 0, 0)
DEARER = 1.5
"""What is set aside is run by winners, whose prompts are longer than those before."""


class Training(NamedTuple):
    """Rows that are read forward and backward, by a model that is trained here.

    Args:
        steps: Steps of all trainings together.
        rows: Rows in all these steps, with repetition.
    """

    steps: int
    rows: int

    def plus(self, *others: Training) -> Training:
        """These and others, added up."""
        every = (self, *others)
        return Training(*(sum(one[at] for one in every) for at in (0, 1)))


NO_TRAINING = Training(0, 0)


@dataclass(frozen=True)
class CallGuess:
    """What a call costs, before any was made.

    Args:
        tokens: Tokens of a call of the program as it is.
        bound: The most tokens that one call can be held for.
        usd: Dollars of such a call, or None where a price is unknown.
        usd_bound: The most dollars that one call can be held for, or None.
        likely_tokens: Tokens of an average call, with what candidates may hold.
        likely_usd: Dollars of an average call, or None.
        dearest: Dollars of such a call of the dearest model that is chosen among; 0
            where none are, or its price is unknown.
    """

    tokens: int = 0
    bound: int = 0
    usd: float | None = None
    usd_bound: float | None = None
    likely_tokens: int = 0
    likely_usd: float | None = None
    dearest: float = 0.0


@dataclass(frozen=True, repr=False)
class Quote:
    """Model calls by account, and what the whole would cost.

    Args:
        accounts: Low, expected and high calls by account.
        smallest: The fewest calls that one proposal, its race and the verification
            need where no reply has to be repaired.
        aside: Those of the fewest calls that are set aside for the verification.
        verified: How many sealed rows that budget verifies on.
        sealed: How many sealed rows there are; low and expected calls count them all.
        bounded: Whether high is a bound; else the program has an `each` over a list
            that no row holds, or a step that calls a model; their calls are assumed.
        guess: What a call costs, estimated from the seed's prompts with what candidates
            may hold: demos, and instructions that a model writes.
        greedy: Who is set to temperature 0 and yet asked for several samples, which
            will be equal: modules by path, and "proposer".
        training: What is trained here, at the most; it calls nobody.
    """

    accounts: dict[str, Calls]
    smallest: int
    aside: int
    verified: int
    sealed: int
    bounded: bool
    guess: CallGuess
    greedy: tuple[str, ...] = ()
    training: Training = NO_TRAINING

    @property
    def trained(self) -> int:
        """Tokens of training, forward and backward, at the most."""
        return 2 * self.training.rows * self.tokens

    @property
    def tokens(self) -> int:
        """Tokens of an average call."""
        return self.guess.likely_tokens

    @property
    def usd(self) -> float | None:
        """US dollars of an average call, or None where a price is unknown."""
        return self.guess.likely_usd

    @property
    def calls(self) -> Calls:
        """All accounts together."""
        rows = list(self.accounts.values())
        return Calls(*(sum(row[i] for row in rows) for i in range(3)))

    def within(self, budget: Budget) -> int:
        """Calls to expect where a budget holds: those quoted, or as many as fit.

        How many fit into a time nobody knows.

        >>> calls = {"evaluate": Calls(0, 900, 2000)}
        >>> quote = Quote(calls, 9, 0, 9, 9, True, CallGuess())
        >>> quote.within(Budget()), quote.within(Budget(calls=150))
        (900, 150)
        """
        fits: list[float] = [self.calls.expected]
        if budget.calls is not None:
            fits.append(budget.calls)
        if budget.tokens is not None and self.tokens:
            fits.append(budget.tokens / self.tokens)
        if budget.usd is not None and self.usd:
            fits.append(budget.usd / self.usd)
        return math.ceil(min(fits))

    def check(self, budget: Budget) -> None:
        """Refuse a budget that one round does not fit into.

        Raises:
            QuoteError: It is too small; the message names the smallest that works,
                about that in tokens and dollars: how long a writer's prompts are shows
                when it is asked.
        """
        if budget.seconds is not None and budget.seconds <= 0:
            raise QuoteError(
                f"a budget of {budget.seconds:g} s has no time for a call",
                hint='Give some, such as budget="10 min", or limit calls or tokens',
            )
        if budget.calls is not None and budget.calls < self.smallest:
            raise _too_small(counted(budget.calls, "call"), f"{self.smallest} calls")
        calls = math.ceil(self.smallest + (DEARER - 1) * self.aside)
        tokens = calls * self.guess.tokens + self.guess.bound
        if budget.tokens is not None and budget.tokens < tokens:
            given = counted(budget.tokens, "token")
            raise _too_small(given, f"{tokens} tokens", about=True)
        if budget.usd is None or self.guess.usd is None:
            return
        usd = calls * self.guess.usd + (self.guess.usd_bound or 0.0)
        if budget.usd < usd:
            cents = math.ceil(usd * 100) / 100
            raise _too_small(f"${budget.usd:g}", f"${cents:.2f}", about=True)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = [f"{'account':<10} {'low':>7} {'expected':>9} {'high':>7}  calls"]
        for name, row in {**self.accounts, "total": self.calls}.items():
            lines.append(f"{name:<10} {row.low:>7} {row.expected:>9} {row.high:>7}")
        expected = self.calls.expected
        price = money(None if self.usd is None else expected * self.usd)
        lines.append(f"about {expected * self.tokens:,} tokens, {price}")
        if self.training.steps:
            steps, rows = self.training
            lines.append(
                f"train: {counted(steps, 'step')}, {rows:,} rows in all, at most about "
                f"{self.trained:,} tokens forward and backward, computed here"
            )
        least = f"smallest budget for one round: {counted(self.smallest, 'call')}"
        if self.verified < self.sealed:
            least += f", {self.verified} of {self.sealed} sealed rows verified"
        lines.append(least)
        if not self.bounded:
            lines.append(
                f"assumed: {EACH_ITEMS} items in a list that no row holds, one call of "
                "each module that a step uses"
            )
        lines += [
            f"equal samples: temperature 0 is set for {who}, which is asked again for "
            "other answers and will give the same"
            for who in self.greedy
        ]
        return "\n".join(lines)


def _too_small(given: str, smallest: str, *, about: bool = False) -> QuoteError:
    least = f"{'About the' if about else 'The'} smallest that works here is"
    return QuoteError(
        f"a budget of {given} is too small for one round",
        hint=f'{least} budget="{smallest}"',
    )
