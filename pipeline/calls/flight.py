"""One upstream call for identical requests that are asked at the same time.

The first to ask leads and makes the call; the others follow and share its answer or
its error, whatever thread or event loop they are in. A leader that is cancelled, or
whose own budget ends, says nothing about the others: one of them takes over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import NamedTuple

from ..errors import BudgetExceeded
from ..lm.request import Response
from .waiter import Waiter


class Landed(NamedTuple):
    """How a flight ended for one caller.

    Args:
        response: The answer.
        led: Whether this caller made the call itself.
    """

    response: Response
    led: bool


class _Flight:
    """A call under way, and who waits for it."""

    __slots__ = ("followers", "frames", "outcome")

    def __init__(self) -> None:
        self.outcome: Response | Exception | None = None
        self.frames: TracebackType | None = None  # those that the error came through
        self.followers: list[Waiter] | None = None  # as a rule there are none


class Flights:
    """The calls under way, by whatever identifies them."""

    def __init__(self) -> None:
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Start afresh, as a forked child must: no flight of its parent lands."""
        self.landed = 0  # how many have ended: whether a look into a cache is stale
        self._flights: dict[Hashable, _Flight] = {}
        # A collected coroutine may land in the middle of any statement, in this
        # thread: a plain lock would wait for itself.
        self._lock = threading.RLock()

    async def share(
        self, identity: Hashable, work: Callable[[], Awaitable[Response]]
    ) -> Landed:
        """Do the work, or share in the outcome of whoever does it already.

        Args:
            identity: Two callers with equal ones want the same call.
            work: Makes the call.

        Raises:
            Exception: What the work raised, here or at the leader.
        """
        while True:
            with self._lock:
                flight = self._flights.get(identity)
                if flight is None:
                    flight = self._flights[identity] = _Flight()
                    break
                waiter = Waiter()
                if flight.followers is None:
                    flight.followers = []
                flight.followers.append(waiter)
            await waiter.wait()
            if isinstance(flight.outcome, Response):
                return Landed(flight.outcome, led=False)
            if flight.outcome is not None:
                # From there each time, or the frames of all followers would add up.
                raise flight.outcome.with_traceback(flight.frames)
        try:
            response = flight.outcome = await work()
        except BudgetExceeded:  # of the leader's ledger: nothing to share
            raise
        except Exception as error:
            flight.outcome, flight.frames = error, error.__traceback__
            raise
        finally:  # without an outcome where it is cancelled: a follower takes over
            self._land(identity, flight)
        return Landed(response, led=True)

    def _land(self, identity: Hashable, flight: _Flight) -> None:
        with self._lock:
            self.landed += 1
            del self._flights[identity]
            followers = flight.followers
        for follower in followers or ():
            follower.wake()
