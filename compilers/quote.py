"""The quote: what a compile will cost, before anything is spent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..pipeline.adapters import adapter_of
from ..pipeline.ask import request_for
from ..pipeline.budget import Budget
from ..pipeline.data import Example
from ..pipeline.errors import ConfigError, QuoteError
from ..pipeline.lm.caller import estimate
from ..pipeline.lm.lease import Estimate
from ..pipeline.lm.prices import price_of
from ..pipeline.lm.request import Usage
from ..pipeline.program import Program
from ..pipeline.prompt import prompt_of
from ..pipeline.runtime import current
from .allowance import CallGuess
from .counting import calls_bound, calls_plain
from .propose.base import FREE, Calls
from .race import FIRST, Racer
from .recipe import Recipe
from .task import Split

_REPLY_TOKENS = 100


@dataclass(frozen=True)
class Quote:
    """Model calls by account, and what the whole would cost.

    Args:
        accounts: Low, expected and high calls by account.
        smallest: The fewest calls that one proposal, its race and the verification
            need where no reply has to be repaired.
        guess: What a call costs, estimated from the seed's prompts.
    """

    accounts: dict[str, Calls]
    smallest: int
    guess: CallGuess

    @property
    def tokens(self) -> int:
        """Tokens of an average call."""
        return self.guess.tokens

    @property
    def usd(self) -> float | None:
        """US dollars of an average call, or None where a price is unknown."""
        return self.guess.usd

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
        tokens = self.smallest * self.tokens + self.guess.bound
        if budget.tokens is not None and budget.tokens < tokens:
            raise _too_small(f"{budget.tokens} tokens", f"{tokens} tokens")
        if budget.usd is None or self.usd is None:
            return
        usd = self.smallest * self.usd + (self.guess.usd_bound or 0.0)
        if budget.usd < usd:
            cents = math.ceil(usd * 100) / 100
            raise _too_small(f"${budget.usd:g}", f"${cents:.2f}")

    def __str__(self) -> str:
        lines = [f"{'account':<10} {'low':>7} {'expected':>9} {'high':>7}  calls"]
        for name, row in {**self.accounts, "total": self.calls}.items():
            lines.append(f"{name:<10} {row.low:>7} {row.expected:>9} {row.high:>7}")
        expected = self.calls.expected
        price = "price unknown" if self.usd is None else f"${expected * self.usd:.4f}"
        lines.append(f"about {expected * self.tokens} tokens, {price}")
        lines.append(f"smallest budget for one round: {self.smallest} calls")
        return "\n".join(lines)


def quote_of(
    program: Program[..., Any], split: Split, recipes: Sequence[Recipe]
) -> Quote:
    """What recipes cost on these rows; no model is called.

    Low assumes that nothing needs a repair and candidates drop out early, high that
    everything that may happen does.
    """
    row, bound = calls_plain(program), calls_bound(program)
    train, select, sealed = len(split.train), len(split.select), len(split.sealed)
    head, proposing, cells = 0, Calls(0, 0, 0), Calls(0, 0, 0)
    for recipe in recipes:
        head = max(head, min(recipe.headroom, train))
        for at, draws in enumerate(recipe.rounds):
            made = [d.proposer.calls(d.n, train, row) for d in draws]
            made = [Calls(0, c.expected, c.high) if at else c for c in made]
            proposing = _added(proposing, *made)
            count = sum(d.n for d in draws)
            cells = _added(cells, _race_cells(recipe.racer, 1 + count, select, at))
    accounts = {
        "bootstrap": Calls(head * row, head * row, head * bound),
        "propose": proposing,
        "evaluate": Calls(cells.low * row, cells.expected * row, cells.high * bound),
        "verify": Calls(sealed * row, 2 * sealed * row, 2 * sealed * bound),
    }
    first = min(d.proposer.calls(1, train, row).low for d in recipes[0].rounds[0])
    rung = 2 * min(FIRST, select) if recipes[0].racer else 0
    smallest = first + (head + rung + 2 * sealed) * row
    kept = {name: calls for name, calls in accounts.items() if calls.high}
    return Quote(kept, smallest, _guess(program, [*split.train, *split.select]))


def _added(*rows: Calls) -> Calls:
    return Calls(*(sum(row[i] for row in rows) for i in range(3)))


def _too_small(given: str, smallest: str) -> QuoteError:
    return QuoteError(
        f"a budget of {given} is too small for one round",
        hint=f'The smallest that works here is budget="{smallest}"',
    )


def _race_cells(racer: Racer | None, candidates: int, rows: int, at: int) -> Calls:
    if racer is None:
        return FREE
    most = racer.cells(candidates, rows)
    return Calls(0 if at else min(most, 2 * FIRST), most, most)


def _guess(program: Program[..., Any], rows: Sequence[Example]) -> CallGuess:
    """What a call costs, from the prompts that can be rendered now."""
    chars = max((len(str(dict(row.inputs))) for row in rows[:32]), default=0)
    tokens: list[int] = []
    prices: list[float | None] = []
    most: list[Estimate] = []
    for path, module in program.modules.items():
        try:
            lm = current().model_for(path, module.lm)
        except ConfigError:
            continue
        inputs = {
            n: "x" * (chars // len(module.spec.inputs)) for n in module.spec.inputs
        }
        rendered = adapter_of(module.parameters.adapter).render(
            module.asked, module.parameters, inputs
        )
        request = request_for(lm, module.parameters, rendered.messages, None, 0)
        most.append(estimate(request))
        count = prompt_of(request).tokens
        tokens.append(count + _REPLY_TOKENS)
        prices.append(price_of(lm.model, Usage(count, _REPLY_TOKENS)))
    if not tokens:
        return CallGuess()
    known = [p for p in prices if p is not None]
    usd = sum(known) / len(known) if len(known) == len(prices) else None
    bounds = [e.usd for e in most if e.usd is not None]
    return CallGuess(
        sum(tokens) // len(tokens),
        max(e.tokens for e in most),
        usd,
        max(bounds) if len(bounds) == len(most) else None,
    )
