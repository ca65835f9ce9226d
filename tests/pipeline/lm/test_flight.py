"""Identical requests at the same time are one upstream call, whoever goes away."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.pipeline.lm.support import asking, quick
from tests.server import Reply, Server
from tests.timing import PATIENCE, settled
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.calls.cache import Cache, MemoryCache
from weft.pipeline.calls.call import call
from weft.pipeline.calls.flight import Flights
from weft.pipeline.calls.retry import RetryPolicy
from weft.pipeline.errors import (
    AuthError,
    BudgetExceeded,
    DeadlineExceeded,
    InvalidRequest,
    Overloaded,
    ServerError,
)
from weft.pipeline.lm.fakes import FunctionLM
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Request, Response


class Slow:
    """A function that answers when it is told to, and knows how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self, request: Request) -> str:
        self.asked += 1
        await self.go.wait()
        return f"answer {self.asked}"


def _raise(error: Exception) -> str:
    raise error


def held_back(*answers: str | Exception) -> tuple[FunctionLM, asyncio.Event]:
    """A model that gives its answers in turn, from when it is told to."""
    go, left = asyncio.Event(), list(answers)

    async def answer(_: Request) -> str:
        await go.wait()
        found = left.pop(0)
        return found if isinstance(found, str) else _raise(found)

    return FunctionLM(answer), go


async def test_one_flight_for_identical_requests() -> None:
    """Fifty callers at once make one upstream call and share its answer."""
    slow = Slow()
    lm = FunctionLM(slow)
    callers = [asyncio.create_task(call(asking(lm), lm)) for _ in range(50)]
    await settled()
    slow.go.set()

    answers = await asyncio.gather(*callers)

    assert slow.asked == 1
    assert {answer.text for answer in answers} == {"answer 1"}
    assert sum(not answer.cached for answer in answers) == 1


async def test_a_flight_with_one_ledger() -> None:
    """Those who share a flight share its price, too."""
    slow = Slow()
    lm, ledger = FunctionLM(slow), Ledger(Budget(calls=1))
    callers = [
        asyncio.create_task(call(asking(lm), lm, ledger=ledger)) for _ in range(9)
    ]
    await settled()
    slow.go.set()

    await asyncio.gather(*callers)

    assert ledger.snapshot()["run"]["requests"] == ledger.spent().calls == 1


async def test_followers_fill_their_own_cache() -> None:
    """A follower with another cache than the leader's finds the answer there later."""
    slow = Slow()
    lm, one, two = FunctionLM(slow), MemoryCache(), MemoryCache()
    callers = [
        asyncio.create_task(call(asking(lm), lm, cache=cache)) for cache in (one, two)
    ]
    await settled()
    slow.go.set()

    await asyncio.gather(*callers)

    assert one.get(asking(lm).key) == two.get(asking(lm).key)


async def test_different_models_do_not_share() -> None:
    """Two models that are not equal have each their own flight."""
    one, two = Slow(), Slow()
    first, second = FunctionLM(one), FunctionLM(two)
    callers = [asyncio.create_task(call(asking(first), lm)) for lm in (first, second)]
    await settled()
    one.go.set()
    two.go.set()

    await asyncio.gather(*callers)

    assert (one.asked, two.asked) == (1, 1)


async def test_a_cancelled_leader() -> None:
    """When the leader is cancelled a follower takes over, and nobody else notices."""
    slow = Slow()
    lm, ledger = FunctionLM(slow), Ledger(Budget(calls=10))
    callers = [
        asyncio.create_task(call(asking(lm), lm, ledger=ledger)) for _ in range(5)
    ]
    await settled()

    callers[0].cancel()
    await settled()
    slow.go.set()
    ends = await asyncio.gather(*callers, return_exceptions=True)

    assert isinstance(ends[0], asyncio.CancelledError)
    assert {end.text for end in ends[1:] if isinstance(end, Response)} == {"answer 2"}
    assert ledger.snapshot()["run"]["calls"] == slow.asked == 2
    assert ledger.snapshot()["run"]["requests"] == 1


async def test_a_cancelled_follower() -> None:
    """When a follower is cancelled the flight goes on."""
    slow = Slow()
    lm = FunctionLM(slow)
    callers = [asyncio.create_task(call(asking(lm), lm)) for _ in range(3)]
    await settled()

    callers[1].cancel()
    await settled()
    slow.go.set()
    ends = await asyncio.gather(*callers, return_exceptions=True)

    assert slow.asked == 1
    assert [isinstance(end, Response) for end in ends] == [True, False, True]


