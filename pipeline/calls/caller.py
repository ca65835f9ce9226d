"""The one path of a call: budget, cache, single flight, limit, retries, price.

    reserve -> cached? -> one flight -> [slot -> attempt]* -> price -> keep -> settle

Everything that a call may not do without passes here: nothing is sent that was not
reserved, nothing is sent twice at once, and nothing is paid for twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from ..errors import (
    ConnectError,
    DeadlineExceeded,
    ModelError,
    ModelFailure,
    ProtocolError,
)
from ..ground.lazy import deferred
from ..lm.abilities import abilities_of
from ..lm.faults import Unreached
from ..lm.lm import LanguageModel, Listener, StreamingModel
from ..lm.prices import PriceTable, price_of
from ..lm.request import Request, Response, Usage
from .ahead import is_ahead, needs_loop
from .budget import Ledger
from .cache import Cache, MemoryCache
from .flight import Flights
from .limits import Limiter, shared_limiter
from .reservation import Estimate, Lease, token_bounds
from .retry import RetryPolicy, shared_quota
from .store import WITHHELD, AnswerStore, RunStore, SharedStore

if TYPE_CHECKING:
    from ..lm import context
    from ..lm.known import observed
else:
    # No call is made while a program is imported.
    context = deferred("weft.pipeline.lm", "context")
    observed = deferred("weft.pipeline.lm.known", "observed")

_DEFAULT_RETRY: Final = RetryPolicy()
_MAYBE_BILLED: Final = (ConnectError, DeadlineExceeded, ProtocolError, ModelFailure)
_flights: Final = Flights()


def call(
    request: Request,
    lm: LanguageModel,
    *,
    cache: AnswerStore | None = None,
    retry: RetryPolicy | None = None,
    ledger: Ledger | None = None,
    account: str = "run",
    limiter: Limiter | None = None,
    prices: PriceTable | None = None,
    listener: Listener | None = None,
) -> Coroutine[Any, Any, Response]:
    """Answer a request: from the cache where it is there, else from the model.

    Args:
        request: What to ask.
        lm: Who answers; two equal models share one flight.
        cache: Where answers are kept, or None for nowhere.
        retry: How transient errors are tried again; None is the default policy.
        ledger: The account book whose limits hold, or None for no limit.
        account: The ledger's account that pays.
        limiter: The limit on calls in flight; None is the endpoint's, shared by the
            process.
        prices: Prices that win over the snapshot in the package.
        listener: Who is told the reply while it arrives; whole where it was at hand.

    Returns:
        The answer. `cached` says that this call asked nobody; usage and cost are those
        of the call that was once made.

    Raises:
        BudgetExceeded: The call does not fit the ledger's budget; nothing was sent.
        ContextLengthError: The prompt does not fit the model's context, which is known;
            nothing was sent.
        ModelError: The call failed, after the retries that the policy allows.
        ConfigError: The budget limits dollars and the model's price is unknown.
    """
    looked = None
    if cache is not None and (ledger is None or ledger.knows(request.key, account)):
        if is_ahead():
            found = _recalled(cache, request.key)
        else:
            looked = _flights.landed
            found = cache.get(request.key)
        if found is not None:
            if listener is not None:
                listener.show(found.text)
            return _at_hand(found)
    told = None if listener is None else _Told(listener)
    policy = retry or _DEFAULT_RETRY
    wanted = _Wanted(request, lm, cache, policy, limiter, prices, told, looked)
    return wanted.answer() if ledger is None else wanted.booked(ledger, account)


def _recalled(cache: AnswerStore, key: str) -> Response | None:
    """The answer, where no disk has to be asked in whatever thread this is."""
    return cache.recall(key) if isinstance(cache, Cache | MemoryCache) else None


async def _at_hand(response: Response) -> Response:
    return response


def estimate(request: Request, prices: PriceTable | None = None) -> Estimate:
    """The most that one attempt at a request can cost.

    Args:
        request: What would be asked.
        prices: Prices that win over the snapshot in the package.
    """
    asked, answered = token_bounds(request)
    usd = price_of(request.model, Usage(asked, answered), prices, request.endpoint)
    return Estimate(asked, answered, usd)


@dataclass(slots=True)
class _Told:
    """Who is told a reply, and whether the telling has begun."""

    listener: Listener
    begun: bool = False


@dataclass(slots=True)
class _Wanted:
    """A request with everything that is needed to answer it.

    `looked` is the count of landed flights when the cache was looked into, or None;
    `lease` is what the ledger reserved. All calls in flight hang in these methods, and
    each level that waits is walked by every collection of garbage: so there are few.
    """

    request: Request
    lm: LanguageModel
    cache: AnswerStore | None
    retry: RetryPolicy
    limiter: Limiter | None
    prices: PriceTable | None
    told: _Told | None
    looked: int | None
    lease: Lease | None = None

    async def booked(self, ledger: Ledger, account: str) -> Response:
        """The answer, with its price reserved before and settled after."""
        await needs_loop
        most = estimate(self.request, self.prices)
        with await ledger.reserve(self.request.key, most, account) as lease:
            self.lease = lease
            try:
                response = await self.answer()
            except WITHHELD:
                if isinstance(self.cache, RunStore):
                    lease.refuse()
                raise
            lease.settle(response)
            return response

    async def answer(self) -> Response:
        """From the cache, from a flight under way, or from the model."""
        await needs_loop
        if self.looked is None:
            self.looked = _flights.landed
            found = self._kept()
            if found is not None:
                return self._shown(found)
        key = self.request.key
        landed = await _flights.share((_identity(self.lm), key), self._fly)
        if landed.led:
            return self._shown(landed.response)
        if self.cache is not None and self.cache.get(key) is None:  # not the leader's
            await self.cache.put(key, landed.response)
        return self._shown(landed.response.as_cached())

    def _shown(self, response: Response) -> Response:
        """The response, shown to whoever listens and has seen nothing yet."""
        if self.told is not None and not self.told.begun:
            self.told.listener.show(response.text)
        return response

    def _kept(self) -> Response | None:
        return None if self.cache is None else self.cache.get(self.request.key)

    def _fly(self) -> Awaitable[Response]:
        return self._make() if self.cache is None else self._claimed(self.cache)

    async def _claimed(self, cache: AnswerStore) -> Response:
        # A flight that landed since the look into the cache may have been ours.
        found = self._kept() if _flights.landed != self.looked else None
        if found is not None or not isinstance(cache, SharedStore):
            return found or await self._make()
        began, key = self.retry.clock(), self.request.key
        found = await cache.claim(key, self.retry.deadline)  # from other processes
        if found is not None:
            return found
        try:
            return await self._make(self.retry.clock() - began)
        finally:
            cache.release(key)

    async def _make(self, waited: float = 0.0) -> Response:
        able = abilities_of(self.lm)
        if able is not None:
            context.room_for(
                self.request, able.context
            )  # nothing is sent that does not fit
        quota = shared_quota(self.request.endpoint)
        outlast = None if self.lease is None else self.lease.outlast
        try:
            response = self._priced(
                await self.retry.run(self._attempt, quota, waited, outlast)
            )
        except WITHHELD as error:
            if isinstance(self.cache, RunStore):
                await self.cache.withhold(self.request.key, error)
            raise
        observed.observe(self.request, response)
        try:
            if self.cache is not None:
                await self.cache.put(self.request.key, response)
        except BaseException:
            if self.lease is not None:
                self.lease.settle(response)  # paid for, whether it is kept or not
            raise
        return response

    async def _attempt(self) -> Response:
        limiter = self.limiter or shared_limiter(self.request.endpoint)
        if self.lease is not None:
            # Before it enters: who could give room back may be waiting to enter.
            await self.lease.prepare()
        entered = await limiter.enter()
        try:
            response = await self._sent()
        except BaseException as error:
            limiter.leave(entered, error)
            raise
        limiter.leave(entered, None)
        return response

    def _sent(self) -> Awaitable[Response]:
        return self._complete() if self.lease is None else self._billed(self.lease)

    async def _billed(self, lease: Lease) -> Response:
        """Make an attempt, and count it as paid where nobody can know."""
        lease.send()
        try:
            return await self._complete()
        except BaseException as error:
            if _maybe_billed(error):
                lease.lose()
            raise

    def _complete(self) -> Awaitable[Response]:
        if self.told is None or not isinstance(self.lm, StreamingModel):
            return self.lm.complete(self.request)
        self.told.begun = True
        self.told.listener.restart()
        return self.lm.stream(self.request, self.told.listener)

    def _priced(self, response: Response) -> Response:
        if response.cost is not None or response.usage is None:
            return response
        asked = self.request
        cost = price_of(asked.model, response.usage, self.prices, asked.endpoint)
        return response if cost is None else response.at(cost)


def _maybe_billed(error: BaseException) -> bool:
    """Whether a server may bill an attempt that ended so; none bills a refusal."""
    if isinstance(error, ModelError):
        lost = isinstance(error, _MAYBE_BILLED) and not isinstance(error, Unreached)
        return lost or error.begun
    return not isinstance(error, Exception)  # cancelled, while it may be answering


def _identity(lm: LanguageModel) -> Hashable:
    try:
        hash(lm)
    except TypeError:  # a class of the user's with an __eq__ of its own
        return id(lm)
    return cast("Hashable", lm)
