"""Room under a limit: what is spent, what is held, and who waits for some.

The queue is fair, and its answers do not depend on timing: a claim is granted when it
fits, refused when it can never fit or when no holder outside the queue is left to
give room back, and waits otherwise. Claims of holders that need more go first, because
they keep others waiting.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from .waiter import Waiter


class Amount(NamedTuple):
    """Calls, tokens and picodollars; whole numbers, or infinity for no limit."""

    calls: float = 0
    tokens: float = 0
    pico: float = 0

    def plus(self, other: Amount) -> Amount:
        """The sum, part by part."""
        return Amount(
            self.calls + other.calls,
            self.tokens + other.tokens,
            self.pico + other.pico,
        )

    def minus(self, other: Amount) -> Amount:
        """The difference, part by part."""
        return Amount(
            self.calls - other.calls,
            self.tokens - other.tokens,
            self.pico - other.pico,
        )


NOTHING = Amount()


class Claim:
    """One wish for room, in the queue until it is decided.

    Args:
        need: How much.
        mark: The request that needs it: one that was charged before needs nothing.
            None where a holder asks for more.
        holding: What the holder that asks for more keeps meanwhile.
    """

    __slots__ = ("first", "granted", "holding", "mark", "need", "waiter")

    def __init__(
        self, need: Amount, mark: bytes | None = None, holding: Amount = NOTHING
    ) -> None:
        self.need = need
        self.mark = mark
        self.holding = holding
        self.granted: Amount | bool | None = None  # None: undecided; False: refused
        self.first = False  # whether nobody had asked for this request before
        self.waiter: Waiter | None = None


class Room:
    """A limit, and the claims on it; safe in threads and across event loops.

    Args:
        limit: The most that may be spent.
        left: Seconds until the time is up: no claim is granted any more then.
    """

    def __init__(self, limit: Amount, left: Callable[[], float]) -> None:
        # A collected coroutine may give its room back in the middle of any statement,
        # in this thread: a plain lock would wait for itself.
        self.lock = threading.RLock()
        self.limit = limit
        self.spent = NOTHING
        self.held = NOTHING
        self._charged: dict[bytes, bool] = {}  # request -> charged, or failed before
        self.left = left
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
