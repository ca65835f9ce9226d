"""A ledger never lets a call overshoot, and lets in whom it would on any day."""

from __future__ import annotations

import asyncio

import pytest

from tests.timing import PATIENCE, settled
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.errors import BudgetExceeded, ConfigError
from weft.pipeline.lm.prices import Estimate
from weft.pipeline.lm.request import Response, Usage

SMALL = Estimate(10, 10, 0.001)


def answer(asked: int = 1, answered: int = 1, usd: float | None = 0.0) -> Response:
    """An answer with its tokens and its price."""
    return Response("x", Usage(asked, answered), cost=usd)


async def test_a_call() -> None:
    """A sent call is one request, one call, its tokens and its price."""
    ledger = Ledger(Budget(calls=10, tokens=1000, usd=1.0), clock=lambda: 0.0)

    with await ledger.reserve("a", SMALL, "evaluate") as lease:
        lease.send()
        lease.settle(Response("x", Usage(5, 3), cost=0.25))

    assert ledger.snapshot() == {
        "evaluate": {
            "requests": 1,
            "calls": 1,
            "cached": 0,
            "input_tokens": 5,
            "output_tokens": 3,
            "usd": 0.25,
            "unpriced": 0,
        }
    }
    spent = ledger.spent()
    assert (spent.calls, spent.tokens, spent.usd) == (1, 8, 0.25)
    assert ledger.remaining() == Budget(calls=9, tokens=992, usd=0.75)


async def test_a_cached_answer_counts_as_if_paid() -> None:
    """The limits see the same, whether the answer came from the cache or was sent."""
    cold, warm = Ledger(Budget(calls=10)), Ledger(Budget(calls=10))

    with await cold.reserve("a", SMALL) as lease:
        lease.send()
        lease.settle(answer(5, 3, 0.25))
    with await warm.reserve("a", SMALL) as lease:
        lease.settle(answer(5, 3, 0.25))

    assert warm.spent().calls == cold.spent().calls == 1
    assert warm.spent().tokens == cold.spent().tokens == 8
    assert warm.remaining() == cold.remaining()
    assert warm.snapshot()["run"]["calls"] == 0
    assert warm.snapshot()["run"]["cached"] == 1


async def test_a_repeated_request_is_free() -> None:
    """What is charged once costs nothing when it comes again, in any account."""
    ledger = Ledger(Budget(calls=1))

    for account in ("bootstrap", "evaluate", "evaluate"):
        with await ledger.reserve("a", SMALL, account) as lease:
            lease.settle(answer())

    assert ledger.spent().calls == 1
    assert [a["requests"] for a in ledger.snapshot().values()] == [1, 0]


async def test_a_repeated_request_that_is_sent_is_not_free() -> None:
    """Without a cache a repetition is sent again, so it is charged again."""
    ledger = Ledger(Budget(calls=2))

    for _ in range(2):
        with await ledger.reserve("a", SMALL) as lease:
            await lease.prepare()
            lease.send()
            lease.settle(answer())
    lease = await ledger.reserve("a", SMALL)
    with lease, pytest.raises(BudgetExceeded, match="3 calls of 2"):
        await lease.prepare()

    assert ledger.snapshot()["run"]["requests"] == 1
    assert ledger.snapshot()["run"]["calls"] == 2


async def test_failed_requests_are_charged_when_they_come_again() -> None:
    """A refused attempt costs its call and nothing else; its request stays unpaid."""
    ledger = Ledger(Budget(calls=2, tokens=1000))

    for _ in range(2):
        with await ledger.reserve("a", SMALL) as lease:
            lease.send()

    assert ledger.spent().tokens == 0
    with pytest.raises(BudgetExceeded):
        await ledger.reserve("a", SMALL)
    assert ledger.snapshot()["run"]["requests"] == 1


async def test_nothing_sent_costs_nothing() -> None:
    """A reservation that is given back leaves no trace in the limits."""
    ledger = Ledger(Budget(calls=1))

    (await ledger.reserve("a", SMALL)).close()

    assert ledger.spent().calls == 0
    (await ledger.reserve("b", SMALL)).close()


async def test_attempts_with_unknown_ends_count_in_full() -> None:
    """Where nobody knows whether the server billed, the bound is booked."""
    ledger = Ledger(Budget(calls=5, tokens=100))

    with await ledger.reserve("a", SMALL) as lease:
        lease.send()
        lease.lose()
        await lease.prepare()
        lease.send()
        lease.settle(answer(1, 1))

    assert ledger.spent().calls == 2
    assert ledger.spent().tokens == 22


async def test_an_answer_without_counts() -> None:
    """Missing token counts are booked at their bound, a missing price as unpriced."""
    ledger = Ledger()

    with await ledger.reserve("a", Estimate(10, 5, None)) as lease:
        lease.send()
        lease.settle(Response("x"))

    account = ledger.snapshot()["run"]
    assert (account["input_tokens"], account["output_tokens"]) == (10, 5)
    assert (account["usd"], account["unpriced"]) == (0.0, 1)


