"""The calls in flight: never more than the limit, in order, fewer under load."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import threading
from collections.abc import AsyncGenerator, Callable

import pytest

from tests.pipeline.lm.support import asking, quick
from tests.timing import PATIENCE, settled
from weft.pipeline.calls.call import call
from weft.pipeline.calls.limits import Limiter, ceiling_for, shared_limiter
from weft.pipeline.errors import DeadlineExceeded, Overloaded, RateLimited, ServerError
from weft.pipeline.lm.known import forget, learn
from weft.pipeline.lm.models import LM
from weft.testing import FaultServer, Reply


def still(ceiling: int) -> Limiter:
    """A limit on a clock that stands: what the machine is slow at halves nothing."""
    return Limiter(ceiling, clock=lambda: 0.0)


@contextlib.asynccontextmanager
async def slot(limiter: Limiter) -> AsyncGenerator[None]:
    """A place in flight for a while, as a call takes one."""
    entered = await limiter.enter()
    try:
        yield
    except BaseException as error:
        limiter.leave(entered, error)
        raise
    limiter.leave(entered, None)


async def hold(limiter: Limiter, turns: int = 1) -> None:
    """Use a slot for a few turns of the loop."""
    async with slot(limiter):
        await settled(turns)


async def fail(limiter: Limiter, error: Exception) -> None:
    """Use a slot and fail."""
    with pytest.raises(type(error)):
        async with slot(limiter):
            raise error


async def test_never_more() -> None:
    """However many want in, the limit holds, and all get through."""
    limiter, peak = still(3), 0

    async def one() -> None:
        nonlocal peak
        async with slot(limiter):
            peak = max(peak, limiter.in_flight)
            await settled(2)

    await asyncio.gather(*(one() for _ in range(30)))

    assert (peak, limiter.in_flight) == (3, 0)


async def test_first_come_first_served() -> None:
    """Slots go out in the order in which they were asked for."""
    limiter, order = still(2), list[int]()

    async def one(number: int) -> None:
        async with slot(limiter):
            order.append(number)
            await settled(2)

    await asyncio.gather(*(one(number) for number in range(20)))

    assert order == list(range(20))


async def test_halved_once_in_a_window() -> None:
    """Refusals for load halve the limit, but one wave of them does so once."""
    now = 0.0
    limiter = Limiter(64, window=1.0, clock=lambda: now)

    for _ in range(20):
        await fail(limiter, RateLimited("x"))
    assert limiter.limit == 32
    now = 1.0
    await fail(limiter, Overloaded("x"))
    assert limiter.limit == 16
    for now in range(2, 20):  # noqa: B007 - the clock reads it
        await fail(limiter, RateLimited("x"))
    assert limiter.limit == 1


async def test_grows_slowly() -> None:
    """About one slot comes back for a limit's worth of successes, up to the ceiling."""
    limiter = still(8)
    await fail(limiter, RateLimited("x"))

    for _ in range(5):
        await hold(limiter, 0)
    assert limiter.limit == 5
    for _ in range(100):
        await hold(limiter, 0)
    assert limiter.limit == 8


async def test_a_high_ceiling_is_regained_as_soon() -> None:
    """From a half to the whole takes some fifty rounds, whatever the ceiling is."""
    for ceiling in (64, 1024):
        limiter = still(ceiling)
        await fail(limiter, RateLimited("x"))

        for _ in range(20 * ceiling):
            await hold(limiter, 0)
        assert limiter.limit < ceiling
        for _ in range(30 * ceiling):
            await hold(limiter, 0)
        assert limiter.limit == ceiling


