"""One layer of retries: the right errors, the right waits, and an end to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults import MEANS, attempts
from weft.pipeline.calls.retry import RetryPolicy, RetryQuota, shared_quota
from weft.pipeline.errors import (
    ConnectError,
    DeadlineExceeded,
    ModelError,
    Overloaded,
    ProtocolError,
    RateLimited,
    ServerError,
)
from weft.pipeline.lm.request import Response

OK = Response("ok")
TRANSIENT = [kind for kind in MEANS if attempts(kind, retries=3) == 4]


class Clock:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Attempts:
    """Raises a list of errors, one an attempt, then answers."""

    def __init__(self, *errors: ModelError) -> None:
        self.errors = list(errors)
        self.made = 0

    async def __call__(self) -> Response:
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return OK


async def run(
    policy: RetryPolicy, attempts: Callable[[], Awaitable[Response]]
) -> Response:
    """Run with a fresh quota, so that tests do not spend one another's."""
    return await policy.run(attempts, RetryQuota())


def policy_on(clock: Clock, rng: float = 0.5, **settings: float) -> RetryPolicy:
    """A policy whose waits cost no time."""
    return RetryPolicy(clock=clock, sleep=clock.sleep, rng=lambda: rng, **settings)  # type: ignore[arg-type] # settings are named by each test


@pytest.mark.parametrize("retries", [0, 1, 3])
@pytest.mark.parametrize("kind", MEANS)
async def test_what_may_work_later_is_tried_again(
    kind: type[ModelError], retries: int
) -> None:
    """As often as the policy says; what would come again is one attempt."""
    sent = Attempts(*(kind("x") for _ in range(9)))

    with pytest.raises(kind) as caught:
        await run(policy_on(Clock(), retries=retries), sent)

    assert sent.made == attempts(kind, retries)
    assert caught.value.retries == sent.made - 1


async def test_it_works_at_last() -> None:
    """An answer after failures is an answer, and says how many it took."""
    attempts = Attempts(ServerError("x"), ConnectError("x"))

    assert await run(policy_on(Clock()), attempts) == replace(OK, retries=2)
    assert attempts.made == 3


async def test_a_broken_answer_is_tried_again_once_whatever_came_before() -> None:
    """Other failures are no reason to give up sooner, and a second one is the last."""
    broken = ProtocolError("breaks off")
    attempts = Attempts(RateLimited("x"), broken, Overloaded("x"))

    assert (await run(policy_on(Clock(), retries=4), attempts)).text == OK.text
    assert attempts.made == 4
    again = Attempts(broken, RateLimited("x"), broken)
    with pytest.raises(ProtocolError):
        await run(policy_on(Clock(), retries=4), again)
    assert again.made == 3


async def test_what_is_no_model_error_passes() -> None:
    """A bug is not tried again."""
    made = 0

    async def broken() -> Response:
        nonlocal made
        made += 1
        raise KeyError("bug")

    with pytest.raises(KeyError):
        await run(policy_on(Clock()), broken)

    assert made == 1


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(TRANSIENT))
def test_back_off(rng: float, kind: type[ModelError]) -> None:
    """Waits double up to the cap, with full jitter; after a 429 later and wider."""
    clock = Clock()
    longest = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    attempts = Attempts(*(kind("x") for _ in longest))

    asyncio.run(run(policy_on(clock, rng, retries=6), attempts))

    if kind in {RateLimited, Overloaded}:
        spans = [(wait / 2, min(8.0, 4.5 * wait)) for wait in longest]
    else:
        spans = [(0.0, wait) for wait in longest]
    assert clock.slept == pytest.approx(
        [least + (most - least) * rng for least, most in spans]
    )


@pytest.mark.parametrize("seconds", [0.0, 0.2, 2.0, 60.0])
@pytest.mark.parametrize("rng", [0.0, 0.999])
async def test_retry_after(seconds: float, rng: float) -> None:
    """The server's wait is kept, and spread a little so that nobody comes in step."""
    clock = Clock()

    await run(policy_on(clock, rng), Attempts(RateLimited("x", retry_after=seconds)))

    assert seconds <= clock.slept[0] <= 1.25 * seconds + 0.1