async def test_followers_share_an_error() -> None:
    """Everybody in a flight that failed gets its error, after one upstream call."""
    go = asyncio.Event()

    async def fail(_: Request) -> str:
        await go.wait()
        raise AuthError("no")

    lm = FunctionLM(fail)
    callers = [asyncio.create_task(call(asking(lm), lm)) for _ in range(5)]
    await settled()
    go.set()

    ends = await asyncio.gather(*callers, return_exceptions=True)

    assert [type(end) for end in ends] == [AuthError] * 5
    assert lm.calls == 1


async def test_an_error_is_shared_by_who_gives_up_as_early() -> None:
    """A caller with retries left does not get the error of one that has none."""
    lm, go = held_back(Overloaded("busy"), "ok")
    policies = [RetryPolicy(retries=n, base=0.0) for n in (0, 5)]
    callers = [asyncio.create_task(call(asking(lm), lm, retry=p)) for p in policies]
    await settled()
    go.set()

    first, second = await asyncio.gather(*callers, return_exceptions=True)

    assert isinstance(first, Overloaded)
    assert isinstance(second, Response)


async def test_a_deadline_is_each_callers_own() -> None:
    """Who follows does not wait beyond its own, nor ends with the leader's."""
    lm = FunctionLM(Slow())
    soon, late = RetryPolicy(deadline=0.05), RetryPolicy(deadline=PATIENCE)
    leader = asyncio.create_task(call(asking(lm), lm, retry=late))
    await settled()
    with pytest.raises(DeadlineExceeded, match=r"within the deadline of 0\.05 s"):
        await call(asking(lm), lm, retry=soon)
    leader.cancel()

    slow = Slow()
    other = FunctionLM(slow)
    first = asyncio.create_task(call(asking(other), other, retry=soon))
    second = asyncio.create_task(call(asking(other), other, retry=late))
    with pytest.raises(DeadlineExceeded):
        await first
    slow.go.set()

    assert (await second).text == "answer 2"


async def test_a_spent_budget_is_the_leaders_own() -> None:
    """A leader whose budget ends does not end the flight for those who can pay."""
    lm, go = held_back(ServerError("x"), "paid")
    poor, rich = Ledger(Budget(calls=1)), Ledger(Budget(calls=5))
    callers = [
        asyncio.create_task(call(asking(lm), lm, ledger=ledger, retry=quick()))
        for ledger in (poor, rich)
    ]
    await settled()
    go.set()

    first, second = await asyncio.gather(*callers, return_exceptions=True)

    assert isinstance(first, BudgetExceeded)
    assert isinstance(second, Response)
    assert second.text == "paid"


def in_threads(count: int, work: Callable[[], Awaitable[object]]) -> None:
    """Await something in several threads, each with an event loop of its own."""

    async def run() -> None:
        await work()

    threads = [
        threading.Thread(target=lambda: asyncio.run(run())) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_one_flight_across_threads(server: Server, tmp_path: Path) -> None:
    """Sixteen threads that ask the same twenty questions at once pay for twenty."""
    server.answer = lambda _: Reply(until=lambda: server.count == 20)
    cache, together = Cache(tmp_path), threading.Barrier(16, timeout=PATIENCE)

    async def ask() -> None:
        together.wait()
        lm = LM("m", api_base=server.url)
        await asyncio.gather(
            *(call(asking(lm, f"q{i}"), lm, cache=cache) for i in range(20))
        )

    in_threads(16, ask)

    assert server.count == 20
    cache.close()


async def test_a_shared_error_does_not_grow_with_those_who_share_it() -> None:
    """Each sees the frames of the call, and its own."""
    flights, fail = Flights(), asyncio.Event()

    def refuse() -> None:
        raise InvalidRequest("no")

    async def lead() -> None:
        assert await flights.join("same") is None
        await fail.wait()
        try:
            refuse()
        except InvalidRequest as error:
            flights.land("same", error)

    async def follow() -> int:
        try:
            await flights.join("same")
        except InvalidRequest as error:
            return len(traceback.extract_tb(error.__traceback__))
        return 1000

    leading = asyncio.create_task(lead())
    await settled()
    tasks = [asyncio.create_task(follow()) for _ in range(50)]
    await settled()
    fail.set()
    await leading

    assert max(await asyncio.gather(*tasks)) < 10
