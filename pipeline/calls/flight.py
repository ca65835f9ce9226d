"""One upstream call for identical requests that are asked at the same time.

The first to ask leads and makes the call; the others follow and share its answer or
its error, whatever thread or event loop they are in. A leader that is cancelled, or
whose own budget ends, says nothing about the others: one of them takes over.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from types import TracebackType

from ..ground.loops import Waiter, afresh_in_children
from ..lm.request import Response


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
        afresh_in_children(self)

    def forget(self) -> None:
        """Start afresh, as a forked child must: no flight of its parent lands."""
        self.landed = 0  # how many have ended: whether a look into a cache is stale
        self._flights: dict[Hashable, _Flight] = {}
        # A collected coroutine may land in the middle of any statement, in this
        # thread: a plain lock would wait for itself.
        self._lock = threading.RLock()

    async def join(self, identity: Hashable) -> Response | None:
        """Share in the outcome of whoever makes the call already.

        Args:
            identity: Two callers with equal ones want the same call.

        Returns:
            The answer; or None, and then the caller leads, and `land` must follow.

        Raises:
            Exception: What the leader's call raised.
        """
        mine = _Flight()
        while True:
            with self._lock:
                flight = self._flights.setdefault(identity, mine)
                if flight is mine:
                    return None
                waiter = Waiter()
                if flight.followers is None:
                    flight.followers = []
                flight.followers.append(waiter)
            await waiter.wait()
            if isinstance(flight.outcome, Response):
                return flight.outcome
            if flight.outcome is not None:
                # From there each time, or the frames of all followers would add up.
                raise flight.outcome.with_traceback(flight.frames)

    def land(self, identity: Hashable, outcome: Response | Exception | None) -> None:
        """End a flight that the caller leads, with what the others are to share.

        Args:
            identity: The flight's.
            outcome: The answer or the error; None where there is nothing to share, and
                a follower takes over.
        """
        with self._lock:
            self.landed += 1
            flight = self._flights.pop(identity)
            flight.outcome = outcome
            if isinstance(outcome, Exception):
                flight.frames = outcome.__traceback__
        for follower in flight.followers or ():
            follower.wake()
