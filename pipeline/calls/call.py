"""The one way of a call, down this file: each function is what the one above awaits.

    call       at hand in the cache?
    _booked    reserve ............................ settle
    _answered  cached? one flight ................. land
    _made      one process, [retry]* .............. price, keep
    _attempt   a slot, send ....................... leave

Nothing is sent that was not reserved, nothing is sent twice at once, and nothing is
paid for twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Hashable
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple, cast

from ..errors import (
    BudgetExceeded,
    ConnectError,
    ContentFiltered,
    DeadlineExceeded,
    ModelError,
    ModelFailure,
    ProtocolError,
)
from ..ground.loops import is_ahead, needs_loop
from ..ground.strictjson import is_text
from ..lm.abilities import abilities_of
from ..lm.context import room_for
from ..lm.known.observed import observe
from ..lm.lm import LanguageModel, Listener, StreamingModel
from ..lm.prices import PriceTable, estimate, price_of
from ..lm.request import Request, Response, are_counts, is_price
from ..lm.scoring.tokens import are_logprobs
from ..lm.scoring.wanted import refuse_logprobs
from ..lm.wire.faults import Unreached
from ..lm.wire.finish import ending_of
from ..lm.wire.secrets import name_of
from .budget import Ledger
from .cache import Cache, MemoryCache
from .flight import Flights
from .limits import Limiter, shared_limiter
from .reservation import Lease
from .retry import RetryPolicy, shared_quota
from .store import WITHHELD, AnswerStore, RunStore, SharedStore

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
        if not is_ahead():
            looked = _flights.landed
            found = cache.get(request.key)
        elif isinstance(cache, Cache | MemoryCache):
            found = cache.recall(request.key)
        else:  # in whatever thread this is, no disk is asked
            found = None
        if found is not None:
            if listener is not None:
                listener.show(found.text)
            return _at_hand(found)
    told = None if listener is None else _Told(listener)
    policy = retry or _DEFAULT_RETRY
    asked = _Asked(request, lm, cache, policy, limiter, prices, told, looked)
    return _answered(asked, None) if ledger is None else _booked(asked, ledger, account)


async def _at_hand(response: Response) -> Response:
    return response


class _Told:
    """Who is told a reply, and whether the telling has begun."""

    __slots__ = ("begun", "listener")

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.begun = False


class _Asked(NamedTuple):
    """A request with everything that is needed to answer it.

    `looked` is the count of landed flights when the cache was looked into, or None.
    """

    request: Request
    lm: LanguageModel
    cache: AnswerStore | None
    retry: RetryPolicy
    limiter: Limiter | None
    prices: PriceTable | None
    told: _Told | None
    looked: int | None


# All calls in flight hang in the coroutines from here on, and each level that waits is
# walked by every collection of garbage: so there are few.


async def _booked(asked: _Asked, ledger: Ledger, account: str) -> Response:
    """The answer, with its price reserved before and settled after."""
    await needs_loop
    most = estimate(asked.request, asked.prices)
    with await ledger.reserve(asked.request.key, most, account) as lease:
        try:
            response = await _answered(asked, lease)
        except WITHHELD:
            if isinstance(asked.cache, RunStore):
                lease.refuse()
            raise
        lease.settle(response)
        return response


async def _answered(asked: _Asked, lease: Lease | None) -> Response:
    """From the cache, from a flight under way, or from a call of its own."""
    await needs_loop
    key, cache, looked = asked.request.key, asked.cache, asked.looked
    if looked is None:
        looked = _flights.landed
        found = None if cache is None else cache.get(key)
        if found is not None:
            return _shown(asked, found)
    retry = asked.retry
    # Who gives up later does not share in the errors of who gives up early.
    identity = (_identity(asked.lm), key, retry.retries, retry.retry_after_cap)
    began, deadline = retry.clock(), retry.deadline
    join = partial(_flights.join, identity)
    if deadline is None:
        shared = await join()
    else:
        shared = await retry.within(began + deadline, join)
    if shared is not None:
        if cache is not None and cache.get(key) is None:  # not the leader's
            await cache.put(key, shared)
        return _shown(asked, shared.as_cached())
    outcome: Response | Exception | None = None
    try:
        # A flight that landed since the look into the cache may have been ours.
        stale = cache is not None and _flights.landed != looked
        found = cache.get(key) if cache is not None and stale else None
        outcome = response = found or await _made(asked, lease, began)
    except BudgetExceeded:  # of the leader's ledger: nothing to share
        raise
    except Exception as error:
        late = isinstance(error, DeadlineExceeded) and deadline is not None
        outcome = None if late else error  # those who came later have more time
        raise
    finally:  # without an outcome where it is cancelled: a follower takes over
        _flights.land(identity, outcome)
        outcome = None  # or the error would hold this frame, and this frame the error
    return _shown(asked, response)


async def _made(asked: _Asked, lease: Lease | None, began: float) -> Response:
    """From another process that makes the call now, or from the model; then kept."""
    request, cache, retry = asked.request, asked.cache, asked.retry
    claimed = cache if isinstance(cache, SharedStore) else None
    if claimed is not None:
        patience = retry.deadline
        if patience is not None:
            patience = max(0.0, patience - (retry.clock() - began))
        found = await claimed.claim(request.key, patience)
        if found is not None:
            return found
    try:
        able = abilities_of(asked.lm)
        if able is not None:  # nothing is sent that does not fit
            room_for(request, able.context)
            refuse_logprobs(request, asked.lm)
        response = await retry.run(
            partial(_attempt, asked, lease),
            shared_quota(request.endpoint),
            retry.clock() - began,
            None if lease is None else lease.outlast,
        )
        response = _priced(response, request, asked.prices)
        observe(request, response)
        if cache is not None:
            try:
                await cache.put(request.key, response)
            except BaseException:
                if lease is not None:
                    lease.settle(response)  # paid for, whether it is kept or not
                raise
        return response
    except WITHHELD as error:
        if isinstance(cache, RunStore):
            await cache.withhold(request.key, error)
        raise
    finally:
        if claimed is not None:
            claimed.release(request.key)


async def _attempt(asked: _Asked, lease: Lease | None) -> Response:
    """Ask the model once, in a slot; what nobody can know was billed counts as paid."""
    limiter = asked.limiter or shared_limiter(asked.request.endpoint)
    if lease is not None:
        # Before it enters: who could give room back may be waiting to enter.
        await lease.prepare()
    entered = await limiter.enter()
    try:
        if lease is not None:
            lease.send()
        response = _sound(await _completed(asked), asked.request)
    except BaseException as error:
        if lease is not None and _maybe_billed(error):
            lease.lose()
        limiter.leave(entered, error)
        raise
    limiter.leave(entered, None)
    return response


def _completed(asked: _Asked) -> Awaitable[Response]:
    told, lm = asked.told, asked.lm
    if told is None or not isinstance(lm, StreamingModel):
        return lm.complete(asked.request)
    told.begun = True
    told.listener.restart()
    return lm.stream(asked.request, told.listener)


def _shown(asked: _Asked, response: Response) -> Response:
    """The response, shown to whoever listens and has seen nothing yet."""
    if asked.told is not None and not asked.told.begun:
        asked.told.listener.show(response.text)
    return response


def _sound(response: Response, asked: Request) -> Response:
    """An answer that ended, that can be kept, and whose counts can be booked.

    Raises:
        ProtocolError: It did not end, or is no text; or no call takes so many tokens,
            or costs so much.
        ContentFiltered: It was withheld.
    """
    if response.finish_reason != "stop":
        response = _ended(response, asked)
    called = (text for c in response.tool_calls for text in (c.name, c.arguments, c.id))
    if not is_text(response.text) or not all(map(is_text, called)):
        message = "the model's answer holds a lone surrogate, which is no character"
        raise ProtocolError(message, model=asked.model)
    if response.logprobs and not are_logprobs(response.logprobs):
        message = "the model's log-probabilities hold no text, or a number that is none"
        raise ProtocolError(message, model=asked.model)
    if not is_text(response.reasoning):
        thought = response.reasoning.encode("utf-8", "replace").decode()
        response = replace(response, reasoning=thought)
    named = response.model + response.request_id
    if not (named.isascii() and named.isprintable()):
        model, request_id = name_of(response.model), name_of(response.request_id)
        response = replace(response, model=model, request_id=request_id)
    usage, cost = response.usage, response.cost
    counted = usage is None or are_counts(
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_input_tokens,
        usage.reasoning_tokens,
    )
    if counted and (cost is None or is_price(cost)):
        return response
    raise ProtocolError(
        f"no call has {str(usage)[:200]} and costs {cost!r} US dollars, as the model "
        "says",
        hint="Give whole numbers of tokens and a finite cost, or None for either",
        model=asked.model,
    )


def _ended(response: Response, asked: Request) -> Response:
    ending = ending_of(response.finish_reason)
    if ending is None:
        shown = name_of(response.finish_reason)
        message = f"the provider ended the answer with {shown!r}, which is no end"
        raise ProtocolError(message, model=asked.model)
    if ending == "content_filter":
        message = "the provider withheld the answer"
        raise ContentFiltered(message, model=asked.model)
    return replace(response, finish_reason=ending or "stop")


def _priced(response: Response, asked: Request, prices: PriceTable | None) -> Response:
    if response.cost is not None or response.usage is None:
        return response
    cost = price_of(asked.model, response.usage, prices, asked.endpoint)
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
