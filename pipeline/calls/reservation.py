"""Room under a limit, and the hold of one request on it.

The queue for room is fair, and its answers do not depend on timing: a claim is granted
when it fits, refused when it can never fit or when no holder outside the queue is left
to give room back, and waits otherwise. Claims of holders that need more go first,
because they keep others waiting.

A hold is a bank's on a card: reserve the most that a request can cost, use, settle for
what it did cost, and give the rest back.
"""

from __future__ import annotations

import math
import operator
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from ..errors import BudgetExceeded
from ..ground.loops import Waiter, afresh_in_children
from ..ground.words import counted
from ..lm.prices import Estimate
from ..lm.request import Response


class Amount(NamedTuple):
    """Calls, tokens and picodollars; whole numbers, or infinity for no limit."""

    calls: float = 0
    tokens: float = 0
    pico: float = 0

    def plus(self, other: Amount) -> Amount:
        """The sum, part by part."""
        return Amount._make(map(operator.add, self, other))

    def minus(self, other: Amount) -> Amount:
        """The difference, part by part."""
        return Amount._make(map(operator.sub, self, other))


NOTHING = Amount()


@dataclass(slots=True, eq=False)
class Claim:
    """One wish for room, in the queue until it is decided.

    Args:
        need: How much.
        mark: The request that needs it: one that was charged before needs nothing.
            None where a holder asks for more.
        holding: What the holder that asks for more keeps meanwhile.
        granted: What it got; None is undecided, and False refused.
        first: Whether nobody had asked for this request before.
        waiter: Who waits for it.
    """

    need: Amount
    mark: bytes | None = None
    holding: Amount = NOTHING
    granted: Amount | bool | None = None
    first: bool = False
    waiter: Waiter | None = None


class Room:
    """A limit, and the claims on it; safe in threads and across event loops.

    Args:
        limit: The most that may be spent.
        left: Seconds until the time is up: no claim is granted any more then.
    """

    def __init__(self, limit: Amount, left: Callable[[], float]) -> None:
        self.limit = limit
        self.spent = NOTHING
        self._charged: dict[bytes, bool] = {}  # request -> charged, or failed before
        self.left = left
        self.forget()
        afresh_in_children(self)

    def forget(self) -> None:
        """Start afresh, as a forked child must: its parent's calls never end there."""
        # A collected coroutine may give its room back in the middle of any statement,
        # in this thread: a plain lock would wait for itself.
        self.lock = threading.RLock()
        self.held = NOTHING
        self._stuck = NOTHING  # the part of `held` whose holders wait in the queue
        self._woken: dict[bytes, Claim] = {}  # those that hold, and have yet to go on
        self._more: deque[Claim] = deque()
        self._arrivals: deque[Claim] = deque()

    async def take(self, claim: Claim) -> Amount | None:
        """Wait for room; the amount now held, or None where the claim is refused."""
        queue = self._arrivals if claim.mark is not None else self._more
        with self.lock:
            queue.append(claim)
            if claim.holding is not NOTHING:
                self._stuck = self._stuck.plus(claim.holding)
            self._serve()
            if claim.granted is None:
                claim.waiter = Waiter()
            elif claim.granted == NOTHING:
                self._overtake(claim)
        if claim.waiter is not None:
            try:
                await claim.waiter.wait()
            except BaseException:
                self._withdraw(claim, queue)
                raise
            with self.lock:
                self._goes_on(claim)
        return claim.granted if isinstance(claim.granted, Amount) else None

    def move(self, *, spent: Amount, freed: Amount) -> None:
        """Book an amount as spent and give another back; call it under the lock."""
        if spent is not NOTHING:
            self.spent = self.spent.plus(spent)
        if freed is not NOTHING:
            self.held = self.held.minus(freed)
        self._serve()

    def work(self, tokens: int) -> None:
        """Book tokens of no call, under the lock; raises where they do not fit."""
        need = Amount(0, tokens, 0)
        if self.left() <= 0 or not self._fits(need, self.held):
            raise exceeded(self, need)
        self.move(spent=need, freed=NOTHING)

    def knows(self, mark: bytes) -> bool:
        """Whether a request is free, because it was charged before."""
        return self._charged.get(mark, False)

    def charge(self, mark: bytes) -> None:
        """Let a request be free from now on; call it under the lock."""
        self._charged[mark] = True

    def uncharge(self, mark: bytes, *, forget: bool = False) -> None:
        """Let a request that brought no answer be charged when it comes again."""
        if forget:
            self._charged.pop(mark, None)
        else:
            self._charged[mark] = False

    def _overtake(self, claim: Claim) -> None:
        """Let a claim have what another for the same request holds and cannot use yet.

        It will make the call: it goes on now, and who was let in before has yet to be
        woken. Both would be charged, did the one send what the other holds room for.
        """
        behind = None if claim.mark is None else self._woken.pop(claim.mark, None)
        if behind is not None:
            claim.granted, behind.granted = behind.granted, NOTHING
            claim.first, behind.first = behind.first, False

    def _goes_on(self, claim: Claim) -> None:
        if claim.mark is not None and self._woken.get(claim.mark) is claim:
            del self._woken[claim.mark]

    def _withdraw(self, claim: Claim, queue: deque[Claim]) -> None:
        with self.lock:
            if claim.granted is None:
                queue.remove(claim)
                self._stuck = self._stuck.minus(claim.holding)
                self._serve()
            elif isinstance(claim.granted, Amount):
                self._goes_on(claim)
                if claim.mark is not None and claim.granted != NOTHING:
                    self.uncharge(claim.mark, forget=claim.first)
                self.move(spent=NOTHING, freed=claim.granted)

    def _serve(self) -> None:
        while queue := self._more or self._arrivals:
            verdict = self._verdict(queue[0])
            if verdict is None:
                return
            claim = queue.popleft()
            claim.granted = verdict
            if claim.holding is not NOTHING:
                self._stuck = self._stuck.minus(claim.holding)
            if isinstance(verdict, Amount):
                self.held = self.held.plus(verdict)
                if claim.mark is not None and verdict != NOTHING:
                    claim.first = claim.mark not in self._charged
                    self._charged[claim.mark] = True
                    if claim.waiter is not None:
                        self._woken[claim.mark] = claim
            if claim.waiter is not None:
                claim.waiter.wake()

    def _verdict(self, claim: Claim) -> Amount | bool | None:
        if claim.mark is not None and self._charged.get(claim.mark):
            return NOTHING
        if self.left() <= 0:
            return False
        if self._fits(claim.need, self.held):
            return claim.need
        may_fit = self._fits(claim.need, NOTHING) and self.held != self._stuck
        return None if may_fit else False

    def _fits(self, need: Amount, held: Amount) -> bool:
        spent, limit = self.spent, self.limit
        return (
            spent.calls + held.calls + need.calls <= limit.calls
            and spent.tokens + held.tokens + need.tokens <= limit.tokens
            and spent.pico + held.pico + need.pico <= limit.pico
        )