class Server:
    """Answers that take this long each, on a clock of their own."""

    def __init__(self, ceiling: int) -> None:
        self.now = 0.0
        self.limiter = Limiter(ceiling, window=1.0, clock=lambda: self.now)

    async def answer(self, count: int, seconds: float, at_once: int) -> None:
        """So many answers, in rounds of so many side by side."""
        for _ in range(count // at_once):
            entered = [await self.limiter.enter() for _ in range(at_once)]
            self.now += seconds
            for one in entered:
                self.limiter.leave(one, None)


async def test_slow_answers_halve_the_limit_once() -> None:
    """Where answers take ten times as long the limit is halved; not for ever."""
    server = Server(64)
    await server.answer(640, 1.0, at_once=64)
    assert server.limiter.limit == 64

    await server.answer(64, 10.0, at_once=64)

    halved = server.limiter.limit
    assert 32 <= halved <= 33
    await server.answer(3200, 10.0, at_once=32)
    assert server.limiter.limit > halved


async def test_pace_alone_says_nothing() -> None:
    """A few slow answers, or many where the limit is not in use, halve nothing."""
    for seconds, count, at_once in ((1000.0, 8, 8), (10.0, 640, 8), (2.0, 640, 64)):
        server = Server(64)
        await server.answer(640, 1.0, at_once=64)

        await server.answer(count, seconds, at_once=at_once)

        assert server.limiter.limit == 64


async def test_other_errors_say_nothing_about_load() -> None:
    """A server error neither halves the limit nor keeps the slot."""
    limiter = still(4)

    await fail(limiter, ServerError("x"))

    assert (limiter.limit, limiter.in_flight) == (4, 0)


@pytest.mark.parametrize("waiting", [True, False], ids=["waiting", "holding"])
async def test_cancelled(waiting: bool) -> None:
    """Whoever is cancelled, waiting or holding, leaves its place to the next."""
    limiter = still(1)
    holder = asyncio.create_task(hold(limiter, 10**9))
    await asyncio.sleep(0)
    waiters = [asyncio.create_task(hold(limiter)) for _ in range(3)]
    await asyncio.sleep(0)

    if waiting:
        waiters.pop(0).cancel()
        await asyncio.sleep(0)
    holder.cancel()
    await asyncio.wait_for(asyncio.gather(*waiters), PATIENCE)

    assert limiter.in_flight == 0


async def test_cancelled_in_the_moment_of_its_turn() -> None:
    """A slot given to somebody who is cancelled at that moment is passed on."""
    limiter = still(1)
    release = asyncio.Event()

    async def holder() -> None:
        async with slot(limiter):
            await release.wait()

    first = asyncio.create_task(holder())
    await asyncio.sleep(0)
    second, third = (asyncio.create_task(hold(limiter)) for _ in range(2))
    await asyncio.sleep(0)
    release.set()
    first.add_done_callback(lambda _: second.cancel())

    await asyncio.wait_for(third, PATIENCE)
    await asyncio.wait([first, second])

    assert limiter.in_flight == 0


def in_threads(count: int, work: Callable[[], None]) -> None:
    """Do something in several threads."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_across_threads_and_loops() -> None:
    """One limit holds over every event loop of the process."""
    limiter, peak, lock = still(4), 0, threading.Lock()
    together = threading.Barrier(6, timeout=PATIENCE)

    async def one() -> None:
        nonlocal peak
        async with slot(limiter):
            with lock:
                peak = max(peak, limiter.in_flight)
            await asyncio.sleep(0)

    async def many() -> None:
        together.wait()
        await asyncio.gather(*(one() for _ in range(40)))

    in_threads(6, lambda: asyncio.run(many()))

    assert peak <= 4
    assert limiter.in_flight == 0


@pytest.mark.parametrize(
    ("files", "limit"), [(20_000, 1024), (512, 448), (resource.RLIM_INFINITY, 1024)]
)
def test_starts_with_what_the_process_may_open(
    monkeypatch: pytest.MonkeyPatch, files: int, limit: int
) -> None:
    """A thousand at once where files allow it; else some are left for others."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))

    assert Limiter().limit == limit


def test_limiters_are_shared_by_endpoint() -> None:
    """The process has one limiter an endpoint."""
    assert shared_limiter("http://a") is shared_limiter("http://a")
    assert shared_limiter("http://a") is not shared_limiter("http://b")


# Slots --------------------------------------------------------------------------------


@pytest.mark.parametrize(("slots", "most"), [(1, 2), (2, 3), (4, 6), (64, 96)])
def test_a_few_wait_at_the_server(slots: int, most: int) -> None:
    """Half as many calls as there are slots wait there, and at least one."""
    limiter = still(1024)
    limiter.bound(slots)

    assert limiter.limit == ceiling_for(slots) == most


def test_slots_never_widen_a_limit() -> None:
    """A server with more slots than the process has files is not flooded for it."""
    limiter = still(8)
    limiter.bound(1000)

    assert limiter.limit == 8


async def test_slots_that_become_known_later() -> None:
    """What is in flight ends as it would; then no more enter than the slots need."""
    limiter, peak = still(100), 0
    first = [await limiter.enter() for _ in range(20)]

    limiter.bound(4)
    waiting = [asyncio.ensure_future(limiter.enter()) for _ in range(20)]
    for entered in first:
        limiter.leave(entered, None)
        await asyncio.sleep(0)
        peak = limiter.in_flight

    assert peak == limiter.limit == 6
    assert sum(task.done() for task in waiting) == 6
    for task in waiting:
        task.cancel()


async def test_more_slots_let_more_in() -> None:
    """Who waits here does so no longer once the server is known to have room."""
    limiter = still(100)
    limiter.bound(1)
    tasks = [asyncio.ensure_future(limiter.enter()) for _ in range(20)]
    await asyncio.sleep(0)
    assert limiter.in_flight == 2

    limiter.bound(8)
    await asyncio.sleep(0)
    assert limiter.in_flight == 12

    limiter.bound(None)
    await asyncio.gather(*tasks)
    assert limiter.in_flight == 20


def test_a_limit_that_load_halved_stays_low() -> None:
    """That slots are known says nothing against the server's own refusals."""
    limiter = still(64)
    asyncio.run(fail(limiter, Overloaded("full")))
    assert limiter.limit == 32

    limiter.bound(100)

    assert limiter.limit == 32


async def test_nobody_waits_at_a_server_where_time_ran_out() -> None:
    """After a time-out a call is sent when a slot is free for it, and no sooner."""
    limiter = still(100)
    limiter.bound(4)

    await fail(limiter, DeadlineExceeded("no answer within 60 s"))

    assert limiter.limit == 4
    unknown = still(100)
    await fail(unknown, DeadlineExceeded("no answer within 60 s"))
    assert unknown.limit == 100


async def test_no_more_calls_at_once_than_slots_need(server: FaultServer) -> None:
    """Of twenty calls to a server of two slots, three are there at a time."""
    server.answer = lambda _: Reply(delay=0.01, until=lambda: server.peak >= 3)
    lm = LM("m", api_base=server.url)
    learn(lm.endpoint, "m", how="said", slots=2)

    await asyncio.gather(
        *(call(asking(lm, str(number)), lm, retry=quick()) for number in range(20))
    )

    assert (server.count, server.peak) == (20, 3)


def test_a_shared_limiter_hears_of_slots() -> None:
    """Learnt, forgotten, or said by the user: the process's limiter follows."""
    widest = shared_limiter("http://hears/v1").limit

    learn("http://hears/v1", "m", how="said", slots=4)
    assert shared_limiter("http://hears/v1").limit == 6
    forget("http://hears/v1", "m")
    assert shared_limiter("http://hears/v1").limit == widest
    LM("m", api_base="http://hears/v1", abilities={"slots": 2})
    assert shared_limiter("http://hears/v1").limit == 3
