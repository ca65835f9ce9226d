"""The one place where calls are tried again.

Capped exponential back-off with full jitter, later and wider for 429 (full jitter can
collapse to no wait at all there), `Retry-After` obeyed and capped, and a token bucket
that stops retrying an endpoint which fails throughout: the rules of the AWS and OpenAI
SDKs, at one layer only.
"""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from ..errors import (
    DeadlineExceeded,
    ModelError,
    Overloaded,
    ProtocolError,
    RateLimited,
)
from ..ground.frozen import unchanging
from ..ground.loops import PerProcess
from ..lm.request import Response

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")

_COST: Final = 5
_COST_OF_TIMEOUT: Final = 10
_SPREAD: Final = 0.25  # of the server's own wait, so that clients do not come in step
_SLACK: Final = 0.1
# The back-off after a refusal for load, over the usual: 32 clients that are refused
# together need 2 s, or a quarter of them meets again within 100 ms too often.
_WIDER: Final = 4.5


_COST_OF_LOAD: Final = 1
_SERVES: Final = 30.0
"""Seconds for which an endpoint that answered somebody is taken to serve."""


class RetryQuota:
    """A token bucket: retries take, successes give back, and time a little too.

    Hundreds of calls together meet a refusal for load where fewer are answered at once:
    it takes nothing while the endpoint serves others, and little before it served one.
    What such a refusal changes is the limit of calls in flight.

    Args:
        capacity: Tokens when full. A retry takes 5, after a time-out 10, after a
            refusal for load 1, or nothing.
        refill: Tokens that come back each second, so that an outage is forgotten.
        clock: Seconds that only grow; for tests.
    """

    def __init__(
        self,
        capacity: float = 500,
        *,
        refill: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = capacity
        self._refill = refill
        self._clock = clock
        self._tokens = float(capacity)
        self._at = clock()
        self._served = -math.inf
        self._lock = threading.Lock()

    def take(self, error: ModelError) -> bool:
        """Pay for one retry; False where the bucket does not hold enough."""
        with self._lock:
            now = self._clock()
            grown = self._tokens + (now - self._at) * self._refill
            self._tokens, self._at = min(self._capacity, grown), now
            cost = _COST_OF_TIMEOUT if isinstance(error, DeadlineExceeded) else _COST
            if isinstance(error, RateLimited | Overloaded):
                cost = 0 if now - self._served < _SERVES else _COST_OF_LOAD
            if self._tokens < cost:
                return False
            self._tokens -= cost
            return True

    def give_back(self, *, retried: bool) -> None:
        """Count a success: a retry that worked pays back its price."""
        with self._lock:
            grown = self._tokens + (_COST if retried else 1)
            self._tokens = min(self._capacity, grown)
            self._served = self._clock()


shared_quota: Final = PerProcess[str, RetryQuota](lambda _: RetryQuota())
"""The process's retry quota of an endpoint."""


@unchanging
@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How transient errors are tried again.

    Args:
        retries: Further attempts after the first. A `ProtocolError` gets one at most.
        base: Seconds of the first back-off, before jitter; it doubles each time.
        cap: The longest back-off in seconds.
        retry_after_cap: A server that asks to wait longer than this is not waited for.
        deadline: Wall-clock seconds for all attempts and waits together, or None.
        quota: The retry quota; None is the process's own for the endpoint.
        clock: Seconds that only grow; for tests.
        sleep: Waits so many seconds; for tests.
        rng: A number in [0, 1); for tests.
    """

    retries: int = 3
    base: float = 0.5
    cap: float = 8.0
    retry_after_cap: float = 60.0
    deadline: float | None = None
    quota: RetryQuota | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Sleep = field(default=asyncio.sleep, repr=False)
    rng: Callable[[], float] = field(default=random.random, repr=False)

    async def run(
        self,
        attempt: Callable[[], Awaitable[Response]],
        quota: RetryQuota,
        waited: float = 0.0,
        outlast: Callable[[float], None] | None = None,
    ) -> Response:
        """Attempt until it works, the error is final, or nothing is left to try.

        Args:
            attempt: Makes one attempt; raises a `ModelError` where it fails.
            quota: The endpoint's retry quota, where the policy has none of its own.
            waited: Seconds of the deadline that are over.
            outlast: Told how long each wait is; may raise where it is too long.

        Raises:
            ModelError: The last attempt's; or `DeadlineExceeded`.
        """
        quota = self.quota or quota
        deadline = self.deadline
        ends = None if deadline is None else self.clock() + deadline - waited
        made, broken = 0, False
        while True:
            try:
                response = await (
                    attempt() if ends is None else self.within(ends, attempt)
                )
            except ModelError as error:
                wait = self._wait(error, made)
                if isinstance(error, ProtocolError):
                    wait = None if broken else wait
                    broken = True
                error.retries = made
                if wait is None or (ends is not None and self.clock() + wait >= ends):
                    raise
                if not quota.take(error):
                    error.add_note("not tried again: the endpoint fails throughout")
                    raise
            else:
                quota.give_back(retried=made > 0)
                return replace(response, retries=made) if made else response
            made += 1
            if outlast is not None:
                outlast(wait)
            await self.sleep(wait)

    def _wait(self, error: ModelError, made: int) -> float | None:
        """Seconds until the next attempt, or None where there is none to be."""
        if not error.retryable or made >= self.retries:
            return None
        if error.retry_after is not None:
            if error.retry_after > self.retry_after_cap:
                error.advise(_not_waited(error.retry_after, self.retry_after_cap))
                return None
            spread = error.retry_after * _SPREAD + _SLACK
            return error.retry_after + spread * self.rng()
        longest = min(self.cap, math.ldexp(self.base, made))
        if isinstance(error, RateLimited | Overloaded):
            # Those refused together must not come back together.
            widest = min(self.cap, _WIDER * longest)
            return longest / 2 + (widest - longest / 2) * self.rng()
        return longest * self.rng()

    async def within(self, ends: float, attempt: Callable[[], Awaitable[T]]) -> T:
        """What an attempt gives, where it does by a time on the policy's clock.

        Raises:
            DeadlineExceeded: It does not.
        """
        left = ends - self.clock()
        scope = asyncio.timeout(left)
        try:
            async with scope:
                if left > 0:
                    return await attempt()
        except TimeoutError:
            if not scope.expired():
                raise
        message = f"no answer within the deadline of {self.deadline:g} s"
        raise DeadlineExceeded(message)


def _not_waited(asked: float, most: float) -> str:
    """The hint where a server asks to wait for longer than a policy does."""
    seconds = math.ceil(asked)
    return (
        f"The server asks to wait {seconds} s, and at most {most:g} s are waited: call "
        f"again later, or set retry=weft.RetryPolicy(retry_after_cap={seconds})"
    )