PICO: Final = 10**12  # money is counted whole, so a sum depends on no order
_ONE_CALL: Final = Amount(calls=1)


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
    seconds: float = 0.0

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
        """The counts by name, money in dollars; seconds where something is trained."""
        counts: dict[str, int | float] = asdict(self)
        usd, seconds = counts.pop("pico") / PICO, counts.pop("seconds")
        return {**counts, "usd": usd, **({"seconds": seconds} if seconds else {})}


@dataclass(slots=True, eq=False)
class Lease:
    """The hold of one request on its budget, from reservation to settlement.

    Made by `Ledger.reserve`. Use it as a context manager: whatever it still holds at
    the end goes back.
    """

    _room: Room
    _account: Account
    _mark: bytes
    _estimate: Estimate
    _held: Amount
    _sent: bool = False
    _settled: bool = False

    def __post_init__(self) -> None:
        self._settled = self._held == NOTHING  # charged before: this time it is free

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
        with self._room.lock:
            self._give_back(spent=self._charged_most())

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
        with self._room.lock:
            cost = NOTHING
            if not self._sent:
                self._account.cached += 1
                cost = self._charged_most().plus(_ONE_CALL)
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
        usage, cost = response.usage, response.cost
        if usage is None:
            return self._charged_most(cost)
        return self._account.charge(usage.input_tokens, usage.output_tokens, cost)

    def _charged_most(self, usd: float | None = None) -> Amount:
        """Book an answer of which the tokens, and perhaps the price, are not known."""
        most = self._estimate
        usd = most.usd if usd is None else usd
        return self._account.charge(most.input_tokens, most.output_tokens, usd)


def most_of(estimate: Estimate) -> Amount:
    """What one call holds: itself, its tokens and its price, all at their bounds."""
    pico = 0 if estimate.usd is None else math.ceil(estimate.usd * PICO)
    return Amount(1, estimate.tokens, pico)


def exceeded(room: Room, need: Amount) -> BudgetExceeded:
    """The error of a refused claim, naming each limit that it would overshoot."""
    hint = "Raise the budget, or resume with more: a cache keeps what was paid for"
    wanted, limit = room.spent.plus(room.held).plus(need), room.limit
    over = [
        f"{counted(f'{part * unit:.12g}', name)} of {most * unit:.12g}"
        for name, unit, part, most in (
            ("call", 1, wanted.calls, limit.calls),
            ("token", 1, wanted.tokens, limit.tokens),
            ("US dollar", 1 / PICO, wanted.pico, limit.pico),
        )
        if part > most
    ]
    if not over:
        return BudgetExceeded("the time of the budget is up", hint=hint)
    return BudgetExceeded(f"the next call could make it {', '.join(over)}", hint=hint)