async def test_dollars_need_a_price() -> None:
    """A limit in dollars with an unknown price is an error that says what to do."""
    ledger = Ledger(Budget(usd=2))

    with pytest.raises(ConfigError, match=r"price is unknown.*WEFT_PRICES"):
        await ledger.reserve("a", Estimate(1, 1, None))


async def test_seconds() -> None:
    """When the time is up no call is started, and what is charged stays free."""
    now = 0.0
    ledger = Ledger(Budget(seconds=10), clock=lambda: now)

    with await ledger.reserve("a", SMALL) as lease:
        lease.settle(answer())
        now = 10.0
        with pytest.raises(BudgetExceeded, match="time of the budget is up"):
            await ledger.reserve("b", SMALL)
    (await ledger.reserve("a", SMALL)).close()

    assert ledger.remaining().seconds == 0


async def test_no_time_to_send() -> None:
    """What was let in and then had to wait until the time was up is not sent."""
    now = 0.0
    ledger = Ledger(Budget(seconds=10), clock=lambda: now)

    with await ledger.reserve("a", SMALL) as lease:
        now = 10.0
        with pytest.raises(BudgetExceeded, match="time of the budget is up"):
            lease.send()

    assert ledger.spent().calls == 0


async def test_waits_for_what_is_in_flight() -> None:
    """A call that does not fit waits while a call in flight may give room back."""
    ledger = Ledger(Budget(tokens=30))
    first = await ledger.reserve("a", SMALL)
    second = asyncio.create_task(ledger.reserve("b", SMALL))
    await settled()
    assert not second.done()

    first.send()
    first.settle(answer(1, 1))

    (await asyncio.wait_for(second, PATIENCE)).close()


async def test_refuses_when_nothing_can_give_room() -> None:
    """A call that cannot fit any more is refused as soon as that is certain."""
    ledger = Ledger(Budget(tokens=30))
    first = await ledger.reserve("a", SMALL)
    second = asyncio.create_task(ledger.reserve("b", SMALL))
    await settled()

    first.send()
    first.settle(answer(10, 5))

    with pytest.raises(BudgetExceeded, match="35 tokens of 30"):
        await asyncio.wait_for(second, PATIENCE)


async def test_sent_calls_cannot_come_back() -> None:
    """With the calls all sent, the next is refused at once, not when they end."""
    ledger = Ledger(Budget(calls=1))
    first = await ledger.reserve("a", SMALL)
    second = asyncio.create_task(ledger.reserve("b", SMALL))
    await settled()
    assert not second.done()

    first.send()

    with pytest.raises(BudgetExceeded):
        await asyncio.wait_for(second, PATIENCE)


async def test_holders_that_wait_for_each_other() -> None:
    """Two calls that both need a further attempt do not wait for ever."""
    ledger = Ledger(Budget(tokens=60))
    leases = [await ledger.reserve(key, SMALL) for key in "ab"]

    async def again(number: int) -> str:
        with leases[number] as lease:
            lease.send()
            lease.lose()
            try:
                await lease.prepare()
            except BudgetExceeded:
                return "refused"
            await settled()
            lease.send()
            lease.settle(answer(1, 1))
            return "made"

    ends = await asyncio.wait_for(asyncio.gather(again(0), again(1)), PATIENCE)

    assert sorted(ends) == ["made", "refused"]
    assert ledger.spent().tokens <= 60


async def test_cancelled_in_the_queue() -> None:
    """Whoever is cancelled while waiting leaves its place to the next."""
    ledger = Ledger(Budget(tokens=30))
    first = await ledger.reserve("a", SMALL)
    waiting = [asyncio.create_task(ledger.reserve(key, SMALL)) for key in "bc"]
    await settled()

    waiting[0].cancel()
    first.close()

    (await asyncio.wait_for(waiting[1], PATIENCE)).close()
    assert ledger.snapshot()["run"]["requests"] == 2


async def test_who_goes_on_first_is_charged_and_nobody_else() -> None:
    """Let in but not yet awake, a request is made by whoever asks the same now."""
    ledger = Ledger(Budget(calls=2, tokens=30))
    first = await ledger.reserve("a", SMALL)
    waiting = asyncio.create_task(ledger.reserve("b", SMALL))
    await settled()
    first.send()
    first.settle(answer(1, 1))
    assert not waiting.done()

    with await ledger.reserve("b", SMALL) as lease:
        await lease.prepare()
        lease.send()
        lease.settle(answer(2, 3))
    with await waiting as behind:
        behind.settle(answer(2, 3))

    assert (ledger.spent().calls, ledger.spent().tokens) == (2, 7)
    account = ledger.snapshot()["run"]
    assert [account[name] for name in ("requests", "calls", "cached")] == [2, 2, 0]


async def test_a_repeated_request_does_not_wait() -> None:
    """What turns out to be charged already is let in for nothing."""
    ledger = Ledger(Budget(calls=1))
    first = await ledger.reserve("a", SMALL)

    second = await asyncio.wait_for(ledger.reserve("a", SMALL), PATIENCE)

    second.close()
    first.close()
