"""The quote: what a compile will cost, before anything is spent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...pipeline.calls.budget import Budget
from ...pipeline.errors import QuoteError
from ...pipeline.graph.program import Program
from ...pipeline.lm.prices import money
from ..propose.base import FREE, Calls
from ..racing.race import first_rows
from ..racing.search import LOTS
from ..recipe import Recipe
from ..teacher import Teacher
from .allowance import CallGuess
from .counting import (
    EACH_ITEMS,
    calls_bound,
    calls_least,
    calls_likely,
    calls_plain,
    is_bounded,
)
from .guess import guess_of
from .judge import NO_JUDGE, Judging
from .task import Split
from .verify import LEAST
from .work import work_of


@dataclass(frozen=True, repr=False)
class Quote:
    """Model calls by account, and what the whole would cost.

    Args:
        accounts: Low, expected and high calls by account.
        smallest: The fewest calls that one proposal, its race and the verification
            need where no reply has to be repaired.
        verified: How many sealed rows that budget verifies on.
        sealed: How many sealed rows there are; low and expected calls count them all.
        bounded: Whether high is a bound; else the program has an `each` over a list
            that no row holds, or a step that calls a model; their calls are assumed.
        guess: What a call costs, estimated from the seed's prompts with what candidates
            may hold: demos, and instructions that a model writes.
    """

    accounts: dict[str, Calls]
    smallest: int
    verified: int
    sealed: int
    bounded: bool
    guess: CallGuess

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

    def check(self, budget: Budget) -> None:
        """Refuse a budget that one round does not fit into.

        Raises:
            QuoteError: It is too small; the message names the smallest that works.
        """
        if budget.calls is not None and budget.calls < self.smallest:
            raise _too_small(f"{budget.calls} calls", f"{self.smallest} calls")
        tokens = self.smallest * self.guess.tokens + self.guess.bound
        if budget.tokens is not None and budget.tokens < tokens:
            raise _too_small(f"{budget.tokens} tokens", f"{tokens} tokens")
        if budget.usd is None or self.guess.usd is None:
            return
        usd = self.smallest * self.guess.usd + (self.guess.usd_bound or 0.0)
        if budget.usd < usd:
            cents = math.ceil(usd * 100) / 100
            raise _too_small(f"${budget.usd:g}", f"${cents:.2f}")

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = [f"{'account':<10} {'low':>7} {'expected':>9} {'high':>7}  calls"]
        for name, row in {**self.accounts, "total": self.calls}.items():
            lines.append(f"{name:<10} {row.low:>7} {row.expected:>9} {row.high:>7}")
        expected = self.calls.expected
        price = money(None if self.usd is None else expected * self.usd)
        lines.append(f"about {expected * self.tokens:,} tokens, {price}")
        least = f"smallest budget for one round: {self.smallest} calls"
        if self.verified < self.sealed:
            least += f", {self.verified} of {self.sealed} sealed rows verified"
        lines.append(least)
        if not self.bounded:
            lines.append(
                f"assumed: {EACH_ITEMS} items in a list that no row holds, one call of "
                "each module that a step uses"
            )
        return "\n".join(lines)


def quote_of(
    program: Program[..., Any],
    split: Split,
    recipes: Sequence[Recipe],
    judging: Judging = NO_JUDGE,
    teacher: Teacher | None = None,
) -> Quote:
    """What recipes cost on these rows; no model is called.

    Low is what it comes to where nothing is found that is worth a race: the program as
    it was is tried and verified. High assumes that everything that may happen does,
    repairs included.

    Args:
        program: What is compiled.
        split: Its rows.
        recipes: What is searched, one after the other.
        judging: The metric's own calls for a row.
        teacher: Who is run in the program's place for demos.
    """
    shown = program if teacher is None else teacher.in_place_of(program)
    rows = split.rows
    plain = max(calls_plain(each, rows) for each in (program, shown))
    likely = max(calls_likely(each, rows) for each in (program, shown))
    bound = max(calls_bound(each, rows) for each in (program, shown))
    work = [work_of(recipe, split) for recipe in recipes]
    head = _headroom(recipes, len(split.train))
    lessons = FREE.plus(*(w.lessons for w in work))
    cells = FREE.plus(*(w.cells for w in work))
    sealed = len(split.sealed)
    last = Calls(sealed, 2 * sealed, 2 * sealed)
    every = head.plus(lessons, cells, last)
    accounts = {
        "bootstrap": head.plus(lessons).times(likely, bound),
        "propose": FREE.plus(*(w.requests for w in work)),
        "evaluate": cells.times(likely, bound),
        "judge": every.times(judging.plain, judging.most),
        "verify": last.times(likely, bound),
    }
    least = {
        "bootstrap": _least_tried(program, split, head.low),
        "verify": calls_least(program, split.sealed),
    }
    accounts = {
        name: calls._replace(low=least.get(name, 0)) for name, calls in accounts.items()
    }
    row = plain + judging.plain
    first = min(
        draw.proposer.calls(1, len(split.train), row).low
        for draw in recipes[0].rounds[0]
    )
    rung = first_rows(len(split.select)) if recipes[0].racer else 0
    verified = min(sealed, LEAST)
    smallest = first + (head.expected + rung + 2 * verified) * row
    kept = {name: calls for name, calls in accounts.items() if calls.high}
    draws = [draw for recipe in recipes for turn in recipe.rounds for draw in turn]
    guess = guess_of(program, split.train, [draw.proposer for draw in draws])
    bounded = is_bounded(program, rows) and is_bounded(shown, rows)
    return Quote(kept, smallest, verified, sealed, bounded, guess)


def _least_tried(program: Program[..., Any], split: Split, tried: int) -> int:
    """The fewest calls of a trial run that the verification does not make too."""
    both = calls_least(program, (*split.train, *split.sealed))
    a_row = calls_least(program, split.train[:1])
    left_out = (len(split.train) - tried) * a_row
    return max(0, both - calls_least(program, split.sealed) - left_out)


def _headroom(recipes: Sequence[Recipe], train: int) -> Calls:
    """Rows of trial runs: once for all recipes, or three lots of other rows each."""
    once = max((min(r.headroom, train) for r in recipes), default=0)
    first = min(train, *(r.headroom for r in recipes[:1]))
    return Calls(first, once, min(train, sum(LOTS * r.headroom for r in recipes)))


def _too_small(given: str, smallest: str) -> QuoteError:
    return QuoteError(
        f"a budget of {given} is too small for one round",
        hint=f'The smallest that works here is budget="{smallest}"',
    )
