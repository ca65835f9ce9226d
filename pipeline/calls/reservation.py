"""The hold of one request on its budget: the most it can cost, then what it did cost.

The idea is a bank's hold on a card: reserve, use, settle, and give the rest back.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Final

from ..errors import BudgetExceeded
from ..lm.request import Request, Response
from .capacity import NOTHING, Amount, Claim, Room

DEFAULT_OUTPUT_TOKENS: Final = 4096
"""The bound on an answer where the request itself states none."""

PICO: Final = 10**12
"""Money is counted in whole picodollars, so that a sum does not depend on its order."""

_TOKENS_PER_MESSAGE: Final = 16  # role, separators and turn markers of chat templates
_ONE_CALL: Final = Amount(calls=1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most that one call can cost.

    Args:
        input_tokens: An upper bound, not a guess.
        output_tokens: An upper bound, not a guess.
        usd: The price of those, or None where the model's price is unknown.
    """

    input_tokens: int
    output_tokens: int
    usd: float | None = None

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


def token_bounds(request: Request) -> tuple[int, int]:
    """Upper bounds on the input and the output tokens of a request.

    A token is at least one byte of text in every byte-level vocabulary, so the UTF-8
    length bounds the input without a tokenizer; servers write the JSON schema of
    `response_format`, and what an `extra` holds of tools or documents, into the prompt,
    so these count as text too.

    >>> from weft.pipeline.lm.request import Message
    >>> hi = Request("m", (Message("user", "hi"),), sampling={"max_tokens": 8})
    >>> token_bounds(hi)
    (18, 8)
    """
    messages = request.messages
    held = sum(_utf8_length(m.content) for m in messages)
    held += _TOKENS_PER_MESSAGE * len(messages)
    if request.response_format is not None:
        held += _utf8_length(repr(request.response_format))
    for value in request.sampling.values():
        if not isinstance(value, str | int | float | None):  # tools and the like
            held += _utf8_length(repr(value))
    limits = (
        value
        for name in ("max_tokens", "max_completion_tokens")
        if isinstance(value := request.sampling.get(name), int)
    )
    return held, max(limits, default=DEFAULT_OUTPUT_TOKENS)


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@dataclass(slots=True)
class Account:
    """What one account has been charged with; change it under the room's lock only."""

    requests: int = 0
    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    pico: int = 0
    unpriced: int = 0

    def charge(
        self, input_tokens: int, output_tokens: int, usd: float | None
    ) -> Amount:
        """Book one answer and return what it takes from the limits."""
        pico = round((usd or 0.0) * PICO)
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        self.pico += pico
        self.unpriced += usd is None
        return Amount(0, input_tokens + output_tokens, pico)

    def as_dict(self) -> dict[str, int | float]:
        """The counts by name, money in dollars."""
        counts: dict[str, int | float] = asdict(self)
        counts["usd"] = counts.pop("pico") / PICO
        return counts


