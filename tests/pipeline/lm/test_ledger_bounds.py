"""Whatever the calls do, in whatever order, a ledger's limits and sums hold."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timing import PATIENCE, settled
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.errors import BudgetExceeded
from weft.pipeline.lm.prices import Estimate
from weft.pipeline.lm.request import Response, Usage

SMALL = Estimate(10, 10, 0.001)


def answer(asked: int = 1, answered: int = 1, usd: float | None = 0.0) -> Response:
    """An answer with its tokens and its price."""
    return Response("x", Usage(asked, answered), cost=usd)


@dataclass(frozen=True)
class Plan:
    """One call of a random run: its bound, what it does, and how long it takes."""

    key: int
    bound: int
    share: float
    turns: int
    failures: int
    lost: bool
    cached: bool


plans = st.lists(
    st.builds(
        Plan,
        key=st.integers(0, 12),
        bound=st.integers(1, 40),
        share=st.floats(0, 1),
        turns=st.integers(0, 5),
        failures=st.integers(0, 2),
        lost=st.booleans(),
        cached=st.booleans(),
    ),
    max_size=25,
)
limits = st.none() | st.integers(0, 30)


@settings(max_examples=60)
@given(plans, limits, limits, st.integers(1, 8))
def test_never_overshoots(
    made: list[Plan], calls: int | None, tens: int | None, at_once: int
) -> None:
    """At any concurrency, with failures and lost attempts, no limit is ever passed."""
    tokens = None if tens is None else tens * 10
    usd = None if tens is None else tens / 100
    ledger = Ledger(Budget(calls=calls, tokens=tokens, usd=usd))
    sent = [0, 0]

    async def one(plan: Plan, gate: asyncio.Semaphore) -> None:
        estimate = Estimate(plan.bound, plan.bound, plan.bound / 1000)
        used = round(plan.bound * plan.share)
        async with gate:
            try:
                with await ledger.reserve(str(plan.key), estimate) as lease:
                    if not plan.cached:
                        for attempt in range(plan.failures + 1):
                            await lease.prepare()
                            lease.send()
                            sent[0] += 1
                            await settled(plan.turns)
                            if attempt < plan.failures and plan.lost:
                                sent[1] += 2 * plan.bound
                                lease.lose()
                        sent[1] += 2 * used
                    lease.settle(answer(used, used, used / 1000))
            except BudgetExceeded:
                pass
        check()

    def check() -> None:
        spent = ledger.spent()
        assert spent.calls >= sent[0]
        assert calls is None or spent.calls <= calls
        assert tokens is None or spent.tokens <= tokens
        assert usd is None or spent.usd <= usd

    async def run() -> None:
        gate = asyncio.Semaphore(at_once)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(one(plan, gate) for plan in made))

    asyncio.run(run())

    totals = ledger.snapshot().values()
    assert sum(account["calls"] for account in totals) == sent[0]
    check()


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), max_size=20),
    st.integers(0, 200),
    st.randoms(use_true_random=False),
)
def test_who_is_let_in_does_not_depend_on_timing(
    made: list[tuple[int, float]], tokens: int, rng: random.Random
) -> None:
    """Reservations in one order have one outcome, however long the calls take."""

    async def run(*, slow: bool, cached: bool) -> tuple[list[bool], int]:
        ledger = Ledger(Budget(tokens=tokens))

        async def one(number: int, bound: int, share: float) -> bool:
            try:
                lease = await ledger.reserve(str(number), Estimate(bound, 0, 0.0))
            except BudgetExceeded:
                return False
            with lease:
                if slow:
                    await settled(rng.randrange(8))
                if not cached:
                    lease.send()
                lease.settle(answer(round(bound * share), 0))
            return True

        calls = [one(i, bound, share) for i, (bound, share) in enumerate(made)]
        return await asyncio.gather(*calls), ledger.spent().tokens

    outcomes = [
        asyncio.run(run(slow=slow, cached=cached))
        for slow, cached in ((False, False), (True, False), (True, True))
    ]

    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_across_threads() -> None:
    """One ledger holds over threads with event loops of their own."""
    ledger = Ledger(Budget(calls=50))
    sent, together = list[str](), threading.Barrier(4, timeout=PATIENCE)

    async def one(key: str) -> None:
        try:
            with await ledger.reserve(key, SMALL) as lease:
                lease.send()
                sent.append(key)
                await asyncio.sleep(0)
                lease.settle(answer())
        except BudgetExceeded:
            pass

    async def many(name: int) -> None:
        together.wait()
        await asyncio.gather(*(one(f"{name}-{i}") for i in range(30)))

    threads = [
        threading.Thread(target=lambda n=n: asyncio.run(many(n)))  # type: ignore[misc] # mypy cannot type a lambda's default
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert len(sent) == ledger.spent().calls == 50


def test_the_sum_has_no_order() -> None:
    """Dollars are added exactly, so that a report is the same bytes at any speed."""
    prices = [random.Random(i).randrange(10**6) / 10**9 for i in range(300)]

    async def total(order: list[float]) -> float:
        ledger = Ledger()
        for number, usd in enumerate(order):
            with await ledger.reserve(str(number), SMALL) as lease:
                lease.send()
                lease.settle(answer(usd=usd))
        return ledger.spent().usd

    assert asyncio.run(total(prices)) == asyncio.run(total(sorted(prices)))