async def test_too_long_a_wait() -> None:
    """A server that asks for more than the cap is not waited for."""
    clock = Clock()

    with pytest.raises(RateLimited) as caught:
        await run(policy_on(clock), Attempts(RateLimited("x", retry_after=3600.5)))

    assert clock.slept == []
    assert "asks to wait 3601 s" in caught.value.hint
    assert "weft.RetryPolicy(retry_after_cap=3601)" in str(caught.value)


async def test_what_the_hint_says_waits_longer() -> None:
    """With the cap that it names the same server is waited for."""
    clock = Clock()
    policy = replace(policy_on(clock), retry_after_cap=61)

    await run(policy, Attempts(RateLimited("x", retry_after=61)))

    assert clock.slept[0] >= 61


async def test_deadline_between_attempts() -> None:
    """No wait begins that would end after the deadline."""
    clock = Clock()
    attempts = Attempts(*(ServerError("x") for _ in range(9)))

    with pytest.raises(ServerError):
        await run(policy_on(clock, retries=9, deadline=2.0), attempts)

    assert clock.now < 2.0
    assert attempts.made == 4


async def test_deadline_in_an_attempt() -> None:
    """An attempt that does not end is cut off at the deadline."""
    ended = asyncio.Event()

    async def hang() -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return OK

    with pytest.raises(DeadlineExceeded, match=r"deadline of 0\.05 s"):
        await run(RetryPolicy(deadline=0.05), hang)

    assert ended.is_set()


async def test_a_time_out_of_the_attempts_own() -> None:
    """A `TimeoutError` that is not the deadline's is not called one."""

    async def raises() -> Response:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await run(RetryPolicy(deadline=5), raises)


async def test_a_dead_endpoint_is_not_stormed() -> None:
    """Where everything fails, retries dry up: the quota is shared by all calls."""
    clock, quota = Clock(), RetryQuota(refill=0)
    attempts = Attempts(*(ServerError("x") for _ in range(10_000)))
    policy = policy_on(clock, retries=3)

    for _ in range(1000):
        with pytest.raises(ServerError) as caught:
            await policy.run(attempts, quota)

    assert attempts.made == 1000 + 100
    assert caught.value.__notes__ == ["not tried again: the endpoint fails throughout"]


def test_quota() -> None:
    """Retries take five, after a time-out ten; successes and time give back."""
    clock = Clock()
    quota = RetryQuota(15, refill=1.0, clock=clock)
    late, broken = DeadlineExceeded("x"), ServerError("x")

    assert [quota.take(late), quota.take(broken), quota.take(broken)] == [
        True,
        True,
        False,
    ]
    quota.give_back(retried=True)
    assert [quota.take(broken), quota.take(broken)] == [True, False]
    for _ in range(5):
        quota.give_back(retried=False)
    assert [quota.take(broken), quota.take(broken)] == [True, False]
    clock.now = 5.0
    assert [quota.take(broken), quota.take(broken)] == [True, False]
    clock.now = 1000.0
    assert [quota.take(broken) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("kind", [RateLimited, Overloaded])
def test_a_refusal_for_load_takes_nothing_where_others_are_served(
    kind: type[ModelError],
) -> None:
    """Too many were sent; that endpoint does not fail throughout."""
    clock = Clock()
    quota = RetryQuota(10, refill=0, clock=clock)
    refused, broken = kind("x"), ServerError("x")

    quota.give_back(retried=False)
    assert all(quota.take(refused) for _ in range(1000))
    clock.now = 29.0
    assert all(quota.take(refused) for _ in range(1000))
    clock.now = 31.0
    assert [quota.take(refused) for _ in range(11)] == [True] * 10 + [False]
    assert not quota.take(broken)


def test_quotas_are_shared_by_endpoint() -> None:
    """The process has one quota an endpoint."""
    assert shared_quota("http://a") is shared_quota("http://a")
    assert shared_quota("http://a") is not shared_quota("http://b")