class Lease:
    """The hold of one request on its budget, from reservation to settlement.

    Made by `Ledger.reserve`. Use it as a context manager: whatever it still holds at
    the end goes back.
    """

    __slots__ = (
        "_account",
        "_estimate",
        "_held",
        "_mark",
        "_room",
        "_sent",
        "_settled",
    )

    def __init__(
        self,
        room: Room,
        account: Account,
        mark: bytes,
        estimate: Estimate,
        held: Amount,
    ) -> None:
        self._room = room
        self._account = account
        self._mark = mark
        self._estimate = estimate
        self._held = held
        self._sent = False
        self._settled = held == NOTHING  # charged before: this time it is free

    async def prepare(self) -> None:
        """Hold room for one attempt; the first one holds it already.

        Raises:
            BudgetExceeded: A further attempt does not fit.
        """
        if not self._held.calls:
            need = most_of(self._estimate).minus(self._held)
            granted = await self._room.take(Claim(need, holding=self._held))
            if granted is None:
                raise exceeded(self._room, need)
            self._held = self._held.plus(granted)

    def outlast(self, seconds: float) -> None:
        """Go on only where the budget's time is not up after so many seconds.

        Raises:
            BudgetExceeded: It is up by then.
        """
        if self._room.left() <= seconds:
            raise exceeded(self._room, NOTHING)

    def send(self) -> None:
        """Count the prepared attempt as sent: its call cannot be given back.

        Raises:
            BudgetExceeded: The time was up while it waited for its turn.
        """
        self.outlast(0.0)
        with self._room.lock:
            self._sent = True
            self._account.calls += 1
            self._held = self._held.minus(_ONE_CALL)
            self._room.move(spent=_ONE_CALL, freed=_ONE_CALL)

    def lose(self) -> None:
        """Book the attempt at its bound: nobody knows whether the server billed it.

        That is so after a time-out, a reset, or a body that cannot be read.
        """
        most = self._estimate
        with self._room.lock:
            cost = self._account.charge(most.input_tokens, most.output_tokens, most.usd)
            self._give_back(spent=cost)

    def settle(self, response: Response) -> None:
        """Book the answer and give back what it did not use.

        An answer without token counts is booked at its bound. A repeated request whose
        answer was at hand costs nothing.

        Args:
            response: What came back, from a server or from the cache.
        """
        with self._room.lock:
            cost = NOTHING
            if self._sent:
                cost = self._cost_of(response)
            elif not self._settled:
                self._account.cached += 1
                cost = self._cost_of(response).plus(_ONE_CALL)
            self._settled = True
            self._room.charge(self._mark)
            self._give_back(spent=cost)

    def refuse(self) -> None:
        """Book a withheld answer at its bound, once, whether it was sent or is known.

        Asked again, it costs nothing.
        """
        if self._settled:
            return
        most = self._estimate
        with self._room.lock:
            cost = NOTHING
            if not self._sent:
                self._account.cached += 1
                cost = self._account.charge(
                    most.input_tokens, most.output_tokens, most.usd
                ).plus(_ONE_CALL)
            self._settled = True
            self._room.charge(self._mark)
            self._give_back(spent=cost)

    def close(self) -> None:
        """Give back whatever is still held; unsettled, the request is charged anew."""
        if self._settled and self._held is NOTHING:
            return
        with self._room.lock:
            if not self._settled:
                self._room.uncharge(self._mark)
            self._give_back(spent=NOTHING)

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _give_back(self, *, spent: Amount) -> None:
        freed, self._held = self._held, NOTHING
        self._room.move(spent=spent, freed=freed)

    def _cost_of(self, response: Response) -> Amount:
        usage, most = response.usage, self._estimate
        if usage is None:
            usd = most.usd if response.cost is None else response.cost
            return self._account.charge(most.input_tokens, most.output_tokens, usd)
        return self._account.charge(
            usage.input_tokens, usage.output_tokens, response.cost
        )


def most_of(estimate: Estimate) -> Amount:
    """What one call holds: itself, its tokens and its price, all at their bounds."""
    pico = 0 if estimate.usd is None else math.ceil(estimate.usd * PICO)
    return Amount(1, estimate.tokens, pico)


def exceeded(room: Room, need: Amount) -> BudgetExceeded:
    """The error of a refused claim, naming each limit that it would overshoot."""
    hint = "Raise the budget, or resume with a larger one: what was paid for is kept"
    wanted, limit = room.spent.plus(room.held).plus(need), room.limit
    over = [
        f"{part * unit:.12g} {name} of {most * unit:.12g}"
        for name, unit, part, most in (
            ("calls", 1, wanted.calls, limit.calls),
            ("tokens", 1, wanted.tokens, limit.tokens),
            ("US dollars", 1 / PICO, wanted.pico, limit.pico),
        )
        if part > most
    ]
    if not over:
        return BudgetExceeded("the time of the budget is up", hint=hint)
    return BudgetExceeded(f"the next call could take {', '.join(over)}", hint=hint)
